//! The searches of Elasticsearch: the query DSL as a tree, what it selects in a snapshot of the
//! log store, scores, order, aggregations, highlights.
//!
//! A request is read once ([`SearchRequest`], errors in Elasticsearch's words), resolved against
//! the fields that the indices have, and answered over a snapshot. Nothing here knows HTTP.

pub mod aggregation;
mod dsl;
mod error;
mod json;

pub use dsl::{
    BoolQuery, FieldBoost, MatchKind, MatchQuery, MinimumShouldMatch, MultiMatchKind,
    MultiMatchQuery, Query, QueryKind, QueryStringQuery, RangeQuery,
};
pub use error::SearchError;
