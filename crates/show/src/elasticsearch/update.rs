//! `_update`: a document read, changed and written again, unless somebody else changed it.

use serde_json::{Map, Value, json};
use vigie_model::{LogAction, LogBatch, LogOutcome};
use vigie_query::search::{Query, QueryKind};

use super::call::Call;
use super::document::find;
use super::error::ApiError;
use super::state::Api;
use super::write::{Asked, Target, item, missing, push};

/// How often a change is tried again when somebody else was faster.
const TRIES: usize = 4;

/// What became of an update.
#[derive(Debug)]
pub(super) struct Updated {
    pub(super) status: u16,
    pub(super) told: Value,
}

/// Changes the document `id` as `body` says.
pub(super) fn update(
    api: &Api,
    call: &Call,
    target: &Target,
    id: &str,
    body: &[u8],
) -> Result<Updated, ApiError> {
    let change: Value = serde_json::from_slice(body).map_err(|error| ApiError::json(&error))?;
    if change.get("script").is_some() {
        return Err(ApiError::argument("scripts are not supported by this server: send [doc]"));
    }
    let doc = change.get("doc").and_then(Value::as_object);
    let upsert = change.get("upsert").and_then(Value::as_object);
    if doc.is_none() && upsert.is_none() {
        let reason = "Validation Failed: 1: script or doc is missing;";
        return Err(ApiError::new("action_request_validation_exception", reason, 400));
    }
    let doc_is_upsert = change.get("doc_as_upsert").and_then(Value::as_bool).unwrap_or(false);
    let detects_noop = change.get("detect_noop").and_then(Value::as_bool).unwrap_or(true);
    for _ in 0..TRIES {
        let current = find(api, call, &target.index, id)?;
        let (action, document, sequence) = match current {
            None => {
                let whole = if doc_is_upsert { doc } else { upsert };
                let whole = whole.ok_or_else(|| missing(id))?;
                (LogAction::Create, whole.clone(), None)
            }
            Some(found) => {
                let source = found.source.as_ref().map_or("{}", |source| source.get());
                let mut document: Map<String, Value> =
                    serde_json::from_str(source).unwrap_or_default();
                let before = document.clone();
                merge(&mut document, doc.unwrap_or(&Map::new()), 0);
                if detects_noop && before == document {
                    let told = json!({
                        "_index": target.index, "_id": id, "_version": 1, "result": "noop",
                        "_shards": {"total": 0, "successful": 0, "failed": 0},
                        "_seq_no": found.sequence, "_primary_term": 1, "status": 200,
                    });
                    return Ok(Updated { status: 200, told });
                }
                (LogAction::Replace, document, Some(found.sequence))
            }
        };
        let mut batch = LogBatch::new();
        let source = serde_json::to_vec(&document).map_err(|error| ApiError::json(&error))?;
        push(&mut batch, action, target, Some(id), &source, api.now_ms())?;
        batch.expect_sequence(sequence);
        let report = api.write(call, batch)?;
        let outcome = report.outcomes.first().cloned();
        let outcome = outcome
            .unwrap_or_else(|| LogOutcome::Unavailable("the store said nothing of it".to_owned()));
        if matches!(outcome, LogOutcome::Conflict(_) | LogOutcome::Missing) {
            continue;
        }
        let (status, told) = item(Asked::Update, &target.index, Some(id), &outcome);
        return Ok(Updated { status, told });
    }
    let reason =
        format!("[{id}]: version conflict, the document was changed {TRIES} times meanwhile");
    Err(ApiError::new("version_conflict_engine_exception", reason, 409))
}

/// Objects are merged, everything else is replaced.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>, depth: usize) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) if depth < 100 => {
                merge(inner, more, depth + 1);
            }
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The query that selects a document by its id.
pub(super) fn by_id(id: &str) -> Query {
    QueryKind::Ids(vec![id.to_owned()]).into()
}
