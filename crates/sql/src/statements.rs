//! Several statements in one text.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// The statements of a text that separates them by semicolons; empty ones are left out. A text
/// that is no series of words is one statement, whose error says what is wrong.
pub fn split(text: &str) -> Vec<String> {
    let dialect = PostgreSqlDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).with_unescape(false).tokenize() else {
        return vec![text.to_owned()];
    };
    let mut statements = vec![String::new()];
    let mut is_empty = true;
    for token in tokens {
        match (token, statements.last_mut()) {
            (Token::SemiColon, Some(last)) => {
                if std::mem::replace(&mut is_empty, true) {
                    last.clear();
                } else {
                    statements.push(String::new());
                }
            }
            (token, Some(last)) => {
                is_empty &= matches!(token, Token::Whitespace(_));
                last.push_str(&token.to_string());
            }
            (_, None) => {}
        }
    }
    if is_empty {
        statements.pop();
    }
    statements
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
            ("SELECT $$a;b$$", vec!["SELECT $$a;b$$"]),
            ("SELECT 'open", vec!["SELECT 'open"]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
