//! The UTF-8 syntax: any name and value, quoted where it has reserved characters.

use vigie_model::MatchOp;

use super::{AlertMatcher, MatcherError, is_reserved};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Comma,
    Operator(MatchOp),
    Quoted,
    Unquoted,
    End,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// Characters before it, and up to its end.
    columns: (usize, usize),
}

/// Reads a list of matchers with or without braces.
pub(super) fn parse(text: &str) -> Result<Vec<AlertMatcher>, MatcherError> {
    let mut lexer = Lexer { rest: text, column: 0 };
    let mut matchers = Vec::new();
    let mut token = lexer.next()?;
    let has_brace = token.kind == Kind::Open;
    if has_brace {
        token = lexer.next()?;
    }
    let mut may_end = true;
    loop {
        match token.kind {
            Kind::Close if has_brace => {
                token = lexer.next()?;
                return if token.kind == Kind::End {
                    Ok(matchers)
                } else {
                    Err(at(token, "expected end of input"))
                };
            }
            Kind::Close => return Err(at(token, "expected opening brace")),
            Kind::End if has_brace => {
                return Err(MatcherError(format!(
                    "0:{}: end of input: expected close brace",
                    token.columns.1
                )));
            }
            Kind::End => return Ok(matchers),
            _ if !may_end => return Err(at(token, "expected a comma or close brace")),
            _ => matchers.push(matcher(&mut lexer, token)?),
        }
        token = lexer.next()?;
        may_end = token.kind == Kind::Comma;
        if may_end {
            token = lexer.next()?;
        }
    }
}

fn matcher(lexer: &mut Lexer<'_>, first: Token<'_>) -> Result<AlertMatcher, MatcherError> {
    let name = word(first, "expected label name")?;
    let operator = lexer.next()?;
    let Kind::Operator(op) = operator.kind else {
        return Err(at(operator, "expected an operator such as '=', '!=', '=~' or '!~'"));
    };
    let value = word(lexer.next()?, "expected label value")?;
    AlertMatcher::new(name, op, value)
        .map_err(|error| MatcherError(format!("failed to create matcher: {error}")))
}

fn word(token: Token<'_>, expected: &str) -> Result<String, MatcherError> {
    match token.kind {
        Kind::Unquoted => Ok(token.text.to_owned()),
        Kind::Quoted => unquote(token.text).ok_or_else(|| at(token, "invalid input")),
        _ => Err(at(token, expected)),
    }
}

fn at(token: Token<'_>, message: &str) -> MatcherError {
    let (from, to) = token.columns;
    let text = if token.kind == Kind::End { "end of input" } else { token.text };
    MatcherError(format!("{from}:{to}: {text}: {message}"))
}

struct Lexer<'a> {
    rest: &'a str,
    column: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Token<'a>, MatcherError> {
        let trimmed = self.rest.trim_start();
        self.column += self.rest.chars().count() - trimmed.chars().count();
        self.rest = trimmed;
        let Some(first) = trimmed.chars().next() else { return Ok(self.take(Kind::End, 0)) };
        match first {
            '{' => Ok(self.take(Kind::Open, 1)),
            '}' => Ok(self.take(Kind::Close, 1)),
            ',' => Ok(self.take(Kind::Comma, 1)),
            '=' if trimmed.starts_with("=~") => Ok(self.take(Kind::Operator(MatchOp::Regex), 2)),
            '=' => Ok(self.take(Kind::Operator(MatchOp::Equal), 1)),
            '!' if trimmed.starts_with("!=") => Ok(self.take(Kind::Operator(MatchOp::NotEqual), 2)),
            '!' if trimmed.starts_with("!~") => Ok(self.take(Kind::Operator(MatchOp::NotRegex), 2)),
            '!' => Err(at(self.take(Kind::Unquoted, 1), "expected one of '=~'")),
            '"' => self.quoted(),
            c if is_reserved(c) => {
                Err(at(self.take(Kind::Unquoted, c.len_utf8()), "invalid input"))
            }
            _ => {
                let end = trimmed.find(is_reserved).unwrap_or(trimmed.len());
                Ok(self.take(Kind::Unquoted, end))
            }
        }
    }

    fn quoted(&mut self) -> Result<Token<'a>, MatcherError> {
        let mut is_escaped = false;
        for (position, c) in self.rest.char_indices().skip(1) {
            if is_escaped {
                is_escaped = false;
            } else if c == '\\' {
                is_escaped = true;
            } else if c == '"' {
                return Ok(self.take(Kind::Quoted, position + 1));
            }
        }
        let length = self.rest.len();
        Err(at(self.take(Kind::Quoted, length), "missing end \""))
    }

    fn take(&mut self, kind: Kind, length: usize) -> Token<'a> {
        let (text, rest) = self.rest.split_at(length);
        let from = self.column;
        self.column += text.chars().count();
        self.rest = rest;
        Token { kind, text, columns: (from, self.column) }
    }
}

/// The text of a string in double quotes by Go's rules; `None` when it is none.
fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => return None,
            '\\' => escape(&mut rest, &mut bytes)?,
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    String::from_utf8(bytes).ok()
}

fn escape(rest: &mut std::str::Chars<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let simple = |letter| {
        Some(match letter {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '\\' => b'\\',
            '"' => b'"',
            _ => return None,
        })
    };
    let letter = rest.next()?;
    if let Some(byte) = simple(letter) {
        bytes.push(byte);
        return Some(());
    }
    match letter {
        'x' => bytes.push(u8::try_from(number(rest, 2, 16, 0)?).ok()?),
        'u' => push_code(bytes, number(rest, 4, 16, 0)?)?,
        'U' => push_code(bytes, number(rest, 8, 16, 0)?)?,
        '0'..='7' => {
            let first = letter.to_digit(8)?;
            bytes.push(u8::try_from(number(rest, 2, 8, first)?).ok()?);
        }
        _ => return None,
    }
    Some(())
}

fn number(rest: &mut std::str::Chars<'_>, digits: usize, radix: u32, first: u32) -> Option<u32> {
    let mut value = first;
    for _ in 0..digits {
        value = value.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?)?;
    }
    Some(value)
}

fn push_code(bytes: &mut Vec<u8>, code: u32) -> Option<()> {
    let c = char::from_u32(code)?;
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}
