//! Jaeger's query API over gRPC, on 16685: `QueryService` of `api_v2`, whose answers are Jaeger's
//! own spans, and of `api_v3`, whose answers are OTLP's. Field numbers are jaeger-idl's.
//!
//! Traces are sent one after the other as they are read, so that a large answer is never held
//! whole; who does not read it lets the reading wait.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use tokio::sync::mpsc;
use vigie_formats::protobuf::{Reader, WireError, Writer as _};
use vigie_model::span::TraceId;
use vigie_query::traces::{self, TagMatch, TraceSearch, TraceSpan};
use vigie_store::StoreError;
use vigie_store::logs::LogSnapshot;

use super::v1::blocking;
use super::{JaegerState, TRACES_MAX, span_proto, summaries};
use crate::grpc::{self, Code, Status};
use crate::span_form::traces_data;
use crate::{BodyError, Identity, RequestBody};

/// Traces that are given when no limit is asked for.
const LIMIT_DEFAULT: usize = 100;
/// Spans of one message; gRPC's clients take messages of 4 MiB unless told otherwise.
const SPANS_PER_MESSAGE: usize = 500;
/// Messages that wait for the client.
const MESSAGES_WAITING: usize = 4;

type Shared = State<Arc<JaegerState>>;
type Body = Result<RequestBody, BodyError>;
/// How spans are written into one message.
type Form = fn(&[TraceSpan]) -> Vec<u8>;

pub(super) fn router(state: Arc<JaegerState>) -> Router {
    Router::new()
        .route("/jaeger.api_v2.QueryService/GetTrace", post(trace_v2))
        .route("/jaeger.api_v2.QueryService/FindTraces", post(search_v2))
        .route("/jaeger.api_v2.QueryService/GetServices", post(services))
        .route("/jaeger.api_v2.QueryService/GetOperations", post(operations_v2))
        .route("/jaeger.api_v2.QueryService/GetDependencies", post(dependencies))
        .route("/jaeger.api_v3.QueryService/GetTrace", post(trace_v3))
        .route("/jaeger.api_v3.QueryService/FindTraces", post(search_v3))
        .route("/jaeger.api_v3.QueryService/FindTraceSummaries", post(summaries_v3))
        .route("/jaeger.api_v3.QueryService/GetServices", post(services))
        .route("/jaeger.api_v3.QueryService/GetOperations", post(operations_v3))
        .route("/jaeger.api_v3.QueryService/GetDependencies", post(dependencies))
        .fallback(unknown)
        .with_state(state)
}

async fn unknown() -> Response {
    grpc::answer(Err(Status::new(Code::Unimplemented, "unknown method")))
}

fn invalid(error: WireError) -> Status {
    Status::new(Code::InvalidArgument, error.to_string())
}

fn store_failure(error: &StoreError) -> Status {
    Status::new(Code::Internal, error.to_string())
}

async fn services(State(state): Shared, identity: Identity) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let names = blocking(move || traces::services(&snapshot)).await;
    grpc::answer(names.map_err(|error| store_failure(&error)).map(|names| {
        let mut out = Vec::new();
        names.iter().for_each(|name| out.put_bytes(1, name.as_bytes()));
        out
    }))
}

async fn operations_v2(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    grpc::answer(operations(&s, &identity, &headers, body, 2).await)
}

async fn operations_v3(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    grpc::answer(operations(&s, &identity, &headers, body, 1).await)
}

/// The generations differ in the number of the field that has the operations.
async fn operations(
    state: &JaegerState,
    identity: &Identity,
    headers: &HeaderMap,
    body: Body,
    field: u32,
) -> Result<Vec<u8>, Status> {
    let message = grpc::message(headers, body?)?;
    let (service, kind) = two_texts(&message).map_err(invalid)?;
    if service.is_empty() {
        return Err(Status::new(Code::InvalidArgument, "service is required"));
    }
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let found = blocking(move || traces::operations(&snapshot, Some(&service), None)).await;
    let mut out = Vec::new();
    for operation in found.map_err(|error| store_failure(&error))? {
        if !kind.is_empty() && operation.kind.name() != kind {
            continue;
        }
        out.put_message(field, |one: &mut Vec<u8>| {
            one.put_text_unless_default(1, &operation.name);
            one.put_text_unless_default(2, operation.kind.name());
        });
    }
    Ok(out)
}

/// Fields 1 and 2, both texts.
fn two_texts(message: &[u8]) -> Result<(String, String), WireError> {
    let (mut first, mut second) = (String::new(), String::new());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => field.text()?.clone_into(&mut first),
            2 => field.text()?.clone_into(&mut second),
            _ => {}
        }
    }
    Ok((first, second))
}

async fn dependencies(
    State(state): Shared,
    identity: Identity,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answered = async {
        let message = grpc::message(&headers, body?)?;
        let (start_ns, end_ns) = times(&message).map_err(invalid)?;
        let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
        let end_ns = if end_ns == 0 { now_ns } else { end_ns };
        let snapshot = state.store.span_snapshot(&identity.tenant);
        let found = blocking(move || traces::dependencies(&snapshot, start_ns, end_ns)).await;
        let mut out = Vec::new();
        for calls in found.map_err(|error| store_failure(&error))? {
            out.put_message(1, |one: &mut Vec<u8>| {
                one.put_text_unless_default(1, &calls.parent);
                one.put_text_unless_default(2, &calls.child);
                one.put_uint_unless_default(3, calls.calls);
            });
        }
        Ok(out)
    };
    grpc::answer(answered.await)
}

fn times(message: &[u8]) -> Result<(i64, i64), WireError> {
    let (mut start_ns, mut end_ns) = (0, 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => start_ns = nanoseconds(field.message()?)?,
            2 => end_ns = nanoseconds(field.message()?)?,
            _ => {}
        }
    }
    Ok((start_ns, end_ns))
}

/// `google.protobuf.Timestamp` and `Duration`; 0 is what is not set.
fn nanoseconds(mut reader: Reader<'_>) -> Result<i64, WireError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => seconds = field.int64()?,
            2 => nanos = field.int64()?,
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

async fn trace_v2(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    let id_of = |message: &[u8]| {
        let (mut id, mut reader) = (None, Reader::new(message));
        while let Some(field) = reader.field()? {
            if field.number == 1 {
                let bytes = field.bytes()?;
                let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                id = TraceId::parse(&text);
            }
        }
        Ok(id)
    };
    one_trace(&s, &identity, (&headers, body), id_of, chunk_v2).await
}

async fn trace_v3(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    let id_of = |message: &[u8]| {
        let (mut id, mut reader) = (None, Reader::new(message));
        while let Some(field) = reader.field()? {
            if field.number == 1 {
                id = TraceId::parse(field.text()?);
            }
        }
        Ok(id)
    };
    one_trace(&s, &identity, (&headers, body), id_of, traces_data).await
}

/// `SpansResponseChunk`.
fn chunk_v2(spans: &[TraceSpan]) -> Vec<u8> {
    let mut out = Vec::new();
    spans.iter().for_each(|span| span_proto::put_span(&mut out, span));
    out
}

async fn one_trace(
    state: &JaegerState,
    identity: &Identity,
    (headers, body): (&HeaderMap, Body),
    id_of: impl Fn(&[u8]) -> Result<Option<TraceId>, WireError>,
    form: Form,
) -> Response {
    let read = async {
        let message = grpc::message(headers, body?)?;
        let id = id_of(&message).map_err(invalid)?;
        let id = id.ok_or_else(|| Status::new(Code::InvalidArgument, "malformed trace ID"))?;
        let snapshot = state.store.span_snapshot(&identity.tenant);
        let spans = blocking(move || traces::trace(&snapshot, id)).await;
        let spans = spans.map_err(|error| store_failure(&error))?;
        if spans.is_empty() {
            return Err(Status::new(Code::NotFound, "trace not found"));
        }
        Ok(spans)
    };
    match read.await {
        Ok(spans) => sent(move |sender| {
            send(sender, &spans, form);
            Ok(())
        }),
        Err(status) => grpc::answer(Err(status)),
    }
}

async fn search_v2(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    search(&s, &identity, (&headers, body), |sender, spans| send(sender, spans, chunk_v2))
}

async fn search_v3(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    search(&s, &identity, (&headers, body), |sender, spans| send(sender, spans, traces_data))
}

async fn summaries_v3(s: Shared, identity: Identity, headers: HeaderMap, body: Body) -> Response {
    search(&s, &identity, (&headers, body), |sender, spans| {
        sender.blocking_send(Ok(summaries::message(spans))).is_ok()
    })
}

type Sender = mpsc::Sender<Result<Vec<u8>, Status>>;

/// Sends each trace that is found by `each`, which tells whether somebody still listens.
fn search(
    state: &JaegerState,
    identity: &Identity,
    (headers, body): (&HeaderMap, Body),
    each: fn(&Sender, &[TraceSpan]) -> bool,
) -> Response {
    let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
    let read = || {
        let message = grpc::message(headers, body?)?;
        wanted(&message, now_ns)
            .map_err(invalid)?
            .map_err(|message| Status::new(Code::InvalidArgument, message))
    };
    let wanted = match read() {
        Ok(wanted) => wanted,
        Err(status) => return grpc::answer(Err(status)),
    };
    let snapshot: LogSnapshot = state.store.span_snapshot(&identity.tenant);
    sent(move |sender| {
        for id in traces::search(&snapshot, &wanted)? {
            if !each(sender, &traces::trace(&snapshot, id)?) {
                break;
            }
        }
        Ok(())
    })
}

/// The answer whose messages `work` sends from a thread of its own.
fn sent(work: impl FnOnce(&Sender) -> Result<(), StoreError> + Send + 'static) -> Response {
    let (sender, receiver) = mpsc::channel(MESSAGES_WAITING);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = work(&sender) {
            // Who has gone does not want to know.
            sender.blocking_send(Err(store_failure(&error))).ok();
        }
    });
    grpc::streaming(receiver)
}

fn send(sender: &Sender, spans: &[TraceSpan], form: Form) -> bool {
    spans.chunks(SPANS_PER_MESSAGE).all(|chunk| sender.blocking_send(Ok(form(chunk))).is_ok())
}

/// `FindTracesRequest`: both generations number the fields alike.
fn wanted(message: &[u8], now_ns: i64) -> Result<Result<TraceSearch, &'static str>, WireError> {
    let mut search = TraceSearch {
        service: None,
        operation: None,
        tags: Vec::new(),
        start_ns: 0,
        end_ns: now_ns,
        duration_min_ns: None,
        duration_max_ns: None,
        limit: LIMIT_DEFAULT,
    };
    let mut request = Reader::new(message);
    while let Some(field) = request.field()? {
        if field.number != 1 {
            continue;
        }
        let mut query = field.message()?;
        while let Some(field) = query.field()? {
            let duration = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            match field.number {
                1 => search.service = text(field.text()?),
                2 => search.operation = text(field.text()?),
                3 => {
                    let (key, value) = two_texts(field.bytes()?)?;
                    search.tags.push(TagMatch { key, value });
                }
                4 => search.start_ns = nanoseconds(field.message()?)?,
                5 => search.end_ns = nanoseconds(field.message()?)?,
                6 => search.duration_min_ns = duration(nanoseconds(field.message()?)?),
                7 => search.duration_max_ns = duration(nanoseconds(field.message()?)?),
                8 => {
                    let depth = usize::try_from(field.int64()?).unwrap_or(0);
                    search.limit = if depth == 0 { LIMIT_DEFAULT } else { depth.min(TRACES_MAX) };
                }
                10 => return Ok(Err("structured filters are not served")),
                _ => {}
            }
        }
    }
    Ok(Ok(search))
}
