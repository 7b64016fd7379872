//! Builds the plan of a query.

use vigie_language::promql::{
    Aggregate, AtModifier, Binary, BinaryOp, Call, DurationExpr, Expr, MatrixSelector, Position,
    RangeExtension, Subquery, ValueType, VectorSelector,
};
use vigie_model::{METRIC_NAME, MatchOp, Matcher, TimeRange};

use super::duration::{DurationContext, duration_ms};
use super::{
    AggregateNode, Argument, BinaryNode, CallNode, Lookup, Node, Plan, RangeNode, RangeSource,
    Selector, SelectorSpec,
};
use crate::QueryError;
use crate::eval::subquery_start_ms;

/// When and how the query is evaluated.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "names end with the unit")]
pub(crate) struct PlanInput {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// 0 for an instant query.
    pub(crate) step_ms: i64,
    pub(crate) lookback_ms: i64,
    pub(crate) subquery_step_ms: i64,
}

/// Deeper trees are refused: the parser lets no deeper ones through.
const DEPTH_MAX: usize = 1_200;

/// Plans `expr`.
pub(crate) fn build(expr: &Expr, input: PlanInput) -> Result<Plan, QueryError> {
    let mut builder =
        Builder { input, selectors: Vec::new(), depth: 0, depth_max: 0, stats: 0, whole: 0 };
    let times = TimeRange::new(input.start_ms, input.end_ms);
    let built = builder.node(expr, times)?;
    let root = built.wrapped();
    Ok(Plan {
        root,
        root_type: expr.value_type(),
        selectors: builder.selectors,
        depth: builder.depth_max,
    })
}

struct Built {
    node: Node,
    invariant: bool,
    /// Whether evaluating once and repeating is worth it and possible.
    wrap: bool,
}

impl Built {
    fn constant(node: Node) -> Self {
        Self { node, invariant: true, wrap: false }
    }

    fn wrapped(self) -> Node {
        if self.wrap { Node::StepInvariant(Box::new(self.node)) } else { self.node }
    }
}

struct Builder {
    input: PlanInput,
    selectors: Vec<SelectorSpec>,
    depth: usize,
    depth_max: usize,
    /// How many of the functions around need count and sum of histograms alone.
    stats: usize,
    /// How many of the nodes around need the buckets of histograms.
    whole: usize,
}

/// Functions whose value depends on the step even when their arguments do not.
const STEP_DEPENDENT: [&str; 14] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
];

impl Builder {
    /// `times`: from the first to the last time at which `expr` is evaluated.
    fn node(&mut self, expr: &Expr, times: TimeRange) -> Result<Built, QueryError> {
        self.depth += 1;
        self.depth_max = self.depth_max.max(self.depth);
        if self.depth > DEPTH_MAX {
            return Err(QueryError::BadData("expression is nested too deeply".to_owned()));
        }
        let built = match expr {
            Expr::Number(number) => Ok(Built::constant(Node::Number(number.value))),
            Expr::String(text) => Ok(Built::constant(Node::String(text.value.clone()))),
            Expr::Paren(paren) => self.node(&paren.expr, times),
            Expr::Unary(unary) => {
                let built = self.node(&unary.expr, times)?;
                Ok(if unary.negative {
                    Built { node: Node::Negate(Box::new(built.node)), ..built }
                } else {
                    built
                })
            }
            Expr::Vector(selector) => self.vector(selector, times),
            Expr::Matrix(matrix) => self.matrix(matrix, times),
            Expr::Subquery(subquery) => self.subquery(subquery, times),
            Expr::Call(call) => self.call(call, times),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, times),
            Expr::Binary(binary) => self.binary(binary, times),
        };
        self.depth -= 1;
        built
    }

    const fn durations(&self) -> DurationContext {
        DurationContext {
            step_ms: self.input.step_ms,
            range_ms: self.input.end_ms - self.input.start_ms,
        }
    }

    fn lookup(
        &self,
        offset: Option<&DurationExpr>,
        at: Option<AtModifier>,
    ) -> Result<Lookup, QueryError> {
        let offset_ms = match offset {
            Some(expr) => duration_ms(expr, self.durations(), true)?,
            None => 0,
        };
        let at_ms = at.map(|at| match at {
            AtModifier::Time(time_ms) => time_ms,
            AtModifier::Start => self.input.start_ms,
            AtModifier::End => self.input.end_ms,
        });
        Ok(Lookup { at_ms, offset_ms })
    }

    fn selector(
        &mut self,
        selector: &VectorSelector,
        times: TimeRange,
        range_ms: Option<i64>,
    ) -> Result<Selector, QueryError> {
        let lookup = self.lookup(selector.offset.as_ref(), selector.at)?;
        let mut start_ms = lookup.time_ms(times.start_ms);
        let mut end_ms = lookup.time_ms(times.end_ms);
        let lookback_ms = self.input.lookback_ms;
        let back_ms = match (range_ms, selector.extension) {
            (None, _) => lookback_ms,
            (Some(range_ms), RangeExtension::None) => range_ms,
            (Some(range_ms), _) => range_ms.saturating_add(lookback_ms),
        };
        let stats_only = self.stats > 0 && self.whole == 0;
        // A range excludes its start, but whether the first histogram of a range follows a
        // restart is told by the point there.
        let excluded_ms = i64::from(!stats_only);
        start_ms = start_ms.saturating_sub(back_ms.saturating_sub(excluded_ms));
        if selector.extension == RangeExtension::Smoothed {
            end_ms = end_ms.saturating_add(lookback_ms);
        }
        let range = TimeRange::new(start_ms, end_ms);
        self.selectors.push(SelectorSpec { matchers: selector.matchers.clone(), range });
        Ok(Selector {
            index: self.selectors.len() - 1,
            lookup,
            extension: selector.extension,
            stats_only,
            position: selector.position,
        })
    }

    fn vector(&mut self, expr: &VectorSelector, times: TimeRange) -> Result<Built, QueryError> {
        let selector = self.selector(expr, times, None)?;
        let invariant = selector.lookup.at_ms.is_some();
        Ok(Built { node: Node::Selector(selector), invariant, wrap: invariant })
    }

    fn matrix(&mut self, expr: &MatrixSelector, times: TimeRange) -> Result<Built, QueryError> {
        let range_ms = duration_ms(&expr.range, self.durations(), false)?;
        let selector = self.selector(&expr.selector, times, Some(range_ms))?;
        let invariant = selector.lookup.at_ms.is_some();
        let node = Node::Range(RangeNode {
            source: RangeSource::Selector(selector),
            range_ms,
            position: Position { start: expr.selector.position.start, end: expr.end },
            matchers: expr.selector.matchers.clone(),
        });
        Ok(Built { node, invariant, wrap: false })
    }

    fn subquery(&mut self, expr: &Subquery, times: TimeRange) -> Result<Built, QueryError> {
        let range_ms = duration_ms(&expr.range, self.durations(), false)?;
        let step_ms = match &expr.step {
            Some(step) => duration_ms(step, self.durations(), false)?.max(1),
            None => self.input.subquery_step_ms.max(1),
        };
        let lookup = self.lookup(expr.offset.as_ref(), expr.at)?;
        let inner = TimeRange::new(
            subquery_start_ms(lookup.time_ms(times.start_ms), range_ms, step_ms),
            lookup.time_ms(times.end_ms),
        );
        self.whole += 1;
        let built = self.node(&expr.expr, inner)?;
        self.whole -= 1;
        let invariant = lookup.at_ms.is_some();
        // Inside, all that is invariant is wrapped, whatever the type.
        let inner = if built.invariant && !matches!(built.node, Node::Number(_)) {
            Node::StepInvariant(Box::new(built.node))
        } else {
            built.wrapped()
        };
        let node = Node::Range(RangeNode {
            source: RangeSource::Subquery { expr: Box::new(inner), step_ms, lookup },
            range_ms,
            // Prometheus evaluates a subquery into a range of its own, which has no place in the
            // text: what is told of it is told of the beginning.
            position: Position::default(),
            matchers: Vec::new(),
        });
        Ok(Built { node, invariant, wrap: false })
    }

    fn call(&mut self, call: &Call, times: TimeRange) -> Result<Built, QueryError> {
        if let Some(value) = self.context_value(call.function.name) {
            return Ok(Built::constant(Node::Number(value)));
        }
        let (stats, whole) = histogram_needs(call.function.name);
        self.stats += stats;
        self.whole += whole;
        let mut invariant = !STEP_DEPENDENT.contains(&call.function.name);
        let mut built = Vec::with_capacity(call.args.len());
        for (at, arg) in call.args.iter().enumerate() {
            if call.function.name == "info" && at == 1 {
                continue;
            }
            let arg_built = self.node(arg, times)?;
            invariant &= arg_built.invariant;
            built.push((arg, arg_built));
        }
        self.stats -= stats;
        self.whole -= whole;
        // `timestamp` of anything but a selector tells the step's time.
        if call.function.name == "timestamp" {
            invariant &= built.iter().all(|(arg, _)| matches!(unwrap(arg), Expr::Vector(_)));
        }
        let mut args: Vec<Argument> = Vec::with_capacity(built.len());
        for (arg, arg_built) in built {
            let node = if invariant { arg_built.node } else { arg_built.wrapped() };
            args.push(Argument {
                node,
                value_type: arg.value_type(),
                position: place_of(arg),
                matchers: match unwrap(arg) {
                    Expr::Vector(selector) => selector.matchers.clone(),
                    _ => Vec::new(),
                },
            });
        }
        if call.function.name == "info" {
            args.push(self.info_argument(call, times)?);
        }
        let position = call.position;
        let node = Node::Call(CallNode { function: call.function, args, position });
        Ok(Built { node, invariant, wrap: invariant })
    }

    /// The series that `info` joins: those of its second argument, by default `target_info`.
    fn info_argument(&mut self, call: &Call, times: TimeRange) -> Result<Argument, QueryError> {
        let written = match call.args.get(1).map(unwrap) {
            Some(Expr::Vector(selector)) => selector.matchers.clone(),
            _ => Vec::new(),
        };
        let mut names: Vec<Matcher> =
            written.iter().filter(|m| m.name == METRIC_NAME).cloned().collect();
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, "target_info"));
        } else if names.iter().all(|m| matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex)) {
            // A name must be given somehow: infos are called so.
            names.push(Matcher::new(METRIC_NAME, MatchOp::Regex, ".+_info"));
        }
        // The info series are read at the same times as the first argument's, whose `@` and
        // offset they follow.
        let lookup = match call.args.first() {
            Some(first) => self.first_lookup(first)?,
            None => None,
        };
        let selector = VectorSelector {
            name: None,
            matchers: names,
            offset: None,
            at: None,
            extension: RangeExtension::None,
            position: call.position,
        };
        let lookup = lookup.unwrap_or(Lookup { at_ms: None, offset_ms: 0 });
        let times = TimeRange::new(lookup.time_ms(times.start_ms), lookup.time_ms(times.end_ms));
        let mut selector = self.selector(&selector, times, None)?;
        selector.lookup = lookup;
        Ok(Argument {
            node: Node::Selector(selector),
            value_type: ValueType::Vector,
            position: call.position,
            matchers: written,
        })
    }

    /// When the first selector within `expr` looks, offsets of subqueries around it added, as
    /// far as the innermost `@`.
    fn first_lookup(&self, expr: &Expr) -> Result<Option<Lookup>, QueryError> {
        match expr {
            Expr::Vector(e) => self.lookup(e.offset.as_ref(), e.at).map(Some),
            Expr::Matrix(e) => self.lookup(e.selector.offset.as_ref(), e.selector.at).map(Some),
            Expr::Subquery(e) => {
                let Some(inner) = self.first_lookup(&e.expr)? else { return Ok(None) };
                if inner.at_ms.is_some() {
                    return Ok(Some(inner));
                }
                let own = self.lookup(e.offset.as_ref(), e.at)?;
                let offset_ms = inner.offset_ms.saturating_add(own.offset_ms);
                Ok(Some(Lookup { at_ms: own.at_ms, offset_ms }))
            }
            Expr::Paren(e) => self.first_lookup(&e.expr),
            Expr::Unary(e) => self.first_lookup(&e.expr),
            Expr::Aggregate(e) => self.first_lookup(&e.expr),
            Expr::Call(e) => {
                for arg in &e.args {
                    if let Some(found) = self.first_lookup(arg)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
            Expr::Binary(e) => match self.first_lookup(&e.lhs)? {
                Some(found) => Ok(Some(found)),
                None => self.first_lookup(&e.rhs),
            },
            Expr::Number(_) | Expr::String(_) => Ok(None),
        }
    }

    /// `start()`, `end()`, `range()`, `step()` in seconds.
    fn context_value(&self, function: &str) -> Option<f64> {
        let PlanInput { start_ms, end_ms, step_ms, .. } = self.input;
        let value_ms = match function {
            "start" => start_ms,
            "end" => end_ms,
            "range" => end_ms - start_ms,
            "step" if start_ms == end_ms => 0,
            "step" => step_ms,
            _ => return None,
        };
        Some(value_ms as f64 / 1000.0)
    }

    fn aggregate(&mut self, expr: &Aggregate, times: TimeRange) -> Result<Built, QueryError> {
        let param = match &expr.param {
            Some(param) => Some(Box::new(self.node(param, times)?.node)),
            None => None,
        };
        let built = self.node(&expr.expr, times)?;
        let mut grouping = expr.grouping.clone();
        grouping.sort();
        grouping.dedup();
        let node = Node::Aggregate(AggregateNode {
            op: expr.op,
            expr: Box::new(built.node),
            expr_position: expr.expr.position(),
            param_position: expr.param.as_ref().map(|p| p.position()).unwrap_or_default(),
            param,
            grouping,
            without: expr.without,
            position: expr.position,
        });
        Ok(Built { node, invariant: built.invariant, wrap: built.wrap })
    }

    fn binary(&mut self, expr: &Binary, times: TimeRange) -> Result<Built, QueryError> {
        let whole = usize::from(matches!(expr.op, BinaryOp::TrimUpper | BinaryOp::TrimLower));
        self.whole += whole;
        let lhs = self.node(&expr.lhs, times)?;
        let rhs = self.node(&expr.rhs, times)?;
        self.whole -= whole;
        let invariant = lhs.invariant && rhs.invariant;
        let (lhs, rhs) =
            if invariant { (lhs.node, rhs.node) } else { (lhs.wrapped(), rhs.wrapped()) };
        let start = expr.lhs.position().start;
        let node = Node::Binary(BinaryNode {
            op: expr.op,
            lhs: Box::new(lhs),
            rhs: Box::new(rhs),
            lhs_type: expr.lhs.value_type(),
            rhs_type: expr.rhs.value_type(),
            matching: expr.matching.clone(),
            return_bool: expr.return_bool,
            position: Position { start, end: expr.rhs.position().end },
        });
        Ok(Built { node, invariant, wrap: invariant })
    }
}

/// Whether a function needs (count and sum alone, the buckets) of histograms.
fn histogram_needs(function: &str) -> (usize, usize) {
    match function {
        "histogram_count" | "histogram_sum" | "histogram_avg" => (1, 0),
        "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => (0, 1),
        _ => (0, 0),
    }
}

/// `expr` without parentheses around it.
fn unwrap(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => unwrap(&paren.expr),
        other => other,
    }
}

/// Where an argument stands; nowhere for a subquery, as in [`RangeNode::position`].
fn place_of(arg: &Expr) -> Position {
    match arg {
        Expr::Subquery(_) => Position::default(),
        Expr::Paren(paren) if paren.expr.value_type() == ValueType::Matrix => place_of(&paren.expr),
        other => other.position(),
    }
}
