//! Remote read: raw samples for another Prometheus, as samples or as a stream of chunks.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_formats::compression::{Compression, compress_snappy, decompress};
use vigie_formats::remote_read::{
    CHUNKED_CONTENT_TYPE, ReadRequest, chunkable, decode_read_request, put_chunked_series,
    put_query_result, put_series,
};
use vigie_model::{Labels, LabelsBuilder, MatchOp, Matcher, Points, TimeRange};
use vigie_store::{Budget, Select, SeriesSet, StoreError, StoreErrorKind};

use super::Shared;
use super::manage::check_ready;
use super::stream::{StreamWriter, streamed};
use crate::{Identity, RequestBody};

/// Prometheus' limit for a read request once decompressed.
const REQUEST_BYTES_MAX: usize = 32 << 20;

/// What was found for one query of a request.
struct Found {
    set: SeriesSet,
    range: TimeRange,
    /// Indices into `set`, by labels: the stream must be sorted.
    order: Vec<usize>,
}

pub(super) async fn read(
    State(state): State<Shared>,
    identity: Identity,
    body: RequestBody,
) -> Response {
    if let Err(refusal) = check_ready(&state) {
        return *refusal;
    }
    let request = match decode(&body) {
        Ok(request) => request,
        Err(detail) => return (StatusCode::BAD_REQUEST, format!("{detail}\n")).into_response(),
    };
    let external = state.operator.external_labels();
    let budget = Budget::new(state.options.remote_read_samples_max);
    let found = match select(&state, &identity, &request, &external, &budget).await {
        Ok(found) => found,
        Err(error) => return failed(&error),
    };
    let frame_bytes_max = state.options.remote_read_frame_bytes_max;
    let wants_chunks = request.wants_chunks();
    let answering = tokio::task::spawn_blocking(move || {
        if wants_chunks && all_chunkable(&found)? {
            let write = move |writer: &mut StreamWriter| {
                write_chunks(writer, &found, &external, frame_bytes_max)
            };
            return Ok(Answer::Chunks(Box::new(write)));
        }
        samples(&found, &external, &budget).map(Answer::Samples)
    });
    match answering.await {
        Ok(Ok(answer)) => answer.into_response(),
        Ok(Err(error)) => failed(&error),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

type WriteChunks = Box<dyn FnOnce(&mut StreamWriter) -> Result<(), StoreError> + Send>;

enum Answer {
    Samples(Vec<u8>),
    Chunks(WriteChunks),
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let (content_type, body) = match self {
            Self::Samples(message) => ("application/x-protobuf", Body::from(message)),
            Self::Chunks(write) => (CHUNKED_CONTENT_TYPE, streamed(write)),
        };
        let is_samples = content_type != CHUNKED_CONTENT_TYPE;
        let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
        if is_samples {
            let snappy = HeaderValue::from_static("snappy");
            response.headers_mut().insert(header::CONTENT_ENCODING, snappy);
        }
        response
    }
}

fn failed(error: &StoreError) -> Response {
    let status = match error.kind() {
        StoreErrorKind::Invalid | StoreErrorKind::OverBudget => StatusCode::BAD_REQUEST,
        StoreErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{error}\n")).into_response()
}

fn decode(body: &RequestBody) -> Result<ReadRequest, String> {
    let mut message = Vec::new();
    let message = if body.is_snappy {
        decompress(Compression::Snappy, &body.bytes, REQUEST_BYTES_MAX, &mut message)
            .map_err(|error| error.to_string())?;
        &message[..]
    } else {
        &body.bytes[..]
    };
    decode_read_request(message).map_err(|error| error.to_string())
}

async fn select(
    state: &Shared,
    identity: &Identity,
    request: &ReadRequest,
    external: &Labels,
    budget: &Budget,
) -> Result<Vec<Found>, StoreError> {
    // Not what others have: two that read each other would ask without end.
    let snapshot = state.store.snapshot(&identity.tenant).local();
    let mut all = Vec::with_capacity(request.queries.len());
    for query in &request.queries {
        let matchers = without_external(&query.matchers, external);
        let select = Select { matchers: &matchers, range: query.range };
        let set = snapshot.select(select, budget).await?;
        let mut order: Vec<usize> = (0..set.len()).collect();
        order.sort_by(|a, b| set.labels(*a).cmp(set.labels(*b)));
        all.push(Found { set, range: query.range, order });
    }
    Ok(all)
}

/// External labels are not stored: who asks for them asks for series without them.
fn without_external(matchers: &[Matcher], external: &Labels) -> Vec<Matcher> {
    let stored = |matcher: &Matcher| {
        let is_external = matcher.op == MatchOp::Equal
            && external.get(&matcher.name) == Some(matcher.value.as_str());
        let value = if is_external { "" } else { matcher.value.as_str() };
        Matcher::new(matcher.name.clone(), matcher.op, value)
    };
    matchers.iter().map(stored).collect()
}

/// The series' labels and those external ones that it does not have.
fn merged(labels: &Labels, external: &Labels) -> Labels {
    if external.is_empty() {
        return labels.clone();
    }
    let mut builder = LabelsBuilder::from_labels(labels);
    for (name, value) in external {
        if builder.get(name).is_none() {
            builder.set(name, value);
        }
    }
    builder.build()
}

/// Chunks carry no native histograms here; with one among the series all are answered as
/// samples, which the asker takes as well. Reading twice is the price of not holding them all.
fn all_chunkable(found: &[Found]) -> Result<bool, StoreError> {
    let budget = Budget::new(u64::MAX);
    let mut points = Points::default();
    for query in found {
        for index in &query.order {
            query.set.read(*index, query.range, &mut points, &budget)?;
            if !chunkable(&points) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn write_chunks(
    writer: &mut StreamWriter,
    found: &[Found],
    external: &Labels,
    frame_bytes_max: usize,
) -> Result<(), StoreError> {
    // The stream holds one series at a time: Prometheus limits samples of the other answer only.
    let budget = Budget::new(u64::MAX);
    let mut points = Points::default();
    for (at, query) in found.iter().enumerate() {
        for index in &query.order {
            query.set.read(*index, query.range, &mut points, &budget)?;
            let labels = merged(query.set.labels(*index), external);
            put_chunked_series(&mut writer.out, at, &labels, &points, frame_bytes_max);
            writer.flush_full()?;
        }
    }
    Ok(())
}

fn samples(found: &[Found], external: &Labels, budget: &Budget) -> Result<Vec<u8>, StoreError> {
    let mut points = Points::default();
    let (mut response, mut result) = (Vec::new(), Vec::new());
    for query in found {
        result.clear();
        for index in &query.order {
            query.set.read(*index, query.range, &mut points, budget)?;
            if !points.is_empty() {
                let labels = merged(query.set.labels(*index), external);
                put_series(&mut result, &labels, &points);
            }
        }
        put_query_result(&mut response, &result);
    }
    compress_snappy(&response).map_err(|error| StoreError::Invalid(error.to_string()))
}
