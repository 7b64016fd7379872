//! The notations of Elasticsearch and Lucene that are text: query strings, wildcards, regular
//! expressions, dates with arithmetic, patterns of index names.
//!
//! Each becomes a tree or a value here; what it selects is decided by `vigie_query`. The JSON of
//! the query DSL is not text in this sense and is read there.

mod calendar;
mod date_format;
mod date_math;
mod distance;
mod index_name;
mod java_pattern;
mod pattern;
mod query_string;
mod regexp;
mod simple_query_string;

pub use calendar::{
    CalendarUnit, Interval, Rounding, parse_calendar_unit, parse_fixed_interval, time_zone,
};
pub use date_format::{DateFormat, format_strict_date_time};
pub use date_math::{DateContext, DateMathError, resolve as resolve_date};
pub use distance::{Fuzziness, within_distance};
pub use index_name::{
    IndexNameError, IndexPattern, resolve_date_math_name, resolve_index_expression,
    validate_index_name,
};
pub use pattern::{Pattern, Piece};
pub use query_string::{
    Clause, Node, Occur, Operator, QueryStringError, parse as parse_query_string,
};
pub use regexp::{RegexpError, translate as translate_regexp};
pub use simple_query_string::{SimpleFlags, parse as parse_simple_query_string};
