//! The critical path of a trace, where the time of traces went, and what differs between two sets.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde_json::{Value, json};
use vigie_model::span::TraceId;
use vigie_query::traces::{self, Share, Shares, TraceSearch, TraceTree};
use vigie_store::logs::LogSnapshot;

use super::{
    Answered, Pairs, Refusal, TRACES_MAX, TracesState, answered, number, parameter, trace_of,
};
use crate::Identity;

/// Traces that a search takes unless it says otherwise.
const TRACES: usize = 20;

pub(super) async fn critical_path(
    State(state): State<TracesState>,
    identity: Identity,
    Path(id): Path<String>,
) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    answered(move || path_of(&snapshot, trace_of(&id)?)).await
}

fn path_of(snapshot: &LogSnapshot, id: TraceId) -> Answered {
    let spans = traces::trace(snapshot, id)?;
    let tree = TraceTree::new(&spans);
    let Some(root) = tree.root().and_then(|root| spans.get(root)) else {
        return Err(Refusal::missing(id));
    };
    let pieces: Vec<Value> = tree
        .critical_path()
        .iter()
        .filter_map(|piece| {
            let span = spans.get(piece.span)?;
            Some(json!({
                "spanID": span.span_id.to_string(),
                "service": span.service,
                "operation": span.name,
                "offset_ns": piece.start_ns - root.start_ns,
                "duration_ns": piece.end_ns - piece.start_ns,
            }))
        })
        .collect();
    Ok(json!({
        "traceID": id.to_string(),
        "rootSpanID": root.span_id.to_string(),
        "start_ns": root.start_ns.to_string(),
        "duration_ns": root.duration_ns,
        "path": pieces,
    }))
}

pub(super) async fn latency(
    State(state): State<TracesState>,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    answered(move || {
        let (count, shares) = shares_of(&snapshot, &ids(&snapshot, &pairs)?)?;
        let mut rows: Vec<_> = shares.iter().collect();
        rows.sort_by_key(|(_, share)| std::cmp::Reverse(share.critical_ns));
        let rows: Vec<Value> = rows.into_iter().map(|(key, share)| row(key, share)).collect();
        Ok(json!({"traces": count, "operations": rows}))
    })
    .await
}

/// The traces that `id` names, or those that a search finds.
fn ids(snapshot: &LogSnapshot, pairs: &Pairs) -> Result<Vec<TraceId>, Refusal> {
    if let Some(listed) = parameter(pairs, "id") {
        return list(listed);
    }
    let seconds = |name| -> Result<Option<i64>, Refusal> {
        Ok(number::<f64>(pairs, name)?.map(|seconds| (seconds * 1e9) as i64))
    };
    let Some(service) = parameter(pairs, "service") else {
        return Err(Refusal::bad("either `id` or `service` is needed"));
    };
    let search = TraceSearch {
        service: Some(service.to_owned()),
        operation: parameter(pairs, "operation").map(str::to_owned),
        tags: Vec::new(),
        start_ns: seconds("start")?.unwrap_or(i64::MIN),
        end_ns: seconds("end")?.unwrap_or(i64::MAX),
        duration_min_ns: number(pairs, "min_duration_ns")?,
        duration_max_ns: number(pairs, "max_duration_ns")?,
        limit: number(pairs, "limit")?.unwrap_or(TRACES).min(TRACES_MAX),
    };
    Ok(traces::search(snapshot, &search)?)
}

fn list(text: &str) -> Result<Vec<TraceId>, Refusal> {
    let ids: Vec<TraceId> = text.split(',').map(trace_of).collect::<Result<_, _>>()?;
    if ids.len() > TRACES_MAX {
        return Err(Refusal::bad(format!("more than {TRACES_MAX} traces")));
    }
    Ok(ids)
}

/// What the operations of these traces took, and how many of the traces are there.
fn shares_of(snapshot: &LogSnapshot, ids: &[TraceId]) -> Result<(usize, Shares), Refusal> {
    let (mut count, mut shares) = (0, Shares::new());
    for id in ids {
        let spans = traces::trace(snapshot, *id)?;
        count += usize::from(!spans.is_empty());
        TraceTree::new(&spans).add_shares(&mut shares);
    }
    match ids {
        [id] if count == 0 => Err(Refusal::missing(*id)),
        _ => Ok((count, shares)),
    }
}

fn row((service, operation): &(String, String), share: &Share) -> Value {
    json!({"service": service, "operation": operation, "share": numbers(share)})
}

fn numbers(share: &Share) -> Value {
    json!({
        "spans": share.spans,
        "errors": share.errors,
        "total_ns": share.total_ns,
        "self_ns": share.self_ns,
        "critical_ns": share.critical_ns,
    })
}

pub(super) async fn compare(
    State(state): State<TracesState>,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    answered(move || {
        let side = |name: &str| match parameter(&pairs, name) {
            Some(listed) => shares_of(&snapshot, &list(listed)?),
            None => {
                Err(Refusal::bad(format!("`{name}` is needed: one trace, or several with commas")))
            }
        };
        let ((left_count, left), (right_count, right)) = (side("left")?, side("right")?);
        Ok(json!({
            "left": {"traces": left_count},
            "right": {"traces": right_count},
            "operations": differences((left_count, &left), (right_count, &right)),
        }))
    })
    .await
}

/// What each operation took on both sides and by how much an average trace of the right is slower
/// on its critical path; the largest difference first.
fn differences(left: (usize, &Shares), right: (usize, &Shares)) -> Vec<Value> {
    let average = |(count, shares): (usize, &Shares), key: &(String, String)| {
        let critical = shares.get(key).map_or(0, |share| share.critical_ns);
        critical as f64 / count.max(1) as f64
    };
    let keys: std::collections::BTreeSet<_> = left.1.keys().chain(right.1.keys()).collect();
    let mut rows: Vec<(f64, Value)> = keys
        .into_iter()
        .map(|key| {
            let difference = average(right, key) - average(left, key);
            let of = |shares: &Shares| shares.get(key).map_or(Value::Null, numbers);
            let row = json!({
                "service": key.0,
                "operation": key.1,
                "left": of(left.1),
                "right": of(right.1),
                "critical_difference_ns": difference.round(),
            });
            (difference, row)
        })
        .collect();
    rows.sort_by(|one, other| other.0.abs().total_cmp(&one.0.abs()));
    rows.into_iter().map(|(_, row)| row).collect()
}
