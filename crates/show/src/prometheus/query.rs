//! Queries: at one time, over a range, their exemplars, and which of them run.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use vigie_language::promql::Expr;
use vigie_model::Labels;
use vigie_query::{
    QueryError, QueryErrorKind, QueryKind, QueryLimits, QueryOutput, QueryRequest, QueryValue,
};

use super::answer::{Answer, Answered, ApiError, ApiErrorKind};
use super::parameters::{Parameters, parse_duration_ns};
use super::series::truncate;
use super::trace::{self, Before};
use super::tree::tree;
use super::value::{push_stats, push_value};
use super::{Shared, selector};
use crate::Identity;
use crate::json::{push_array, push_labels, push_string};
use crate::number::push_timestamp;

const MILLISECOND_NS: i64 = 1_000_000;
/// Enough for a week in minutes or a year in hours, as Prometheus says.
const STEPS_MAX: i64 = 11_000;

pub(super) async fn query(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let limit = parameters.limit()?;
    let time_ms = parameters.time_ms_or("time", state.world.clock.now_ms())?;
    let kind = QueryKind::Instant { time_ms };
    answer(&state, &identity, &parameters, kind, limit).await
}

pub(super) async fn query_range(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let limit = parameters.limit()?;
    let kind = range_kind(&parameters)?;
    answer(&state, &identity, &parameters, kind, limit).await
}

async fn answer(
    state: &Shared,
    identity: &Identity,
    parameters: &Parameters,
    kind: QueryKind,
    limit: usize,
) -> Answered {
    let (output, before) = evaluate(state, identity, parameters, kind).await?;
    let text = parameters.get("query");
    let trace = trace::is_wanted(parameters).then(|| trace::tree(text, kind, before, &output));
    let answer = answered(output, parameters, limit);
    match trace {
        Some(trace) => answer.with_field("trace", &trace),
        None => Ok(answer),
    }
}

fn range_kind(parameters: &Parameters) -> Result<QueryKind, ApiError> {
    let start_ms = parameters.time_ms("start")?;
    let end_ms = parameters.time_ms("end")?;
    if end_ms < start_ms {
        let detail = "end timestamp must not be before start time";
        return Err(ApiError::parameter("end", detail));
    }
    let step_ns = parse_duration_ns(parameters.get("step"))
        .map_err(|detail| ApiError::parameter("step", detail))?;
    if step_ns <= 0 {
        let detail = "zero or negative query resolution step widths are not accepted. \
                      Try a positive integer";
        return Err(ApiError::parameter("step", detail));
    }
    let range_ns = (i128::from(end_ms) - i128::from(start_ms)) * i128::from(MILLISECOND_NS);
    if range_ns / i128::from(step_ns) > i128::from(STEPS_MAX) {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ));
    }
    // Steps below a millisecond would all be the same time.
    Ok(QueryKind::Range { start_ms, end_ms, step_ms: (step_ns / MILLISECOND_NS).max(1) })
}

async fn evaluate(
    state: &Shared,
    identity: &Identity,
    parameters: &Parameters,
    kind: QueryKind,
) -> Result<(QueryOutput, Before), ApiError> {
    let limits = limits(state, parameters)?;
    let text = parameters.get("query");
    let started = Instant::now();
    let expr = parse(text)?;
    let parsed = Instant::now();
    let _slot = slot(state, limits.timeout).await?;
    let before = Before { parse: parsed - started, wait: parsed.elapsed() };
    let snapshot = state.store.snapshot(&identity.tenant);
    let request = QueryRequest { text, expr: &expr, kind, limits };
    let output = state.engine.evaluate(&snapshot, request).await?;
    state.top.add(&identity.tenant, text, kind, output.stats.timings.total);
    Ok((output, before))
}

fn parse(text: &str) -> Result<Expr, ApiError> {
    selector::parse_expression(text).map_err(|detail| ApiError::parameter("query", detail))
}

fn limits(state: &Shared, parameters: &Parameters) -> Result<QueryLimits, ApiError> {
    let lookback_ms = match parameters.get("lookback_delta") {
        "" => None,
        text => {
            let wrong =
                |e| ApiError::bad_data(format!("error parsing lookback delta duration: {e}"));
            let nanoseconds = parse_duration_ns(text).map_err(wrong)?;
            Some(nanoseconds / MILLISECOND_NS).filter(|lookback| *lookback > 0)
        }
    };
    let timeout = parameters.timeout()?;
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(ApiError::parameter("query", "context deadline exceeded"));
    }
    let timeout = timeout.map(|timeout| timeout.min(state.options.query_timeout));
    let per_step_stats = parameters.get("stats") == "all";
    Ok(QueryLimits { timeout, samples_max: None, lookback_ms, per_step_stats })
}

/// Waits for one of the places in which queries run.
async fn slot(
    state: &Shared,
    timeout: Option<Duration>,
) -> Result<tokio::sync::SemaphorePermit<'_>, ApiError> {
    let waiting = state.query_slots.acquire();
    let timeout = timeout.unwrap_or(state.options.query_timeout);
    match tokio::time::timeout(timeout, waiting).await {
        Ok(Ok(slot)) => Ok(slot),
        Ok(Err(_closed)) => Err(ApiError::new(ApiErrorKind::Overloaded, "shutting down")),
        Err(_late) => Err(ApiError::new(ApiErrorKind::Timeout, "query timed out in query queue")),
    }
}

fn answered(mut output: QueryOutput, parameters: &Parameters, limit: usize) -> Answer {
    let is_truncated = match &mut output.value {
        QueryValue::Vector(samples) => truncate(samples, limit),
        QueryValue::Matrix(series) => truncate(series, limit),
        QueryValue::Scalar { .. } | QueryValue::String { .. } => false,
    };
    let stats = parameters.get("stats");
    let answer = Answer::written(|out| {
        push_value(out, &output.value);
        if !stats.is_empty() {
            out.extend_from_slice(br#","stats":"#);
            push_stats(out, &output.stats, stats == "all");
        }
        out.push(b'}');
    });
    answer
        .annotated(output.warnings, output.infos)
        .truncated(is_truncated)
        .annotated(stats_warning(stats).into_iter().collect(), Vec::new())
}

/// Prometheus takes any value for now and says so.
fn stats_warning(stats: &str) -> Option<String> {
    (!matches!(stats, "" | "true" | "all")).then(|| {
        format!(
            "value {stats:?} for parameter \"stats\" is deprecated and will be rejected in the \
             next major release, use \"true\" or \"all\""
        )
    })
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let kind = match error.kind() {
            QueryErrorKind::BadData => {
                return Self::parameter("query", error);
            }
            QueryErrorKind::Execution | QueryErrorKind::TooManySamples => ApiErrorKind::Execution,
            QueryErrorKind::Canceled => ApiErrorKind::Canceled,
            QueryErrorKind::Timeout => ApiErrorKind::Timeout,
            QueryErrorKind::Internal => ApiErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

pub(super) async fn query_exemplars(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let range = parameters.range()?;
    if range.is_empty() {
        let message = "end timestamp must not be before start timestamp";
        return Err(ApiError::bad_data(message));
    }
    let expr = selector::parse_expression(parameters.get("query")).map_err(ApiError::bad_data)?;
    let sets = selector::selectors(&expr);
    if sets.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let found = state.store.snapshot(&identity.tenant).exemplars(&sets, range).await?;
    let answer = Answer::written(|out| {
        push_array(out, &found, |out, series| {
            out.extend_from_slice(br#"{"seriesLabels":"#);
            push_labels(out, &series.labels);
            out.extend_from_slice(br#","exemplars":"#);
            push_array(out, &series.exemplars, |out, exemplar| {
                push_exemplar(out, &exemplar.labels, exemplar.value, exemplar.timestamp_ms);
            });
            out.push(b'}');
        });
    });
    Ok(answer.into_response())
}

fn push_exemplar(out: &mut Vec<u8>, labels: &Labels, value: f64, timestamp_ms: i64) {
    out.extend_from_slice(br#"{"labels":"#);
    push_labels(out, labels);
    out.extend_from_slice(br#","value":""#);
    vigie_formats::float::format_float_api(value, out);
    out.extend_from_slice(br#"","timestamp":"#);
    push_timestamp(out, timestamp_ms);
    out.push(b'}');
}

pub(super) async fn format_query(parameters: Parameters) -> Answered {
    let expr = parse(parameters.get("query"))?;
    Ok(Answer::written(|out| push_string(out, &selector::pretty(&expr))))
}

pub(super) async fn parse_query(parameters: Parameters) -> Answered {
    Answer::data(&tree(&parse(parameters.get("query"))?))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveView {
    id: u64,
    query: String,
    running_seconds: f64,
}

pub(super) async fn active(State(state): State<Shared>) -> Answered {
    let running = state.engine.active().list();
    let shown = running.into_iter().map(|query| ActiveView {
        id: query.id,
        running_seconds: query.started.elapsed().as_secs_f64(),
        query: query.text,
    });
    Answer::data(&shown.collect::<Vec<_>>())
}

pub(super) async fn cancel(State(state): State<Shared>, Path(id): Path<u64>) -> Answered {
    if state.engine.active().cancel(id) {
        Ok(Answer::empty())
    } else {
        Err(ApiError::new(ApiErrorKind::NotFound, format!("no query {id} is running")))
    }
}
