//! TraceQL: which spans of which traces, and metrics of them.
//!
//! Source: the documentation of Grafana Tempo ("Construct a TraceQL query", "TraceQL metrics
//! functions") and its published grammar. Two habits of the original are kept: `&&` and `||` bind
//! equally strongly, and the name of an attribute goes on until a space, a bracket or a character of
//! `=~!<>&|^,`, so that `span.a-b` is one name.

mod ast;
mod check;
mod error;
mod lexer;
mod parser;
mod print;
#[cfg(test)]
mod tests;

pub use ast::{
    Aggregate, Expression, Field, Form, Hint, Intrinsic, MetricFunction, MetricQuery, MetricStage,
    Operator, Pipeline, Query, Scalar, ScalarFilter, Scope, SpansetExpression, SpansetOperator,
    Stage, Static,
};
pub use error::TraceQlError;

/// Longest text that is parsed.
const TEXT_BYTES_MAX: usize = 128 << 10;

/// Reads a query.
pub fn parse(text: &str) -> Result<Query, TraceQlError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(TraceQlError::new(text, 0, "the query is too long"));
    }
    let query = parser::parse(text)?;
    check::check(&query).map_err(|message| TraceQlError::new(text, 0, message))?;
    Ok(query)
}

/// Reads the name of a field, as it stands in a query: `span.http.route`, `.a`, `duration`.
pub fn parse_field(text: &str) -> Result<Field, TraceQlError> {
    parser::parse_field(text)
}

/// The conditions that hold for certain in a text that somebody is still typing, such as
/// `{ span.a = "b" && span.c = }`: all whole comparisons of the only pair of braces that are joined
/// by `&&`; none when it makes no sense.
pub fn parse_unfinished(text: &str) -> Option<Expression> {
    if let Ok(query) = parse(text) {
        return match query.pipeline.stages.as_slice() {
            [Stage::Spansets(SpansetExpression::Filter(filter))] => Some(filter.clone()),
            _ => None,
        };
    }
    let inside = text.trim().strip_prefix('{')?;
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    if inside.contains(['{', '}']) || inside.contains("||") {
        return None;
    }
    let parts = inside.split("&&").filter(|part| !part.trim().is_empty());
    let whole = parts.filter_map(|part| {
        let query = parse(&format!("{{{part}}}")).ok()?;
        match query.pipeline.stages.into_iter().next() {
            Some(Stage::Spansets(SpansetExpression::Filter(filter))) => Some(filter),
            _ => None,
        }
    });
    whole.reduce(|left, right| Expression::Binary(Operator::And, Box::new(left), Box::new(right)))
}
