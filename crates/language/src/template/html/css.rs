//! Styles.

use super::place::{Place, State, UrlPart};
use super::{REFUSED, url};

pub(super) fn advance(place: &mut Place, text: &str) -> usize {
    match place.state {
        State::StyleDouble | State::StyleUrlDouble => quoted(place, text, &['"']),
        State::StyleSingle | State::StyleUrlSingle => quoted(place, text, &['\'']),
        State::StyleUrl => quoted(place, text, &[')', ' ', '\t', '\n', '\r', '\u{c}']),
        State::StyleBlockComment => comment(place, text, "*/"),
        State::StyleLineComment => comment(place, text, "\n"),
        _ => plain(place, text),
    }
}

fn plain(place: &mut Place, text: &str) -> usize {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(['(', '"', '\'', '/'])) {
        let at = from + found;
        let rest = text.get(at..).unwrap_or("");
        if let Some(after) = rest.strip_prefix('(') {
            let before = text.get(..at).unwrap_or("").trim_end();
            let start = before.len().saturating_sub(3);
            let is_url = before.get(start..).is_some_and(|word| word.eq_ignore_ascii_case("url"));
            if is_url {
                let spaces = after.len() - after.trim_start().len();
                place.part = UrlPart::Start;
                let (state, quote) = match after.trim_start().chars().next() {
                    Some('"') => (State::StyleUrlDouble, 1),
                    Some('\'') => (State::StyleUrlSingle, 1),
                    _ => (State::StyleUrl, 0),
                };
                place.state = state;
                return at + 1 + spaces + quote;
            }
        } else {
            let state = match rest.get(..2) {
                Some("//") => Some((State::StyleLineComment, 2)),
                Some("/*") => Some((State::StyleBlockComment, 2)),
                _ if rest.starts_with('"') => Some((State::StyleDouble, 1)),
                _ if rest.starts_with('\'') => Some((State::StyleSingle, 1)),
                _ => None,
            };
            if let Some((state, length)) = state {
                place.state = state;
                place.part = UrlPart::Start;
                return at + length;
            }
        }
        from = at + 1;
    }
    text.len()
}

fn quoted(place: &mut Place, text: &str, ends: &[char]) -> usize {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if ends.contains(&c) {
            place.state = State::Style;
            return at + c.len_utf8();
        }
    }
    url::follow(place, text);
    text.len()
}

fn comment(place: &mut Place, text: &str, end: &str) -> usize {
    match text.find(end) {
        Some(at) => {
            place.state = State::Style;
            at + end.len()
        }
        None => text.len(),
    }
}

/// The inside of a string.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\0' | '\t' | '\n' | '\u{c}' | '\r' | '"' | '&' | '\'' | '(' | ')' | '+' | '/'
            | ':' | ';' | '<' | '>' | '{' | '}' => {
                escaped.push_str(&format!("\\{:x}", u32::from(c)));
                // A space ends the number where the next character could belong to it.
                let ambiguous =
                    |next: &char| next.is_ascii_hexdigit() || next.is_ascii_whitespace();
                if chars.peek().is_none_or(ambiguous) {
                    escaped.push(' ');
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value of a property, if it can be nothing else.
pub(super) fn value(text: &str) -> String {
    let dangerous = |c: char| {
        matches!(
            c,
            '\0' | '"'
                | '\''
                | '('
                | ')'
                | '/'
                | ';'
                | '@'
                | '['
                | '\\'
                | ']'
                | '`'
                | '{'
                | '}'
                | '<'
                | '>'
        )
    };
    let word: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect::<String>()
        .to_lowercase();
    let calls = ["expression", "mozbinding"].iter().any(|call| word.contains(call));
    if text.contains(dangerous) || text.contains("--") || calls {
        return REFUSED.to_owned();
    }
    text.to_owned()
}
