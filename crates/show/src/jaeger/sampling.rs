//! Sampling strategies for SDKs: over HTTP on 5778 as Jaeger's agent served them, and over gRPC on
//! 14250 as its collector did.
//!
//! Without a file every service is told to sample everything. A file is read again when it
//! changed, at most every ten seconds; one that cannot be read leaves the strategies as they were.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Value, json};
use vigie_formats::protobuf::{Reader, WireError, Writer as _};
use vigie_process::{HeadStrategies, HeadStrategy, ServiceStrategy};
use vigie_world::World;

use super::parameters::Pairs;
use crate::grpc::{self, Code, Status};
use crate::{BodyError, RequestBody};

/// A file is not looked at more often.
const REREAD_MS: i64 = 10_000;

/// The strategies, and where they come from.
#[derive(Debug)]
pub struct SamplingState {
    file: Option<PathBuf>,
    world: World,
    read: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    text: Vec<u8>,
    looked_at_ms: i64,
    strategies: Arc<HeadStrategies>,
}

impl SamplingState {
    /// The strategies of `file`, which must be readable now; without one, everything is sampled.
    pub fn new(file: Option<PathBuf>, world: World) -> Result<Arc<Self>, String> {
        let state = Self { file, world, read: Mutex::default() };
        if let Some(file) = &state.file {
            let mut known = state.read.lock();
            state.look_at(file, &mut known).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        Ok(Arc::new(state))
    }

    /// The strategies as they are now.
    fn strategies(&self) -> Arc<HeadStrategies> {
        let mut known = self.read.lock();
        let now_ms = self.world.clock.now_ms();
        if let Some(file) = &self.file
            && now_ms.saturating_sub(known.looked_at_ms).abs() >= REREAD_MS
            && let Err(error) = self.look_at(file, &mut known)
        {
            let file = file.display();
            tracing::warn!(%file, error, "sampling strategies stay as they were");
        }
        Arc::clone(&known.strategies)
    }

    fn look_at(&self, file: &std::path::Path, known: &mut Known) -> Result<(), String> {
        known.looked_at_ms = self.world.clock.now_ms();
        let bytes = self.world.disk.read(file).map_err(|error| error.to_string())?;
        if bytes == known.text {
            return Ok(());
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| error.to_string())?;
        let strategies = HeadStrategies::parse(text).map_err(|error| error.to_string())?;
        for warning in &strategies.warnings {
            tracing::warn!(file = %file.display(), warning, "sampling strategies");
        }
        known.strategies = Arc::new(strategies);
        known.text = bytes;
        Ok(())
    }
}

/// Answers at any path over HTTP, as the agent did, and the gRPC call.
pub fn router(state: Arc<SamplingState>) -> Router {
    grpc_router(Arc::clone(&state)).merge(Router::new().fallback(strategy).with_state(state))
}

/// The gRPC call alone.
pub fn grpc_router(state: Arc<SamplingState>) -> Router {
    Router::new()
        .route("/jaeger.api_v2.SamplingManager/GetSamplingStrategy", post(strategy_grpc))
        .with_state(state)
}

async fn strategy(State(state): State<Arc<SamplingState>>, Query(pairs): Query<Pairs>) -> Response {
    let mut services = pairs.iter().filter(|(name, _)| name == "service");
    let (Some((_, service)), None) = (services.next(), services.next()) else {
        let text = "'service' parameter must be provided once\n";
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let json = HeaderValue::from_static("application/json");
    let body = as_json(state.strategies().of(service)).to_string();
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

/// protobuf's JSON form: fields with default values are there, as the agent wrote them.
fn as_json(service: &ServiceStrategy) -> Value {
    let mut out = match service.strategy {
        HeadStrategy::Probabilistic(rate) => json!({
            "strategyType": "PROBABILISTIC",
            "probabilisticSampling": {"samplingRate": number(rate)},
        }),
        HeadStrategy::RateLimiting(most) => json!({
            "strategyType": "RATE_LIMITING",
            "rateLimitingSampling": {"maxTracesPerSecond": most},
        }),
    };
    if service.operations.is_empty() {
        return out;
    }
    let operations: Vec<Value> = service
        .operations
        .iter()
        .map(|(operation, rate)| {
            json!({
                "operation": operation,
                "probabilisticSampling": {"samplingRate": number(*rate)},
            })
        })
        .collect();
    if let Value::Object(fields) = &mut out {
        let sampling = json!({
            "defaultSamplingProbability": number(service.default_probability()),
            "defaultLowerBoundTracesPerSecond": 0,
            "perOperationStrategies": operations,
        });
        fields.insert("operationSampling".to_owned(), sampling);
    }
    out
}

/// Whole numbers as Go writes them, without a point.
fn number(value: f64) -> Value {
    if value == 0.0 || value == 1.0 { json!(value as u8) } else { json!(value) }
}

async fn strategy_grpc(
    State(state): State<Arc<SamplingState>>,
    headers: HeaderMap,
    body: Result<RequestBody, BodyError>,
) -> Response {
    let answered = || {
        let message = grpc::message(&headers, body?)?;
        let service = service_of(&message)
            .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))?;
        Ok(as_message(state.strategies().of(&service)))
    };
    grpc::answer(answered())
}

fn service_of(message: &[u8]) -> Result<String, WireError> {
    let (mut reader, mut service) = (Reader::new(message), String::new());
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            field.text()?.clone_into(&mut service);
        }
    }
    Ok(service)
}

/// `api_v2.SamplingStrategyResponse`.
fn as_message(service: &ServiceStrategy) -> Vec<u8> {
    let mut out = Vec::new();
    let probability = |out: &mut Vec<u8>, field: u32, rate: f64| {
        out.put_message(field, |message: &mut Vec<u8>| message.put_double(1, rate));
    };
    match service.strategy {
        HeadStrategy::Probabilistic(rate) => probability(&mut out, 2, rate),
        HeadStrategy::RateLimiting(most) => {
            out.put_uint(1, 1);
            out.put_message(3, |message: &mut Vec<u8>| {
                message.put_uint_unless_default(1, u64::from(most.unsigned_abs()));
            });
        }
    }
    if !service.operations.is_empty() {
        out.put_message(4, |message: &mut Vec<u8>| {
            message.put_double(1, service.default_probability());
            for (operation, rate) in &service.operations {
                message.put_message(3, |one: &mut Vec<u8>| {
                    one.put_text_unless_default(1, operation);
                    probability(one, 2, *rate);
                });
            }
        });
    }
    out
}
