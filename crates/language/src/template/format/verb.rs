//! One value by one verb.

use super::float;
use crate::promql::{go_quote, go_quote_char};
use crate::template::exec::TEXT_BYTES_MAX;
use crate::template::function::NoHost;
use crate::template::value::{Struct, Value};

/// What stands between the percent sign and the verb.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Values nested deeper than this print as `...`.
const NESTING_MAX: usize = 32;

pub(super) struct Printer {
    pub(super) text: String,
    flags: Flags,
    /// Whether types may print themselves: not where an error shows what was given.
    by_own_method: bool,
}

impl Printer {
    pub(super) fn new(flags: Flags) -> Self {
        Self { text: String::new(), flags, by_own_method: true }
    }

    pub(super) fn print(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > NESTING_MAX || self.text.len() > TEXT_BYTES_MAX {
            self.text.push_str("...");
            return;
        }
        if verb == 'T' {
            self.text(&value.type_name(), 's');
            return;
        }
        if value.is_nil() {
            if verb == 'v' {
                self.pad("<nil>");
            } else {
                self.bad(value, verb);
            }
            return;
        }
        if self.by_own_method
            && "vsxXq".contains(verb)
            && !(verb == 'v' && self.flags.sharp)
            && let Some(text) = own_text(value)
        {
            self.text(&text, if verb == 'v' { 's' } else { verb });
            return;
        }
        match value {
            Value::Nil | Value::NilInterface => {}
            Value::Bool(flag) if matches!(verb, 't' | 'v') => {
                self.pad(if *flag { "true" } else { "false" });
            }
            Value::Int(_)
            | Value::Duration(_)
            | Value::Month(_)
            | Value::Weekday(_)
            | Value::Float(_) => {
                self.number(value, verb);
            }
            Value::Text(text) | Value::Marked(_, text) => match verb {
                'v' if self.flags.sharp => self.text(text, 'q'),
                'v' => self.text(text, 's'),
                's' | 'q' | 'x' | 'X' => self.text(text, verb),
                _ => self.bad(value, verb),
            },
            Value::Time(time) if !self.by_own_method => self.text.push_str(&time.to_string()),
            Value::Bool(_) | Value::Time(_) => self.bad(value, verb),
            Value::List(list) => {
                self.text.push('[');
                for (index, item) in list.items.iter().enumerate() {
                    self.separate(index);
                    self.print(item, verb, depth + 1);
                }
                self.text.push(']');
            }
            Value::Map(map) => {
                self.text.push_str("map[");
                for (index, (key, item)) in map.entries.iter().enumerate() {
                    self.separate(index);
                    self.print(&Value::Text(key.clone()), verb, depth + 1);
                    self.text.push(':');
                    self.print(item, verb, depth + 1);
                }
                self.text.push(']');
            }
            Value::Struct(structure) => self.structure(structure, verb, depth),
        }
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.text.push(' ');
        }
    }

    fn structure(&mut self, structure: &Struct, verb: char, depth: usize) {
        // Go prints the address of a pointer that is not on top; there is none to tell here.
        self.text.push_str(if structure.kind.is_pointer && depth == 0 { "&{" } else { "{" });
        for (index, item) in structure.values.iter().enumerate() {
            self.separate(index);
            if self.flags.plus
                && verb == 'v'
                && let Some(name) = structure.kind.fields.get(index)
            {
                self.text.push_str(name);
                self.text.push(':');
            }
            self.print(item, verb, depth + 1);
        }
        self.text.push('}');
    }

    /// `%!d(string=text)`.
    fn bad(&mut self, value: &Value, verb: char) {
        let inner = if value.is_nil() {
            "<nil>".to_owned()
        } else {
            let mut printer = Self::new(Flags::default());
            printer.by_own_method = false;
            printer.print(value, 'v', 0);
            format!("{}={}", value.type_name(), printer.text)
        };
        self.text.push_str(&format!("%!{verb}({inner})"));
    }

    fn text(&mut self, text: &str, verb: char) {
        match verb {
            'q' => {
                let text = self.cut(text);
                let quoted = if self.flags.sharp && !text.contains('`') {
                    format!("`{text}`")
                } else {
                    go_quote(text)
                };
                self.pad(&quoted);
            }
            'x' | 'X' => self.hex(text.as_bytes(), verb == 'X'),
            _ => {
                let text = self.cut(text).to_owned();
                self.pad(&text);
            }
        }
    }

    /// The precision of a text is its greatest length.
    fn cut<'t>(&self, text: &'t str) -> &'t str {
        let Some(precision) = self.flags.precision else { return text };
        let end = text.char_indices().nth(precision).map_or(text.len(), |(at, _)| at);
        text.get(..end).unwrap_or(text)
    }

    fn hex(&mut self, bytes: &[u8], upper: bool) {
        let bytes = bytes.get(..self.flags.precision.unwrap_or(bytes.len())).unwrap_or(bytes);
        let prefix = match (self.flags.sharp, upper) {
            (false, _) => "",
            (true, false) => "0x",
            (true, true) => "0X",
        };
        let pairs: Vec<String> = bytes
            .iter()
            .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
            .collect();
        let text = if self.flags.space {
            pairs.iter().map(|pair| format!("{prefix}{pair}")).collect::<Vec<_>>().join(" ")
        } else if pairs.is_empty() {
            String::new()
        } else {
            format!("{prefix}{}", pairs.concat())
        };
        self.pad(&text);
    }

    /// With `%v`, plus and sharp are about structs and syntax, not about numbers.
    fn number(&mut self, value: &Value, verb: char) {
        let flags = self.flags;
        if verb == 'v' {
            self.flags.plus = false;
            self.flags.sharp = false;
        }
        match value {
            Value::Float(number) => self.float(value, *number, verb),
            other => self.integer(value, other.as_integer().unwrap_or(0), verb),
        }
        self.flags = flags;
    }

    fn integer(&mut self, value: &Value, number: i64, verb: char) {
        let magnitude = number.unsigned_abs();
        let sharp = self.flags.sharp;
        let (prefix, digits) = match verb {
            'd' | 'v' => ("", magnitude.to_string()),
            'b' => (if sharp { "0b" } else { "" }, format!("{magnitude:b}")),
            'o' => (if sharp { "0" } else { "" }, format!("{magnitude:o}")),
            'O' => ("0o", format!("{magnitude:o}")),
            'x' => (if sharp { "0x" } else { "" }, format!("{magnitude:x}")),
            'X' => (if sharp { "0X" } else { "" }, format!("{magnitude:X}")),
            'c' | 'q' | 'U' => {
                self.character(number, verb);
                return;
            }
            _ => {
                self.bad(value, verb);
                return;
            }
        };
        let sign = self.sign(number < 0);
        let mut digits = digits;
        if let Some(precision) = self.flags.precision {
            digits = if precision == 0 && number == 0 {
                String::new()
            } else {
                format!("{}{digits}", "0".repeat(precision.saturating_sub(digits.len())))
            };
            if precision == 0 && number == 0 {
                let width = self.flags.width.unwrap_or(0);
                self.text.push_str(&" ".repeat(width));
                return;
            }
        } else if self.flags.zero
            && let Some(width) = self.flags.width
        {
            let missing = width.saturating_sub(digits.len() + sign.len());
            digits = format!("{}{digits}", "0".repeat(missing));
        }
        self.pad_with_spaces(&format!("{sign}{prefix}{digits}"));
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.flags.plus, self.flags.space) {
            (true, _, _) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn character(&mut self, number: i64, verb: char) {
        let c = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        let text = match verb {
            'c' => c.to_string(),
            'q' => go_quote_char(c),
            _ if self.flags.sharp && i64::from(u32::from(c)) == number => {
                format!("U+{number:04X} '{c}'")
            }
            _ => format!("U+{number:04X}"),
        };
        self.pad_with_spaces(&text);
    }

    fn float(&mut self, value: &Value, number: f64, verb: char) {
        let precision = self.flags.precision;
        let text = match verb {
            'v' => float::general(number, precision, 'e', self.flags.sharp),
            'g' | 'G' => {
                let letter = if verb == 'g' { 'e' } else { 'E' };
                float::general(number, precision, letter, self.flags.sharp)
            }
            'e' | 'E' => float::exponential(number, precision.or(Some(6)), verb),
            'f' | 'F' => float::fixed(number, precision.unwrap_or(6)),
            _ => {
                self.bad(value, verb);
                return;
            }
        };
        let magnitude = text.trim_start_matches(['+', '-']);
        let is_infinite = number.is_infinite();
        let sign = match self.sign(text.starts_with('-')) {
            "" if is_infinite && text.starts_with('+') => "+",
            sign => sign,
        };
        let mut digits = magnitude.to_owned();
        if self.flags.zero
            && !is_infinite
            && !number.is_nan()
            && let Some(width) = self.flags.width
        {
            let missing = width.saturating_sub(digits.len() + sign.len());
            digits = format!("{}{digits}", "0".repeat(missing));
        }
        self.pad_with_spaces(&format!("{sign}{digits}"));
    }

    fn pad(&mut self, text: &str) {
        let fill = if self.flags.zero && !self.flags.minus { "0" } else { " " };
        self.pad_by(text, fill);
    }

    fn pad_with_spaces(&mut self, text: &str) {
        self.pad_by(text, " ");
    }

    fn pad_by(&mut self, text: &str, fill: &str) {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(text.chars().count());
        let padding = fill.repeat(missing);
        if self.flags.minus {
            self.text.push_str(text);
            self.text.push_str(&padding);
        } else {
            self.text.push_str(&padding);
            self.text.push_str(text);
        }
    }
}

/// What a type's own `String` method says.
fn own_text(value: &Value) -> Option<String> {
    match value {
        Value::Time(time) => Some(time.to_string()),
        Value::Duration(nanoseconds) => Some(crate::template::time::duration_text(*nanoseconds)),
        Value::Month(month) => Some(crate::template::time::month_name(*month)),
        Value::Weekday(day) => Some(crate::template::time::weekday_name(*day)),
        value => {
            let method = value.kind()?.methods.iter().find(|method| {
                method.name == "String" && method.parameters.is_empty() && method.variadic.is_none()
            })?;
            let text = (method.call)(&NoHost, std::slice::from_ref(value)).ok()?;
            text.as_text().map(ToString::to_string)
        }
    }
}
