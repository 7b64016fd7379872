//! Where documents go, and what became of them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use vigie_formats::log_document::{DocumentOptions, pack_json_document};
use vigie_language::search::{resolve_date_math_name, validate_index_name};
use vigie_model::{Acknowledge, LogAction, LogBatch, LogOutcome, LogReport, id_of_sequence};

use super::call::Call;
use super::error::ApiError;
use super::metadata::Metadata;
use super::state::Api;
use super::{data_streams, indices, templates};

/// The field with a document's time.
pub(super) const TIME_FIELD: &str = "@timestamp";
/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 512;

/// Where the documents of one request go, by the names that it uses.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: HashMap<String, Result<Target, ApiError>>,
}

/// An index that takes documents.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) index: String,
    pub(super) is_data_stream: bool,
    /// `dynamic: strict`: the fields that are allowed.
    pub(super) strict: Option<Vec<String>>,
    /// Pipelines that the index's settings name: the default and the final one.
    pub(super) pipelines: [Option<String>; 2],
}

impl Targets {
    /// The index behind `name`, which is created when it is not there.
    pub(super) fn get(&mut self, api: &Api, call: &Call, name: &str) -> Result<Target, ApiError> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let found = find(api, call, name);
        self.known.insert(name.to_owned(), found.clone());
        found
    }
}

fn find(api: &Api, call: &Call, name: &str) -> Result<Target, ApiError> {
    let invalid = |error: vigie_language::search::IndexNameError| {
        ApiError::new("invalid_index_name_exception", error.to_string(), 400).with("index", name)
    };
    let name = resolve_date_math_name(name, api.now_ms()).map_err(invalid)?;
    if let Some(found) = existing(&*api.tenants.read(&call.tenant)?, &name)? {
        return Ok(found);
    }
    validate_index_name(&name).map_err(invalid)?;
    let (now_ms, seed) = (api.now_ms(), api.state.world.random.next_u64());
    api.tenants.change(&call.tenant, |metadata| {
        // Somebody else may have been faster.
        if let Some(found) = existing(metadata, &name)? {
            return Ok(found);
        }
        let template = templates::for_name(metadata, &name);
        if template.as_ref().is_some_and(|template| template.is_data_stream) {
            data_streams::create(metadata, &name, now_ms, seed)?;
        } else {
            indices::create(metadata, &name, &Map::new(), now_ms, seed)?;
        }
        existing(metadata, &name)?.ok_or_else(|| ApiError::no_index(&name))
    })
}

fn existing(metadata: &Metadata, name: &str) -> Result<Option<Target>, ApiError> {
    if let Some(stream) = metadata.data_streams.get(name) {
        let index = stream.indices.last().ok_or_else(|| ApiError::no_index(name))?;
        return Ok(Some(target(metadata, index, true)));
    }
    if let Some(index) = metadata.indices.get(name) {
        if index.is_closed {
            return Err(ApiError::new("index_closed_exception", "closed", 400).with("index", name));
        }
        return Ok(Some(target(metadata, name, false)));
    }
    let behind: Vec<(&String, &Value)> = metadata
        .indices
        .iter()
        .filter_map(|(index, known)| known.aliases.get(name).map(|alias| (index, alias)))
        .collect();
    let is_write =
        |alias: &Value| alias.get("is_write_index").and_then(Value::as_bool) == Some(true);
    match behind.as_slice() {
        [] => Ok(None),
        [(index, alias)] if alias.get("is_write_index") != Some(&Value::Bool(false)) => {
            Ok(Some(target(metadata, index, false)))
        }
        several => match several.iter().find(|(_, alias)| is_write(alias)) {
            Some((index, _)) => Ok(Some(target(metadata, index, false))),
            None => Err(ApiError::argument(format!(
                "no write index is defined for alias [{name}]. The write index may be explicitly \
                 disabled using is_write_index=false or the alias points to multiple indices \
                 without one being designated as a write index"
            ))),
        },
    }
}

fn target(metadata: &Metadata, name: &str, is_data_stream: bool) -> Target {
    let index = metadata.indices.get(name);
    let setting = |key: &str| {
        let settings = &index?.settings;
        let found = settings.get(&format!("index.{key}"))?;
        found.as_str().filter(|pipeline| *pipeline != "_none").map(str::to_owned)
    };
    let strict = index
        .filter(|index| index.mappings.get("dynamic").and_then(Value::as_str) == Some("strict"));
    let strict = strict.map(|index| {
        let properties = index.mappings.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(Map::keys).cloned().collect()
    });
    Target {
        index: name.to_owned(),
        is_data_stream,
        strict,
        pipelines: [setting("default_pipeline"), setting("final_pipeline")],
    }
}

impl Target {
    /// Whether the fields of a document are those that the mapping allows.
    pub(super) fn check_fields(&self, source: &[u8]) -> Result<(), ApiError> {
        let Some(allowed) = &self.strict else { return Ok(()) };
        let Ok(Value::Object(document)) = serde_json::from_slice(source) else { return Ok(()) };
        match document.keys().find(|key| !allowed.contains(key)) {
            None => Ok(()),
            Some(key) => Err(ApiError::new(
                "strict_dynamic_mapping_exception",
                format!(
                    "mapping set to strict, dynamic introduction of [{key}] within [_doc] is not allowed"
                ),
                400,
            )),
        }
    }
}

/// Adds a document to a batch.
pub(super) fn push(
    batch: &mut LogBatch,
    action: LogAction,
    target: &Target,
    id: Option<&str>,
    source: &[u8],
    now_ms: i64,
) -> Result<(), ApiError> {
    check_id(id)?;
    target.check_fields(source)?;
    let refuse = |reason: String| {
        let cause = json!({"type": "json_parse_exception", "reason": reason});
        ApiError::new("mapper_parsing_exception", "failed to parse", 400).with("caused_by", cause)
    };
    let json = std::str::from_utf8(source).map_err(|_| refuse("Invalid UTF-8".to_owned()))?;
    // The store gives documents without a time the moment of their arrival.
    let options =
        DocumentOptions { time_field: TIME_FIELD, now_ns: now_ms.saturating_mul(1_000_000) };
    let index = batch.index(&target.index);
    let packed = batch.push(action, index, id, |writer| pack_json_document(json, options, writer));
    packed.map_err(|error| refuse(error.to_string()))
}

pub(super) fn check_id(id: Option<&str>) -> Result<(), ApiError> {
    match id {
        Some("") => Err(ApiError::argument("if _id is specified it must not be empty")),
        Some(id) if id.len() > ID_BYTES_MAX => Err(ApiError::argument(format!(
            "id [{}...] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}",
            id.chars().take(50).collect::<String>(),
            id.len()
        ))),
        _ => Ok(()),
    }
}

impl Api {
    /// Writes a batch and waits until it is durable.
    pub(super) fn write(&self, call: &Call, batch: LogBatch) -> Result<LogReport, ApiError> {
        let writing = self.state.sink.write_logs(&call.tenant, batch, Acknowledge::Durable);
        Ok(self.runtime.block_on(writing)?)
    }
}

/// What an operation was asked to do, as answers call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Index,
    Create,
    Update,
    Delete,
}

impl Asked {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The answer to one operation; its status is in it.
pub(super) fn item(
    asked: Asked,
    index: &str,
    id: Option<&str>,
    outcome: &LogOutcome,
) -> (u16, Value) {
    let (result, status, sequence) = match outcome {
        LogOutcome::Created(sequence) => ("created", 201, *sequence),
        LogOutcome::Updated(sequence) => ("updated", 200, *sequence),
        LogOutcome::Deleted(sequence) => ("deleted", 200, *sequence),
        LogOutcome::Missing if asked == Asked::Delete => ("not_found", 404, 0),
        LogOutcome::Missing => return failed(index, id, &missing(id.unwrap_or_default())),
        LogOutcome::Conflict(current) => {
            let id_text = id.unwrap_or_default();
            let reason = if asked == Asked::Create {
                format!(
                    "[{id_text}]: version conflict, document already exists (current version [1])"
                )
            } else {
                format!(
                    "[{id_text}]: version conflict, required seqNo differs, current document has seqNo [{current}] and primary term [1]"
                )
            };
            let error = ApiError::new("version_conflict_engine_exception", reason, 409);
            return failed(
                index,
                id,
                &error.with("index_uuid", "_na_").with("shard", "0").with("index", index),
            );
        }
        LogOutcome::Invalid(reason) => {
            return failed(
                index,
                id,
                &ApiError::new("mapper_parsing_exception", reason.clone(), 400),
            );
        }
        LogOutcome::Unavailable(reason) => {
            return failed(index, id, &ApiError::unavailable(reason.clone()));
        }
    };
    let id = id.map_or_else(|| id_of_sequence(sequence), str::to_owned);
    let version = if result == "created" { 1 } else { 2 };
    let told = json!({
        "_index": index,
        "_id": id,
        "_version": version,
        "result": result,
        "_shards": {"total": 1, "successful": 1, "failed": 0},
        "_seq_no": sequence,
        "_primary_term": 1,
        "status": status,
    });
    (status, told)
}

/// The answer to an operation that failed.
pub(super) fn failed(index: &str, id: Option<&str>, error: &ApiError) -> (u16, Value) {
    let told =
        json!({"_index": index, "_id": id, "status": error.status, "error": error.to_item()});
    (error.status, told)
}

pub(super) fn missing(id: &str) -> ApiError {
    ApiError::new("document_missing_exception", format!("[{id}]: document missing"), 404)
}
