//! Commands of a pipeline: operands, with the fields that follow them.

use std::sync::Arc;

use super::Parser;
use crate::promql::go_quote;
use crate::template::ast::{Command, Operand, OperandKind};
use crate::template::error::Error;
use crate::template::lexer::{Kind, Token};
use crate::template::number;

impl Parser<'_> {
    pub(super) fn command(&mut self) -> Result<Command, Error> {
        let position = self.peek_past_space().position;
        let mut operands = Vec::new();
        loop {
            self.peek_past_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            let token = self.peek();
            match token.kind {
                Kind::Space => {
                    self.read();
                }
                Kind::RightDelimiter | Kind::RightParenthesis => break,
                Kind::Pipe => {
                    self.read();
                    break;
                }
                _ => {
                    self.read();
                    return self.unexpected(&token, "operand");
                }
            }
        }
        if operands.is_empty() {
            return self.fail("empty command");
        }
        Ok(Command { position, operands })
    }

    fn operand(&mut self) -> Result<Option<Operand>, Error> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(operand));
        }
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(field_name(&self.read()));
        }
        let position = first.position;
        match &mut operand.kind {
            OperandKind::Field(known) | OperandKind::Variable(_, known) => {
                known.extend(fields);
                operand.position = position;
                Ok(Some(operand))
            }
            OperandKind::Bool(_)
            | OperandKind::Text(..)
            | OperandKind::Number(_)
            | OperandKind::Nil
            | OperandKind::Dot => {
                let term = go_quote(&operand.to_string());
                self.fail(&format!("unexpected . after term {term}"))
            }
            _ => {
                let kind = OperandKind::Chain(Box::new(operand), fields);
                Ok(Some(Operand { position, kind }))
            }
        }
    }

    fn term(&mut self) -> Result<Option<Operand>, Error> {
        let token = self.peek_past_space();
        let kind = match token.kind {
            Kind::Word => {
                self.read();
                if !(self.is_function)(&token.text) {
                    let name = go_quote(&token.text);
                    return self.fail(&format!("function {name} not defined"));
                }
                OperandKind::Function(token.text.as_ref().into())
            }
            Kind::Dot => OperandKind::Dot,
            Kind::Nil => OperandKind::Nil,
            Kind::Bool => OperandKind::Bool(token.text == "true"),
            Kind::Field => OperandKind::Field(vec![field_name(&token)]),
            Kind::Variable => {
                if !self.variables.iter().any(|known| **known == *token.text) {
                    self.read();
                    let name = go_quote(&token.text);
                    return self.fail(&format!("undefined variable {name}"));
                }
                OperandKind::Variable(token.text.as_ref().into(), Vec::new())
            }
            Kind::Number | Kind::Character => match number::parse(&token.text) {
                Ok(number) => OperandKind::Number(number),
                Err(message) => return self.fail(&message),
            },
            Kind::QuotedText | Kind::RawText => {
                OperandKind::Text(token.text.as_ref().into(), self.unquote(&token)?)
            }
            Kind::LeftParenthesis => {
                self.read();
                self.descend()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParenthesis)?;
                self.depth -= 1;
                let position = pipe.position;
                return Ok(Some(Operand { position, kind: OperandKind::Pipe(Box::new(pipe)) }));
            }
            _ => return Ok(None),
        };
        if token.kind != Kind::Word {
            self.read();
        }
        Ok(Some(Operand { position: token.position, kind }))
    }
}

fn field_name(token: &Token<'_>) -> Arc<str> {
    token.text.strip_prefix('.').unwrap_or(&token.text).into()
}
