//! Several statements in one text.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// The statements of a text that separates them by semicolons; empty ones are left out. A text
/// that is no series of words is one statement, whose error says what is wrong.
pub fn split(text: &str) -> Vec<String> {
    let dialect = PostgreSqlDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).tokenize_with_location() else {
        return vec![text.to_owned()];
    };
    let mut places = Places::new(text);
    let mut statements = Vec::new();
    let (mut start, mut is_empty) = (0, true);
    // The text itself is cut: words that are written out again are not always what they were.
    for word in &tokens {
        if word.token == Token::SemiColon {
            let end = places.byte_at(word.span.start.line, word.span.start.column);
            if !is_empty {
                statements.extend(text.get(start..end).map(str::to_owned));
            }
            (start, is_empty) = (end + 1, true);
        } else {
            is_empty &= matches!(word.token, Token::Whitespace(_));
        }
    }
    if !is_empty {
        statements.extend(text.get(start..).map(str::to_owned));
    }
    statements
}

/// From lines and columns that only grow to bytes.
struct Places<'a> {
    characters: std::str::CharIndices<'a>,
    line: u64,
    column: u64,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self { characters: text.char_indices(), line: 1, column: 1 }
    }

    fn byte_at(&mut self, line: u64, column: u64) -> usize {
        while (self.line, self.column) < (line, column) {
            match self.characters.next() {
                Some((_, '\n')) => (self.line, self.column) = (self.line + 1, 1),
                Some(_) => self.column += 1,
                None => break,
            }
        }
        self.characters.offset()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_in_text_and_comments_separate_nothing() {
        for (text, expected) in [
            ("SELECT 1", vec!["SELECT 1"]),
            (" ; ;", vec![]),
            ("-- nothing\n", vec![]),
            ("BEGIN;SELECT 'a;''b' ;", vec!["BEGIN", "SELECT 'a;''b' "]),
            (
                "SELECT E'\\';' /* ; */, \"a;b\"; COMMIT",
                vec!["SELECT E'\\';' /* ; */, \"a;b\"", " COMMIT"],
            ),
            ("SELECT 'é',\n '語;' ;\nSHOW x", vec!["SELECT 'é',\n '語;' ", "\nSHOW x"]),
            ("SELECT $$a;b$$", vec!["SELECT $$a;b$$"]),
            ("SELECT 'open", vec!["SELECT 'open"]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
