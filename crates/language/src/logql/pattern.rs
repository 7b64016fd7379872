//! Patterns of the parser `pattern` and of the line filters `|>` and `!>`: literals and captures,
//! `<ip> - <_> "<method> <path>"`.

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternPart {
    /// Must stand there.
    Literal(String),
    /// Whatever stands there, under this name; without one for `<_>`.
    Capture(Option<String>),
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<PatternPart>,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty pattern".to_owned());
        }
        let mut parts: Vec<PatternPart> = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '<'
                && let Some((name, after)) = capture(rest)
            {
                if !literal.is_empty() {
                    parts.push(PatternPart::Literal(std::mem::take(&mut literal)));
                }
                parts.push(PatternPart::Capture((name != "_").then(|| name.to_owned())));
                rest = after;
                continue;
            }
            literal.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or("");
        }
        if !literal.is_empty() {
            parts.push(PatternPart::Literal(literal));
        }
        let both = |pair: &[PatternPart]| {
            matches!(pair, [PatternPart::Capture(_), PatternPart::Capture(_)])
        };
        if parts.windows(2).any(both) {
            return Err("found consecutive capture".to_owned());
        }
        Ok(Self { parts })
    }

    /// The same for the parser, which needs a name that is there once.
    pub fn parse_named(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        let names: Vec<&str> = pattern.names().collect();
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        for (at, name) in names.iter().enumerate() {
            if names.iter().take(at).any(|known| known == name) {
                return Err(format!("duplicate capture name ({name})"));
            }
        }
        Ok(pattern)
    }

    /// The same for a line filter, where captures have no names.
    pub fn parse_filter(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        if pattern.names().next().is_some() {
            return Err("named captures are not allowed".to_owned());
        }
        Ok(pattern)
    }

    /// Its pieces.
    pub fn parts(&self) -> &[PatternPart] {
        &self.parts
    }

    /// The names of its captures.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            PatternPart::Capture(name) => name.as_deref(),
            PatternPart::Literal(_) => None,
        })
    }

    /// Hands `each` what the named captures take of `line`. Ends where a literal is not found.
    pub fn captures<'l>(&self, line: &'l str, mut each: impl FnMut(&str, &'l str)) {
        let mut rest = line;
        let mut parts = self.parts.iter().peekable();
        if let Some(PatternPart::Literal(literal)) = parts.peek() {
            let Some(at) = rest.find(literal.as_str()) else { return };
            rest = rest.get(at + literal.len()..).unwrap_or("");
            parts.next();
        }
        while let Some(part) = parts.next() {
            let PatternPart::Capture(name) = part else { continue };
            let mut ended = false;
            let taken = match parts.peek() {
                Some(PatternPart::Literal(literal)) => {
                    if let Some((taken, after)) = rest.split_once(literal.as_str()) {
                        rest = after;
                        taken
                    } else {
                        ended = true;
                        rest
                    }
                }
                _ => std::mem::take(&mut rest),
            };
            if let Some(name) = name {
                each(name, taken);
            }
            if ended {
                return;
            }
        }
    }

    /// Whether the whole of `line` is as the pattern says: captures take one character at least.
    pub fn is_match(&self, line: &str) -> bool {
        let mut rest = line;
        let mut open = false;
        let count = self.parts.len();
        for (at, part) in self.parts.iter().enumerate() {
            let PatternPart::Literal(literal) = part else {
                open = true;
                continue;
            };
            let is_last = at + 1 == count;
            let found = if open {
                let Some(first) = rest.chars().next() else { return false };
                let from = first.len_utf8();
                let tail = rest.get(from..).unwrap_or("");
                let found = if is_last {
                    tail.ends_with(literal.as_str()).then(|| tail.len() - literal.len())
                } else {
                    tail.find(literal.as_str())
                };
                found.map(|place| place + from)
            } else if at == 0 {
                rest.starts_with(literal.as_str()).then_some(0)
            } else {
                rest.find(literal.as_str())
            };
            let Some(found) = found else { return false };
            rest = rest.get(found + literal.len()..).unwrap_or("");
            open = false;
        }
        if open { !rest.is_empty() } else { rest.is_empty() }
    }
}

/// A capture at the beginning of `text`: its name and what follows it.
fn capture(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let mut chars = name.chars();
    let first = chars.next()?;
    let is_name = (first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, line: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let pattern = Pattern::parse_named(pattern).unwrap();
        pattern.captures(line, |name, value| found.push((name.to_owned(), value.to_owned())));
        found
    }

    #[test]
    fn captures_take_what_is_between_literals() {
        let line = r#"0.191.12.2 - - [10/Jun/2021:09:14:29 +0000] "GET /api HTTP/1.1" 200 2001"#;
        let found = captured(r#"<ip> - - <_> "<method> <uri> <_>" <status> <size>"#, line);
        let expected = [
            ("ip", "0.191.12.2"),
            ("method", "GET"),
            ("uri", "/api"),
            ("status", "200"),
            ("size", "2001"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(captured("start <a>", "other").is_empty());
        assert_eq!(captured("<a>:<b>", "x").len(), 1);
    }

    #[test]
    fn patterns_that_cannot_be_are_refused() {
        for (text, error) in [
            ("", "empty pattern"),
            ("no capture", "at least one capture is required"),
            ("<_>", "at least one capture is required"),
            ("<a><b>", "found consecutive capture"),
            ("<a> <a>", "duplicate capture name (a)"),
        ] {
            assert_eq!(Pattern::parse_named(text), Err(error.to_owned()), "{text}");
        }
        assert!(Pattern::parse_filter("<a> x").is_err());
    }

    #[test]
    fn filters_match_whole_lines() {
        let matches =
            |pattern: &str, line: &str| Pattern::parse_filter(pattern).unwrap().is_match(line);
        assert!(matches("<_> error <_>", "an error here"));
        assert!(!matches("<_> error <_>", "error here"));
        assert!(matches("a <_> c", "a b c c"));
        assert!(!matches("a <_> c", "a b c d"));
        assert!(matches("plain", "plain"));
        assert!(!matches("plain", "plain and more"));
        assert!(!matches("<_>", ""));
    }
}
