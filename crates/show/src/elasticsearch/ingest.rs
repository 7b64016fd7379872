//! Ingest pipelines: documents changed on their way to an index.

mod conditions;
mod date;
mod fields;
mod grok;
mod processors;
mod simulate;
mod text;

use serde_json::{Map, Value};

use super::call::Call;
use super::error::ApiError;
use super::metadata::Metadata;
use super::state::Api;
use super::write::Target;

pub(super) use simulate::simulate;

/// How deep pipelines may call each other.
const DEPTH_MAX: usize = 10;
/// Processors that one document may pass.
const STEPS_MAX: usize = 1_000;

/// What became of a document.
#[derive(Debug)]
pub(super) enum Ingested {
    /// There is no pipeline: it stays as it was sent.
    Unchanged,
    /// A `drop` took it.
    Dropped,
    /// This is to be written instead.
    Changed(Changed),
}

/// A document after its pipelines.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) index: String,
    pub(super) id: Option<String>,
    pub(super) source: Vec<u8>,
}

/// A document on its way.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) index: String,
    pub(super) id: Option<String>,
    pub(super) source: Map<String, Value>,
    pub(super) now_ms: i64,
    steps: usize,
    depth: usize,
    /// What went wrong, for `on_failure`.
    failure: Option<String>,
}

/// Why a document cannot go on.
#[derive(Debug)]
pub(super) enum Stop {
    Drop,
    Fail(String),
}

/// Sends a document through the pipelines that are meant: the one asked for or the index's
/// default, then the index's final one.
pub(super) fn apply(
    api: &Api,
    call: &Call,
    asked: Option<&str>,
    target: &Target,
    id: Option<&str>,
    source: &[u8],
) -> Result<Ingested, ApiError> {
    let [default, last] = &target.pipelines;
    let first = asked.or(default.as_deref()).filter(|name| *name != "_none");
    if first.is_none() && last.is_none() {
        return Ok(Ingested::Unchanged);
    }
    let metadata = api.tenants.read(&call.tenant)?;
    let source: Map<String, Value> =
        serde_json::from_slice(source).map_err(|error| ApiError::json(&error))?;
    let mut document = Document::new(&target.index, id, source, api.now_ms());
    for name in [first, last.as_deref()].into_iter().flatten() {
        match processors::run_named(name, &metadata, &mut document) {
            Ok(()) => {}
            Err(Stop::Drop) => return Ok(Ingested::Dropped),
            Err(Stop::Fail(reason)) => return Err(ApiError::argument(reason)),
        }
    }
    let source = serde_json::to_vec(&document.source).map_err(|error| ApiError::json(&error))?;
    Ok(Ingested::Changed(Changed { index: document.index, id: document.id, source }))
}

/// Whether a pipeline can be carried out; the processors that cannot.
pub(super) fn check(pipeline: &Value) -> Result<(), ApiError> {
    processors::check(pipeline).map_err(|reason| ApiError::new("parse_exception", reason, 400))
}

impl Document {
    fn new(index: &str, id: Option<&str>, source: Map<String, Value>, now_ms: i64) -> Self {
        Self {
            index: index.to_owned(),
            id: id.map(str::to_owned),
            source,
            now_ms,
            steps: 0,
            depth: 0,
            failure: None,
        }
    }
}

fn pipeline<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a Value> {
    metadata.named("pipeline")?.get(name)
}
