//! From tokens to the tree.

mod metric;
mod pipeline;

use vigie_model::pattern::compile_anchored;
use vigie_model::{MatchOp, Matcher};

use super::ast::{Expr, LogExpr};
use super::error::ParseError;
use super::lexer::{Token, TokenKind, lex};
use super::validate;

/// Longer queries are refused.
pub const QUERY_BYTES_MAX: usize = 131_072;
/// Parentheses and operators are nested no deeper.
const DEPTH_MAX: usize = 250;
/// Tokens of one query.
const TOKENS_MAX: usize = 50_000;

/// Reads a query.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let expr = parse_unchecked(text)?;
    validate::check(&expr)?;
    Ok(expr)
}

/// Reads a query that gives lines.
pub fn parse_log(text: &str) -> Result<LogExpr, ParseError> {
    match parse(text)? {
        Expr::Log(log) => Ok(log),
        Expr::Metric(_) => Err(ParseError::nowhere("only log selector is supported")),
    }
}

/// Reads a stream selector; one that selects everything (`{}`) may be given here.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, ParseError> {
    match parse_unchecked(text)? {
        Expr::Log(LogExpr { matchers, stages }) if stages.is_empty() => Ok(matchers),
        _ => Err(ParseError::nowhere("only label matchers are supported")),
    }
}

fn parse_unchecked(text: &str) -> Result<Expr, ParseError> {
    if text.len() >= QUERY_BYTES_MAX {
        let message = format!("input size too long ({} > {QUERY_BYTES_MAX})", text.len());
        return Err(ParseError::nowhere(message));
    }
    let (tokens, broken) = lex(text);
    if tokens.len() > TOKENS_MAX {
        return Err(ParseError::nowhere("the query has too many parts"));
    }
    let mut parser = Parser { text, tokens, broken, at: 0, depth: 0 };
    let expr = parser.expr()?;
    parser.expect_end()?;
    Ok(expr)
}

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// Why the tokens end before the text does.
    broken: Option<ParseError>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn kind(&self) -> &TokenKind {
        self.tokens.get(self.at).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn next_kind(&self) -> &TokenKind {
        self.tokens.get(self.at + 1).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.kind(), TokenKind::Symbol(found) if *found == symbol)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), TokenKind::Word(found) if *found == word)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    /// The error of what stands here where something else should.
    fn unexpected(&self, expected: &[&str]) -> ParseError {
        if let Some(broken) = &self.broken
            && self.at + 1 >= self.tokens.len()
        {
            return broken.clone();
        }
        let mut message = format!("syntax error: unexpected {}", self.kind().name());
        // As Loki's parser does: a long list is not told.
        if (1..=4).contains(&expected.len()) {
            message.push_str(", expecting ");
            message.push_str(&expected.join(" or "));
        }
        let at = self.tokens.get(self.at).map_or(self.text.len(), |token| token.at);
        ParseError::at(self.text, at, message)
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), ParseError> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(&[symbol])) }
    }

    fn expect_end(&self) -> Result<(), ParseError> {
        let at_end = matches!(self.kind(), TokenKind::End);
        if at_end && self.broken.is_none() { Ok(()) } else { Err(self.unexpected(&[])) }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let TokenKind::String(value) = self.kind() else {
            return Err(self.unexpected(&["STRING"]));
        };
        let value = value.clone();
        self.advance();
        Ok(value)
    }

    fn identifier(&mut self) -> Result<String, ParseError> {
        let TokenKind::Identifier(name) = self.kind() else {
            return Err(self.unexpected(&["IDENTIFIER"]));
        };
        let name = name.clone();
        self.advance();
        Ok(name)
    }

    fn enter(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ParseError::nowhere("the query is nested too deeply"));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// `{a="b", c=~"d"}`
    fn selector(&mut self) -> Result<Vec<Matcher>, ParseError> {
        if !self.take("{") {
            return Err(self.unexpected(&["{"]));
        }
        let mut matchers = Vec::new();
        if self.take("}") {
            return Ok(matchers);
        }
        if !matches!(self.kind(), TokenKind::Identifier(_)) {
            return Err(self.unexpected(&["IDENTIFIER", "}"]));
        }
        loop {
            let name = self.identifier()?;
            matchers.push(self.matcher(name)?);
            if self.take("}") {
                return Ok(matchers);
            }
            if !self.take(",") {
                return Err(self.unexpected(&["}", ","]));
            }
        }
    }

    /// What follows the name in a matcher.
    fn matcher(&mut self, name: String) -> Result<Matcher, ParseError> {
        let op = match self.kind() {
            TokenKind::Symbol("=") => MatchOp::Equal,
            TokenKind::Symbol("!=") => MatchOp::NotEqual,
            TokenKind::Symbol("=~") => MatchOp::Regex,
            TokenKind::Symbol("!~") => MatchOp::NotRegex,
            _ => return Err(self.unexpected(&["=", "=~", "!~", "!="])),
        };
        self.advance();
        let value = self.string()?;
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            compile_anchored(&value).map_err(|error| ParseError::nowhere(error.to_string()))?;
        }
        Ok(Matcher { name, op, value })
    }
}
