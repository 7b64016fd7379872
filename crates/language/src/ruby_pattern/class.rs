//! Sets of characters: `[a-z&&[^x]]`, `[[:alpha:]_]`.

use std::iter::Peekable;
use std::str::Chars;

use super::RubyPatternError;

const DEPTH_MAX: usize = 20;

/// Ruby's names of sets between `[:` and `:]` or in `\p{ }`, for the crate `regex`.
const NAMED: [(&str, &str); 14] = [
    ("alnum", r"\p{Alphabetic}\p{N}"),
    ("alpha", r"\p{Alphabetic}"),
    ("ascii", r"\x00-\x7f"),
    ("blank", r"\t\p{Zs}"),
    ("cntrl", r"\p{Cc}"),
    ("digit", r"\p{Nd}"),
    ("graph", r"[^\p{White_Space}\p{Cc}\p{Cn}\p{Cs}]"),
    ("lower", r"\p{Lowercase}"),
    ("print", r"[^\p{Cc}\p{Cn}\p{Cs}]"),
    ("punct", r"\p{P}$+<=>\^`|\~"),
    ("space", r"\p{White_Space}"),
    ("upper", r"\p{Uppercase}"),
    ("word", r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}"),
    ("xdigit", "0-9A-Fa-f"),
];

/// The members of a set that Ruby knows by name, to stand between brackets.
pub(super) fn named(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    NAMED.iter().find(|(known, _)| *known == lower).map(|(_, members)| *members)
}

/// What `\d` and the like hold, to stand between brackets.
pub(super) fn shorthand(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "0-9",
        'D' => "[^0-9]",
        'w' => "0-9A-Za-z_",
        'W' => "[^0-9A-Za-z_]",
        's' => r" \t\r\n\x0b\x0c",
        'S' => r"[^ \t\r\n\x0b\x0c]",
        'h' => "0-9A-Fa-f",
        'H' => "[^0-9A-Fa-f]",
        _ => return None,
    })
}

/// Reads a set; the opening bracket is read already.
pub(super) fn read(
    rest: &mut Peekable<Chars<'_>>,
    depth: usize,
) -> Result<String, RubyPatternError> {
    let unclosed = || RubyPatternError("premature end of char-class".to_owned());
    if depth > DEPTH_MAX {
        return Err(RubyPatternError("sets nest too deeply".to_owned()));
    }
    let mut out = String::from("[");
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut is_first = true;
    // Whether a `-` that comes now makes a range with what stands before it.
    let mut can_range = false;
    let mut in_range = false;
    loop {
        let c = rest.next().ok_or_else(unclosed)?;
        let single = match c {
            ']' if !is_first => {
                if in_range {
                    out.push_str("\\-");
                }
                out.push(']');
                return Ok(out);
            }
            '[' if rest.peek() == Some(&':') && posix(rest, &mut out) => None,
            '[' => {
                flush_range(&mut out, &mut in_range);
                out.push_str(&read(rest, depth + 1)?);
                None
            }
            '&' if rest.next_if_eq(&'&').is_some() => {
                flush_range(&mut out, &mut in_range);
                out.push_str("&&");
                None
            }
            '-' if can_range && !in_range => {
                in_range = true;
                is_first = false;
                continue;
            }
            '\\' => match escape(rest).ok_or_else(unclosed)? {
                Escaped::Set(members) => {
                    flush_range(&mut out, &mut in_range);
                    out.push_str(&members);
                    None
                }
                Escaped::Char(c) => Some(c),
            },
            c => Some(c),
        };
        is_first = false;
        match single {
            Some(c) => {
                let was_range = std::mem::take(&mut in_range);
                if was_range {
                    out.push('-');
                }
                push_char(&mut out, c);
                can_range = !was_range;
            }
            None => can_range = false,
        }
    }
}

fn flush_range(out: &mut String, in_range: &mut bool) {
    if std::mem::take(in_range) {
        out.push_str("\\-");
    }
}

fn push_char(out: &mut String, c: char) {
    if matches!(c, '\\' | '[' | ']' | '^' | '-' | '&' | '~') {
        out.push('\\');
    }
    out.push(c);
}

/// `[:name:]` and `[:^name:]`; nothing is read when it is none.
fn posix(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> bool {
    let mut ahead = rest.clone();
    ahead.next();
    let text: String = ahead.by_ref().take_while(|c| *c != ':').take(12).collect();
    let (name, is_negative) = match text.strip_prefix('^') {
        Some(name) => (name, true),
        None => (text.as_str(), false),
    };
    let Some(members) = named(name).filter(|_| ahead.next() == Some(']')) else { return false };
    out.push_str(if is_negative { "[^" } else { "[" });
    out.push_str(members);
    out.push(']');
    *rest = ahead;
    true
}

enum Escaped {
    Set(String),
    Char(char),
}

fn escape(rest: &mut Peekable<Chars<'_>>) -> Option<Escaped> {
    let c = rest.next()?;
    if let Some(members) = shorthand(c) {
        return Some(Escaped::Set(members.to_owned()));
    }
    if c == 'p' || c == 'P' {
        return property(rest, c == 'P').map(Escaped::Set);
    }
    Some(Escaped::Char(if c == 'b' { '\u{8}' } else { escaped_char(c, rest)? }))
}

/// `{Alpha}`, `{^L}` after `\p`, to stand between brackets.
pub(super) fn property(rest: &mut Peekable<Chars<'_>>, is_negative: bool) -> Option<String> {
    rest.next_if_eq(&'{')?;
    let mut text = String::new();
    loop {
        match rest.next()? {
            '}' => break,
            c if text.len() < 60 && (c.is_ascii_alphanumeric() || "^_= -".contains(c)) => {
                text.push(c);
            }
            _ => return None,
        }
    }
    let (name, is_inverse) = match text.strip_prefix('^') {
        Some(name) => (name, !is_negative),
        None => (text.as_str(), is_negative),
    };
    let caret = if is_inverse { "^" } else { "" };
    Some(match named(name) {
        Some(members) => format!("[{caret}{members}]"),
        None => format!("[{caret}\\p{{{name}}}]"),
    })
}

/// The character that a backslash and `c` mean.
pub(super) fn escaped_char(c: char, rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    let mut hex = |most: usize| {
        let is_braced = rest.next_if_eq(&'{').is_some();
        let mut digits = String::new();
        while digits.len() < if is_braced { 8 } else { most } {
            match rest.next_if(char::is_ascii_hexdigit) {
                Some(digit) => digits.push(digit),
                None => break,
            }
        }
        if is_braced {
            rest.next_if_eq(&'}')?;
        }
        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
    };
    Some(match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'a' => '\u{7}',
        'e' => '\u{1b}',
        '0' => '\0',
        'x' => hex(2)?,
        'u' => hex(4)?,
        other => other,
    })
}
