//! From text to tokens.

use super::ast::Position;
use super::duration::parse_duration_ms;
use super::error::ParseError;
use super::quote::{QuoteError, go_quote_char, unescape};

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A name; keywords are names too, the parser tells them by where they stand.
    Identifier,
    /// A number's value.
    Number(f64),
    /// A duration's value in seconds.
    Duration(f64),
    /// A string's value.
    String(String),
    /// An operator or a bracket, as it is written.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) position: Position,
}

/// Longest first, so that `>=` is not `>` and `=`.
const SYMBOLS: [&str; 27] = [
    "==", "!=", "=~", "!~", ">=", "<=", "</", ">/", "=", ">", "<", "+", "-", "*", "/", "%", "^",
    "(", ")", "{", "}", "[", "]", ",", ":", "@", "!",
];

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Open square brackets: within them a colon separates range and step.
    brackets: usize,
    braces: usize,
}

/// All tokens of `text`, the last of which is the end.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer { text, at: 0, brackets: 0, braces: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let is_end = token.kind == TokenKind::End;
        tokens.push(token);
        if is_end {
            return Ok(tokens);
        }
    }
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn error(&self, start: usize, message: impl Into<String>) -> ParseError {
        let position = Position { start, end: self.at.max(start) };
        ParseError::new(self.text, position, message)
    }

    fn next(&mut self) -> Result<Token, ParseError> {
        self.skip_space();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            if self.brackets > 0 {
                return Err(self.error(start, "unclosed left bracket"));
            }
            return Ok(self.token(start, TokenKind::End));
        };
        let kind = match first {
            '"' | '\'' | '`' => self.string(first)?,
            '0'..='9' => self.number()?,
            '.' if self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                self.number()?
            }
            c if c.is_ascii_alphabetic() || c == '_' || self.is_name_colon(c) => self.identifier(),
            _ => self.symbol(first)?,
        };
        Ok(self.token(start, kind))
    }

    fn token(&self, start: usize, kind: TokenKind) -> Token {
        Token { kind, position: Position { start, end: self.at } }
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let space = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.at += space;
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// A colon belongs to a metric's name, except where it separates a subquery's range and step.
    fn is_name_colon(&self, c: char) -> bool {
        c == ':' && self.brackets == 0 && self.braces == 0
    }

    fn identifier(&mut self) -> TokenKind {
        let colons = self.brackets == 0 && self.braces == 0;
        let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || (colons && *b == b':');
        self.at += self.rest().bytes().take_while(|b| part(b)).count();
        TokenKind::Identifier
    }

    fn symbol(&mut self, first: char) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let found = SYMBOLS.iter().find(|symbol| self.rest().starts_with(**symbol));
        let Some(symbol) = found.filter(|symbol| **symbol != "!") else {
            self.at += first.len_utf8();
            let what = go_quote_char(first);
            let message = match first {
                '!' => {
                    let next =
                        self.rest().chars().next().map_or_else(|| "end".into(), go_quote_char);
                    format!("unexpected character after '!': {next}")
                }
                _ if self.braces > 0 => format!("unexpected character inside braces: {what}"),
                _ => format!("unexpected character: {what}"),
            };
            return Err(self.error(start, message));
        };
        self.at += symbol.len();
        match *symbol {
            "[" if self.brackets > 0 => {
                return Err(self.error(start, "unexpected left bracket '['"));
            }
            "[" => self.brackets += 1,
            "]" if self.brackets == 0 => {
                return Err(self.error(start, "unexpected right bracket ']'"));
            }
            "]" => self.brackets -= 1,
            "{" if self.braces > 0 => return Err(self.error(start, "unexpected left brace '{'")),
            "{" => self.braces += 1,
            "}" if self.braces == 0 => return Err(self.error(start, "unexpected right brace '}'")),
            "}" => self.braces -= 1,
            _ => {}
        }
        Ok(TokenKind::Symbol(symbol))
    }

    fn string(&mut self, quote: char) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let inside_start = start + 1;
        let mut escaped = false;
        let mut end = None;
        for (at, c) in self.text.get(inside_start..).unwrap_or("").char_indices() {
            if escaped {
                escaped = false;
            } else if c == '\\' && quote != '`' {
                escaped = true;
            } else if c == quote {
                end = Some(inside_start + at);
                break;
            } else if c == '\n' && quote != '`' {
                break;
            }
        }
        let Some(end) = end else {
            let what = if quote == '`' { "raw string" } else { "quoted string" };
            return Err(self.error(start, format!("unterminated {what}")));
        };
        self.at = end + 1;
        let inside = self.text.get(inside_start..end).unwrap_or("");
        let value = unescape(inside, quote).map_err(|error| {
            let message = match error {
                QuoteError::NotTerminated => "escape sequence not terminated".to_owned(),
                QuoteError::UnknownEscape(c) => {
                    format!("unknown escape sequence U+{:04X} {}", u32::from(c), go_quote_char(c))
                }
                QuoteError::IllegalCharacter(c) => {
                    format!(
                        "illegal character U+{:04X} {} in escape sequence",
                        u32::from(c),
                        go_quote_char(c)
                    )
                }
                QuoteError::InvalidCodePoint => {
                    "escape sequence is an invalid Unicode code point".to_owned()
                }
                QuoteError::NotUtf8 => "escape sequences do not make up valid UTF-8".to_owned(),
            };
            self.error(start, message)
        })?;
        Ok(TokenKind::String(value))
    }

    fn number(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let rest = self.rest();
        let word = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if let Some(seconds) = rest.get(..word).and_then(duration_seconds) {
            self.at += word;
            return Ok(TokenKind::Duration(seconds));
        }
        let length = number_length(rest);
        let text = rest.get(..length).unwrap_or("").to_owned();
        self.at += length;
        let follows = self.rest().bytes().next();
        let glued = follows.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        match parse_number(&text) {
            Some(value) if !glued => Ok(TokenKind::Number(value)),
            _ => {
                let more =
                    self.rest().bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_');
                self.at += more.count();
                let shown = self.text.get(start..self.at).unwrap_or("");
                Err(self.error(start, format!("bad number or duration syntax: {shown:?}")))
            }
        }
    }
}

fn duration_seconds(word: &str) -> Option<f64> {
    let has_unit = word.bytes().next_back().is_some_and(|b| b.is_ascii_lowercase());
    let hex = word.starts_with("0x") || word.starts_with("0X");
    let ms = (has_unit && !hex).then(|| parse_duration_ms(word).ok()).flatten()?;
    Some(ms as f64 / 1_000.0)
}

/// How many bytes of `text` look like a number.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'0') && matches!(bytes.get(1), Some(b'x' | b'X')) {
        return 2 + bytes
            .iter()
            .skip(2)
            .take_while(|b| b.is_ascii_hexdigit() || **b == b'_')
            .count();
    }
    let digits = |from: usize| {
        bytes.iter().skip(from).take_while(|b| b.is_ascii_digit() || **b == b'_').count()
    };
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

/// Integers by Go's base prefixes (`0x`, and a leading `0` for octal), else a float.
fn parse_number(text: &str) -> Option<f64> {
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let plain = text.replace('_', "");
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok().map(|value| value as f64);
    }
    let octal = plain.len() > 1
        && plain.starts_with('0')
        && plain.bytes().all(|b| (b'0'..b'8').contains(&b));
    if octal {
        return i64::from_str_radix(&plain, 8).ok().map(|value| value as f64);
    }
    plain.parse().ok().filter(|value: &f64| value.is_finite())
}
