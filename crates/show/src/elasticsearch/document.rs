//! Single documents: `_doc`, `_create`, `_source`, `_update`, `_mget`.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use vigie_model::{LogAction, LogBatch, LogOutcome};
use vigie_query::search::{Hit, SourceFilter};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::Missing;
use super::state::Api;
use super::update::{by_id, update};
use super::write::{Asked, Target, Targets, item, push};
use super::{ingest, search};

/// Documents of one `_mget`.
const DOCUMENTS_MAX: usize = 10_000;

/// The document `id` in `index`.
pub(super) fn find(api: &Api, call: &Call, index: &str, id: &str) -> Result<Option<Hit>, ApiError> {
    let missing = Missing { ignores_unavailable: false, allows_none: true };
    let resolved = api.resolve(call, index, missing)?;
    let searcher = api.searcher(&resolved, call.stop())?;
    let rows = searcher.rows(&by_id(id), 1)?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(searcher.hit(*row, &SourceFilter::default())?))
}

/// `_source`, `_source_includes`, `_source_excludes` of the address.
fn source_filter(call: &Call) -> Result<SourceFilter, ApiError> {
    let mut filter = match call.parameter("_source") {
        Some(text) => SourceFilter::parse(&Value::from(text))?,
        None => SourceFilter::default(),
    };
    filter.add(&search::list(call, "_source_includes"), &search::list(call, "_source_excludes"));
    Ok(filter)
}

/// GET and HEAD of `_doc` and `_source`.
pub(super) fn get(
    api: &Api,
    call: &Call,
    index: &str,
    id: &str,
    only_source: bool,
) -> Result<Reply, ApiError> {
    let found = find(api, call, index, id)?;
    let Some(hit) = found else {
        if only_source {
            let reason = format!("Document not found [{index}]/[{id}]");
            return Err(ApiError::new("resource_not_found_exception", reason, 404));
        }
        return Ok(
            Reply::json(json!({"_index": index, "_id": id, "found": false})).with_status(404)
        );
    };
    let told = tell(&hit, &source_filter(call)?);
    if only_source {
        return Ok(Reply::json(told.get("_source").cloned().unwrap_or(Value::Null)));
    }
    Ok(Reply::json(told))
}

fn tell(hit: &Hit, filter: &SourceFilter) -> Value {
    let source = hit.source.as_ref().map(|source| source.get().to_owned());
    let source = source.and_then(|source| filter.apply(source));
    let mut told = json!({
        "_index": hit.index, "_id": hit.id, "_version": 1, "_seq_no": hit.sequence,
        "_primary_term": 1, "found": true,
    });
    if let (Some(source), Some(told)) = (source, told.as_object_mut()) {
        told.insert("_source".into(), serde_json::from_str(source.get()).unwrap_or(Value::Null));
    }
    told
}

/// POST and PUT of `_doc` and `_create`, DELETE of `_doc`.
pub(super) fn put(
    api: &Api,
    call: &Call,
    index: &str,
    id: Option<&str>,
    mut asked: Asked,
) -> Result<Reply, ApiError> {
    if call.parameter("op_type") == Some("create") {
        asked = Asked::Create;
    }
    let mut targets = Targets::default();
    let mut target = targets.get(api, call, index)?;
    if target.is_data_stream && asked == Asked::Index && id.is_some() {
        return Err(ApiError::argument(
            "only write ops with an op_type of create are allowed in data streams",
        ));
    }
    let mut id = id.map(str::to_owned);
    let mut source = call.body.to_vec();
    if asked == Asked::Delete {
        source = b"{}".to_vec();
    } else {
        if source.is_empty() {
            return Err(ApiError::new("parse_exception", "request body is required", 400));
        }
        match ingest::apply(api, call, call.parameter("pipeline"), &target, id.as_deref(), &source)?
        {
            ingest::Ingested::Unchanged => {}
            ingest::Ingested::Dropped => {
                return Ok(Reply::json(
                    json!({"_index": target.index, "_id": id, "_version": -3, "result": "noop"}),
                ));
            }
            ingest::Ingested::Changed(document) => {
                if document.index != target.index {
                    target = targets.get(api, call, &document.index)?;
                }
                (id, source) = (document.id, document.source);
            }
        }
    }
    let action = match asked {
        Asked::Create if id.is_some() => LogAction::Create,
        Asked::Delete => LogAction::Delete,
        _ => LogAction::Index,
    };
    let mut batch = LogBatch::new();
    push(&mut batch, action, &target, id.as_deref(), &source, api.now_ms())?;
    batch.expect_sequence(call.number("if_seq_no")?.map(|number| number as u64));
    let report = api.write(call, batch)?;
    let lost = LogOutcome::Unavailable("the store said nothing of it".to_owned());
    told(api, item(asked, &target.index, id.as_deref(), report.outcomes.first().unwrap_or(&lost)))
}

/// The answer to one operation: its error, if it has one, is the request's.
fn told(api: &Api, (status, mut told): (u16, Value)) -> Result<Reply, ApiError> {
    if let Some(error) = told.get("error") {
        api.refused.add(1);
        let text =
            |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut failed = ApiError::new(text("type"), text("reason"), status);
        if let Some(cause) = error.get("caused_by") {
            failed = failed.with("caused_by", cause.clone());
        }
        return Err(failed);
    }
    api.documents.add(1);
    if let Some(told) = told.as_object_mut() {
        told.remove("status");
    }
    Ok(Reply::json(told).with_status(status))
}

/// POST of `_update`.
pub(super) fn change(api: &Api, call: &Call, index: &str, id: &str) -> Result<Reply, ApiError> {
    let target: Target = Targets::default().get(api, call, index)?;
    let updated = update(api, call, &target, id, &call.body)?;
    told(api, (updated.status, updated.told))
}

/// `_mget`
pub(super) fn multi_get(
    api: &Api,
    call: &Call,
    default_index: Option<&str>,
) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let filter = source_filter(call)?;
    let mut wanted: Vec<(String, String, SourceFilter)> = Vec::new();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for doc in body.get("docs").and_then(Value::as_array).into_iter().flatten() {
        let index = doc.get("_index").map(text).or(default_index.map(str::to_owned));
        let (Some(index), Some(id)) = (index, doc.get("_id").map(text)) else {
            let reason = "Validation Failed: 1: index or id is missing for doc;";
            return Err(ApiError::new("action_request_validation_exception", reason, 400));
        };
        let own = doc.get("_source").map(SourceFilter::parse).transpose()?;
        wanted.push((index, id, own.unwrap_or_else(|| filter.clone())));
    }
    for id in body.get("ids").and_then(Value::as_array).into_iter().flatten() {
        let index = default_index.unwrap_or_default().to_owned();
        wanted.push((index, text(id), filter.clone()));
    }
    if wanted.is_empty() || wanted.len() > DOCUMENTS_MAX {
        let reason = "Validation Failed: 1: no documents to get;";
        return Err(ApiError::new("action_request_validation_exception", reason, 400));
    }
    let mut docs = Vec::new();
    for (index, id, filter) in &wanted {
        docs.push(match find(api, call, index, id) {
            Ok(Some(hit)) => tell(&hit, filter),
            Ok(None) => json!({"_index": index, "_id": id, "found": false}),
            Err(error) => json!({"_index": index, "_id": id, "error": error.to_json()}),
        });
    }
    Ok(Reply::json(json!({"docs": docs})))
}

/// Which of the methods on `_doc/{id}` is meant.
pub(super) fn by_method(
    api: &Arc<Api>,
    call: &Call,
    index: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    match call.method {
        Method::GET | Method::HEAD => get(api, call, index, id, false),
        Method::DELETE => put(api, call, index, Some(id), Asked::Delete),
        _ => put(api, call, index, Some(id), Asked::Index),
    }
}
