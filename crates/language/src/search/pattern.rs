//! Wildcard patterns: `*` for any text, `?` for one character, `\` before a literal one.

/// A part of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Literal(String),
    /// One character.
    AnyCharacter,
    /// Any text, also none.
    AnyText,
}

/// A wildcard pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

impl Pattern {
    /// Reads `*`, `?` and `\`. Every text is a pattern.
    pub fn parse(text: &str) -> Self {
        let mut pattern = Self::default();
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            match c {
                '*' => pattern.push_any_text(),
                '?' => pattern.push_any_character(),
                '\\' => pattern.push_literal(characters.next().unwrap_or('\\')),
                other => pattern.push_literal(other),
            }
        }
        pattern
    }

    /// Reads only `*`; everything else is literal, as in names of fields and indices.
    pub fn parse_name(text: &str) -> Self {
        let mut pattern = Self::default();
        for c in text.chars() {
            if c == '*' { pattern.push_any_text() } else { pattern.push_literal(c) }
        }
        pattern
    }

    /// Adds a literal character at the end.
    pub fn push_literal(&mut self, c: char) {
        if let Some(Piece::Literal(text)) = self.pieces.last_mut() {
            text.push(c);
        } else {
            self.pieces.push(Piece::Literal(c.to_string()));
        }
    }

    /// Adds `?` at the end.
    pub fn push_any_character(&mut self) {
        self.pieces.push(Piece::AnyCharacter);
    }

    /// Adds `*` at the end; two in a row are one.
    pub fn push_any_text(&mut self) {
        if self.pieces.last() != Some(&Piece::AnyText) {
            self.pieces.push(Piece::AnyText);
        }
    }

    /// The parts in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether nothing but literal text is in it; that text.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is `text*`; the text.
    pub fn as_prefix(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Literal(text), Piece::AnyText] => Some(text),
            _ => None,
        }
    }

    /// Whether it is `*` alone.
    pub fn is_any(&self) -> bool {
        self.pieces == [Piece::AnyText]
    }

    /// With all literal text in lower case, as text fields hold it.
    pub fn to_lowercase(&self) -> Self {
        let lower = |piece: &Piece| match piece {
            Piece::Literal(text) => Piece::Literal(text.to_lowercase()),
            other => other.clone(),
        };
        Self { pieces: self.pieces.iter().map(lower).collect() }
    }

    /// The same as a regular expression of the `regex` crate, without anchors.
    pub fn to_regex(&self) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(&regex::escape(text)),
                Piece::AnyCharacter => out.push_str("(?s:.)"),
                Piece::AnyText => out.push_str("(?s:.*)"),
            }
        }
        out
    }

    /// Whether the whole of `text` matches. Takes at most length times length steps.
    pub fn matches(&self, text: &str) -> bool {
        let (mut piece_at, mut text_at) = (0, 0);
        // Where to go on when the text after the last `*` does not fit.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let rest = text.get(text_at..).unwrap_or_default();
            let step = match self.pieces.get(piece_at) {
                None if rest.is_empty() => return true,
                None => None,
                Some(Piece::AnyText) => {
                    retry = Some((piece_at + 1, text_at));
                    piece_at += 1;
                    continue;
                }
                Some(Piece::AnyCharacter) => rest.chars().next().map(char::len_utf8),
                Some(Piece::Literal(literal)) => {
                    rest.starts_with(literal.as_str()).then_some(literal.len())
                }
            };
            if let Some(length) = step {
                (piece_at, text_at) = (piece_at + 1, text_at + length);
                continue;
            }
            let Some((from_piece, from_text)) = retry else { return false };
            let Some(c) = text.get(from_text..).and_then(|rest| rest.chars().next()) else {
                return false;
            };
            retry = Some((from_piece, from_text + c.len_utf8()));
            (piece_at, text_at) = (from_piece, from_text + c.len_utf8());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_whole_text() {
        let cases = [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ab", false),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*ab", "aab", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("", "", true),
            ("", "x", false),
            ("logs-*-prod", "logs-a-b-prod", true),
        ];
        for (pattern, text, expected) in cases {
            let parsed = Pattern::parse(pattern);
            assert_eq!(parsed.matches(text), expected, "{pattern} {text}");
            let regex = regex::Regex::new(&format!("^(?:{})$", parsed.to_regex())).unwrap();
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = Pattern::parse(&"a*".repeat(200));
        assert!(!Pattern::parse(&format!("{}b", "a*".repeat(50))).matches(&"a".repeat(3_000)));
        assert!(pattern.matches(&"a".repeat(2_000)));
    }
}
