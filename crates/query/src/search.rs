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

/// Entry of the fuzz target of searches: reads anything and works it out over nothing.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    let Ok(body) = serde_json::from_slice(data) else { return };
    let Ok(request) = SearchRequest::parse(&body, &SearchParameters::default()) else { return };
    let searcher = Searcher {
        snapshot: std::sync::Arc::default(),
        compiler: Compiler {
            schema: std::sync::Arc::default(),
            now_ms: 1_763_720_430_400,
            indexes: std::sync::Arc::default(),
        },
        indexes: None,
        stop: std::sync::Arc::default(),
    };
    drop(searcher.search(&request, None));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Searches that go deep into every reader; pieces of them are exchanged.
    const SEEDS: [&str; 4] = [
        r#"{"query":{"bool":{"must":[{"match":{"a":{"query":"x y","operator":"and"}}}],"filter":{"range":{"@timestamp":{"gte":"now-1d/d","time_zone":"+01:00"}}}}},"sort":[{"a":{"order":"desc","missing":"_first"}}],"size":3}"#,
        r#"{"aggs":{"a":{"date_histogram":{"field":"@timestamp","fixed_interval":"1m","extended_bounds":{"min":0,"max":600000}},"aggs":{"b":{"terms":{"field":"x","order":{"c":"asc"}},"aggs":{"c":{"avg":{"field":"y"}}}},"d":{"cumulative_sum":{"buckets_path":"_count"}}}}}}"#,
        r#"{"query":{"query_string":{"query":"a:(b OR /c/) AND [1 TO 2}","fields":["x^2","*"]}},"highlight":{"fields":{"*":{}}},"collapse":{"field":"a"}}"#,
        r#"{"aggs":{"a":{"composite":{"sources":[{"s":{"terms":{"field":"x"}}}],"after":{"s":1}}},"p":{"percentiles":{"field":"y","percents":[1,99]}},"h":{"top_hits":{"size":1}},"m":{"max_bucket":{"buckets_path":"a>_count"}}}}"#,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn changed_searches_never_panic(
            seed in 0..SEEDS.len(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize), 0..5),
        ) {
            const PIECES: [&str; 12] =
                ["0", "-1", "\"\"", "null", "[]", "{}", "1e308", "true", "\"now||\"", "\"*\"", "\"a\\\\\"", "{\"a\":1}"];
            let mut body: serde_json::Value = serde_json::from_str(SEEDS[seed]).unwrap();
            for (at, piece) in changes {
                let mut places = 0;
                count(&body, &mut places);
                let mut place = at.index(places);
                let piece = serde_json::from_str(PIECES[piece]).unwrap();
                replace(&mut body, &mut place, &piece);
            }
            super::fuzz(body.to_string().as_bytes());
        }
    }

    fn count(value: &serde_json::Value, places: &mut usize) {
        *places += 1;
        match value {
            serde_json::Value::Object(map) => map.values().for_each(|inner| count(inner, places)),
            serde_json::Value::Array(items) => items.iter().for_each(|inner| count(inner, places)),
            _ => {}
        }
    }

    fn replace(value: &mut serde_json::Value, place: &mut usize, piece: &serde_json::Value) {
        if *place == 0 {
            *value = piece.clone();
        }
        *place = place.wrapping_sub(1);
        match value {
            serde_json::Value::Object(map) => {
                for inner in map.values_mut() {
                    replace(inner, place, piece);
                }
            }
            serde_json::Value::Array(items) => {
                for inner in items {
                    replace(inner, place, piece);
                }
            }
            _ => {}
        }
    }
}
