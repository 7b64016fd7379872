//! Scripts.

use super::place::{Place, Slash, State};
use crate::template::json;
use crate::template::value::{Mark, Value};

pub(super) fn advance(place: &mut Place, text: &str) -> usize {
    match place.state {
        State::ScriptDouble => quoted(place, text, '"'),
        State::ScriptSingle => quoted(place, text, '\''),
        State::ScriptTemplate => quoted(place, text, '`'),
        State::ScriptRegexp => quoted(place, text, '/'),
        State::ScriptBlockComment => comment(place, text, "*/"),
        State::ScriptLineComment => comment(place, text, "\n"),
        _ => plain(place, text),
    }
}

fn plain(place: &mut Place, text: &str) -> usize {
    let Some(at) = text.find(['"', '\'', '`', '/']) else {
        place.slash = after(text, place.slash);
        return text.len();
    };
    place.slash = after(text.get(..at).unwrap_or(""), place.slash);
    let rest = text.get(at..).unwrap_or("");
    place.state = match rest.chars().next() {
        Some('"') => State::ScriptDouble,
        Some('\'') => State::ScriptSingle,
        Some('`') => State::ScriptTemplate,
        _ if rest.starts_with("//") => {
            place.state = State::ScriptLineComment;
            return at + 2;
        }
        _ if rest.starts_with("/*") => {
            place.state = State::ScriptBlockComment;
            return at + 2;
        }
        _ if place.slash == Slash::Regexp => State::ScriptRegexp,
        _ => {
            place.slash = Slash::Regexp;
            return at + 1;
        }
    };
    place.slash = Slash::Regexp;
    at + 1
}

/// What a slash after the text would be: a regular expression after an operator or a word such as
/// `return`, a division after a value.
fn after(text: &str, before: Slash) -> Slash {
    let text = text.trim_end();
    let Some(last) = text.chars().last() else { return before };
    match last {
        '+' | '-' => {
            let run = text.len() - text.trim_end_matches(last).len();
            if run % 2 == 1 { Slash::Regexp } else { Slash::Divides }
        }
        '.' => {
            let is_number = text.chars().rev().nth(1).is_some_and(|c| c.is_ascii_digit());
            if is_number { Slash::Divides } else { Slash::Regexp }
        }
        ',' | '<' | '>' | '=' | '*' | '%' | '&' | '|' | '^' | '?' | '!' | '~' | '(' | '[' | ':'
        | ';' | '{' | '}' => Slash::Regexp,
        _ => {
            let start = text
                .char_indices()
                .rev()
                .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '$'))
                .last()
                .map_or(text.len(), |(at, _)| at);
            match text.get(start..).unwrap_or("") {
                "break" | "case" | "continue" | "delete" | "do" | "else" | "finally" | "in"
                | "instanceof" | "return" | "throw" | "try" | "typeof" | "void" => Slash::Regexp,
                _ => Slash::Divides,
            }
        }
    }
}

/// Up to the end of a string, template or regular expression.
fn quoted(place: &mut Place, text: &str, quote: char) -> usize {
    let mut chars = text.char_indices();
    let mut in_set = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' if quote == '/' => in_set = true,
            ']' if quote == '/' => in_set = false,
            c if c == quote && !in_set => {
                place.state = State::Script;
                place.slash = Slash::Divides;
                return at + 1;
            }
            _ => {}
        }
    }
    text.len()
}

fn comment(place: &mut Place, text: &str, end: &str) -> usize {
    match text.find(end) {
        Some(at) => {
            place.state = State::Script;
            at + end.len()
        }
        None => text.len(),
    }
}

/// A value where a script expects one: JSON, with space around what would run into a word.
pub(super) fn value(value: &Value) -> String {
    let json = match value {
        Value::Marked(Mark::Js, text) => return text.to_string(),
        Value::Marked(Mark::JsText, text) => return format!("\"{text}\""),
        Value::Time(_) => json::encode(value),
        value => json::encode(value),
    };
    let json = match json {
        Ok(json) => json,
        Err(error) => {
            let error = error.replace("*/", "* /").replace("</", "< /");
            return format!(" /* {error} */null ");
        }
    };
    let is_word =
        |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    if is_word(json.chars().next()) || is_word(json.chars().last()) {
        return format!(" {json} ");
    }
    json
}

/// The inside of a string; with `keep`, escapes that are there already stay.
pub(super) fn text(text: &str, keep: bool) -> String {
    escape(text, |c| match c {
        '\0' => Some("\\u0000".into()),
        '\t' => Some("\\t".into()),
        '\n' => Some("\\n".into()),
        '\u{b}' => Some("\\u000b".into()),
        '\u{c}' => Some("\\f".into()),
        '\r' => Some("\\r".into()),
        '/' => Some("\\/".into()),
        '\\' if !keep => Some("\\\\".into()),
        '"' | '\'' | '`' | '&' | '+' | '<' | '>' => Some(unicode(c)),
        _ => None,
    })
}

/// The inside of a template literal, where `${` begins an expression.
pub(super) fn template(inner: &str) -> String {
    text(inner, false).replace('$', "\\u0024").replace('{', "\\u007b").replace('}', "\\u007d")
}

/// The inside of a regular expression, of which every character is meant as itself.
pub(super) fn regexp(text: &str) -> String {
    if text.is_empty() {
        // `//` would be a comment.
        return "(?:)".to_owned();
    }
    escape(text, |c| match c {
        '\0' => Some("\\u0000".into()),
        '\t' => Some("\\t".into()),
        '\n' => Some("\\n".into()),
        '\u{b}' => Some("\\u000b".into()),
        '\u{c}' => Some("\\f".into()),
        '\r' => Some("\\r".into()),
        '"' | '\'' | '&' | '+' | '<' | '>' => Some(unicode(c)),
        '$' | '(' | ')' | '*' | '-' | '.' | '/' | '?' | '[' | '\\' | ']' | '^' | '{' | '|'
        | '}' => Some(format!("\\{c}")),
        _ => None,
    })
}

fn unicode(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

fn escape(text: &str, of: impl Fn(char) -> Option<String>) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match of(c) {
            Some(replacement) => escaped.push_str(&replacement),
            None if matches!(c, '\u{2028}' | '\u{2029}') => escaped.push_str(&unicode(c)),
            None => escaped.push(c),
        }
    }
    escaped
}
