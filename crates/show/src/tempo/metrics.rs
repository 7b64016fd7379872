//! `/api/metrics/query_range` and `/api/metrics/query`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use vigie_language::traceql;
use vigie_query::traceql::{Budget, FieldValue, MetricRange, MetricSeries, metrics};

use super::parameters::{Pairs, duration_ns, get, number, time_ns};
use super::{TempoState, answer, attributes, blocking, failure, query_failure};
use crate::Identity;

type Shared = State<Arc<TempoState>>;

/// Exemplars that are given when none are asked for, and at most.
const EXEMPLARS_DEFAULT: usize = 0;
const EXEMPLARS_MAX: usize = 1_000;

/// Start and end, from `start` and `end`, or `since`, or the last hour.
fn range_ns(pairs: &Pairs, now_ns: i64) -> Result<(i64, i64), String> {
    let end = time_ns(pairs, "end")?.unwrap_or(now_ns);
    let since = match get(pairs, "since") {
        Some(text) => duration_ns(text).ok_or_else(|| format!("invalid since: {text:?}"))?,
        None => 3_600_000_000_000,
    };
    let start = time_ns(pairs, "start")?.unwrap_or_else(|| end.saturating_sub(since));
    Ok((start, end))
}

/// A step of about a hundredth of the range, of a size that people choose.
fn step_default(length_ns: i64) -> i64 {
    let seconds =
        [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200];
    let wanted = length_ns / 120;
    let found = seconds.iter().map(|s| s * 1_000_000_000_i64).find(|step| *step >= wanted);
    found.unwrap_or(86_400_000_000_000)
}

pub(super) async fn range(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let read = || -> Result<MetricRange, String> {
        let (start_ns, end_ns) = range_ns(&pairs, state.now_ns())?;
        let step_ns = match get(&pairs, "step") {
            Some(text) => duration_ns(text)
                .filter(|step| *step > 0)
                .ok_or_else(|| format!("invalid step: {text:?}"))?,
            None => step_default(end_ns.saturating_sub(start_ns)),
        };
        // Steps begin at multiples of their length, so that a page that is loaded again shows the
        // same points.
        let aligned = start_ns.div_euclid(step_ns).saturating_mul(step_ns);
        let exemplars = number(&pairs, "exemplars")?.unwrap_or(EXEMPLARS_DEFAULT);
        Ok(MetricRange {
            start_ns: aligned,
            end_ns,
            step_ns,
            exemplars_max: exemplars.min(EXEMPLARS_MAX),
        })
    };
    match read() {
        Ok(range) => evaluate(&state, &identity, &pairs, range, range_series).await,
        Err(message) => failure(StatusCode::BAD_REQUEST, message),
    }
}

pub(super) async fn instant(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    match range_ns(&pairs, state.now_ns()) {
        Ok((start_ns, end_ns)) => {
            let step_ns = end_ns.saturating_sub(start_ns).max(1);
            let range = MetricRange { start_ns, end_ns, step_ns, exemplars_max: 0 };
            evaluate(&state, &identity, &pairs, range, instant_series).await
        }
        Err(message) => failure(StatusCode::BAD_REQUEST, message),
    }
}

async fn evaluate(
    state: &Arc<TempoState>,
    identity: &Identity,
    pairs: &Pairs,
    range: MetricRange,
    print: fn(&MetricSeries, MetricRange) -> Value,
) -> Response {
    let Some(text) = get(pairs, "q").or_else(|| get(pairs, "query")) else {
        return failure(StatusCode::BAD_REQUEST, "parameter q is required");
    };
    let query = match traceql::parse(text) {
        Ok(query) => query,
        Err(error) => {
            let message = format!("invalid TraceQL query: {error}");
            return failure(StatusCode::BAD_REQUEST, message);
        }
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || metrics(&snapshot, &query, range, Budget::default())).await {
        Ok(found) => {
            let series: Vec<Value> = found.iter().map(|one| print(one, range)).collect();
            answer(&json!({"series": series, "metrics": {}}))
        }
        Err(error) => query_failure(&error),
    }
}

/// The labels as Prometheus writes them, which Grafana takes for the name of the series.
fn prometheus_labels(labels: &[(String, FieldValue)]) -> String {
    let pair = |(key, value): &(String, FieldValue)| {
        let is_plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let key = if is_plain { key.clone() } else { format!("{key:?}") };
        format!("{key}={:?}", value.text())
    };
    let pairs: Vec<String> = labels.iter().map(pair).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn range_series(series: &MetricSeries, range: MetricRange) -> Value {
    let time_ms = |step: usize| (range.start_ns + step as i64 * range.step_ns) / 1_000_000;
    let samples: Vec<Value> = series
        .values
        .iter()
        .enumerate()
        .filter(|(_, value)| !value.is_nan())
        .map(|(step, value)| json!({"timestampMs": time_ms(step).to_string(), "value": value}))
        .collect();
    let exemplars: Vec<Value> = series
        .exemplars
        .iter()
        .map(|exemplar| {
            json!({
                "labels": [{
                    "key": "trace:id",
                    "value": {"stringValue": exemplar.trace_id.to_string()},
                }],
                "value": exemplar.value,
                "timestampMs": (exemplar.time_ns / 1_000_000).to_string(),
            })
        })
        .collect();
    json!({
        "labels": attributes(&series.labels),
        "samples": samples,
        "promLabels": prometheus_labels(&series.labels),
        "exemplars": exemplars,
    })
}

fn instant_series(series: &MetricSeries, _range: MetricRange) -> Value {
    json!({
        "labels": attributes(&series.labels),
        "value": series.values.first().copied().unwrap_or(0.0),
        "promLabels": prometheus_labels(&series.labels),
    })
}
