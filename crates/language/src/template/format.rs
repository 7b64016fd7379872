//! Go's `fmt`: `print`, `printf` and `println`.

mod float;
mod verb;

pub(super) use float::{general, shortest};

use super::exec::TEXT_BYTES_MAX;
use super::value::Value;
use verb::{Flags, Printer};

/// Longest width or precision that is honoured; Go's limit is 10^6, with an error beyond.
const WIDTH_MAX: usize = 10_000;

/// `%v`.
pub(super) fn display(value: &Value) -> String {
    let mut printer = Printer::new(Flags::default());
    printer.print(value, 'v', 0);
    printer.text
}

/// As an action prints its value: a pointer is followed, nothing is `<no value>`.
pub(super) fn display_action(value: &Value) -> String {
    match value {
        Value::Nil | Value::NilInterface => "<no value>".to_owned(),
        Value::Text(text) | Value::Marked(_, text) => text.to_string(),
        value => {
            let mut printer = Printer::new(Flags::default());
            printer.print(value, 'v', 0);
            let is_pointer = value.kind().is_some_and(|kind| kind.is_pointer);
            match printer.text.strip_prefix('&') {
                Some(text) if is_pointer => text.to_owned(),
                _ => printer.text,
            }
        }
    }
}

/// `fmt.Sprint`: a space between neighbours neither of which is a string.
pub(super) fn sprint(values: &[Value]) -> String {
    let mut text = String::new();
    let mut after_text = true;
    for value in values {
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
        let is_text = value.as_text().is_some();
        if !is_text && !after_text {
            text.push(' ');
        }
        text.push_str(&display(value));
        after_text = is_text;
    }
    text
}

/// `fmt.Sprintln`: a space between all.
pub(super) fn sprintln(values: &[Value]) -> String {
    let mut text = joined(values, " ");
    text.push('\n');
    text
}

/// The values with a separator between them.
pub(super) fn joined(values: &[Value], separator: &str) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&display(value));
    }
    text
}

/// `fmt.Sprintf`.
pub(super) fn sprintf(format: &str, values: &[Value]) -> String {
    let mut formatter =
        Formatter { rest: format, values, next: 0, reordered: false, bad_index: false };
    let mut text = String::new();
    while let Some((before, after)) = formatter.rest.split_once('%') {
        if text.len() > TEXT_BYTES_MAX {
            return text;
        }
        text.push_str(before);
        formatter.rest = after;
        formatter.directive(&mut text);
    }
    text.push_str(formatter.rest);
    if !formatter.reordered && formatter.next < values.len() {
        formatter.extra(&mut text);
    }
    text
}

struct Formatter<'f> {
    rest: &'f str,
    values: &'f [Value],
    next: usize,
    /// Whether the directive named its argument: then left-over arguments are no error.
    reordered: bool,
    bad_index: bool,
}

impl Formatter<'_> {
    fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// One directive, after its percent sign.
    fn directive(&mut self, text: &mut String) {
        let mut flags = Flags::default();
        self.flags(&mut flags);
        self.bad_index = false;
        let mut after_index = self.index();
        if self.eat('*') {
            match self.star() {
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.zero &= !flags.minus;
                    flags.width = Some(width.unsigned_abs() as usize);
                }
                None => text.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.number(text, "%!(BADWIDTH)");
            self.bad_index |= after_index && flags.width.is_some();
        }
        if self.eat('.') {
            self.bad_index |= after_index;
            after_index = self.index();
            if self.eat('*') {
                match self.star() {
                    Some(precision) => flags.precision = usize::try_from(precision).ok(),
                    None => text.push_str("%!(BADPREC)"),
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number(text, "%!(BADPREC)").unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let mut chars = self.rest.chars();
        let Some(verb) = chars.next() else {
            text.push_str("%!(NOVERB)");
            return;
        };
        self.rest = chars.as_str();
        self.verb(verb, flags, text);
    }

    fn verb(&mut self, verb: char, flags: Flags, text: &mut String) {
        if verb == '%' {
            text.push('%');
            return;
        }
        if self.bad_index {
            text.push_str(&format!("%!{verb}(BADINDEX)"));
            return;
        }
        let Some(value) = self.values.get(self.next) else {
            text.push_str(&format!("%!{verb}(MISSING)"));
            return;
        };
        self.next += 1;
        let mut printer = Printer::new(flags);
        printer.print(value, verb, 0);
        text.push_str(&printer.text);
    }

    fn flags(&mut self, flags: &mut Flags) {
        loop {
            if self.eat('#') {
                flags.sharp = true;
            } else if self.eat('0') {
                flags.zero = true;
            } else if self.eat('+') {
                flags.plus = true;
            } else if self.eat('-') {
                flags.minus = true;
            } else if self.eat(' ') {
                flags.space = true;
            } else {
                flags.zero &= !flags.minus;
                return;
            }
        }
    }

    /// Digits of a width or precision.
    fn number(&mut self, text: &mut String, error: &str) -> Option<usize> {
        let digits =
            self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        if number.is_empty() {
            return None;
        }
        self.rest = rest;
        let number = number.parse().ok().filter(|number| *number <= WIDTH_MAX);
        if number.is_none() {
            text.push_str(error);
        }
        number
    }

    /// A width or precision from the arguments.
    fn star(&mut self) -> Option<i64> {
        let value = self.values.get(self.next);
        self.next += 1;
        match value {
            Some(Value::Int(number)) if number.unsigned_abs() <= WIDTH_MAX as u64 => Some(*number),
            _ => None,
        }
    }

    /// `[3]`: which argument is next.
    fn index(&mut self) -> bool {
        let Some(after) = self.rest.strip_prefix('[') else { return false };
        self.reordered = true;
        let Some((number, rest)) = after.split_once(']') else {
            self.bad_index = true;
            self.rest = after;
            return false;
        };
        self.rest = rest;
        match number.parse::<usize>() {
            Ok(number) if number >= 1 && number <= self.values.len() => {
                self.next = number - 1;
                true
            }
            _ => {
                self.bad_index = true;
                false
            }
        }
    }

    fn extra(&self, text: &mut String) {
        text.push_str("%!(EXTRA ");
        for (index, value) in self.values.iter().skip(self.next).enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            match value {
                Value::Nil | Value::NilInterface => text.push_str("<nil>"),
                value => text.push_str(&format!("{}={}", value.type_name(), display(value))),
            }
        }
        text.push(')');
    }
}
