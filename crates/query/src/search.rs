//! The searches of Elasticsearch: the query DSL as a tree, what it selects in a snapshot of the
//! log store, scores, order, aggregations, highlights.
//!
//! A request is read once ([`SearchRequest`], errors in Elasticsearch's words), resolved against
//! the fields that the indices have, and answered over a snapshot. Nothing here knows HTTP.

pub mod aggregation;
mod compile;
mod dsl;
mod error;
mod execute;
mod highlight;
mod hits;
mod json;
mod request;
mod schema;
mod score;
mod sort;
mod values;

pub use compile::Compiler;
pub use dsl::{
    BoolQuery, FieldBoost, MatchKind, MatchQuery, MinimumShouldMatch, MultiMatchKind,
    MultiMatchQuery, Query, QueryKind, QueryStringQuery, RangeQuery,
};
pub use error::SearchError;
pub use execute::{Cursor, SearchResponse, Searcher, Total, add_found_fields};
pub use hits::{Hit, RowRef, SourceFilter};
pub use request::{SearchParameters, SearchRequest};
pub use schema::{Field, FieldKind, Schema};
