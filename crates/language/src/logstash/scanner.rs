//! Steps through a configuration's text and knows where it is.

use super::ast::Position;
use super::error::ConfigError;

/// The text and a place in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Where the next character stands. Costs a walk through the text: for plugins and errors.
    pub(super) fn position(&self) -> Position {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() as u32 + 1,
        }
    }

    /// Whitespace and comments.
    pub(super) fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').map_or(trimmed.len(), |end| end + 1);
        }
    }

    /// Steps over `text` if it stands here.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_here = self.rest().starts_with(text);
        if is_here {
            self.at += text.len();
        }
        is_here
    }

    /// Steps over `word` if it stands here as a whole word.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let is_here = self.rest().strip_prefix(word).is_some_and(|after| {
            !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        });
        if is_here {
            self.at += word.len();
        }
        is_here
    }

    /// The longest run of characters that `accepts`.
    pub(super) fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accepts(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// What stands between two `quote`s; the first is the next character.
    pub(super) fn take_quoted(&mut self, quote: char, what: &str) -> Result<&'a str, ConfigError> {
        let start = self.position();
        let rest = self.rest();
        let inner = rest.get(quote.len_utf8()..).unwrap_or_default();
        let mut is_escaped = false;
        for (at, c) in inner.char_indices() {
            if c == quote && !is_escaped {
                self.at += quote.len_utf8() * 2 + at;
                return Ok(inner.get(..at).unwrap_or_default());
            }
            // Only a quote can be escaped, by the backslash right before it.
            is_escaped = c == '\\';
        }
        Err(ConfigError::new(start, format!("{what} that begins here has no closing {quote}")))
    }

    /// An error about what stands here.
    pub(super) fn expected(&self, what: &str) -> ConfigError {
        let found: String =
            self.rest().chars().take_while(|c| !c.is_whitespace()).take(24).collect();
        let found = match (self.is_at_end(), found.is_empty()) {
            (true, _) => "the end of the text".to_owned(),
            (false, true) => "white space".to_owned(),
            (false, false) => format!("`{found}`"),
        };
        ConfigError::new(self.position(), format!("expected {what}, found {found}"))
    }
}
