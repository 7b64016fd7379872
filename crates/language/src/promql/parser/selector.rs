//! Selectors and what may follow them: ranges, `offset`, `@`, `anchored`, `smoothed`.

use vigie_model::{METRIC_NAME, MatchOp, Matcher, pattern};

use super::super::ast::{
    AtModifier, Expr, MatrixSelector, Position, RangeExtension, Subquery, VectorSelector,
};
use super::super::error::ParseError;
use super::super::lexer::TokenKind;
use super::super::quote::go_quote;
use super::super::text::Text;
use super::Parser;

const BEFORE_OFFSET: &str = "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery";
const BEFORE_AT: &str = "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery";

impl Parser<'_> {
    pub(super) fn vector_selector(&mut self) -> Result<VectorSelector, ParseError> {
        let start = self.peek().position.start;
        let mut name = None;
        if self.peek().kind == TokenKind::Identifier {
            name = Some(self.slice(self.peek().position).to_owned());
            self.next();
        } else if !self.is_symbol("{") {
            return Err(self.unexpected("", ""));
        }
        let mut matchers = if self.is_symbol("{") { self.matchers()? } else { Vec::new() };
        let position = Position { start, end: self.previous_end() };
        if let Some(name) = &name {
            if let Some(twice) = matchers.iter().find(|matcher| matcher.name == METRIC_NAME) {
                let (name, twice) = (go_quote(name), go_quote(&twice.value));
                let message = format!("metric name must not be set twice: {name} or {twice}");
                return Err(self.error(position, message));
            }
            matchers.push(Matcher::equal(METRIC_NAME, name.as_str()));
        }
        Ok(VectorSelector {
            name,
            matchers,
            offset: None,
            at: None,
            extension: RangeExtension::None,
            position,
        })
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>, ParseError> {
        const CONTEXT: &str = "label matching";
        self.next();
        let mut matchers = Vec::new();
        while !self.take_symbol("}") {
            let token = self.peek().clone();
            let (name, quoted) = match token.kind {
                TokenKind::Identifier => (self.slice(token.position).to_owned(), false),
                TokenKind::String(value) => (self.utf8(&value, token.position)?, true),
                _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
            };
            self.next();
            let op = match self.peek().kind {
                TokenKind::Symbol("=") => MatchOp::Equal,
                TokenKind::Symbol("!=") => MatchOp::NotEqual,
                TokenKind::Symbol("=~") => MatchOp::Regex,
                TokenKind::Symbol("!~") => MatchOp::NotRegex,
                // A string alone is the metric's name.
                TokenKind::Symbol("," | "}") if quoted => {
                    matchers.push(Matcher::equal(METRIC_NAME, name));
                    self.end_of_matcher(CONTEXT)?;
                    continue;
                }
                _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
            };
            self.next();
            let value_token = self.peek().clone();
            let TokenKind::String(value) = value_token.kind else {
                return Err(self.unexpected(CONTEXT, "string"));
            };
            let value = self.utf8(&value, value_token.position)?;
            self.next();
            let position = Position { start: token.position.start, end: value_token.position.end };
            let matcher = Matcher::new(name, op, value);
            self.check_regex(&matcher, position)?;
            matchers.push(matcher);
            self.end_of_matcher(CONTEXT)?;
        }
        Ok(matchers)
    }

    /// Labels are UTF-8 here, so a matcher has no use for other bytes.
    fn utf8(&self, text: &Text, position: Position) -> Result<String, ParseError> {
        if text.is_utf8() {
            return Ok(text.as_str().to_owned());
        }
        Err(self.error(position, format!("invalid UTF-8 in a matcher: {}", text.quoted())))
    }

    fn end_of_matcher(&mut self, context: &str) -> Result<(), ParseError> {
        if self.take_symbol(",") || self.is_symbol("}") {
            return Ok(());
        }
        Err(self.unexpected(context, "\",\" or \"}\""))
    }

    fn check_regex(&self, matcher: &Matcher, position: Position) -> Result<(), ParseError> {
        if !matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex) {
            return Ok(());
        }
        // The expression must be whole before Prometheus puts anchors around it.
        let checked = pattern::translate(&matcher.value)
            .and_then(|_| pattern::compile_anchored(&matcher.value));
        match checked {
            Ok(_) => Ok(()),
            Err(error) => Err(self.error(position, error.to_string())),
        }
    }

    /// Ranges and modifiers after `expr`.
    pub(super) fn postfix(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        loop {
            expr = match self.word().as_deref() {
                Some("offset") => self.offset(expr)?,
                Some(word @ ("anchored" | "smoothed")) => {
                    let extension = match word {
                        "anchored" => RangeExtension::Anchored,
                        _ => RangeExtension::Smoothed,
                    };
                    self.extension(expr, extension)?
                }
                _ if self.is_symbol("[") => self.brackets(expr)?,
                _ if self.is_symbol("@") => self.at_modifier(expr)?,
                _ => return Ok(expr),
            };
        }
    }

    fn brackets(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        self.next();
        let position = self.peek().position;
        let (range, is_zero) = self.range_duration("subquery or range selector")?;
        if is_zero {
            return Err(self.error(position, "duration must be greater than 0"));
        }
        if self.take_symbol("]") {
            let end = self.previous_end();
            let Expr::Vector(selector) = expr else {
                let after = expr.position().end;
                let position = Position { start: after, end };
                return Err(self.error(position, "ranges only allowed for vector selectors"));
            };
            if selector.offset.is_some() || selector.at.is_some() {
                let what = if selector.offset.is_some() { "offset" } else { "@" };
                let message = format!("no {what} modifiers allowed before range");
                return Err(self.error(selector.position, message));
            }
            return Ok(Expr::Matrix(MatrixSelector { selector, range, end }));
        }
        if !self.take_symbol(":") {
            return Err(self.unexpected("subquery or range", "\":\" or \"]\""));
        }
        let mut step = None;
        if !self.is_symbol("]") {
            let position = self.peek().position;
            let (duration, is_zero) = self.range_duration("subquery selector")?;
            if is_zero {
                return Err(self.error(position, "duration must be greater than 0"));
            }
            step = Some(duration);
        }
        self.expect_symbol("]", "subquery selector", "\"]\"")?;
        let (expr, end) = (Box::new(expr), self.previous_end());
        self.grow(self.height)?;
        Ok(Expr::Subquery(Subquery { expr, range, step, offset: None, at: None, end }))
    }

    fn offset(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        self.next();
        let offset = self.offset_duration()?;
        let end = self.previous_end();
        let position = expr.position();
        let slot = match &mut expr {
            Expr::Vector(selector) => {
                selector.position.end = end;
                &mut selector.offset
            }
            Expr::Matrix(matrix) => {
                matrix.end = end;
                &mut matrix.selector.offset
            }
            Expr::Subquery(subquery) => {
                subquery.end = end;
                &mut subquery.offset
            }
            _ => return Err(self.error(position, BEFORE_OFFSET)),
        };
        if slot.is_some() {
            return Err(self.error(position, "offset may not be set multiple times"));
        }
        *slot = Some(offset);
        Ok(expr)
    }

    fn at_modifier(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        self.next();
        let at = self.at_time(expr.position())?;
        let end = self.previous_end();
        let position = expr.position();
        let slot = match &mut expr {
            Expr::Vector(selector) => {
                selector.position.end = end;
                &mut selector.at
            }
            Expr::Matrix(matrix) => {
                matrix.end = end;
                &mut matrix.selector.at
            }
            Expr::Subquery(subquery) => {
                subquery.end = end;
                &mut subquery.at
            }
            _ => return Err(self.error(position, BEFORE_AT)),
        };
        if slot.is_some() {
            return Err(self.error(position, "@ <timestamp> may not be set multiple times"));
        }
        *slot = Some(at);
        Ok(expr)
    }

    /// The time after `@`, which belongs to what stands at `of`.
    fn at_time(&mut self, of: Position) -> Result<AtModifier, ParseError> {
        let word = self.word();
        if let Some(word @ ("start" | "end")) = word.as_deref() {
            self.next();
            self.expect_symbol("(", "@", "timestamp")?;
            self.expect_symbol(")", "@", "timestamp")?;
            return Ok(if word == "start" { AtModifier::Start } else { AtModifier::End });
        }
        let negative = self.take_symbol("-");
        if !negative {
            self.take_symbol("+");
        }
        let Some(number) = self.number() else {
            return Err(self.unexpected("@", "timestamp"));
        };
        let seconds = if negative { -number.value } else { number.value };
        let ms = seconds * 1_000.0;
        if ms.is_nan() || ms.abs() >= i64::MAX as f64 {
            let message = format!("timestamp out of bounds for @ modifier: {seconds:.6}");
            return Err(self.error(of, message));
        }
        Ok(AtModifier::Time(ms.round() as i64))
    }

    fn extension(&mut self, mut expr: Expr, extension: RangeExtension) -> Result<Expr, ParseError> {
        self.next();
        let end = self.previous_end();
        let position = expr.position();
        let name = if extension == RangeExtension::Anchored { "anchored" } else { "smoothed" };
        let slot = match &mut expr {
            Expr::Vector(selector) => {
                selector.position.end = end;
                &mut selector.extension
            }
            Expr::Matrix(matrix) => {
                matrix.end = end;
                &mut matrix.selector.extension
            }
            Expr::Subquery(_) => {
                let message = format!("{name} modifier is not supported for subqueries");
                return Err(self.error(position, message));
            }
            _ => return Err(self.error(position, format!("{name} modifier not implemented"))),
        };
        if *slot != RangeExtension::None && *slot != extension {
            let message = "anchored and smoothed modifiers cannot be used together";
            return Err(self.error(position, message));
        }
        *slot = extension;
        Ok(expr)
    }
}
