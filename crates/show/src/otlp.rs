//! OTLP: traces, metrics and logs over gRPC (4317) and HTTP (4318).
//!
//! Source: the OTLP specification 1.x. An answer has the form of its request, protobuf or JSON.
//! Whatever is left out of an accepted request is counted in `partial_success`; what may be sent
//! again is 429 or 503 (`RESOURCE_EXHAUSTED`, `UNAVAILABLE`), everything else must not be.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use parking_lot::RwLock;
use vigie_formats::otlp::{
    LeftOut, OtlpError, decode_logs, decode_logs_json, decode_metrics, decode_metrics_json,
    decode_traces, decode_traces_json,
};
pub use vigie_formats::otlp::{MetricOptions, TranslationStrategy};
use vigie_formats::protobuf::Writer as _;
use vigie_model::span::{SpanBatch, SpanSink};
use vigie_model::{
    Acknowledge, LogBatch, LogOutcome, LogSink, MetricBatch, MetricSink, TenantId, WriteError,
    WriteErrorKind,
};
use vigie_world::World;

use crate::grpc::{self, Code, Status};
use crate::{BodyError, Counter, Identity, RequestBody, Telemetry};

/// The index of log records, unless the sender names another by the header `x-index`.
const LOGS_INDEX: &str = "logs-otel-default";

/// Where what comes in goes.
pub struct OtlpState {
    /// Takes spans.
    pub spans: Arc<dyn SpanSink>,
    /// Takes metrics.
    pub metrics: Arc<dyn MetricSink>,
    /// Takes logs.
    pub logs: Arc<dyn LogSink>,
    /// How metrics become series; changed by a reload.
    pub metric_options: RwLock<MetricOptions>,
    world: World,
    taken: [Counter; 3],
    left_out: [Counter; 3],
}

impl std::fmt::Debug for OtlpState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpState").finish_non_exhaustive()
    }
}

impl OtlpState {
    /// A state that hands on to these sinks.
    pub fn new(
        spans: Arc<dyn SpanSink>,
        metrics: Arc<dyn MetricSink>,
        logs: Arc<dyn LogSink>,
        world: World,
        telemetry: &Telemetry,
    ) -> Arc<Self> {
        let counters = |name: &'static str, help: &'static str| {
            Signal::ALL.map(|signal| telemetry.counter(name, help, &[("signal", signal.name())]))
        };
        Arc::new(Self {
            spans,
            metrics,
            logs,
            metric_options: RwLock::default(),
            world,
            taken: counters(
                "vigie_receive_otlp_items_total",
                "Spans, data points and log records taken over OTLP.",
            ),
            left_out: counters(
                "vigie_receive_otlp_rejected_total",
                "Spans, data points and log records of accepted OTLP requests that were left out.",
            ),
        })
    }
}

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The name of the count in `partial_success`, in JSON.
    const fn rejected_name(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
            Self::Logs => "rejectedLogRecords",
        }
    }
}

/// OTLP over HTTP, and gRPC beside it on the same port.
pub fn router(state: Arc<OtlpState>) -> Router {
    Router::new()
        .route("/v1/traces", post(traces_http))
        .route("/v1/metrics", post(metrics_http))
        .route("/v1/logs", post(logs_http))
        .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", post(traces_grpc))
        .route(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            post(metrics_grpc),
        )
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", post(logs_grpc))
        // The front door limits bodies.
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

type Shared = State<Arc<OtlpState>>;
/// A body, or why there is none.
type Body = Result<RequestBody, BodyError>;

async fn traces_http(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    over_http(&s, Signal::Traces, &identity, &headers, body).await
}

/// OTLP metrics over HTTP, for whoever serves them at another address as well.
pub async fn metrics_http(
    s: Shared,
    identity: Identity,
    headers: HeaderMap,
    body: Body,
) -> Response {
    over_http(&s, Signal::Metrics, &identity, &headers, body).await
}

async fn logs_http(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    over_http(&s, Signal::Logs, &identity, &headers, body).await
}

async fn traces_grpc(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    grpc::answer(over_grpc(&s, Signal::Traces, &identity, &headers, body).await)
}

async fn metrics_grpc(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    grpc::answer(over_grpc(&s, Signal::Metrics, &identity, &headers, body).await)
}

async fn logs_grpc(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    grpc::answer(over_grpc(&s, Signal::Logs, &identity, &headers, body).await)
}

/// Why nothing of a request was taken.
#[derive(Debug)]
enum Refusal {
    Body(BodyError),
    Media(String),
    Format(OtlpError),
    Write(WriteError),
    Internal(String),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Body(error) => error.status(),
            Self::Media(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Format(_) => StatusCode::BAD_REQUEST,
            Self::Write(error) => match error.kind {
                WriteErrorKind::Invalid => StatusCode::BAD_REQUEST,
                WriteErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> Code {
        match self.status() {
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => {
                Code::ResourceExhausted
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => Code::Unavailable,
            StatusCode::INTERNAL_SERVER_ERROR => Code::Internal,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::Unimplemented,
            _ => Code::InvalidArgument,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Body(error) => error.to_string(),
            Self::Media(given) => format!("unsupported content type {given:?}"),
            Self::Format(error) => error.to_string(),
            Self::Write(error) => error.message.clone(),
            Self::Internal(message) => message.clone(),
        }
    }
}

async fn over_http(
    state: &Arc<OtlpState>,
    signal: Signal,
    identity: &Identity,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = match media {
        "application/x-protobuf" => false,
        "application/json" => true,
        other => return refuse_http(&Refusal::Media(other.to_owned()), false),
    };
    let taken = async {
        let body = body.map_err(Refusal::Body)?;
        take(state, signal, &identity.tenant, body.bytes.clone(), is_json).await
    };
    match taken.await {
        Ok(left_out) if is_json => {
            let body = if left_out.count == 0 {
                "{}".to_owned()
            } else {
                let partial = serde_json::json!({
                    "partialSuccess": {
                        signal.rejected_name(): left_out.count.to_string(),
                        "errorMessage": left_out.message,
                    }
                });
                partial.to_string()
            };
            ([(header::CONTENT_TYPE, JSON)], body).into_response()
        }
        Ok(left_out) => {
            ([(header::CONTENT_TYPE, PROTOBUF)], response_message(&left_out)).into_response()
        }
        Err(refusal) => refuse_http(&refusal, is_json),
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// `google.rpc.Status`, as OTLP over HTTP answers what it refuses.
fn refuse_http(refusal: &Refusal, is_json: bool) -> Response {
    let (status, message) = (refusal.status(), refusal.message());
    tracing::debug!(status = status.as_u16(), message, "otlp request refused");
    let code = refusal.code() as u64;
    let mut response = if is_json {
        let body = serde_json::json!({"code": code, "message": message}).to_string();
        (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
    } else {
        let mut body = Vec::new();
        body.put_uint(1, code);
        body.put_bytes(2, message.as_bytes());
        (status, [(header::CONTENT_TYPE, PROTOBUF)], body).into_response()
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

async fn over_grpc(
    state: &Arc<OtlpState>,
    signal: Signal,
    identity: &Identity,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Status> {
    let message = grpc::message(headers, body?)?;
    let taken = take(state, signal, &identity.tenant, message, false).await;
    let left_out = taken.map_err(|refusal| Status::new(refusal.code(), refusal.message()))?;
    Ok(response_message(&left_out))
}

/// `Export…ServiceResponse`, the same for all signals.
fn response_message(left_out: &LeftOut) -> Vec<u8> {
    let mut out = Vec::new();
    if left_out.count > 0 {
        out.put_message(1, |partial: &mut Vec<u8>| {
            partial.put_uint(1, left_out.count as u64);
            partial.put_bytes(2, left_out.message.as_bytes());
        });
    }
    out
}

/// Bodies above this take long enough to decode that the async threads should not.
const INLINE_BYTES_MAX: usize = 128 << 10;

/// What a request holds, decoded.
enum Decoded {
    Spans(SpanBatch),
    Metrics(MetricBatch),
    Logs(LogBatch),
}

async fn take(
    state: &Arc<OtlpState>,
    signal: Signal,
    tenant: &TenantId,
    body: Bytes,
    is_json: bool,
) -> Result<LeftOut, Refusal> {
    let length = body.len();
    let options = state.metric_options.read().clone();
    let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
    let decode = move || decode(signal, &body, is_json, &options, now_ns);
    let (decoded, mut left_out) = if length <= INLINE_BYTES_MAX {
        decode()
    } else {
        tokio::task::spawn_blocking(decode)
            .await
            .map_err(|error| Refusal::Internal(error.to_string()))?
    }
    .map_err(Refusal::Format)?;
    let (count, rejected, message) = write(state, tenant, decoded).await.map_err(Refusal::Write)?;
    if rejected > 0 && left_out.count == 0 {
        left_out.message = message;
    }
    left_out.count += rejected;
    let at = signal as usize;
    if let (Some(taken), Some(left)) = (state.taken.get(at), state.left_out.get(at)) {
        taken.add(count as u64);
        left.add(left_out.count as u64);
    }
    Ok(left_out)
}

fn decode(
    signal: Signal,
    body: &[u8],
    is_json: bool,
    options: &MetricOptions,
    now_ns: i64,
) -> Result<(Decoded, LeftOut), OtlpError> {
    Ok(match signal {
        Signal::Traces => {
            let mut batch = SpanBatch::new();
            let decode = if is_json { decode_traces_json } else { decode_traces };
            let left_out = decode(body, &mut batch)?;
            (Decoded::Spans(batch), left_out)
        }
        Signal::Metrics => {
            let mut batch = MetricBatch::new();
            let decode = if is_json { decode_metrics_json } else { decode_metrics };
            let left_out = decode(body, options, &mut batch)?;
            (Decoded::Metrics(batch), left_out)
        }
        Signal::Logs => {
            let mut batch = LogBatch::new();
            let decode = if is_json { decode_logs_json } else { decode_logs };
            let left_out = decode(body, LOGS_INDEX, now_ns, &mut batch)?;
            (Decoded::Logs(batch), left_out)
        }
    })
}

/// Writes a batch: how many items were taken and left out, and why the first of these was.
async fn write(
    state: &OtlpState,
    tenant: &TenantId,
    decoded: Decoded,
) -> Result<(usize, usize, String), WriteError> {
    match decoded {
        Decoded::Spans(batch) => {
            let report = state.spans.write_spans(tenant, batch, Acknowledge::Durable).await?;
            Ok((report.accepted, report.rejected, report.message))
        }
        Decoded::Metrics(batch) => {
            let report = state.metrics.write(tenant, batch, Acknowledge::Durable).await?;
            let message = report.rejections.first().map(|why| why.message.clone());
            let taken = report.samples + report.histograms;
            Ok((taken, report.rejected, message.unwrap_or_default()))
        }
        Decoded::Logs(batch) => {
            let report = state.logs.write_logs(tenant, batch, Acknowledge::Durable).await?;
            let (mut taken, mut rejected, mut first) = (0, 0, String::new());
            for outcome in report.outcomes {
                match outcome {
                    LogOutcome::Unavailable(message) => {
                        return Err(WriteError::new(WriteErrorKind::Unavailable, message));
                    }
                    LogOutcome::Invalid(message) => {
                        if rejected == 0 {
                            first = message;
                        }
                        rejected += 1;
                    }
                    _ => taken += 1,
                }
            }
            Ok((taken, rejected, first))
        }
    }
}
