//! A command line as an argument vector. Quotes group as in a shell and nothing else means what
//! it means there: no variable, no substitution, no pipe, no pattern. Whoever writes one of those
//! outside of quotes is told, since without a shell it would be a plain argument.

use std::fmt;

/// Arguments that a command may have.
const WORDS_MAX: usize = 1_000;

/// Why a command line cannot be an argument vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quote is not closed.
    #[error("the quote that opens at character {0} is not closed")]
    Open(usize),
    /// Something that only a shell understands.
    #[error(
        "`{sign}` at character {at} is the language of a shell, and there is none: quote it if it \
         is meant as a plain argument"
    )]
    Shell {
        /// What.
        sign: char,
        /// Where, from 1.
        at: usize,
    },
    /// A line break or NUL.
    #[error("a control character at character {0}")]
    Control(usize),
    /// Nothing.
    #[error("the command is empty")]
    Empty,
    /// Too much.
    #[error("more than {WORDS_MAX} arguments")]
    TooMany,
}

/// Splits a command line.
pub fn split_words(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut characters = line.trim().chars().enumerate().peekable();
    while let Some((at, c)) = characters.next() {
        let place = at + 1;
        if c == '\0' {
            return Err(WordsError::Control(place));
        }
        match quote {
            Some((open, _)) if c == open => quote = None,
            Some(('"', _)) if c == '\\' => {
                let escaped = characters.next_if(|(_, c)| matches!(c, '"' | '\\' | '$' | '`'));
                word.get_or_insert_default().push(escaped.map_or('\\', |(_, c)| c));
            }
            Some(_) => word.get_or_insert_default().push(c),
            None if matches!(c, '\'' | '"') => {
                quote = Some((c, place));
                word.get_or_insert_default();
            }
            None if c == '\\' => {
                let Some((_, next)) = characters.next() else {
                    return Err(WordsError::Shell { sign: '\\', at: place });
                };
                word.get_or_insert_default().push(next);
            }
            None if c.is_control() => return Err(WordsError::Control(place)),
            None if c.is_whitespace() => {
                words.extend(word.take());
                if words.len() > WORDS_MAX {
                    return Err(WordsError::TooMany);
                }
            }
            None if is_shell(c, characters.peek().map(|(_, c)| *c)) => {
                return Err(WordsError::Shell { sign: c, at: place });
            }
            None => word.get_or_insert_default().push(c),
        }
    }
    if let Some((_, at)) = quote {
        return Err(WordsError::Open(at));
    }
    words.extend(word);
    if words.is_empty() { Err(WordsError::Empty) } else { Ok(words) }
}

/// Signs by which a shell does something; `${…}` is ours.
fn is_shell(c: char, next: Option<char>) -> bool {
    match c {
        '|' | '&' | ';' | '<' | '>' | '`' | '*' | '?' | '(' | ')' | '#' => true,
        '$' => next != Some('{'),
        _ => false,
    }
}

/// Writes an argument as [`split_words`] would read it again.
pub(super) fn write_quoted(f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+{}$".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return f.write_str(word);
    }
    write!(f, "'{}'", word.replace('\'', "'\\''"))
}
