//! `_delete_by_query` and `_update_by_query`.

use serde_json::{Value, json};
use vigie_model::{LogAction, LogBatch, LogOutcome};
use vigie_query::search::{Query, RowRef, Searcher, SourceFilter};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::ingest;
use super::resolve::Missing;
use super::state::Api;
use super::write::{Target, Targets, push};

/// Documents changed at a time.
const BATCH: usize = 2_000;
/// Documents of one request: their places take 8 bytes each.
const DOCUMENTS_MAX: usize = 50_000_000;

#[derive(Debug, Default)]
struct Counts {
    deleted: u64,
    updated: u64,
    conflicts: u64,
    noops: u64,
    batches: u64,
    failures: Vec<Value>,
}

pub(super) fn delete(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let query = body.get("query").map(Query::parse).transpose()?;
    let query = match (query, call.parameter("q")) {
        (Some(query), _) => query,
        (None, Some(text)) => Query::parse(&json!({"query_string": {"query": text}}))?,
        (None, None) => {
            return Err(ApiError::new(
                "action_request_validation_exception",
                "Validation Failed: 1: query is missing;",
                400,
            ));
        }
    };
    run(api, call, index, &query, true)
}

pub(super) fn update(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let body = call.json()?;
    if body.get("script").is_some() {
        return Err(ApiError::argument(
            "scripts are not supported by this server: name a [pipeline] instead",
        ));
    }
    let query = body.get("query").map(Query::parse).transpose()?.unwrap_or_else(Query::match_all);
    run(api, call, index, &query, false)
}

fn run(
    api: &Api,
    call: &Call,
    index: &str,
    query: &Query,
    deletes: bool,
) -> Result<Reply, ApiError> {
    let started = api.state.world.clock.monotonic();
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let searcher = api.searcher(&resolved, call.stop())?;
    let limit = call.number("max_docs")?.unwrap_or(DOCUMENTS_MAX).min(DOCUMENTS_MAX);
    let rows = searcher.rows(query, limit)?;
    let mut counts = Counts::default();
    for chunk in rows.chunks(BATCH) {
        batch(api, call, &searcher, chunk, deletes, &mut counts)?;
        if counts.conflicts > 0 && call.parameter("conflicts") != Some("proceed") {
            break;
        }
    }
    let took_ms =
        api.state.world.clock.monotonic().checked_sub(started).unwrap().as_millis() as u64;
    let has_conflict = counts.conflicts > 0 && call.parameter("conflicts") != Some("proceed");
    let told = json!({
        "took": took_ms,
        "timed_out": false,
        "total": rows.len(),
        "updated": counts.updated,
        "deleted": counts.deleted,
        "batches": counts.batches,
        "version_conflicts": counts.conflicts,
        "noops": counts.noops,
        "retries": {"bulk": 0, "search": 0},
        "throttled_millis": 0,
        "requests_per_second": -1.0,
        "throttled_until_millis": 0,
        "failures": counts.failures,
    });
    Ok(Reply::json(told).with_status(if has_conflict { 409 } else { 200 }))
}

fn batch(
    api: &Api,
    call: &Call,
    searcher: &Searcher,
    rows: &[RowRef],
    deletes: bool,
    counts: &mut Counts,
) -> Result<(), ApiError> {
    let mut operations = LogBatch::new();
    let mut targets = Targets::default();
    counts.batches += 1;
    for row in rows {
        let hit = searcher.hit(*row, &SourceFilter::default())?;
        // A deletion needs no more than where the document is.
        let target = Target {
            index: hit.index.clone(),
            is_data_stream: false,
            strict: None,
            pipelines: [None, None],
        };
        let mut source = b"{}".to_vec();
        let action = if deletes { LogAction::Delete } else { LogAction::Replace };
        if !deletes {
            source = hit
                .source
                .as_ref()
                .map(|source| source.get().as_bytes().to_vec())
                .unwrap_or_default();
            let pipeline = call.parameter("pipeline");
            match ingest::apply(api, call, pipeline, &target, Some(&hit.id), &source)? {
                ingest::Ingested::Unchanged => {}
                ingest::Ingested::Dropped => {
                    counts.noops += 1;
                    continue;
                }
                ingest::Ingested::Changed(document) => source = document.source,
            }
            targets.get(api, call, &hit.index)?;
        }
        push(&mut operations, action, &target, Some(&hit.id), &source, api.now_ms())?;
        operations.expect_sequence(Some(hit.sequence));
    }
    let report = api.write(call, operations)?;
    for outcome in report.outcomes {
        match outcome {
            LogOutcome::Deleted(_) => counts.deleted += 1,
            LogOutcome::Created(_) | LogOutcome::Updated(_) => counts.updated += 1,
            LogOutcome::Conflict(_) | LogOutcome::Missing => counts.conflicts += 1,
            LogOutcome::Invalid(reason) | LogOutcome::Unavailable(reason) => {
                counts.failures.push(json!({"cause": {"type": "exception", "reason": reason}}));
            }
        }
    }
    Ok(())
}

/// Deletes all documents of some indices.
pub(super) fn delete_all(api: &Api, call: &Call, names: &[String]) -> Result<(), ApiError> {
    for name in names {
        let missing = Missing { ignores_unavailable: true, allows_none: true };
        let resolved = api.resolve(call, name, missing)?;
        if resolved.names.is_empty() {
            continue;
        }
        let searcher = api.searcher(&resolved, call.stop())?;
        let rows = searcher.rows(&Query::match_all(), DOCUMENTS_MAX)?;
        let mut counts = Counts::default();
        for chunk in rows.chunks(BATCH) {
            batch(api, call, &searcher, chunk, true, &mut counts)?;
        }
    }
    Ok(())
}
