//! What the grammar lets through and Loki does not.

use vigie_model::pattern::compile_anchored;
use vigie_model::{MatchOp, Matcher};

use super::ast::{Expr, MetricExpr, RangeAggregation, RangeOp, VectorOp};
use super::error::ParseError;

const NO_STREAM: &str = "queries require at least one regexp or equality matcher that does not \
                         have an empty-compatible value. For instance, app=~\".*\" does not meet \
                         this requirement, but app=~\".+\" will";

/// Checks a whole query.
pub(super) fn check(expr: &Expr) -> Result<(), ParseError> {
    match expr {
        Expr::Log(log) => matchers(&log.matchers),
        Expr::Metric(metric) => self::metric(metric),
    }
}

fn metric(expr: &MetricExpr) -> Result<(), ParseError> {
    match expr {
        MetricExpr::Range(range) => {
            matchers(&range.range.log.matchers)?;
            self::range(range)
        }
        MetricExpr::Vector(vector) => {
            let is_sort = matches!(vector.op, VectorOp::Sort | VectorOp::SortDesc);
            if is_sort && vector.grouping.as_ref().is_some_and(|g| !g.labels.is_empty()) {
                let message = "sort and sort_desc doesn't allow grouping by ";
                return Err(ParseError::nowhere(message));
            }
            metric(&vector.expr)
        }
        MetricExpr::Binary(binary) => {
            metric(&binary.lhs)?;
            metric(&binary.rhs)
        }
        MetricExpr::LabelReplace(replace) => metric(&replace.expr),
        MetricExpr::Literal(_) | MetricExpr::VectorLiteral(_) => Ok(()),
    }
}

/// One matcher at least must leave streams out that have not the label.
fn matchers(matchers: &[Matcher]) -> Result<(), ParseError> {
    let narrows = |matcher: &Matcher| match matcher.op {
        MatchOp::Equal => !matcher.value.is_empty(),
        MatchOp::Regex => !compile_anchored(&matcher.value).is_ok_and(|regex| regex.is_match("")),
        MatchOp::NotEqual => matcher.value.is_empty(),
        MatchOp::NotRegex => compile_anchored(&matcher.value).is_ok_and(|regex| regex.is_match("")),
    };
    if matchers.iter().any(narrows) { Ok(()) } else { Err(ParseError::nowhere(NO_STREAM)) }
}

fn range(range: &RangeAggregation) -> Result<(), ParseError> {
    use RangeOp as R;
    let name = range.op.as_str();
    let fail = |message: String| Err(ParseError::nowhere(message));
    if range.op == R::QuantileOverTime {
        if range.parameter.is_none() {
            return fail(format!("parameter required for operation {name}"));
        }
    } else if let Some(parameter) = range.parameter {
        return fail(format!("parameter {parameter} not supported for operation {name}"));
    }
    let may_group = matches!(
        range.op,
        R::AvgOverTime
            | R::StddevOverTime
            | R::StdvarOverTime
            | R::QuantileOverTime
            | R::MaxOverTime
            | R::MinOverTime
            | R::FirstOverTime
            | R::LastOverTime
    );
    if range.grouping.is_some() && !may_group {
        return fail(format!("grouping not allowed for {name} aggregation"));
    }
    let counts_lines = matches!(range.op, R::CountOverTime | R::BytesOverTime | R::BytesRate);
    let counts_both = matches!(range.op, R::Rate | R::AbsentOverTime);
    if range.range.unwrap.is_some() {
        if counts_lines {
            return fail(format!("invalid aggregation {name} with unwrap"));
        }
    } else if !counts_lines && !counts_both {
        return fail(format!("invalid aggregation {name} without unwrap"));
    }
    Ok(())
}
