//! Expressions about one span.

use super::super::ast::{Expression, Field, Intrinsic, Operator, Static};
use super::super::error::TraceQlError;
use super::super::lexer::Token;
use super::{Parser, operator, strength_of};

impl Parser<'_> {
    /// Operands joined by operators of at least this strength.
    pub(super) fn expression(&mut self, strength: u8) -> Result<Expression, TraceQlError> {
        let mut left = self.deeper(Self::operand)?;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some(operator) = operator(symbol) else { break };
            let Some((own, is_right)) = strength_of(symbol).filter(|(own, _)| *own >= strength)
            else {
                break;
            };
            self.at += 1;
            let next = if is_right { own } else { own + 1 };
            let right = self.deeper(|parser| parser.expression(next))?;
            if matches!(operator, Operator::Matches | Operator::NotMatches)
                && !matches!(right, Expression::Static(Static::Text(_)))
            {
                return self.error("a regular expression is a text in quotes");
            }
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression, TraceQlError> {
        self.count_operand()?;
        match self.peek().clone() {
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Symbol("-") => {
                self.at += 1;
                // Binds like the minus between two.
                let inner = self.deeper(|parser| parser.expression(4))?;
                Ok(match inner {
                    Expression::Static(Static::Integer(value)) => {
                        Expression::Static(Static::Integer(value.wrapping_neg()))
                    }
                    Expression::Static(Static::Float(value)) => {
                        Expression::Static(Static::Float(-value))
                    }
                    Expression::Static(Static::Duration(value)) => {
                        Expression::Static(Static::Duration(value.wrapping_neg()))
                    }
                    inner => Expression::Negative(Box::new(inner)),
                })
            }
            Token::Symbol("!") => {
                self.at += 1;
                let inner = self.deeper(|parser| parser.expression(4))?;
                Ok(Expression::Not(Box::new(inner)))
            }
            Token::Literal(value) => {
                self.at += 1;
                Ok(Expression::Static(value))
            }
            Token::Field(field) => {
                self.at += 1;
                Ok(Expression::Field(field))
            }
            Token::Word(word) => match keyword(&word) {
                Some(expression) => {
                    self.at += 1;
                    Ok(expression)
                }
                None => self.unexpected("a field or a value"),
            },
            _ => self.unexpected("a field or a value"),
        }
    }

    /// A literal, with its sign.
    pub(super) fn static_value(&mut self) -> Result<Static, TraceQlError> {
        let is_negative = self.skip("-");
        let value = match self.peek().clone() {
            Token::Literal(value) => value,
            Token::Word(word) => match keyword(&word) {
                Some(Expression::Static(value)) => value,
                _ => return self.unexpected("a value"),
            },
            _ => return self.unexpected("a value"),
        };
        self.at += 1;
        Ok(match value {
            Static::Integer(value) if is_negative => Static::Integer(value.wrapping_neg()),
            Static::Float(value) if is_negative => Static::Float(-value),
            Static::Duration(value) if is_negative => Static::Duration(value.wrapping_neg()),
            _ if is_negative => return self.unexpected("a number"),
            value => value,
        })
    }

    /// An attribute or an intrinsic.
    pub(super) fn field(&mut self) -> Result<Field, TraceQlError> {
        let field = match self.peek() {
            Token::Field(field) => Some(field.clone()),
            Token::Word(word) => Intrinsic::of_word(word).map(Field::Intrinsic),
            _ => None,
        };
        match field {
            Some(field) => {
                self.at += 1;
                Ok(field)
            }
            None => self.unexpected("a field"),
        }
    }
}

fn keyword(word: &str) -> Option<Expression> {
    if let Some(intrinsic) = Intrinsic::of_word(word) {
        return Some(Expression::Field(Field::Intrinsic(intrinsic)));
    }
    Some(Expression::Static(match word {
        "nil" => Static::Nil,
        "true" => Static::Boolean(true),
        "false" => Static::Boolean(false),
        "minInt" => Static::Integer(i64::MIN),
        "maxInt" => Static::Integer(i64::MAX),
        "ok" => Static::Status("ok"),
        "error" => Static::Status("error"),
        "unset" => Static::Status("unset"),
        "unspecified" => Static::Kind("unspecified"),
        "internal" => Static::Kind("internal"),
        "server" => Static::Kind("server"),
        "client" => Static::Kind("client"),
        "producer" => Static::Kind("producer"),
        "consumer" => Static::Kind("consumer"),
        _ => return None,
    }))
}
