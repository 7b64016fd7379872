//! Logstash's monitoring API, port 9600: the node, its pipelines, what they have done, health.
//!
//! There is no JVM; where a client insists on its fields, they are there with zeros.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use vigie_process::{Built, PluginStats};
use vigie_world::World;

/// A pipeline that runs.
#[derive(Debug, Clone)]
pub struct RunningPipeline {
    /// Filters and outputs.
    pub built: Arc<Built>,
    /// The hash of its configuration.
    pub hash: String,
    /// Inputs that are open: kind, id, events taken.
    pub inputs: Vec<(String, String, Arc<dyn InputCount>)>,
}

/// Counts what an input has taken.
pub trait InputCount: Send + Sync + std::fmt::Debug {
    /// Events handed to the filters.
    fn events(&self) -> u64;
}

/// What the API tells of.
#[derive(Debug)]
pub struct LogstashState {
    /// All pipelines.
    pub pipelines: Vec<RunningPipeline>,
    /// The version that clients are told.
    pub version: String,
    /// The process' id for clients.
    pub id: String,
    /// Where the API listens.
    pub address: String,
    /// Clock.
    pub world: World,
    /// When the process began, milliseconds since the epoch.
    pub started_ms: i64,
}

/// The routes.
pub fn router(state: Arc<LogstashState>) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/_node", get(node))
        .route("/_node/pipelines", get(node_pipelines))
        .route("/_node/pipelines/{id}", get(node_pipeline))
        .route("/_node/os", get(node_os))
        .route("/_node/jvm", get(node_jvm))
        .route("/_node/plugins", get(node_plugins))
        .route("/_node/hot_threads", get(hot_threads))
        .route("/_node/stats", get(stats))
        .route("/_node/stats/events", get(stats))
        .route("/_node/stats/jvm", get(stats))
        .route("/_node/stats/process", get(stats))
        .route("/_node/stats/flow", get(stats))
        .route("/_node/stats/reloads", get(stats))
        .route("/_node/stats/os", get(stats))
        .route("/_node/stats/pipelines", get(stats))
        .route("/_node/stats/pipelines/{id}", get(stats_pipeline))
        .route("/_health_report", get(health))
        .fallback(async || failure("Not Found"))
        .with_state(state)
}

fn failure(message: &str) -> Response {
    let body = json!({"path": "", "status": 404, "error": {"message": message}});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn header(state: &LogstashState) -> serde_json::Map<String, Value> {
    let body = json!({
        "host": "vigie",
        "version": state.version,
        "http_address": state.address,
        "id": state.id,
        "name": "vigie",
        "ephemeral_id": state.id,
        "status": "green",
        "snapshot": false,
        "pipeline": {"workers": 1, "batch_size": 1000, "batch_delay": 0},
    });
    if let Value::Object(map) = body { map } else { serde_json::Map::new() }
}

fn with(state: &LogstashState, more: Value) -> Json<Value> {
    let mut body = header(state);
    if let Value::Object(more) = more {
        body.extend(more);
    }
    Json(Value::Object(body))
}

async fn root(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    with(
        &state,
        json!({"build_date": "", "build_sha": "", "build_snapshot": false, "build_flavor": "vigie"}),
    )
}

fn pipelines_of(state: &LogstashState) -> Value {
    let one = |pipeline: &RunningPipeline| {
        let information = json!({
            "ephemeral_id": pipeline.hash,
            "hash": pipeline.hash,
            "workers": 1,
            "batch_size": 1000,
            "batch_delay": 0,
            "config_reload_automatic": false,
            "config_reload_interval": 0,
            "dead_letter_queue_enabled": true,
        });
        (pipeline.built.pipeline.id().to_owned(), information)
    };
    Value::Object(state.pipelines.iter().map(one).collect())
}

async fn node(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    let pipelines = pipelines_of(&state);
    with(&state, json!({"pipelines": pipelines, "os": os(), "jvm": jvm(&state)}))
}

async fn node_pipelines(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    let pipelines = pipelines_of(&state);
    with(&state, json!({"pipelines": pipelines}))
}

async fn node_pipeline(
    State(state): State<Arc<LogstashState>>,
    Path(id): Path<String>,
) -> Response {
    let pipelines = pipelines_of(&state);
    match pipelines.get(&id) {
        Some(one) => with(&state, json!({"pipelines": {id: one}})).into_response(),
        None => failure("Not Found"),
    }
}

fn os() -> Value {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    json!({"name": "Linux", "arch": std::env::consts::ARCH, "available_processors": processors})
}

async fn node_os(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    with(&state, json!({"os": os()}))
}

fn uptime_ms(state: &LogstashState) -> i64 {
    state.world.clock.now_ms() - state.started_ms
}

fn jvm(state: &LogstashState) -> Value {
    json!({
        "pid": std::process::id(),
        "version": "none",
        "uptime_in_millis": uptime_ms(state),
        "start_time_in_millis": state.started_ms,
        "threads": {"count": 0, "peak_count": 0},
        "mem": {"heap_used_percent": 0, "heap_committed_in_bytes": 0, "heap_max_in_bytes": 0,
            "heap_used_in_bytes": 0, "non_heap_used_in_bytes": 0, "non_heap_committed_in_bytes": 0},
        "gc": {"collectors": {
            "old": {"collection_time_in_millis": 0, "collection_count": 0},
            "young": {"collection_time_in_millis": 0, "collection_count": 0},
        }},
    })
}

async fn node_jvm(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    let jvm = jvm(&state);
    with(&state, json!({"jvm": jvm}))
}

async fn node_plugins(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    let plugins: Vec<Value> = vigie_process::filter_names()
        .iter()
        .map(|name| json!({"name": format!("logstash-filter-{name}"), "version": state.version}))
        .collect();
    with(&state, json!({"total": plugins.len(), "plugins": plugins}))
}

async fn hot_threads(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    let time = state.world.clock.now_ms();
    with(&state, json!({"hot_threads": {"time": time, "busiest_threads": 0, "threads": []}}))
}

fn count(value: &AtomicU64) -> u64 {
    value.load(Ordering::Relaxed)
}

fn plugin(stats: &PluginStats) -> Value {
    json!({
        "id": stats.id,
        "name": stats.name,
        "failures": count(&stats.failures),
        "events": {
            "in": count(&stats.events_in),
            "out": count(&stats.events_out),
            "duration_in_millis": count(&stats.duration_us) / 1000,
        },
    })
}

fn pipeline_stats(running: &RunningPipeline) -> Value {
    let [events_in, filtered, duration_us] = running.built.pipeline.totals();
    let outputs = running.built.outputs.stats();
    let out = outputs.iter().map(|stats| count(&stats.events_out)).max().unwrap_or(0);
    let inputs: Vec<Value> = running
        .inputs
        .iter()
        .map(|(name, id, taken)| json!({"id": id, "name": name, "events": {"out": taken.events()}}))
        .collect();
    json!({
        "hash": running.hash,
        "ephemeral_id": running.hash,
        "events": {
            "in": events_in, "filtered": filtered, "out": out,
            "duration_in_millis": duration_us / 1000, "queue_push_duration_in_millis": 0,
        },
        "flow": {},
        "plugins": {
            "inputs": inputs,
            "codecs": [],
            "filters": running.built.pipeline.stats().iter().map(|one| plugin(one)).collect::<Vec<_>>(),
            "outputs": outputs.iter().map(|one| plugin(one)).collect::<Vec<_>>(),
        },
        "reloads": {"successes": 0, "failures": 0, "last_error": null,
            "last_success_timestamp": null, "last_failure_timestamp": null},
        "queue": {"type": "memory", "events_count": 0, "queue_size_in_bytes": 0,
            "max_queue_size_in_bytes": 0},
    })
}

async fn stats(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    let pipelines: serde_json::Map<String, Value> = state
        .pipelines
        .iter()
        .map(|running| (running.built.pipeline.id().to_owned(), pipeline_stats(running)))
        .collect();
    let sum = |name: &str| -> u64 {
        let each = pipelines.values().filter_map(|one| one.get("events")?.get(name)?.as_u64());
        each.sum()
    };
    let events = json!({
        "in": sum("in"), "filtered": sum("filtered"), "out": sum("out"),
        "duration_in_millis": sum("duration_in_millis"), "queue_push_duration_in_millis": 0,
    });
    let jvm = jvm(&state);
    with(
        &state,
        json!({
            "jvm": jvm,
            "process": {"open_file_descriptors": 0, "peak_open_file_descriptors": 0,
                "max_file_descriptors": 0, "mem": {"total_virtual_in_bytes": 0},
                "cpu": {"total_in_millis": 0, "percent": 0,
                    "load_average": {"1m": 0.0, "5m": 0.0, "15m": 0.0}}},
            "events": events,
            "flow": {},
            "pipelines": pipelines,
            "reloads": {"successes": 0, "failures": 0},
            "os": {},
            "queue": {"events_count": 0},
        }),
    )
}

async fn stats_pipeline(
    State(state): State<Arc<LogstashState>>,
    Path(id): Path<String>,
) -> Response {
    let found = state.pipelines.iter().find(|running| running.built.pipeline.id() == id);
    match found {
        Some(running) => {
            let one = pipeline_stats(running);
            with(&state, json!({"pipelines": {id: one}})).into_response()
        }
        None => failure("Not Found"),
    }
}

async fn health(State(state): State<Arc<LogstashState>>) -> Json<Value> {
    let one = |running: &RunningPipeline| {
        let health = json!({"status": "green", "symptom": "The pipeline is healthy",
            "details": {"status": {"state": "RUNNING"}}});
        (running.built.pipeline.id().to_owned(), health)
    };
    let pipelines: serde_json::Map<String, Value> = state.pipelines.iter().map(one).collect();
    let count = pipelines.len();
    with(
        &state,
        json!({
            "symptom": "1 indicator is healthy (`pipelines`)",
            "indicators": {"pipelines": {
                "status": "green",
                "symptom": format!("{count} indicators are healthy"),
                "indicators": pipelines,
            }},
        }),
    )
}
