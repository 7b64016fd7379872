//! A pattern, taken apart.

/// Longest pattern that is read.
const PATTERN_BYTES_MAX: usize = 500;
const LETTERS: &str = "GCYxweyDMdaEKhHkmsSzZ";

/// A pattern of dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JodaPattern {
    pub(super) items: Vec<Item>,
    text: String,
}

/// Part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// As it stands; read without regard to case.
    Literal(String),
    /// A letter and how often it stands there.
    Field(char, usize),
}

impl JodaPattern {
    /// Takes a pattern apart. The error is Joda's.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Invalid pattern specification".to_owned());
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err("The pattern of dates is too long".to_owned());
        }
        let mut items = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(&c) = rest.peek() {
            if !c.is_ascii_alphabetic() {
                items.push(Item::Literal(literal(&mut rest)));
                continue;
            }
            let mut count = 0;
            while rest.next_if_eq(&c).is_some() {
                count += 1;
            }
            if !LETTERS.contains(c) {
                return Err(format!("Illegal pattern component: {}", c.to_string().repeat(count)));
            }
            items.push(Item::Field(c, count));
        }
        Ok(Self { items, text: text.to_owned() })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern names a year; without one the reader guesses.
    pub fn has_year(&self) -> bool {
        self.text.contains(['y', 'Y'])
    }
}

/// Everything up to the next letter outside of quotes; two quotes are one.
fn literal(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut out = String::new();
    let mut is_quoted = false;
    while let Some(&c) = rest.peek() {
        if c == '\'' {
            rest.next();
            if rest.next_if_eq(&'\'').is_some() {
                out.push('\'');
            } else {
                is_quoted = !is_quoted;
            }
            continue;
        }
        if !is_quoted && c.is_ascii_alphabetic() {
            break;
        }
        out.push(c);
        rest.next();
    }
    out
}

impl Item {
    /// Whether it reads digits, so that what stands before it must not take them.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Self::Field('M', count) => *count <= 2,
            Self::Field(letter, _) => "cCxyYdhHmsSeDFwWkK".contains(*letter),
            Self::Literal(_) => false,
        }
    }
}
