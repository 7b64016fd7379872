//! The doors of Jaeger's collector (14268, 14250) and of Zipkin (9411).
//!
//! Both answer 202 to what they take and forget it then, so here it is durable first.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use vigie_formats::{jaeger, zipkin};
use vigie_model::span::{SpanBatch, SpanSink};
use vigie_model::{Acknowledge, WriteError, WriteErrorKind};

use crate::grpc::{self, Status};
use crate::{BodyError, Counter, Identity, RequestBody, Telemetry};

/// Where spans go, and what is counted.
#[derive(Debug)]
pub struct CollectorState {
    sink: Arc<dyn SpanSink>,
    jaeger: Counter,
    zipkin: Counter,
}

impl CollectorState {
    /// Hands spans on to `sink`.
    pub fn new(sink: Arc<dyn SpanSink>, telemetry: &Telemetry) -> Arc<Self> {
        let counter = |format| {
            telemetry.counter(
                "vigie_receive_spans_total",
                "Spans taken in other formats than OTLP.",
                &[("format", format)],
            )
        };
        Arc::new(Self { sink, jaeger: counter("jaeger"), zipkin: counter("zipkin") })
    }
}

/// Jaeger's collector: Thrift over HTTP, and gRPC.
pub fn jaeger_router(state: Arc<CollectorState>) -> Router {
    Router::new()
        .route("/api/traces", post(jaeger_thrift))
        .route("/jaeger.api_v2.CollectorService/PostSpans", post(jaeger_grpc))
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

/// Zipkin's collector.
pub fn zipkin_router(state: Arc<CollectorState>) -> Router {
    Router::new()
        .route("/api/v2/spans", post(zipkin_v2))
        .route("/api/v1/spans", post(zipkin_v1))
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

type Shared = State<Arc<CollectorState>>;
type Body = Result<RequestBody, BodyError>;

fn media(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The answer to a write that failed.
fn refused(error: &WriteError) -> Response {
    match error.kind {
        WriteErrorKind::Invalid => {
            (StatusCode::BAD_REQUEST, format!("{}\n", error.message)).into_response()
        }
        WriteErrorKind::Unavailable => {
            let retry = [(header::RETRY_AFTER, HeaderValue::from_static("5"))];
            let text = format!("{}\n", error.message);
            (StatusCode::SERVICE_UNAVAILABLE, retry, text).into_response()
        }
    }
}

async fn write(
    state: &CollectorState,
    counter: &Counter,
    identity: &Identity,
    batch: SpanBatch,
) -> Result<(), WriteError> {
    let report = state.sink.write_spans(&identity.tenant, batch, Acknowledge::Durable).await?;
    counter.add(report.accepted as u64);
    if report.accepted == 0 && report.rejected > 0 {
        return Err(WriteError::new(WriteErrorKind::Invalid, report.message));
    }
    Ok(())
}

async fn jaeger_thrift(
    State(state): Shared,
    identity: Identity,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let media = media(&headers);
    if !matches!(media.as_str(), "application/x-thrift" | "application/vnd.apache.thrift.binary") {
        // The collector's own words.
        let text = format!("Unsupported content type: {media}\n");
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let mut batch = SpanBatch::new();
    if let Err(error) = jaeger::decode_batch(&body.bytes, &mut batch) {
        let text = format!("Unable to process request body: {error}\n");
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    match write(&state, &state.jaeger, &identity, batch).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => refused(&error),
    }
}

async fn jaeger_grpc(
    State(state): Shared,
    identity: Identity,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let taken = async {
        let message = grpc::message(&headers, body?)?;
        let mut batch = SpanBatch::new();
        jaeger::decode_post_spans(&message, &mut batch)
            .map_err(|error| Status::new(grpc::Code::InvalidArgument, error.to_string()))?;
        write(&state, &state.jaeger, &identity, batch)
            .await
            .map_err(|error| Status::from(&error))?;
        Ok(Vec::new())
    };
    grpc::answer(taken.await)
}

async fn zipkin_v2(
    State(state): Shared,
    identity: Identity,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let is_protobuf = media(&headers) == "application/x-protobuf";
    let decode = if is_protobuf { zipkin::decode_v2_proto } else { zipkin::decode_v2_json };
    zipkin(&state, &identity, body, decode).await
}

async fn zipkin_v1(
    State(state): Shared,
    identity: Identity,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if media(&headers) == "application/x-thrift" {
        let text = "Zipkin's Thrift is not served: send JSON, or version 2\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
    }
    zipkin(&state, &identity, body, zipkin::decode_v1_json).await
}

async fn zipkin(
    state: &CollectorState,
    identity: &Identity,
    body: Body,
    decode: fn(&[u8], &mut SpanBatch) -> Result<(), zipkin::ZipkinError>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let mut batch = SpanBatch::new();
    if let Err(error) = decode(&body.bytes, &mut batch) {
        return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response();
    }
    match write(state, &state.zipkin, identity, batch).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => refused(&error),
    }
}
