//! What a pattern of LIKE asks for.

use regex::{Regex, RegexBuilder};

/// A pattern of LIKE, told apart by what an index can do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// No wildcard.
    Exactly(String),
    /// `text%`
    Begins(String),
    /// `%text%`
    Holds(String),
    /// Anything else, as an anchored regular expression.
    Regex(String),
}

enum Piece {
    Text(String),
    One,
    Any,
}

impl Pattern {
    /// Reads a pattern; `\` takes the meaning from the character after it.
    pub(crate) fn of(pattern: &str) -> Self {
        let pieces = pieces(pattern);
        match &pieces[..] {
            [] => Self::Exactly(String::new()),
            [Piece::Text(text)] => Self::Exactly(text.clone()),
            [Piece::Text(text), Piece::Any] => Self::Begins(text.clone()),
            [Piece::Any, Piece::Text(text), Piece::Any] => Self::Holds(text.clone()),
            pieces => Self::Regex(pieces.iter().map(piece_regex).collect()),
        }
    }

    /// The same as an anchored regular expression.
    pub(crate) fn regex(&self) -> String {
        match self {
            Self::Exactly(text) => regex::escape(text),
            Self::Begins(text) => format!("{}(?s:.*)", regex::escape(text)),
            Self::Holds(text) => format!("(?s:.*){}(?s:.*)", regex::escape(text)),
            Self::Regex(regex) => regex.clone(),
        }
    }
}

fn piece_regex(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => regex::escape(text),
        Piece::One => "(?s:.)".to_owned(),
        Piece::Any => "(?s:.*)".to_owned(),
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' if matches!(pieces.last(), Some(Piece::Any)) => {}
            '%' => pieces.push(Piece::Any),
            '_' => pieces.push(Piece::One),
            other => {
                let literal =
                    if other == '\\' { characters.next().unwrap_or(other) } else { other };
                match pieces.last_mut() {
                    Some(Piece::Text(text)) => text.push(literal),
                    _ => pieces.push(Piece::Text(literal.to_string())),
                }
            }
        }
    }
    pieces
}

/// The regular expression of a pattern of LIKE, ready; `None` when it would be too large.
pub(crate) fn like_regex(pattern: &str, any_case: bool) -> Option<Regex> {
    let regex = format!("^(?:{})$", Pattern::of(pattern).regex());
    RegexBuilder::new(&regex).case_insensitive(any_case).size_limit(1 << 20).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_told_apart() {
        for (pattern, expected) in [
            ("abc", Pattern::Exactly("abc".into())),
            ("abc%", Pattern::Begins("abc".into())),
            ("%connection pool%", Pattern::Holds("connection pool".into())),
            ("%%a%%", Pattern::Holds("a".into())),
            (r"100\%", Pattern::Exactly("100%".into())),
            (r"%a\_b%", Pattern::Holds("a_b".into())),
            ("a_c", Pattern::Regex("a(?s:.)c".into())),
            ("%.log", Pattern::Regex(r"(?s:.*)\.log".into())),
        ] {
            assert_eq!(Pattern::of(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_is_anchored() {
        let matches = |pattern, text| like_regex(pattern, false).unwrap().is_match(text);
        assert!(matches("logs-%", "logs-2026") && !matches("logs-%", "x-logs-"));
        assert!(matches("a_c", "a\nc") && !matches("a_c", "ac"));
        assert!(like_regex("ABC", true).unwrap().is_match("abc"));
    }
}
