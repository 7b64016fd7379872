//! LogQL: the language of Loki 3.
//!
//! [`parse`] gives the tree of a query, checked as Loki checks it, errors in Loki's words with line
//! and column; a tree prints as Loki prints it. Not here: `variants`, which Loki has switched off
//! unless asked for, and the parser `xml`.

mod ast;
mod error;
mod lexer;
mod parser;
mod pattern;
mod print;
mod units;
mod validate;

pub use ast::{
    Binary, BytesFilter, Comparison, Conversion, DurationFilter, Expr, Extraction, Grouping,
    IpFilter, LabelFilter, LabelFormat, LabelReplace, LabelSource, LineFilter, LineMatch, LineOp,
    LogExpr, LogRange, MetricExpr, NamedMatcher, NumberFilter, RangeAggregation, RangeOp, Stage,
    Unwrap, VectorAggregation, VectorOp,
};
pub use error::ParseError;
pub use parser::{QUERY_BYTES_MAX, parse, parse_log, parse_matchers};
pub use pattern::{Pattern, PatternPart};
pub use units::{format_duration_ns, parse_bytes, parse_duration_ns};

#[cfg(test)]
mod tests;
