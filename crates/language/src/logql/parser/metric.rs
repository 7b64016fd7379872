//! Expressions that give numbers, and binary operators.

use vigie_model::pattern::compile_anchored;

use super::Parser;
use crate::logql::ast::{
    Binary, Expr, Grouping, LabelReplace, LogExpr, LogRange, MetricExpr, RangeAggregation, RangeOp,
    VectorAggregation, VectorOp,
};
use crate::logql::error::ParseError;
use crate::logql::lexer::TokenKind;
use crate::promql::{BinaryOp, FillModifier, GroupSide, Matching};

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Expr, ParseError> {
        self.enter()?;
        let expr = self.binary(0)?;
        self.leave();
        Ok(expr)
    }

    fn binary_op(&self) -> Option<BinaryOp> {
        let text = match self.kind() {
            TokenKind::Symbol(text) | TokenKind::Word(text @ ("and" | "or" | "unless")) => *text,
            _ => return None,
        };
        BinaryOp::parse(text)
            .filter(|op| !matches!(op, BinaryOp::Atan2 | BinaryOp::TrimUpper | BinaryOp::TrimLower))
    }

    /// Operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8) -> Result<Expr, ParseError> {
        let mut left = self.operand()?;
        let mut count = 0;
        while let Some(op) = self.binary_op() {
            let precedence = op.precedence();
            if precedence < least {
                break;
            }
            count += 1;
            if count > super::DEPTH_MAX {
                return Err(ParseError::nowhere("the query is nested too deeply"));
            }
            self.advance();
            let (matching, return_bool) = self.modifiers()?;
            // Only `^` groups to the right.
            let next = if op == BinaryOp::Pow { precedence } else { precedence + 1 };
            self.enter()?;
            let right = self.binary(next)?;
            self.leave();
            left = Expr::Metric(joined(op, left, right, matching, return_bool)?);
        }
        Ok(left)
    }

    /// `bool`, `on`, `ignoring`, `group_left`, `group_right`
    fn modifiers(&mut self) -> Result<(Matching, bool), ParseError> {
        let mut matching = Matching {
            group: GroupSide::None,
            labels: Vec::new(),
            on: false,
            include: Vec::new(),
            fill: FillModifier::default(),
        };
        let return_bool = self.take_word("bool");
        let on = self.take_word("on");
        if !on && !self.take_word("ignoring") {
            return Ok((matching, return_bool));
        }
        matching.on = on;
        matching.labels = self.label_list()?;
        for (word, side) in [("group_left", GroupSide::Left), ("group_right", GroupSide::Right)] {
            if self.take_word(word) {
                matching.group = side;
                if self.is("(") && self.is_label_list() {
                    matching.include = self.label_list()?;
                }
                break;
            }
        }
        Ok((matching, return_bool))
    }

    /// Whether `(` begins a list of labels, and not an expression in parentheses.
    fn is_label_list(&self) -> bool {
        let kinds = self.tokens.iter().skip(self.at + 1).map(|token| &token.kind);
        for kind in kinds {
            match kind {
                TokenKind::Identifier(_) | TokenKind::Symbol(",") => {}
                TokenKind::Symbol(")") => return true,
                _ => return false,
            }
        }
        false
    }

    fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect("(")?;
        let mut labels = Vec::new();
        if self.take(")") {
            return Ok(labels);
        }
        loop {
            labels.push(self.identifier()?);
            if self.take(")") {
                return Ok(labels);
            }
            if !self.take(",") {
                return Err(self.unexpected(&[",", ")"]));
            }
        }
    }

    fn operand(&mut self) -> Result<Expr, ParseError> {
        match self.kind() {
            TokenKind::Symbol("{") => {
                let matchers = self.selector()?;
                let stages = self.stages()?;
                Ok(Expr::Log(LogExpr { matchers, stages }))
            }
            TokenKind::Symbol("(") => {
                self.advance();
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            TokenKind::Number(_) | TokenKind::Symbol("+" | "-") => {
                self.signed_number().map(|value| Expr::Metric(MetricExpr::Literal(value)))
            }
            TokenKind::Word("vector") => {
                self.advance();
                self.expect("(")?;
                let value = self.number()?;
                self.expect(")")?;
                Ok(Expr::Metric(MetricExpr::VectorLiteral(value)))
            }
            TokenKind::Word("label_replace") => self.label_replace().map(Expr::Metric),
            TokenKind::Word("variants") => {
                let message = "multi variant queries are disabled for this instance";
                Err(ParseError::nowhere(message))
            }
            TokenKind::Word(word) => match (RangeOp::parse(word), VectorOp::parse(word)) {
                (Some(op), _) => self.range_aggregation(op).map(Expr::Metric),
                (None, Some(op)) => self.vector_aggregation(op).map(Expr::Metric),
                _ => Err(self.unexpected(&[])),
            },
            _ => Err(self.unexpected(&[])),
        }
    }

    fn number(&mut self) -> Result<f64, ParseError> {
        let TokenKind::Number(text) = self.kind() else { return Err(self.unexpected(&["NUMBER"])) };
        let value = parse_number(text).ok_or_else(|| {
            ParseError::nowhere(format!(
                "unable to parse literal as a float: strconv.ParseFloat: parsing \"{text}\": invalid syntax"
            ))
        })?;
        self.advance();
        Ok(value)
    }

    pub(super) fn signed_number(&mut self) -> Result<f64, ParseError> {
        if self.take("-") {
            return self.number().map(|value| -value);
        }
        self.take("+");
        self.number()
    }

    fn metric(&mut self) -> Result<MetricExpr, ParseError> {
        match self.expr()? {
            Expr::Metric(metric) => Ok(metric),
            // Loki's grammar has no lines here: what is unexpected is what follows them.
            Expr::Log(_) => Err(self.unexpected(&[])),
        }
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = self.is_word("without");
        if !without && !self.is_word("by") {
            return Ok(None);
        }
        self.advance();
        Ok(Some(Grouping { labels: self.label_list()?, without }))
    }

    fn range_aggregation(&mut self, op: RangeOp) -> Result<MetricExpr, ParseError> {
        self.enter()?;
        self.advance();
        self.expect("(")?;
        let mut parameter = None;
        if matches!(self.kind(), TokenKind::Number(_)) {
            parameter = Some(self.number()?);
            self.expect(",")?;
        }
        let range = self.log_range()?;
        self.expect(")")?;
        let grouping = self.grouping()?;
        self.leave();
        Ok(MetricExpr::Range(RangeAggregation { op, parameter, range, grouping }))
    }

    /// A selector, its pipeline, `unwrap` and the range, which may stand before or after the
    /// pipeline.
    fn log_range(&mut self) -> Result<LogRange, ParseError> {
        if self.is("(") {
            self.enter()?;
            self.advance();
            let mut inner = self.log_range_in_parentheses()?;
            self.expect(")")?;
            self.leave();
            if inner.range_ns == 0 {
                inner.range_ns = self.range()?;
                inner.offset_ns = self.offset()?;
                if inner.unwrap.is_none() {
                    inner.unwrap = self.unwrap()?;
                }
            }
            return Ok(inner);
        }
        let range = self.log_range_in_parentheses()?;
        if range.range_ns == 0 {
            return Err(self.unexpected(&[]));
        }
        Ok(range)
    }

    /// The same where the range may be missing: 0, for it follows the parenthesis.
    fn log_range_in_parentheses(&mut self) -> Result<LogRange, ParseError> {
        if self.is("(") {
            return self.log_range();
        }
        let matchers = self.selector()?;
        let mut stages = self.stages()?;
        let mut unwrap = self.unwrap()?;
        let (mut range_ns, mut offset_ns) = (0, 0);
        if matches!(self.kind(), TokenKind::Range(_)) {
            range_ns = self.range()?;
            offset_ns = self.offset()?;
            if stages.is_empty() && unwrap.is_none() {
                stages = self.stages()?;
            }
            if unwrap.is_none() {
                unwrap = self.unwrap()?;
            }
        }
        Ok(LogRange { log: LogExpr { matchers, stages }, range_ns, offset_ns, unwrap })
    }

    fn range(&mut self) -> Result<i64, ParseError> {
        let TokenKind::Range(ns) = self.kind() else { return Err(self.unexpected(&["RANGE"])) };
        let ns = *ns;
        if ns <= 0 {
            return Err(ParseError::nowhere("the range must be more than 0"));
        }
        self.advance();
        Ok(ns)
    }

    fn offset(&mut self) -> Result<i64, ParseError> {
        if !self.take_word("offset") {
            return Ok(0);
        }
        let TokenKind::Duration(ns) = self.kind() else {
            return Err(self.unexpected(&["DURATION"]));
        };
        let ns = *ns;
        self.advance();
        Ok(ns)
    }

    fn vector_aggregation(&mut self, op: VectorOp) -> Result<MetricExpr, ParseError> {
        self.enter()?;
        self.advance();
        let mut grouping = self.grouping()?;
        self.expect("(")?;
        let mut parameter = None;
        if let (TokenKind::Number(text), TokenKind::Symbol(",")) = (self.kind(), self.next_kind()) {
            parameter = Some(text.clone());
            self.at += 2;
        }
        let expr = Box::new(self.metric()?);
        self.expect(")")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        self.leave();
        let parameter = check_parameter(op, parameter)?;
        Ok(MetricExpr::Vector(VectorAggregation { op, parameter, grouping, expr }))
    }

    fn label_replace(&mut self) -> Result<MetricExpr, ParseError> {
        self.enter()?;
        self.advance();
        self.expect("(")?;
        let expr = Box::new(self.metric()?);
        let mut texts: [String; 4] = Default::default();
        for text in &mut texts {
            self.expect(",")?;
            *text = self.string()?;
        }
        self.expect(")")?;
        self.leave();
        let [target, replacement, source, pattern] = texts;
        compile_anchored(&pattern).map_err(|error| {
            ParseError::nowhere(format!("invalid regex in label_replace: {error}"))
        })?;
        Ok(MetricExpr::LabelReplace(LabelReplace { expr, target, replacement, source, pattern }))
    }
}

fn parse_number(text: &str) -> Option<f64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok().map(|value| value as f64),
        None => text.parse().ok(),
    }
}

/// How many series `topk` and its kin keep.
fn check_parameter(op: VectorOp, parameter: Option<String>) -> Result<u64, ParseError> {
    let name = op.as_str();
    match (op.has_parameter(), parameter) {
        (true, Some(text)) => match text.parse::<u64>() {
            Ok(0) => {
                let message = format!("invalid parameter (must be greater than 0) {name}({text}");
                Err(ParseError::nowhere(message))
            }
            Ok(count) => Ok(count),
            Err(_) => Err(ParseError::nowhere(format!("invalid parameter {name}({text},"))),
        },
        (true, None) => {
            Err(ParseError::nowhere(format!("parameter required for operation {name}")))
        }
        (false, Some(text)) => {
            let message = format!("unsupported parameter for operation {name}({text},");
            Err(ParseError::nowhere(message))
        }
        (false, None) => Ok(0),
    }
}

/// Joins two sides; two numbers are worked out at once, as in Loki.
fn joined(
    op: BinaryOp,
    left: Expr,
    right: Expr,
    matching: Matching,
    return_bool: bool,
) -> Result<MetricExpr, ParseError> {
    let side = |expr: Expr, name: &str| match expr {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(log) => {
            let kind = if log.stages.is_empty() { "MatchersExpr" } else { "PipelineExpr" };
            let op = op.as_str();
            Err(ParseError::nowhere(format!(
                "unexpected type for {name} leg of binary operation ({op}): *syntax.{kind}"
            )))
        }
    };
    let (lhs, rhs) = (side(left, "left")?, side(right, "right")?);
    for (expr, name) in [(&lhs, "left"), (&rhs, "right")] {
        if let MetricExpr::Literal(value) = expr
            && op.is_set()
        {
            let op = op.as_str();
            return Err(ParseError::nowhere(format!(
                "unexpected literal for {name} leg of logical/set binary operation ({op}): {value:.6}"
            )));
        }
    }
    if let (MetricExpr::Literal(a), MetricExpr::Literal(b)) = (&lhs, &rhs) {
        return Ok(MetricExpr::Literal(folded(op, *a, *b)));
    }
    Ok(MetricExpr::Binary(Box::new(Binary { op, lhs, rhs, matching, return_bool })))
}

/// The value of an operation on two numbers.
fn folded(op: BinaryOp, a: f64, b: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        // Loki gives NaN and not infinity.
        BinaryOp::Div if b != 0.0 => a / b,
        BinaryOp::Mod if b != 0.0 => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Equal => truth(a == b),
        BinaryOp::NotEqual => truth(a != b),
        BinaryOp::Greater => truth(a > b),
        BinaryOp::Less => truth(a < b),
        BinaryOp::GreaterEqual => truth(a >= b),
        BinaryOp::LessEqual => truth(a <= b),
        _ => f64::NAN,
    }
}
