//! From text to tokens.

use super::ast::{Field, Intrinsic, Scope, Static};
use super::error::TraceQlError;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// An operator or a bracket.
    Symbol(&'static str),
    /// A literal other than a keyword.
    Literal(Static),
    /// An attribute, or an intrinsic with its scope.
    Field(Field),
    /// A name or keyword.
    Word(String),
    /// The end.
    End,
}

/// A token and the byte at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

/// Longest first.
const SYMBOLS: [&str; 38] = [
    "!>>", "!<<", "&>>", "&<<", "!=", "!~", "=~", ">=", "<=", ">>", "<<", "!>", "!<", "&>", "&<",
    "&~", "&&", "||", "{", "}", "(", ")", ",", "=", "<", ">", "~", "!", "|", "+", "-", "*", "/",
    "%", "^", ":", "[", "]",
];

/// All tokens, the last of which is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, TraceQlError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let at = lexer.at;
        let token = lexer.token()?;
        let is_end = token == Token::End;
        tokens.push(Placed { token, at });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// Whether the name of an attribute may hold `c`.
pub(super) fn is_of_attribute(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '{' | '}' | '(' | ')' | '=' | '~' | '!' | '<' | '>' | '&' | '|' | '^' | ',')
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, TraceQlError> {
        Err(TraceQlError::new(self.text, self.at, message))
    }

    /// White space and Go's comments.
    fn skip_blank(&mut self) -> Result<(), TraceQlError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.error("comment not terminated"),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, TraceQlError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let second = rest.chars().nth(1).unwrap_or(' ');
        if first == '"' || first == '`' {
            return Ok(Token::Literal(Static::Text(self.string()?)));
        }
        if first.is_ascii_digit() || first == '.' && second.is_ascii_digit() {
            return self.number();
        }
        if first == '.' {
            self.at += 1;
            return self.attribute(Scope::Any, false);
        }
        if first.is_alphabetic() || first == '_' {
            return self.word();
        }
        match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
            None => self.error(format!("syntax error: unexpected {first:?}")),
        }
    }

    /// A text in quotes, with Go's escapes; between backquotes there are none.
    fn string(&mut self) -> Result<String, TraceQlError> {
        let rest = self.rest();
        if let Some(raw) = rest.strip_prefix('`') {
            return match raw.find('`') {
                Some(end) => {
                    self.at += end + 2;
                    Ok(raw.get(..end).unwrap_or_default().to_owned())
                }
                None => self.error("literal not terminated"),
            };
        }
        let mut out = String::new();
        let mut characters = rest.char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\n' => break,
                '\\' => match characters.next() {
                    Some((_, escaped)) => match escape(escaped, &mut characters) {
                        Some(c) => out.push(c),
                        None => return self.error("invalid syntax: unknown escape sequence"),
                    },
                    None => break,
                },
                c => out.push(c),
            }
        }
        self.error("literal not terminated")
    }

    fn number(&mut self) -> Result<Token, TraceQlError> {
        let rest = self.rest();
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let mut end = digits;
        let tail = rest.get(digits..).unwrap_or_default();
        if tail.starts_with(['e', 'E']) {
            let signed = tail.get(1..).unwrap_or_default();
            let sign = usize::from(signed.starts_with(['+', '-']));
            let exponent = signed.get(sign..).unwrap_or_default();
            let length = exponent.bytes().take_while(u8::is_ascii_digit).count();
            if length > 0 {
                end = digits + 1 + sign + length;
            }
        } else {
            let is_unit =
                |c: char| matches!(c, 'n' | 's' | 'u' | 'm' | 'h' | 'µ' | 'μ' | 'd' | 'w' | 'y');
            let all = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.' && !is_unit(c))
                .unwrap_or(rest.len());
            if all > digits {
                let text = rest.get(..all).unwrap_or_default();
                let Some(nanoseconds) = duration(text) else {
                    return self.error(format!("invalid duration {text:?}"));
                };
                self.at += all;
                return Ok(Token::Literal(Static::Duration(nanoseconds)));
            }
        }
        let text = rest.get(..end).unwrap_or_default();
        let value = match text.parse::<i64>() {
            Ok(value) => Static::Integer(value),
            Err(_) => match text.parse::<f64>() {
                Ok(_) if text.bytes().all(|b| b.is_ascii_digit()) => {
                    return self.error(format!("{text}: value out of range"));
                }
                Ok(value) if value.is_finite() => Static::Float(value),
                _ => return self.error(format!("invalid number {text:?}")),
            },
        };
        self.at += end;
        Ok(Token::Literal(value))
    }

    /// A keyword, or a scope and what follows it.
    fn word(&mut self) -> Result<Token, TraceQlError> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        let next = rest.get(length..).and_then(|tail| tail.chars().next());
        if next == Some(':') {
            let tail = rest.get(length + 1..).unwrap_or_default();
            let end = tail.find(|c: char| !c.is_alphanumeric()).unwrap_or(tail.len());
            let name = format!("{word}:{}", tail.get(..end).unwrap_or_default());
            let Some(intrinsic) = Intrinsic::of_scoped(&name) else {
                return self.error(format!("syntax error: unknown intrinsic {name:?}"));
            };
            self.at += length + 1 + end;
            return Ok(Token::Field(Field::Intrinsic(intrinsic)));
        }
        if next == Some('.')
            && let Some((scope, of_parent)) = scope(word)
        {
            self.at += length + 1;
            if of_parent {
                for (prefix, inner) in [("span.", Scope::Span), ("resource.", Scope::Resource)] {
                    if self.rest().starts_with(prefix) {
                        self.at += prefix.len();
                        return self.attribute(inner, true);
                    }
                }
            }
            return self.attribute(scope, of_parent);
        }
        self.at += length;
        Ok(Token::Word(word.to_owned()))
    }

    /// The name of an attribute; parts of it may be in quotes.
    fn attribute(&mut self, scope: Scope, of_parent: bool) -> Result<Token, TraceQlError> {
        let mut name = String::new();
        while let Some(c) = self.rest().chars().next() {
            if c == '"' {
                name.push_str(&self.string()?);
            } else if is_of_attribute(c) {
                name.push(c);
                self.at += c.len_utf8();
            } else {
                break;
            }
        }
        if name.is_empty() {
            return self.error("syntax error: the name of an attribute is missing");
        }
        Ok(Token::Field(Field::Attribute { scope, of_parent, name }))
    }
}

fn scope(word: &str) -> Option<(Scope, bool)> {
    Some(match word {
        "span" => (Scope::Span, false),
        "resource" => (Scope::Resource, false),
        "event" => (Scope::Event, false),
        "link" => (Scope::Link, false),
        "instrumentation" => (Scope::Instrumentation, false),
        "parent" => (Scope::Any, true),
        _ => return None,
    })
}

/// The character that `\c...` stands for.
fn escape(c: char, rest: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    let mut hexadecimal = |digits: usize| {
        let mut code = 0;
        for _ in 0..digits {
            code = code * 16 + rest.next()?.1.to_digit(16)?;
        }
        char::from_u32(code)
    };
    Some(match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '"' => c,
        'x' => hexadecimal(2)?,
        'u' => hexadecimal(4)?,
        'U' => hexadecimal(8)?,
        _ => return None,
    })
}

/// A duration in nanoseconds, as Go and Prometheus write it.
pub(super) fn duration(text: &str) -> Option<i64> {
    let (mut rest, mut total) = (text, 0.0_f64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let size = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            "w" => 604_800e9,
            "y" => 31_536_000e9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * size;
        rest = tail;
    }
    (!text.is_empty() && total < 9.2e18).then_some(total.round() as i64)
}
