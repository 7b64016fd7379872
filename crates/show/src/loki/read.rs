//! Questions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use vigie_language::logql::{self, Expr, LogExpr, MetricExpr, parse_matchers};
use vigie_model::{Labels, MatchOp, Matcher, TenantId};
use vigie_query::logql::{
    Direction, LogStreamAnswer, LogqlBounds, LogqlError, Steps, StreamCount, log_entries,
    log_streams, metric,
};
use vigie_store::logs::LogSnapshot;

use super::parameters::{Parameters, bad};
use super::{LokiState, numbers, refuse};
use crate::Identity;

/// Lines of an answer, unless the asker wants fewer; as in Loki.
const LINES_MAX: usize = 5_000;
/// Steps of an answer, as in Loki.
const STEPS_MAX: usize = 11_001;
const HOUR_NS: i64 = 3_600_000_000_000;
const LABELS_BACK_NS: i64 = 6 * HOUR_NS;

type Shared = State<Arc<LokiState>>;

fn now_ns(state: &LokiState) -> i64 {
    state.world.clock.now_ms().saturating_mul(1_000_000)
}

/// Says that nobody waits any more when it is dropped.
struct StopGuard(Arc<AtomicBool>);

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` over the tenant's documents where it may block.
pub(super) async fn run<T: Send + 'static>(
    state: &LokiState,
    tenant: &TenantId,
    work: impl FnOnce(&LogSnapshot, &LogqlBounds) -> Result<T, LogqlError> + Send + 'static,
) -> Result<T, Box<Response>> {
    let stop = Arc::new(AtomicBool::new(false));
    let _guard = StopGuard(Arc::clone(&stop));
    let bounds = LogqlBounds { deadline: Instant::now() + state.query_timeout, stop };
    let snapshot = state.store.log_snapshot(tenant);
    let done = tokio::task::spawn_blocking(move || work(&snapshot, &bounds)).await;
    match done {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Box::new(refuse(&error))),
        Err(_) => Err(Box::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response())),
    }
}

fn parse(parameters: &Parameters) -> Result<Expr, Box<Response>> {
    let text = parameters.get("query").unwrap_or_default();
    logql::parse(text).map_err(|error| bad(&error.to_string()))
}

fn answer(result: Result<Response, Box<Response>>) -> Response {
    result.unwrap_or_else(|refused| *refused)
}

pub(super) async fn query(State(state): Shared, who: Identity, parameters: Parameters) -> Response {
    answer(instant(&state, &who, &parameters).await)
}

async fn instant(
    state: &LokiState,
    who: &Identity,
    parameters: &Parameters,
) -> Result<Response, Box<Response>> {
    let time_ns = parameters.time("time")?.unwrap_or_else(|| now_ns(state));
    let Expr::Metric(expr) = parse(parameters)? else {
        let text = "log queries are not supported as an instant query type, please change your query to a range query type";
        return Err(bad(text));
    };
    let steps = Steps::at(time_ns);
    let value =
        run(state, &who.tenant, move |snapshot, bounds| metric(snapshot, &expr, steps, bounds))
            .await?;
    Ok(numbers::instant(&value, steps))
}

async fn numbers_over_time(
    state: &LokiState,
    who: &Identity,
    parameters: &Parameters,
    expr: MetricExpr,
) -> Result<Response, Box<Response>> {
    let (start_ns, end_ns) = parameters.times(now_ns(state), HOUR_NS)?;
    let step_ns = parameters.step(start_ns, end_ns)?;
    let steps = Steps::between(start_ns, end_ns, step_ns);
    if steps.count > STEPS_MAX {
        return Err(bad(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        ));
    }
    let value =
        run(state, &who.tenant, move |snapshot, bounds| metric(snapshot, &expr, steps, bounds))
            .await?;
    Ok(numbers::range(&value, steps))
}

pub(super) async fn query_range(
    State(state): Shared,
    who: Identity,
    headers: HeaderMap,
    parameters: Parameters,
) -> Response {
    answer(over_time(&state, &who, &headers, &parameters).await)
}

async fn over_time(
    state: &LokiState,
    who: &Identity,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, Box<Response>> {
    let log = match parse(parameters)? {
        Expr::Log(log) => log,
        Expr::Metric(expr) => return numbers_over_time(state, who, parameters, expr).await,
    };
    let times = parameters.times(now_ns(state), HOUR_NS)?;
    let limit = match parameters.get("limit") {
        None => 100,
        Some(text) => text.parse().map_err(|_| bad("limit must be a positive value"))?,
    };
    if limit > LINES_MAX {
        return Err(bad(&format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {LINES_MAX})"
        )));
    }
    let direction = match parameters.get("direction").map(str::to_ascii_lowercase).as_deref() {
        None | Some("backward") => Direction::Backward,
        Some("forward") => Direction::Forward,
        Some(other) => return Err(bad(&format!("invalid direction {other:?}"))),
    };
    let flags = headers.get("x-loki-response-encoding-flags").and_then(|v| v.to_str().ok());
    let by_stream = flags.is_some_and(|flags| flags.contains("categorize-labels"));
    let streams = run(state, &who.tenant, move |snapshot, bounds| {
        log_entries(snapshot, &log, times, (direction, limit), by_stream, bounds)
    })
    .await?;
    let result: Vec<Value> = streams.iter().map(|stream| told(stream, by_stream)).collect();
    let mut data = json!({"resultType": "streams", "result": result, "stats": {}});
    if let (true, Some(data)) = (by_stream, data.as_object_mut()) {
        data.insert("encodingFlags".to_owned(), json!(["categorize-labels"]));
    }
    Ok(Json(json!({"status": "success", "data": data})).into_response())
}

pub(super) fn object(labels: &Labels) -> Value {
    let pairs = labels.iter().map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn told(stream: &LogStreamAnswer, by_stream: bool) -> Value {
    let values = stream.entries.iter().map(|entry| {
        let time = entry.time_ns.to_string();
        if !by_stream {
            return json!([time, entry.line]);
        }
        let mut more = Map::new();
        for (name, labels) in [("structuredMetadata", &entry.metadata), ("parsed", &entry.parsed)] {
            if !labels.is_empty() {
                more.insert(name.to_owned(), object(labels));
            }
        }
        json!([time, entry.line, more])
    });
    json!({"stream": object(&stream.labels), "values": values.collect::<Vec<_>>()})
}

/// The streams that any of the selectors takes; all where there is none.
async fn streams(
    state: &LokiState,
    who: &Identity,
    parameters: &Parameters,
    names: &[&str],
) -> Result<Vec<StreamCount>, Box<Response>> {
    let times = parameters.times(now_ns(state), LABELS_BACK_NS)?;
    let mut selectors = Vec::new();
    for text in parameters.all(names).into_iter().filter(|text| !text.is_empty()) {
        selectors.push(parse_matchers(text).map_err(|error| bad(&error.to_string()))?);
    }
    if selectors.is_empty() {
        selectors.push(vec![Matcher::new("service_name", MatchOp::Regex, ".+")]);
    }
    run(state, &who.tenant, move |snapshot, bounds| {
        let mut found: Vec<StreamCount> = Vec::new();
        for matchers in selectors {
            let log = LogExpr { matchers, stages: Vec::new() };
            for stream in log_streams(snapshot, &log, times, bounds)? {
                if !found.iter().any(|known| known.labels == stream.labels) {
                    found.push(stream);
                }
            }
        }
        Ok(found)
    })
    .await
}

fn names(found: &BTreeSet<String>) -> Response {
    Json(json!({"status": "success", "data": found})).into_response()
}

pub(super) async fn labels(State(state): Shared, who: Identity, p: Parameters) -> Response {
    answer(streams(&state, &who, &p, &["query"]).await.map(|streams| {
        let all = streams.iter().flat_map(|stream| stream.labels.iter());
        names(&all.map(|(name, _)| name.to_owned()).collect())
    }))
}

pub(super) async fn values(
    State(state): Shared,
    who: Identity,
    Path(name): Path<String>,
    p: Parameters,
) -> Response {
    answer(streams(&state, &who, &p, &["query"]).await.map(|streams| {
        let all = streams.iter().filter_map(|stream| stream.labels.get(&name));
        names(&all.map(str::to_owned).collect())
    }))
}

pub(super) async fn series(State(state): Shared, who: Identity, p: Parameters) -> Response {
    answer(streams(&state, &who, &p, &["match[]", "match"]).await.map(|streams| {
        let all: Vec<Value> = streams.iter().map(|stream| object(&stream.labels)).collect();
        Json(json!({"status": "success", "data": all})).into_response()
    }))
}

pub(super) async fn stats(State(state): Shared, who: Identity, p: Parameters) -> Response {
    answer(streams(&state, &who, &p, &["query"]).await.map(|streams| {
        let lines: u64 = streams.iter().map(|stream| stream.lines).sum();
        let bytes: u64 = streams.iter().map(|stream| stream.bytes).sum();
        let count = streams.len();
        let told = json!({"streams": count, "chunks": count, "entries": lines, "bytes": bytes});
        Json(told).into_response()
    }))
}

pub(super) async fn format_query(parameters: Parameters) -> Response {
    let told =
        |expr: Expr| Json(json!({"status": "success", "data": expr.to_string()})).into_response();
    answer(parse(&parameters).map(told))
}

pub(super) async fn build_info() -> Response {
    let told = json!({
        "version": "3.5.0", "revision": "", "branch": "", "buildUser": "", "buildDate": "",
        "goVersion": "",
    });
    Json(told).into_response()
}
