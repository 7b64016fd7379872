//! Queries, read and refused.

use serde_json::json;

use super::*;

#[test]
fn queries_are_read() {
    for query in [
        json!({"match_all": {}}),
        json!({"bool": {"must": [{"match": {"service": "web-api"}}, {"range": {"@timestamp": {"gte": "now-1h"}}}], "filter": {"match": {"level": "ERROR"}}}}),
        json!({"match": {"message": {"query": "a b", "operator": "and", "boost": 2}}}),
        json!({"multi_match": {"query": "x", "fields": ["a^2", "b.*"], "type": "phrase"}}),
        json!({"term": {"status": 200}}),
        json!({"term": {"status": {"value": "x", "case_insensitive": true}}}),
        json!({"terms": {"level": ["a", "b"], "boost": 1.0}}),
        json!({"range": {"n": {"from": 1, "to": 2, "include_upper": false}}}),
        json!({"query_string": {"query": "level:ERROR AND *", "analyze_wildcard": true}}),
        json!({"simple_query_string": {"query": "a | b", "flags": "OR|AND"}}),
        json!({"nested": {"path": "tags", "query": {"term": {"tags.key": "a"}}}}),
        json!({"constant_score": {"filter": {"exists": {"field": "a"}}}}),
        json!({"ids": {"values": ["1", 2]}}),
        json!({"fuzzy": {"a": {"value": "b", "fuzziness": "AUTO"}}}),
        json!({"boosting": {"positive": {"match_all": {}}, "negative": {"match_none": {}}, "negative_boost": 0.5}}),
        json!({"dis_max": {"queries": [{"match_all": {}}], "tie_breaker": 0.1}}),
        json!({"regexp": {"a": "b.*"}}),
        json!({"wildcard": {"a": {"wildcard": "b*"}}}),
        json!({"prefix": {"a": {"value": "b"}}}),
    ] {
        Query::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}

#[test]
fn errors_have_elasticsearchs_words() {
    for (query, kind, reason) in [
        (json!({"foo": {}}), "parsing_exception", "unknown query [foo]"),
        (json!({}), "illegal_argument_exception", "query malformed, empty clause found"),
        (json!([]), "parsing_exception", "[_na] query malformed, must start with start_object"),
        (
            json!({"match": "x"}),
            "parsing_exception",
            "[match] query malformed, no start_object after query name",
        ),
        (
            json!({"match": {"a": ["b"]}}),
            "parsing_exception",
            "[match] unknown token [START_ARRAY] after [a]",
        ),
        (
            json!({"match": {"a": {"query": "b", "x": 1}}}),
            "parsing_exception",
            "[match] query does not support [x]",
        ),
        (
            json!({"term": {"a": 1, "b": 2}}),
            "parsing_exception",
            "[term] query doesn't support multiple fields, found [a] and [b]",
        ),
        (json!({"bool": {"mast": []}}), "x_content_parse_exception", "[bool] unknown field [mast]"),
        (
            json!({"range": {"a": {"gte": 1, "x": 1}}}),
            "parsing_exception",
            "[range] query does not support [x]",
        ),
        (
            json!({"match_all": {}, "term": {}}),
            "parsing_exception",
            "[match_all] malformed query, expected [END_OBJECT] but found [FIELD_NAME]",
        ),
        (
            json!({"query_string": {"query": "(a"}}),
            "query_shard_exception",
            "Failed to parse query [(a]",
        ),
        (
            json!({"script": {"script": "1"}}),
            "illegal_argument_exception",
            "the query [script] is not supported by this server",
        ),
    ] {
        let error = Query::parse(&query).unwrap_err();
        assert_eq!((error.kind, error.reason.as_str()), (kind, reason), "{query}");
    }
}

#[test]
fn deep_and_wide_queries_are_refused() {
    let mut deep = json!({"match_all": {}});
    for _ in 0..40 {
        deep = json!({"bool": {"must": deep}});
    }
    assert!(Query::parse(&deep).unwrap_err().reason.contains("nested depth"));
    let wide: Vec<Value> = (0..5_000).map(|_| json!({"match_all": {}})).collect();
    assert!(
        Query::parse(&json!({"bool": {"should": wide}})).unwrap_err().reason.contains("too many")
    );
}

#[test]
fn should_counts() {
    let parse = |value: Value| match Query::parse(&value).unwrap().kind {
        QueryKind::Bool(query) => query.should_needed(),
        other => panic!("{other:?}"),
    };
    let term = json!({"term": {"a": 1}});
    assert_eq!(parse(json!({"bool": {"should": [term, term]}})), 1);
    assert_eq!(parse(json!({"bool": {"should": [term, term], "filter": [term]}})), 0);
    assert_eq!(parse(json!({"bool": {"should": [term, term], "minimum_should_match": "100%"}})), 2);
    assert_eq!(parse(json!({"bool": {"filter": [term], "minimum_should_match": 1}})), 0);
}
