//! PromQL: the language of Prometheus 3, with the experimental parts.

mod ast;
mod duration;
mod error;
mod function;
mod lexer;
mod operators;
mod parser;
mod print;
mod quote;
mod series;
mod text;

pub use ast::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Call, DurationExpr, DurationOp, Expr,
    FillModifier, GroupSide, Matching, MatrixSelector, Number, Paren, Position, RangeExtension,
    StringLiteral, Subquery, Unary, VectorSelector,
};
pub use duration::{DurationError, format_duration_ms, parse_duration_ms};
pub use error::ParseError;
pub use function::{Function, ValueType, function};
pub use parser::{QUERY_BYTES_MAX, parse, parse_selector};
pub use print::pretty;
pub use quote::go_quote;
pub(crate) use quote::{go_quote_char, is_printable, unescape};
pub use series::{SeriesValue, parse_metric, parse_series, parse_values};
pub use text::Text;

#[cfg(test)]
mod tests;
