//! `_ingest/pipeline/_simulate`: what a pipeline would do.

use serde_json::{Value, json};

use super::{Document, Stop, pipeline, processors};
use crate::elasticsearch::answer::Reply;
use crate::elasticsearch::call::Call;
use crate::elasticsearch::error::ApiError;
use crate::elasticsearch::state::Api;

/// Documents of one request.
const DOCUMENTS_MAX: usize = 1_000;

/// Sends the documents of the body through a pipeline and tells what comes out.
pub(crate) fn simulate(api: &Api, call: &Call, name: Option<&str>) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let metadata = api.tenants.read(&call.tenant)?;
    let given = match name {
        Some(name) => pipeline(&metadata, name)
            .cloned()
            .ok_or_else(|| ApiError::argument(format!("pipeline [{name}] does not exist")))?,
        None => body.get("pipeline").cloned().ok_or_else(|| {
            ApiError::new("parse_exception", "[pipeline] required property is missing", 400)
        })?,
    };
    super::check(&given)?;
    let mut told = Vec::new();
    for doc in body.get("docs").and_then(Value::as_array).into_iter().flatten().take(DOCUMENTS_MAX)
    {
        let source = doc.get("_source").and_then(Value::as_object).cloned().unwrap_or_default();
        let index = doc.get("_index").and_then(Value::as_str).unwrap_or("_index");
        let id = doc.get("_id").and_then(Value::as_str).unwrap_or("_id");
        let mut document = Document::new(index, Some(id), source, api.now_ms());
        told.push(match processors::run(&given, &metadata, &mut document) {
            Ok(()) => json!({"doc": {
                "_index": document.index, "_id": document.id, "_source": document.source,
                "_ingest": {"timestamp": vigie_language::search::format_strict_date_time(api.now_ms())},
            }}),
            Err(Stop::Drop) => Value::Null,
            Err(Stop::Fail(reason)) => json!({"error": ApiError::argument(reason).to_json()}),
        });
    }
    Ok(Reply::json(json!({"docs": told})))
}
