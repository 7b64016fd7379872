//! From tokens to a tree: recursive descent, with precedence climbing for binary operators.

mod duration;
mod modifiers;
mod selector;
mod types;

use vigie_model::Matcher;

use super::ast::{
    Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, Number, Paren, Position, StringLiteral,
    Unary,
};
use super::error::ParseError;
use super::function::function;
use super::lexer::{Lexed, Token, TokenKind, lex};
use super::quote::go_quote;

/// Longer texts are refused before they are looked at.
pub const QUERY_BYTES_MAX: usize = 1 << 20;

/// How deep parentheses and calls may nest.
const NESTING_MAX: usize = 128;

/// How high a tree may be: chains of operators and of subqueries make it high without nesting, and
/// whoever walks or drops it recurses.
const HEIGHT_MAX: usize = 1_000;

/// Parses an expression and checks its types.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text)?;
    if parser.is_at_end() {
        return Err(ParseError::new(text, Position::default(), "no expression found in input"));
    }
    let expr = parser.expression()?;
    if !parser.is_at_end() {
        return Err(parser.unexpected("", ""));
    }
    types::check(text, &expr)?;
    Ok(expr)
}

/// Parses a selector without range and modifiers, as `match[]` takes it.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text)?;
    let selector = parser.vector_selector()?;
    if !parser.is_at_end() {
        return Err(parser.unexpected("", ""));
    }
    types::check(text, &Expr::Vector(selector.clone()))?;
    Ok(selector.matchers)
}

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// What is wrong where the tokens end.
    end_error: Option<ParseError>,
    at: usize,
    nesting: usize,
    /// Height of the expression parsed last.
    height: usize,
    /// Terms of the duration expression being parsed.
    duration_terms: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        if text.len() > QUERY_BYTES_MAX {
            let message = format!("query is longer than {QUERY_BYTES_MAX} bytes");
            return Err(ParseError::new(text, Position::default(), message));
        }
        let Lexed { tokens, error: end_error } = lex(text);
        Ok(Self { text, tokens, end_error, at: 0, nesting: 0, height: 0, duration_terms: 0 })
    }

    /// Whether all of the text was read and nothing is wrong with its end.
    fn is_at_end(&self) -> bool {
        self.peek().kind == TokenKind::End && self.end_error.is_none()
    }

    fn peek(&self) -> &Token {
        // The last token is the end, and nothing moves past it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn previous_end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].position.end)
    }

    fn slice(&self, position: Position) -> &'a str {
        self.text.get(position.start..position.end).unwrap_or("")
    }

    fn error(&self, position: Position, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, position, message)
    }

    /// `unexpected X in CONTEXT, expected EXPECTED`, about the next token.
    fn unexpected(&self, context: &str, expected: &str) -> ParseError {
        let token = self.peek();
        if let (TokenKind::End, Some(error)) = (&token.kind, &self.end_error) {
            return error.clone();
        }
        let word = self.slice(token.position);
        let mut message = match &token.kind {
            TokenKind::End => "unexpected end of input".to_owned(),
            TokenKind::Identifier if AggregateOp::parse(word).is_some() => {
                format!("unexpected <aggr:{word}>")
            }
            TokenKind::Identifier if is_operator_word(word) => {
                format!("unexpected <op:{word}>")
            }
            TokenKind::Identifier if is_keyword(word) => format!("unexpected <{word}>"),
            TokenKind::Identifier => format!("unexpected identifier {}", go_quote(word)),
            TokenKind::Number(_) => format!("unexpected number {}", go_quote(word)),
            TokenKind::Duration(_) => format!("unexpected duration {}", go_quote(word)),
            TokenKind::String(_) => format!("unexpected string {}", go_quote(word)),
            TokenKind::Symbol(symbol) if is_operator(symbol) => {
                format!("unexpected <op:{symbol}>")
            }
            TokenKind::Symbol(symbol) => format!("unexpected {}", go_quote(symbol)),
        };
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.error(token.position, message)
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(&self.peek().kind, TokenKind::Symbol(found) if *found == symbol)
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    fn expect_symbol(
        &mut self,
        symbol: &str,
        context: &str,
        expected: &str,
    ) -> Result<(), ParseError> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected(context, expected)) }
    }

    /// The next token as a lower-case word, if it is one.
    fn word(&self) -> Option<String> {
        let token = self.peek();
        let is_word = token.kind == TokenKind::Identifier;
        is_word.then(|| self.slice(token.position).to_lowercase())
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word().as_deref() == Some(word);
        if found {
            self.next();
        }
        found
    }

    fn next_is_symbol(&self, symbol: &str) -> bool {
        let next = self.tokens.get(self.at + 1).map(|token| &token.kind);
        matches!(next, Some(TokenKind::Symbol(found)) if *found == symbol)
    }

    fn expression(&mut self) -> Result<Expr, ParseError> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            let position = self.peek().position;
            return Err(self.error(position, "expression is nested too deeply"));
        }
        let expr = self.binary(0);
        self.nesting -= 1;
        expr
    }

    fn binary(&mut self, precedence_min: u8) -> Result<Expr, ParseError> {
        let mut lhs = self.unary()?;
        while let Some((op, precedence)) = self.binary_op().filter(|(_, p)| *p >= precedence_min) {
            let lhs_height = self.height;
            let op_position = self.next().position;
            let (matching, return_bool) = self.binary_modifiers()?;
            // The power operator is the only one that groups to the right.
            let rhs = if op == BinaryOp::Pow {
                self.nested(|parser| parser.binary(precedence))?
            } else {
                self.nested(|parser| parser.binary(precedence + 1))?
            };
            self.grow(lhs_height.max(self.height))?;
            let (matching, op) = (types::matching_for(&lhs, &rhs, op, matching, self.text)?, op);
            let (lhs_box, rhs) = (Box::new(lhs), Box::new(rhs));
            lhs =
                Expr::Binary(Binary { op, lhs: lhs_box, rhs, matching, return_bool, op_position });
        }
        Ok(lhs)
    }

    /// A node was put above expressions of at most `height`.
    fn grow(&mut self, height: usize) -> Result<(), ParseError> {
        self.height = height + 1;
        if self.height > HEIGHT_MAX {
            let position = self.peek().position;
            return Err(self.error(position, "expression has too many operators in a row"));
        }
        Ok(())
    }

    fn nested(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Expr, ParseError>,
    ) -> Result<Expr, ParseError> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            let position = self.peek().position;
            return Err(self.error(position, "expression is nested too deeply"));
        }
        let expr = inner(self);
        self.nesting -= 1;
        expr
    }

    fn binary_op(&self) -> Option<(BinaryOp, u8)> {
        let word = self.word();
        let text = match (&self.peek().kind, &word) {
            (TokenKind::Symbol(symbol), _) => symbol,
            (_, Some(word)) => word.as_str(),
            _ => return None,
        };
        BinaryOp::parse(text).map(|op| (op, op.precedence()))
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        let start = self.peek().position.start;
        let negative = self.is_symbol("-");
        if !negative && !self.is_symbol("+") {
            let expr = self.primary()?;
            return self.postfix(expr);
        }
        self.next();
        // A sign binds as tightly as multiplication, so that only powers come before it.
        let precedence = BinaryOp::Pow.precedence();
        let inner = self.nested(|parser| parser.binary(precedence))?;
        self.grow(self.height)?;
        Ok(match inner {
            Expr::Number(mut number) => {
                if negative {
                    number.value = -number.value;
                }
                number.position.start = start;
                Expr::Number(number)
            }
            inner => Expr::Unary(Unary { negative, expr: Box::new(inner), start }),
        })
    }

    fn number(&mut self) -> Option<Number> {
        let token = self.peek();
        let position = token.position;
        let (value, is_duration) = match token.kind {
            TokenKind::Number(value) => (value, false),
            TokenKind::Duration(seconds) => (seconds, true),
            TokenKind::Identifier => match self.slice(position).to_lowercase().as_str() {
                "inf" => (f64::INFINITY, false),
                "nan" => (f64::NAN, false),
                _ => return None,
            },
            _ => return None,
        };
        self.next();
        Some(Number { value, is_duration, position })
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        self.height = 1;
        if let Some(number) = self.number() {
            return Ok(Expr::Number(number));
        }
        let token = self.peek().clone();
        match token.kind {
            TokenKind::String(value) => {
                self.next();
                Ok(Expr::String(StringLiteral { value, position: token.position }))
            }
            TokenKind::Symbol("(") => {
                self.next();
                let expr = Box::new(self.expression()?);
                self.grow(self.height)?;
                self.expect_symbol(")", "", "")?;
                let position = Position { start: token.position.start, end: self.previous_end() };
                Ok(Expr::Paren(Paren { expr, position }))
            }
            TokenKind::Symbol("{") => Ok(Expr::Vector(self.vector_selector()?)),
            TokenKind::Identifier => self.named(token.position),
            _ => Err(self.unexpected("", "")),
        }
    }

    /// An aggregation, a call, or a selector: they begin with a name.
    fn named(&mut self, position: Position) -> Result<Expr, ParseError> {
        let name = self.slice(position);
        if let Some(op) = AggregateOp::parse(name) {
            let next = self.tokens.get(self.at + 1).cloned();
            let next_word = next.as_ref().map_or("", |token| self.slice(token.position));
            let modifier = ["by", "without"].iter().any(|m| next_word.eq_ignore_ascii_case(m));
            if self.next_is_symbol("(") || modifier {
                return self.aggregate(op, position.start);
            }
        }
        if self.next_is_symbol("(") {
            return self.call(position);
        }
        if is_reserved(name) {
            return Err(self.unexpected("", ""));
        }
        Ok(Expr::Vector(self.vector_selector()?))
    }

    fn call(&mut self, position: Position) -> Result<Expr, ParseError> {
        let name = self.slice(position);
        let found = function(name).ok_or_else(|| {
            self.error(position, format!("unknown function with name {}", go_quote(name)))
        })?;
        self.next();
        let args = self.arguments()?;
        let position = Position { start: position.start, end: self.previous_end() };
        Ok(Expr::Call(Call { function: found, args, position }))
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, ParseError> {
        self.expect_symbol("(", "", "")?;
        let mut args = Vec::new();
        if self.take_symbol(")") {
            return Ok(args);
        }
        let mut height = 0;
        loop {
            args.push(self.expression()?);
            height = height.max(self.height);
            let comma = self.peek().position;
            if self.take_symbol(",") {
                if self.is_symbol(")") {
                    let message = "trailing commas not allowed in function call args";
                    return Err(self.error(comma, message));
                }
            } else if self.take_symbol(")") {
                self.grow(height)?;
                return Ok(args);
            } else {
                return Err(self.unexpected("function call args", "\",\" or \")\""));
            }
        }
    }

    fn aggregate(&mut self, op: AggregateOp, start: usize) -> Result<Expr, ParseError> {
        self.next();
        let mut grouping = self.aggregate_modifier()?;
        if !self.is_symbol("(") {
            return Err(self.unexpected("aggregation", ""));
        }
        let mut args = self.arguments()?;
        if grouping.is_none() {
            grouping = self.aggregate_modifier()?;
        }
        let position = Position { start, end: self.previous_end() };
        if args.is_empty() {
            let message = "no arguments for aggregate expression provided";
            return Err(self.error(position, message));
        }
        let wanted = if op.has_param() { 2 } else { 1 };
        if args.len() != wanted {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                args.len()
            );
            return Err(self.error(position, message));
        }
        let expr = Box::new(args.remove(args.len() - 1));
        let param = args.pop().map(Box::new);
        let (grouping, without) = grouping.unwrap_or_default();
        Ok(Expr::Aggregate(Aggregate { op, expr, param, grouping, without, position }))
    }
}

/// Words that cannot name a metric where an expression is expected.
fn is_reserved(word: &str) -> bool {
    const RESERVED: [&str; 6] = ["atan2", "bool", "group_left", "group_right", "ignoring", "on"];
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 5] = ["offset", "by", "without", "anchored", "smoothed"];
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word)) || is_reserved(word)
}

/// Operators that are words, which messages show as operators.
fn is_operator_word(word: &str) -> bool {
    BinaryOp::parse(&word.to_lowercase()).is_some()
}

fn is_operator(symbol: &str) -> bool {
    BinaryOp::parse(symbol).is_some()
}
