//! From text to tokens.

mod scan;

use super::ast::Position;
use super::duration::parse_duration_ms;
use super::error::ParseError;
use super::quote::{QuoteError, go_quote, go_quote_char, unescape_bytes};
use super::text::Text;

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
    String(Text),
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
    parentheses: usize,
    /// Whether a number was read since the last bracket opened: after one, Prometheus reads what
    /// is in brackets like the rest.
    after_number: bool,
}

/// What a text is made of.
#[derive(Debug)]
pub(super) struct Lexed {
    /// All tokens, the last of which is the end.
    pub(super) tokens: Vec<Token>,
    /// Why the tokens end before the text does, or must not end there. It is told when the parser
    /// comes to it: what is wrong before that is told first, as in Prometheus.
    pub(super) error: Option<ParseError>,
}

/// The tokens of `text`.
pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer =
        Lexer { text, at: 0, brackets: 0, braces: 0, parentheses: 0, after_number: false };
    let mut tokens = Vec::new();
    loop {
        match lexer.next() {
            Ok(token) => {
                lexer.after_number |=
                    matches!(token.kind, TokenKind::Number(_) | TokenKind::Duration(_));
                let is_end = token.kind == TokenKind::End;
                tokens.push(token);
                if is_end {
                    return Lexed { tokens, error: None };
                }
            }
            Err(error) => {
                tokens.push(Token { kind: TokenKind::End, position: error.position });
                return Lexed { tokens, error: Some(error) };
            }
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
            return match self.unfinished() {
                Some(message) => Err(self.error(start, message)),
                None => Ok(self.token(start, TokenKind::End)),
            };
        };
        if self.braces > 0 && !may_be_in_braces(first) {
            self.at += first.len_utf8();
            let what = go_quote_char(first);
            return Err(self.error(start, format!("unexpected character inside braces: {what}")));
        }
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

    /// What is open at the end of the text.
    const fn unfinished(&self) -> Option<&'static str> {
        if self.braces > 0 {
            Some("unexpected end of input inside braces")
        } else if self.brackets > 0 && !self.after_number {
            Some("unexpected end of input in duration expression")
        } else if self.parentheses > 0 {
            Some("unclosed left parenthesis")
        } else if self.brackets > 0 {
            Some("unclosed left bracket")
        } else {
            None
        }
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
        // Regular expressions are only in braces.
        let is_taken =
            |symbol: &str| symbol != "!" && (self.braces > 0 || !matches!(symbol, "=~" | "!~"));
        let Some(symbol) = found.filter(|symbol| is_taken(symbol)) else {
            self.at += first.len_utf8();
            let message = match first {
                '!' | '=' => {
                    // Go prints what follows the end as the replacement character.
                    let next = self.rest().chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                    let braces = if self.braces > 0 { " inside braces" } else { "" };
                    format!("unexpected character after '{first}'{braces}: {}", go_quote_char(next))
                }
                _ => format!("unexpected character: {}", go_quote_char(first)),
            };
            return Err(self.error(start, message));
        };
        self.at += symbol.len();
        match *symbol {
            "(" => self.parentheses += 1,
            ")" if self.parentheses == 0 => {
                return Err(self.error(self.at, "unexpected right parenthesis ')'"));
            }
            ")" => self.parentheses -= 1,
            "[" if self.brackets > 0 => {
                return Err(self.error(start, "unexpected left bracket '['"));
            }
            "[" => {
                self.brackets += 1;
                self.after_number = false;
            }
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
        let value = unescape_bytes(inside, quote).map_err(|error| {
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
                QuoteError::InvalidCodePoint | QuoteError::NotUtf8 => {
                    "escape sequence is an invalid Unicode code point".to_owned()
                }
            };
            self.error(start, message)
        })?;
        Ok(TokenKind::String(Text::from_bytes(value)))
    }

    fn number(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let rest = self.rest();
        let (length, is_number) = scan::number(rest);
        if is_number {
            let text = rest.get(..length).unwrap_or("").to_owned();
            self.at += length;
            return parse_number(&text).map(TokenKind::Number).ok_or_else(|| {
                let why =
                    if text.contains(|c: char| c.is_ascii_digit()) && !text.ends_with(['x', 'X']) {
                        "value out of range"
                    } else {
                        "invalid syntax"
                    };
                let message =
                    format!("error parsing number: strconv.ParseFloat: parsing \"{text}\": {why}");
                self.error(start, message)
            });
        }
        let (more, is_duration) = scan::duration(rest.get(length..).unwrap_or(""));
        let text = rest.get(..length + more).unwrap_or("").to_owned();
        self.at += length + more;
        if !is_duration {
            let message = format!("bad number or duration syntax: {}", go_quote(&text));
            return Err(self.error(start, message));
        }
        if let Some(at) = text.find('.') {
            let message = format!(
                "unknown unit {} in duration {}",
                go_quote(&text[at..=at]),
                go_quote(&text)
            );
            return Err(self.error(start, message));
        }
        match parse_duration_ms(&text) {
            Ok(ms) => Ok(TokenKind::Duration(ms as f64 / 1_000.0)),
            Err(error) => Err(self.error(start, error.to_string())),
        }
    }
}

/// Whether a token within braces begins with `first`.
const fn may_be_in_braces(first: char) -> bool {
    first.is_ascii_alphabetic()
        || matches!(first, '_' | ',' | '"' | '\'' | '`' | '=' | '!' | '{' | '}')
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
