//! From tokens to the tree, by precedence.
//!
//! Spansets and scalars share brackets and operators (`>` between spansets is their structure,
//! between numbers a comparison), so one routine reads both and looks at what it has got.

mod field;
mod metrics;

use super::ast::{
    Aggregate, Form, Hint, Operator, Pipeline, Query, Scalar, ScalarFilter, SpansetExpression,
    SpansetOperator, Stage, Static,
};
use super::ast::{Expression, Field};
use super::error::TraceQlError;
use super::lexer::{Placed, Token, tokens};

/// How deep a tree may be.
const DEPTH_MAX: usize = 100;

/// Operands that one query may have. Chains of operators make trees that lean to the left, as deep
/// as they are long, and whoever walks them recurses.
const OPERANDS_MAX: usize = 1_000;

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Query, TraceQlError> {
    let mut parser = Parser::new(text)?;
    let query = parser.query()?;
    parser.end()?;
    Ok(query)
}

/// Reads the name of a field.
pub(super) fn parse_field(text: &str) -> Result<Field, TraceQlError> {
    let mut parser = Parser::new(text)?;
    let field = parser.field()?;
    parser.end()?;
    Ok(field)
}

/// What stands between two pipes.
#[derive(Debug)]
enum Node {
    Spansets(SpansetExpression),
    Scalar(Scalar),
    Filter(ScalarFilter),
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    operands: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, TraceQlError> {
        Ok(Self { text, tokens: tokens(text)?, at: 0, depth: 0, operands: 0 })
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |placed| &placed.token)
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, TraceQlError> {
        let at = self.tokens.get(self.at).map_or(self.text.len(), |placed| placed.at);
        Err(TraceQlError::new(self.text, at, message))
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, TraceQlError> {
        let found = match self.peek() {
            Token::End => "end of the query".to_owned(),
            Token::Symbol(symbol) => (*symbol).to_owned(),
            Token::Word(word) => word.clone(),
            Token::Literal(value) => value.to_string(),
            Token::Field(field) => field.to_string(),
        };
        self.error(format!("syntax error: unexpected {found}, expecting {expected}"))
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    fn skip(&mut self, symbol: &str) -> bool {
        let is_there = self.is_symbol(symbol);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), TraceQlError> {
        if self.skip(symbol) { Ok(()) } else { self.unexpected(symbol) }
    }

    fn end(&self) -> Result<(), TraceQlError> {
        if *self.peek() == Token::End { Ok(()) } else { self.unexpected("the end of the query") }
    }

    /// Runs `read` one level deeper.
    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, TraceQlError>,
    ) -> Result<T, TraceQlError> {
        if self.depth == DEPTH_MAX {
            return self.error("the query is nested too deeply");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn count_operand(&mut self) -> Result<(), TraceQlError> {
        self.operands += 1;
        if self.operands > OPERANDS_MAX {
            return self.error("the query has too many operands");
        }
        Ok(())
    }

    fn query(&mut self) -> Result<Query, TraceQlError> {
        let mut pipeline = Pipeline::default();
        let mut metrics = None;
        loop {
            if !pipeline.stages.is_empty()
                && let Some(function) = self.metric_function()?
            {
                metrics = Some(self.metric_query(function)?);
                break;
            }
            let stage = self.stage(pipeline.stages.is_empty())?;
            pipeline.stages.push(stage);
            if !self.skip("|") {
                break;
            }
        }
        let hints = self.hints()?;
        Ok(Query { pipeline, metrics, hints })
    }

    fn hints(&mut self) -> Result<Vec<Hint>, TraceQlError> {
        let mut hints = Vec::new();
        if !matches!(self.peek(), Token::Word(word) if word == "with") {
            return Ok(hints);
        }
        self.at += 1;
        self.expect("(")?;
        loop {
            let Token::Word(name) = self.peek().clone() else {
                return self.unexpected("the name of a hint");
            };
            self.at += 1;
            self.expect("=")?;
            let value = self.static_value()?;
            hints.push(Hint { name, value });
            if !self.skip(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(hints)
    }

    /// A stage of the outer pipeline.
    fn stage(&mut self, is_first: bool) -> Result<Stage, TraceQlError> {
        if let Some(stage) = self.keyword_stage(is_first)? {
            return Ok(stage);
        }
        match self.node(0)? {
            Node::Spansets(spansets) => Ok(Stage::Spansets(spansets)),
            Node::Filter(filter) => Ok(Stage::Filter(filter)),
            Node::Scalar(_) => self.unexpected("a comparison"),
        }
    }

    fn keyword_stage(&mut self, is_first: bool) -> Result<Option<Stage>, TraceQlError> {
        let Token::Word(word) = self.peek().clone() else { return Ok(None) };
        match word.as_str() {
            "by" => {
                self.at += 1;
                self.expect("(")?;
                let by = self.expression(0)?;
                self.expect(")")?;
                Ok(Some(Stage::By(by)))
            }
            "coalesce" if !is_first => {
                self.at += 1;
                self.expect("(")?;
                self.expect(")")?;
                Ok(Some(Stage::Coalesce))
            }
            "select" => {
                self.at += 1;
                Ok(Some(Stage::Select(self.fields()?)))
            }
            _ => Ok(None),
        }
    }

    /// `(a, b)`
    fn fields(&mut self) -> Result<Vec<Field>, TraceQlError> {
        self.expect("(")?;
        let mut fields = vec![self.field()?];
        while self.skip(",") {
            fields.push(self.field()?);
        }
        self.expect(")")?;
        Ok(fields)
    }

    /// Spansets or scalars joined by operators of at least this strength.
    fn node(&mut self, strength: u8) -> Result<Node, TraceQlError> {
        let mut left = self.deeper(Self::node_operand)?;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some((own, is_right)) = strength_of(symbol).filter(|(own, _)| *own >= strength)
            else {
                break;
            };
            let at = self.at;
            self.at += 1;
            let next = if is_right { own } else { own + 1 };
            let right = self.deeper(|parser| parser.node(next))?;
            let Some(joined) = join(symbol, left, right) else {
                self.at = at;
                return self.error(format!("syntax error: {symbol} does not fit here"));
            };
            left = joined;
        }
        Ok(left)
    }

    fn node_operand(&mut self) -> Result<Node, TraceQlError> {
        self.count_operand()?;
        match self.peek().clone() {
            Token::Symbol("{") => Ok(Node::Spansets(SpansetExpression::Filter(self.filter()?))),
            Token::Symbol("(") => {
                self.at += 1;
                let node = self.wrapped()?;
                self.expect(")")?;
                Ok(node)
            }
            Token::Symbol("-") => {
                self.at += 1;
                let value = match self.static_value()? {
                    Static::Integer(value) => Static::Integer(value.wrapping_neg()),
                    Static::Float(value) => Static::Float(-value),
                    Static::Duration(value) => Static::Duration(value.wrapping_neg()),
                    _ => return self.unexpected("a number"),
                };
                Ok(Node::Scalar(Scalar::Static(value)))
            }
            Token::Literal(
                value @ (Static::Integer(_) | Static::Float(_) | Static::Duration(_)),
            ) => {
                self.at += 1;
                Ok(Node::Scalar(Scalar::Static(value)))
            }
            Token::Word(word) => match self.aggregate(&word)? {
                Some(aggregate) => Ok(Node::Scalar(aggregate)),
                None => self.unexpected("{ or a function"),
            },
            _ => self.unexpected("{ or a function"),
        }
    }

    /// `{ ... }`
    fn filter(&mut self) -> Result<Expression, TraceQlError> {
        self.expect("{")?;
        if self.skip("}") {
            return Ok(Expression::Static(Static::Boolean(true)));
        }
        let expression = self.expression(0)?;
        self.expect("}")?;
        Ok(expression)
    }

    fn aggregate(&mut self, word: &str) -> Result<Option<Scalar>, TraceQlError> {
        let aggregate = match word {
            "count" => Aggregate::Count,
            "min" => Aggregate::Min,
            "max" => Aggregate::Max,
            "avg" => Aggregate::Avg,
            "sum" => Aggregate::Sum,
            _ => return Ok(None),
        };
        self.at += 1;
        self.expect("(")?;
        let of = match aggregate {
            Aggregate::Count => None,
            _ => Some(Box::new(self.expression(0)?)),
        };
        self.expect(")")?;
        Ok(Some(Scalar::Aggregate(aggregate, of)))
    }

    /// What is in parentheses: spansets, a scalar, or a whole pipeline.
    fn wrapped(&mut self) -> Result<Node, TraceQlError> {
        let mut stages = Vec::new();
        loop {
            if let Some(stage) = self.keyword_stage(stages.is_empty())? {
                stages.push(stage);
            } else {
                match self.node(0)? {
                    Node::Spansets(spansets) => stages.push(Stage::Spansets(spansets)),
                    Node::Filter(filter) => stages.push(Stage::Filter(filter)),
                    Node::Scalar(scalar) if stages.is_empty() => return Ok(Node::Scalar(scalar)),
                    Node::Scalar(scalar) => {
                        return Ok(Node::Scalar(Scalar::Pipeline(
                            Pipeline { stages },
                            Box::new(scalar),
                        )));
                    }
                }
            }
            if !self.skip("|") {
                break;
            }
        }
        if let [Stage::Spansets(_)] = stages.as_slice()
            && let Some(Stage::Spansets(spansets)) = stages.pop()
        {
            return Ok(Node::Spansets(spansets));
        }
        Ok(Node::Spansets(SpansetExpression::Pipeline(Pipeline { stages })))
    }
}

/// How strongly an operator binds, and whether it binds to the right.
fn strength_of(symbol: &str) -> Option<(u8, bool)> {
    Some(match symbol {
        "&&" | "||" => (1, false),
        "=" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~" | ">>" | "<<" | "~" | "!>" | "!<"
        | "!>>" | "!<<" | "&>" | "&<" | "&>>" | "&<<" | "&~" => (2, false),
        "+" | "-" => (3, false),
        "*" | "/" | "%" => (4, false),
        "^" => (5, true),
        _ => return None,
    })
}

/// The operator of expressions and scalars.
fn operator(symbol: &str) -> Option<Operator> {
    Some(match symbol {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Modulo,
        "^" => Operator::Power,
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterEqual,
        "=~" => Operator::Matches,
        "!~" => Operator::NotMatches,
        "&&" => Operator::And,
        "||" => Operator::Or,
        _ => return None,
    })
}

fn spanset_operator(symbol: &str) -> Option<SpansetOperator> {
    use SpansetOperator::{Ancestor, Child, Descendant, Parent, Sibling};
    let structural: fn(Form) -> SpansetOperator = match symbol.trim_start_matches(['!', '&']) {
        ">" => Child,
        "<" => Parent,
        ">>" => Descendant,
        "<<" => Ancestor,
        "~" => Sibling,
        _ => {
            return match symbol {
                "&&" => Some(SpansetOperator::And),
                "||" => Some(SpansetOperator::Or),
                _ => None,
            };
        }
    };
    Some(structural(match symbol.as_bytes() {
        [b'!', ..] => Form::Not,
        [b'&', ..] => Form::Union,
        _ => Form::Plain,
    }))
}

/// The node that an operator makes of two; `None` when it does not fit them.
fn join(symbol: &str, left: Node, right: Node) -> Option<Node> {
    match (left, right) {
        (Node::Spansets(left), Node::Spansets(right)) => {
            Some(Node::Spansets(SpansetExpression::Operation(
                spanset_operator(symbol)?,
                Box::new(left),
                Box::new(right),
            )))
        }
        (Node::Scalar(left), Node::Scalar(right)) => match operator(symbol)? {
            operator @ (Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual) => Some(Node::Filter(ScalarFilter { operator, left, right })),
            Operator::Matches | Operator::NotMatches | Operator::And | Operator::Or => None,
            operator => {
                Some(Node::Scalar(Scalar::Operation(operator, Box::new(left), Box::new(right))))
            }
        },
        _ => None,
    }
}
