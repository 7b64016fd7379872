//! Characters to tokens.

use crate::search::Pattern;

/// A token and the byte where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    And,
    Or,
    Not,
    Plus,
    Minus,
    Open,
    Close,
    Colon,
    /// `^` and its number.
    Boost(f32),
    /// `~` and what follows it.
    Tilde(String),
    /// `"..."`, with escapes resolved.
    Quoted(String),
    Term(Term),
    Regexp(String),
    /// `[a TO b}`
    Range(RangeText),
    /// `>`, `>=`, `<`, `<=`
    Compare(&'static str),
}

/// A word: as text, and as a pattern when it holds wildcards.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) pattern: Pattern,
    pub(super) is_pattern: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct RangeText {
    pub(super) lower: String,
    pub(super) upper: String,
    pub(super) includes_lower: bool,
    pub(super) includes_upper: bool,
}

/// What is wrong and at which byte.
pub(super) type LexError = (usize, String);

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, LexError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{3000}')
}

/// Characters that end a word unless escaped.
fn ends_term(c: char) -> bool {
    is_space(c)
        || matches!(c, '(' | ')' | ':' | '^' | '[' | ']' | '"' | '{' | '}' | '~' | '!' | '/')
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn next(&mut self) -> Result<Option<Token>, LexError> {
        while self.peek().is_some_and(is_space) {
            self.bump();
        }
        let at = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let kind = if let Some(kind) = self.operator() {
            kind
        } else {
            match first {
                '"' => self.quoted()?,
                '/' => self.regexp()?,
                '[' | '{' => self.range()?,
                '^' => self.boost()?,
                '~' => self.tilde(),
                ']' | '}' => {
                    return Err((at, format!("Encountered \" \"{first}\" \"{first} \"\"")));
                }
                _ => self.word()?,
            }
        };
        Ok(Some(Token { kind, at }))
    }

    fn operator(&mut self) -> Option<Kind> {
        const WORDS: [(&str, Kind); 3] = [("AND", Kind::And), ("OR", Kind::Or), ("NOT", Kind::Not)];
        for (word, kind) in WORDS {
            let after = self.rest().strip_prefix(word).map(|rest| rest.chars().next());
            if after.is_some_and(|next| next.is_none_or(ends_term)) {
                self.at += word.len();
                return Some(kind);
            }
        }
        const SIGNS: [(&str, Kind); 12] = [
            ("&&", Kind::And),
            ("||", Kind::Or),
            ("!", Kind::Not),
            ("+", Kind::Plus),
            ("-", Kind::Minus),
            ("(", Kind::Open),
            (")", Kind::Close),
            (":", Kind::Colon),
            (">=", Kind::Compare(">=")),
            (">", Kind::Compare(">")),
            ("<=", Kind::Compare("<=")),
            ("<", Kind::Compare("<")),
        ];
        SIGNS.into_iter().find_map(|(sign, kind)| self.eat(sign).then_some(kind))
    }

    fn quoted(&mut self) -> Result<Kind, LexError> {
        let start = self.at;
        self.bump();
        let mut out = String::new();
        loop {
            match self.bump() {
                None => return Err((start, "Lexical error: the quote is not closed".to_owned())),
                Some('"') => return Ok(Kind::Quoted(out)),
                Some('\\') => out.push(self.escaped()?),
                Some(c) => out.push(c),
            }
        }
    }

    /// The character after a backslash: itself, or `u` and four hexadecimal digits.
    fn escaped(&mut self) -> Result<char, LexError> {
        let at = self.at;
        match self.bump() {
            None => Err((at, "Term can not end with escape character.".to_owned())),
            Some('u') => {
                let digits = self.rest().get(..4).unwrap_or_default();
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 4);
                let Some(c) = code.and_then(char::from_u32) else {
                    let message = "Non-hex character in Unicode escape sequence";
                    return Err((at, message.to_owned()));
                };
                self.at += 4;
                Ok(c)
            }
            Some(c) => Ok(c),
        }
    }

    fn regexp(&mut self) -> Result<Kind, LexError> {
        let start = self.at;
        self.bump();
        let mut out = String::new();
        loop {
            match self.bump() {
                None => {
                    return Err((start, "Lexical error: the expression is not closed".to_owned()));
                }
                Some('/') => return Ok(Kind::Regexp(out)),
                Some('\\') if self.peek() == Some('/') => {
                    self.bump();
                    out.push('/');
                }
                Some('\\') => {
                    out.push('\\');
                    out.extend(self.bump());
                }
                Some(c) => out.push(c),
            }
        }
    }

    fn range(&mut self) -> Result<Kind, LexError> {
        let start = self.at;
        let includes_lower = self.bump() == Some('[');
        let lower = self.range_end()?;
        self.skip_space();
        if self.eat("TO") {
            self.skip_space();
        } else {
            return Err((self.at, "Was expecting \"TO\" in the range".to_owned()));
        }
        let upper = self.range_end()?;
        self.skip_space();
        let includes_upper = match self.bump() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err((start, "Encountered \"<EOF>\" in the range".to_owned())),
        };
        Ok(Kind::Range(RangeText { lower, upper, includes_lower, includes_upper }))
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.bump();
        }
    }

    fn range_end(&mut self) -> Result<String, LexError> {
        self.skip_space();
        let at = self.at;
        if self.peek() == Some('"') {
            return match self.quoted()? {
                Kind::Quoted(text) => Ok(text),
                _ => Ok(String::new()),
            };
        }
        let mut out = String::new();
        while let Some(c) = self.peek() {
            if is_space(c) || matches!(c, ']' | '}') {
                break;
            }
            self.bump();
            out.push(if c == '\\' { self.escaped()? } else { c });
        }
        if out.is_empty() {
            return Err((at, "an end of the range is missing".to_owned()));
        }
        Ok(out)
    }

    fn number(&mut self) -> String {
        let mut out = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_digit() || *c == '.') {
            out.push(c);
            self.bump();
        }
        out
    }

    fn boost(&mut self) -> Result<Kind, LexError> {
        let at = self.at;
        self.bump();
        let number: Option<f32> = self.number().parse().ok();
        number
            .filter(|n| n.is_finite())
            .map(Kind::Boost)
            .ok_or((at, "a number must follow \"^\"".to_owned()))
    }

    fn tilde(&mut self) -> Kind {
        self.bump();
        Kind::Tilde(self.number())
    }

    fn word(&mut self) -> Result<Kind, LexError> {
        let mut term = Term::default();
        let start = self.at;
        while let Some(c) = self.peek() {
            // A slash in a word belongs to it only when the word has begun: `a/b` is one word in
            // what people type, though Lucene would read an expression after it.
            if ends_term(c) && !(c == '/' && self.at > start && !self.closes_regexp()) {
                break;
            }
            self.bump();
            match c {
                '\\' => {
                    let literal = self.escaped()?;
                    term.text.push(literal);
                    term.pattern.push_literal(literal);
                }
                '*' => {
                    term.is_pattern = true;
                    term.text.push(c);
                    term.pattern.push_any_text();
                }
                '?' => {
                    term.is_pattern = true;
                    term.text.push(c);
                    term.pattern.push_any_character();
                }
                _ => {
                    term.text.push(c);
                    term.pattern.push_literal(c);
                }
            }
        }
        if self.at == start {
            let found = self.bump().unwrap_or_default();
            return Err((start, format!("Encountered \" \"{found}\" \"{found} \"\"")));
        }
        Ok(Kind::Term(term))
    }

    /// Whether the slash here begins an expression that ends later.
    fn closes_regexp(&self) -> bool {
        self.rest().get(1..).is_some_and(|rest| rest.contains('/'))
    }
}
