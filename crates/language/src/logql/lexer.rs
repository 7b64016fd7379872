//! From text to tokens.

use super::error::ParseError;
use super::units::{parse_bytes, parse_duration_ns};
use crate::promql::{parse_duration_ms, unescape};

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A name that is no keyword.
    Identifier(String),
    /// A string's value.
    String(String),
    /// A number as it is written.
    Number(String),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A size.
    Bytes(u64),
    /// `[5m]`, in nanoseconds.
    Range(i64),
    /// `--strict`, `--keep-empty`
    Flag(String),
    /// A keyword or the name of a function that is called, in lower case.
    Word(&'static str),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

impl TokenKind {
    /// As Loki's errors name it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Identifier(_) => "IDENTIFIER",
            Self::String(_) => "STRING",
            Self::Number(_) => "NUMBER",
            Self::Duration(_) => "DURATION",
            Self::Bytes(_) => "BYTES",
            Self::Range(_) => "RANGE",
            Self::Flag(_) => "PARSER_FLAG",
            Self::Word(word) => token_name(word),
            Self::Symbol(symbol) => symbol,
            Self::End => "$end",
        }
    }
}

/// Functions have the names of their tokens, keywords their own.
const fn token_name(word: &'static str) -> &'static str {
    let names = FUNCTION_NAMES;
    let mut at = 0;
    while at < names.len() {
        if same(names[at].0, word) {
            return names[at].1;
        }
        at += 1;
    }
    word
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// First byte.
    pub(super) at: usize,
}

/// Longest first.
const SYMBOLS: [&str; 29] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "|", "=", ">", "<", "{", "}", "(",
    ")", "]", ",", ".", "+", "-", "*", "/", "%", "^", ":", "!",
];

/// Keywords, wherever they stand.
const KEYWORDS: [&str; 25] = [
    "by",
    "without",
    "bool",
    "offset",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "or",
    "and",
    "unless",
    "unwrap",
    "json",
    "regexp",
    "logfmt",
    "unpack",
    "pattern",
    "label_format",
    "line_format",
    "decolorize",
    "drop",
    "keep",
    "variants",
    "of",
    "label_replace",
];

/// Names that are functions when a parenthesis follows, and their tokens.
const FUNCTION_NAMES: [(&str, &str); 32] = [
    ("rate", "RATE"),
    ("rate_counter", "RATE_COUNTER"),
    ("count_over_time", "COUNT_OVER_TIME"),
    ("bytes_rate", "BYTES_RATE"),
    ("bytes_over_time", "BYTES_OVER_TIME"),
    ("avg_over_time", "AVG_OVER_TIME"),
    ("sum_over_time", "SUM_OVER_TIME"),
    ("min_over_time", "MIN_OVER_TIME"),
    ("max_over_time", "MAX_OVER_TIME"),
    ("stdvar_over_time", "STDVAR_OVER_TIME"),
    ("stddev_over_time", "STDDEV_OVER_TIME"),
    ("quantile_over_time", "QUANTILE_OVER_TIME"),
    ("first_over_time", "FIRST_OVER_TIME"),
    ("last_over_time", "LAST_OVER_TIME"),
    ("absent_over_time", "ABSENT_OVER_TIME"),
    ("vector", "VECTOR"),
    ("sum", "SUM"),
    ("avg", "AVG"),
    ("max", "MAX"),
    ("min", "MIN"),
    ("count", "COUNT"),
    ("stddev", "STDDEV"),
    ("stdvar", "STDVAR"),
    ("bottomk", "BOTTOMK"),
    ("topk", "TOPK"),
    ("approx_topk", "APPROX_TOPK"),
    ("sort", "SORT"),
    ("sort_desc", "SORT_DESC"),
    ("bytes", "BYTES_CONV"),
    ("duration", "DURATION_CONV"),
    ("duration_seconds", "DURATION_SECONDS_CONV"),
    ("ip", "IP"),
];

/// The tokens of `text`, the last of which is the end; and why they end early, which is told when
/// the parser comes to it.
pub(super) fn lex(text: &str) -> (Vec<Token>, Option<ParseError>) {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let at = lexer.at;
        match lexer.next() {
            Ok(kind) => {
                let is_end = kind == TokenKind::End;
                tokens.push(Token { kind, at });
                if is_end {
                    return (tokens, None);
                }
            }
            Err(message) => {
                tokens.push(Token { kind: TokenKind::End, at });
                return (tokens, Some(ParseError::at(text, at, message)));
            }
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn next(&mut self) -> Result<TokenKind, String> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(TokenKind::End) };
        match first {
            '"' | '`' => self.string(first),
            '[' => self.range(),
            '0'..='9' => Ok(self.number(0)),
            '.' if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => Ok(self.number(0)),
            '-' if rest.starts_with("--strict") || rest.starts_with("--keep-empty") => {
                let flag = if rest.starts_with("--strict") { "--strict" } else { "--keep-empty" };
                self.at += flag.len();
                Ok(TokenKind::Flag(flag.to_owned()))
            }
            '-' if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                // A duration may be negative; a number's sign is an operator.
                Ok(self.number(1))
            }
            c if c.is_alphabetic() || c == '_' => Ok(self.word()),
            c => {
                if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                    self.at += symbol.len();
                    return Ok(TokenKind::Symbol(symbol));
                }
                self.at += c.len_utf8();
                Ok(TokenKind::Identifier(c.to_string()))
            }
        }
    }

    fn string(&mut self, quote: char) -> Result<TokenKind, String> {
        let inside = self.rest().get(1..).unwrap_or("");
        let mut escaped = false;
        for (at, c) in inside.char_indices() {
            if escaped {
                escaped = false;
            } else if c == '\\' && quote == '"' {
                escaped = true;
            } else if c == '\n' && quote == '"' {
                break;
            } else if c == quote {
                self.at += at + 2;
                let inside = inside.get(..at).unwrap_or("");
                let value =
                    unescape(inside, quote).map_err(|_| "invalid char escape".to_owned())?;
                return Ok(TokenKind::String(value));
            }
        }
        Err("literal not terminated".to_owned())
    }

    fn range(&mut self) -> Result<TokenKind, String> {
        let inside = self.rest().get(1..).unwrap_or("");
        let Some((duration, _)) = inside.split_once(']') else {
            return Err("missing closing ']' in duration".to_owned());
        };
        let ms = parse_duration_ms(duration).map_err(|error| error.to_string())?;
        self.at += duration.len() + 2;
        Ok(TokenKind::Range(ms.saturating_mul(1_000_000)))
    }

    /// A number, a duration or a size; `sign` bytes of a sign stand before it and are taken only
    /// by a duration.
    fn number(&mut self, sign: usize) -> TokenKind {
        let rest = self.rest();
        let start = sign;
        let number_end = start + number_length(rest.get(start..).unwrap_or(""));
        let run = |accept: fn(char) -> bool| {
            let tail = rest.get(number_end..).unwrap_or("");
            let taken = |c: char| c.is_numeric() || c == '.' || accept(c);
            number_end + tail.find(|c| !taken(c)).unwrap_or(tail.len())
        };
        let duration_end = run(|c| "nu\u{b5}mshdwy".contains(c));
        if duration_end > number_end
            && let Some(ns) = rest.get(..duration_end).and_then(parse_duration_ns)
        {
            self.at += duration_end;
            return TokenKind::Duration(ns);
        }
        if sign > 0 {
            self.at += sign;
            return TokenKind::Symbol("-");
        }
        let bytes_end = run(|c| "BikKMGTP".contains(c));
        if bytes_end > number_end
            && let Some(bytes) = rest.get(..bytes_end).and_then(parse_bytes)
        {
            self.at += bytes_end;
            return TokenKind::Bytes(bytes);
        }
        self.at += number_end;
        TokenKind::Number(rest.get(..number_end).unwrap_or("").to_owned())
    }

    fn word(&mut self) -> TokenKind {
        let rest = self.rest();
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        self.at += end;
        let lower = word.to_lowercase();
        if let Some((name, _)) = FUNCTION_NAMES.iter().find(|(name, _)| *name == lower)
            && is_call(after)
        {
            return TokenKind::Word(name);
        }
        if let Some(keyword) = KEYWORDS.iter().find(|keyword| **keyword == lower) {
            return TokenKind::Word(keyword);
        }
        TokenKind::Identifier(word.to_owned())
    }
}

/// Bytes of a number as Go's scanner takes it: digits, a fraction, an exponent; hexadecimal.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize, hexadecimal: bool| {
        let is_digit = |b: &u8| {
            if hexadecimal { b.is_ascii_hexdigit() } else { b.is_ascii_digit() }
        };
        from + bytes.get(from..).unwrap_or_default().iter().take_while(|b| is_digit(b)).count()
    };
    if matches!(bytes, [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit()) {
        return digits(2, true);
    }
    let mut end = digits(0, false);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1, false);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign, false);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

/// Whether what follows a name makes it a function: a parenthesis, or a grouping and one.
fn is_call(after: &str) -> bool {
    let after = after.trim_start();
    if after.starts_with('(') {
        return true;
    }
    ["by", "without"].iter().any(|word| {
        let head = after.get(..word.len()).unwrap_or("");
        head.eq_ignore_ascii_case(word)
            && after.get(word.len()..).unwrap_or("").trim_start().starts_with('(')
    })
}
