//! `_validate/query` and `_explain`.

use serde_json::json;
use vigie_query::search::Query;

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::Missing;
use super::state::Api;
use super::update::by_id;

fn query(call: &Call) -> Result<Query, ApiError> {
    let body = call.json()?;
    let found = match (body.get("query"), call.parameter("q")) {
        (Some(query), _) => Query::parse(query),
        (None, Some(text)) => Query::parse(&json!({"query_string": {"query": text}})),
        (None, None) => Ok(Query::match_all()),
    };
    found.map_err(|error| ApiError::from(error).located(&call.body))
}

/// Whether a query can be asked.
pub(super) fn validate(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let searcher = api.searcher(&resolved, call.stop())?;
    let checked = query(call).and_then(|query| Ok(searcher.compiler.filter(&query)?));
    let shards = json!({"total": 1, "successful": 1, "failed": 0});
    let told = match checked {
        Ok(filter) if call.flag("explain") => json!({
            "_shards": shards, "valid": true,
            "explanations": [{"index": index, "valid": true, "explanation": format!("{filter:?}")}],
        }),
        Ok(_) => json!({"_shards": shards, "valid": true}),
        Err(error) if call.flag("explain") => {
            json!({"_shards": shards, "valid": false, "error": error.reason})
        }
        Err(_) => json!({"_shards": shards, "valid": false}),
    };
    Ok(Reply::json(told))
}

/// Whether a document matches a query, and its score.
pub(super) fn explain(api: &Api, call: &Call, index: &str, id: &str) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let searcher = api.searcher(&resolved, call.stop())?;
    let query = query(call)?;
    let found = searcher.rows(&by_id(id), 1)?;
    let Some(row) = found.first() else {
        let told = json!({"_index": index, "_id": id, "matched": false});
        return Ok(Reply::json(told).with_status(404));
    };
    let score = searcher.score(&query, *row)?;
    let told = json!({
        "_index": index, "_id": id, "matched": score.is_some(),
        "explanation": {"value": score.unwrap_or(0.0), "description": "score of the whole query", "details": []},
    });
    Ok(Reply::json(told))
}
