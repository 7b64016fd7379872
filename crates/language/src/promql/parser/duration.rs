//! Durations in ranges, steps and offsets, possibly computed.

use super::super::ast::{BinaryOp, DurationExpr, DurationOp, Position};
use super::super::error::ParseError;
use super::super::lexer::{Token, TokenKind};
use super::Parser;

/// The longest duration in seconds: Go counts nanoseconds in 63 bits.
const SECONDS_MAX: f64 = 9_223_372_036.0;

impl Parser<'_> {
    /// A duration within brackets, and whether it is a literal that is not greater than zero.
    pub(super) fn range_duration(
        &mut self,
        context: &str,
    ) -> Result<(DurationExpr, bool), ParseError> {
        self.duration_terms = 0;
        let duration = self.duration(0, context)?;
        let is_zero = match &duration {
            DurationExpr::Literal(seconds, _) => *seconds <= 0.0,
            DurationExpr::Unary { negative: true, expr, .. } => {
                matches!(**expr, DurationExpr::Literal(..))
            }
            _ => false,
        };
        Ok((duration, is_zero))
    }

    /// A duration after `offset`. As in Prometheus' grammar it is one term, so that what follows
    /// is not taken in (`x offset 5m + y`); but after one that begins with a parenthesis, or with
    /// two signs, operators go on with the duration.
    pub(super) fn offset_duration(&mut self) -> Result<DurationExpr, ParseError> {
        self.duration_terms = 0;
        let is_sign = |token: Option<&Token>| {
            token.is_some_and(|token| matches!(token.kind, TokenKind::Symbol("+" | "-")))
        };
        let two_signs = is_sign(self.tokens.get(self.at)) && is_sign(self.tokens.get(self.at + 1));
        if two_signs || self.is_symbol("(") {
            return self.duration(0, "offset");
        }
        self.duration_term("offset")
    }

    fn duration(&mut self, precedence_min: u8, context: &str) -> Result<DurationExpr, ParseError> {
        let mut lhs = self.duration_term(context)?;
        while let Some((op, precedence)) = self.duration_op().filter(|(_, p)| *p >= precedence_min)
        {
            let position = self.next().position;
            let next = if op == DurationOp::Pow { precedence } else { precedence + 1 };
            let rhs = self.duration(next, context)?;
            if matches!(rhs, DurationExpr::Literal(0.0, _)) {
                match op {
                    DurationOp::Div => return Err(self.error(position, "division by zero")),
                    DurationOp::Mod => return Err(self.error(position, "modulo by zero")),
                    _ => {}
                }
            }
            lhs = DurationExpr::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs) };
        }
        Ok(lhs)
    }

    fn duration_op(&self) -> Option<(DurationOp, u8)> {
        let TokenKind::Symbol(symbol) = self.peek().kind else { return None };
        let op = match symbol {
            "+" => DurationOp::Add,
            "-" => DurationOp::Sub,
            "*" => DurationOp::Mul,
            "/" => DurationOp::Div,
            "%" => DurationOp::Mod,
            "^" => DurationOp::Pow,
            _ => return None,
        };
        BinaryOp::parse(symbol).map(|binary| (op, binary.precedence()))
    }

    fn duration_term(&mut self, context: &str) -> Result<DurationExpr, ParseError> {
        self.nesting += 1;
        // One term adds at most two nodes to the tree's height.
        self.duration_terms += 1;
        let position = self.peek().position;
        if self.duration_terms > super::HEIGHT_MAX / 4 {
            return Err(self.error(position, "duration has too many operators"));
        }
        if self.nesting > super::NESTING_MAX {
            return Err(self.error(position, "duration is nested too deeply"));
        }
        let term = self.duration_term_inner(context, position);
        self.nesting -= 1;
        term
    }

    fn duration_term_inner(
        &mut self,
        context: &str,
        position: Position,
    ) -> Result<DurationExpr, ParseError> {
        if let Some(number) = self.number() {
            if number.value.is_nan() || number.value.abs() > SECONDS_MAX {
                return Err(self.error(number.position, "duration out of range"));
            }
            return Ok(DurationExpr::Literal(number.value, number.position));
        }
        let negative = self.is_symbol("-");
        if negative || self.is_symbol("+") {
            self.next();
            let expr = match self.duration_term(context)? {
                DurationExpr::Literal(seconds, literal) => {
                    let position = Position { start: position.start, end: literal.end };
                    let seconds = if negative { -seconds } else { seconds };
                    return Ok(DurationExpr::Literal(seconds, position));
                }
                other => Box::new(other),
            };
            return Ok(DurationExpr::Unary { negative, expr, position });
        }
        if self.take_symbol("(") {
            let inner = Box::new(self.duration(0, context)?);
            self.expect_symbol(")", context, "\")\"")?;
            return Ok(DurationExpr::Paren(inner, self.since(position)));
        }
        let word = self.word().filter(|_| self.next_is_symbol("("));
        match word.as_deref() {
            Some(word @ ("step" | "range")) => {
                self.next();
                self.next();
                self.expect_symbol(")", context, "\")\"")?;
                let position = self.since(position);
                Ok(if word == "step" {
                    DurationExpr::Step(position)
                } else {
                    DurationExpr::Range(position)
                })
            }
            Some(word @ ("min_of" | "max_of")) => {
                self.next();
                self.next();
                let first = Box::new(self.duration(0, context)?);
                self.expect_symbol(",", context, "\",\"")?;
                let second = Box::new(self.duration(0, context)?);
                self.expect_symbol(")", context, "\")\"")?;
                let position = self.since(position);
                Ok(if word.starts_with("min") {
                    DurationExpr::MinOf(first, second, position)
                } else {
                    DurationExpr::MaxOf(first, second, position)
                })
            }
            _ => Err(self.unexpected(context, "number, duration, step(), or range()")),
        }
    }

    fn since(&self, position: Position) -> Position {
        Position { start: position.start, end: self.previous_end() }
    }
}
