//! Remote write 1.0 and 2.0.
//!
//! Sources: the specifications of both at prometheus.io/docs/specs/prw. What a sender must not
//! send again is 4xx, what it should is 5xx or 429.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_formats::compression::{Compression, CompressionError, decompress};
use vigie_formats::remote_write::{Decoded, RemoteWriteError, decode_v1, decode_v2};
use vigie_model::{Acknowledge, MetricBatch, WriteErrorKind, WriteReport};

use super::{Shared, manage};
use crate::{BodyError, Counter, Identity, RequestBody, Telemetry};

const SAMPLES: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written");
/// Bodies above this take long enough to decode that the async threads should not.
const INLINE_BYTES_MAX: usize = 256 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    /// By `Content-Type`, as both specifications say; the message of 1.0 is the default.
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let given = headers.get(header::CONTENT_TYPE).map_or(Ok(""), HeaderValue::to_str);
        let given = given.unwrap_or("?");
        let unsupported = || {
            let message = format!("Unsupported Content-Type: {given:?}");
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
        };
        let mut parts = given.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !media.is_empty() && !media.eq_ignore_ascii_case("application/x-protobuf") {
            return Err(unsupported());
        }
        let proto = parts.find_map(|part| part.strip_prefix("proto="));
        match proto.map(|name| name.trim_matches('"')) {
            None | Some("prometheus.WriteRequest") => Ok(Self::One),
            Some("io.prometheus.write.v2.Request") => Ok(Self::Two),
            Some(_) => Err(unsupported()),
        }
    }
}

/// A request of which nothing was taken.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

impl From<RemoteWriteError> for Refusal {
    fn from(error: RemoteWriteError) -> Self {
        let status = match &error {
            RemoteWriteError::Compression(CompressionError::TooLarge { .. }) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            RemoteWriteError::WrongVersion(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            RemoteWriteError::Compression(_) | RemoteWriteError::Wire(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

pub(super) async fn write(
    State(state): State<Shared>,
    identity: Identity,
    headers: HeaderMap,
    body: Result<RequestBody, BodyError>,
) -> Response {
    if !state.options.enable_remote_write_receiver {
        let message = "remote write receiver needs to be enabled with \
                       --web.enable-remote-write-receiver\n";
        return (StatusCode::NOT_FOUND, message).into_response();
    }
    if let Err(refusal) = manage::check_ready(&state) {
        return *refusal;
    }
    let version = Version::of(&headers);
    let taken = async { take(&state, &identity, version?, body?).await };
    match taken.await {
        Ok(response) => response,
        Err(refusal) => {
            let user = identity.user.as_deref().unwrap_or_default();
            let (status, message) = (refusal.status.as_u16(), &refusal.message);
            tracing::debug!(tenant = %identity.tenant, user, status, message, "write refused");
            (refusal.status, format!("{message}\n")).into_response()
        }
    }
}

async fn take(
    state: &Shared,
    identity: &Identity,
    version: Version,
    mut body: RequestBody,
) -> Result<Response, Refusal> {
    let bytes_max = state.options.write_bytes_max;
    reserve_decoded(&mut body, bytes_max)?;
    let body = Arc::new(body);
    let (batch, decoded) = if body.bytes.len() <= INLINE_BYTES_MAX {
        decode(version, &body, bytes_max)?
    } else {
        // The body stays until the batch is written: it holds the memory's reservation.
        let body = Arc::clone(&body);
        let decoding = tokio::task::spawn_blocking(move || decode(version, &body, bytes_max));
        let internal = StatusCode::INTERNAL_SERVER_ERROR;
        decoding.await.map_err(|error| Refusal::new(internal, error.to_string()))??
    };
    let written = state.sink.write(&identity.tenant, batch, Acknowledge::Durable).await;
    let report = written.map_err(|error| {
        let status = match error.kind {
            WriteErrorKind::Invalid => StatusCode::BAD_REQUEST,
            WriteErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Refusal::new(status, error.message)
    })?;
    let rejected = decoded.rejected + report.rejected;
    state.written.count(version, report.samples + report.histograms, rejected);
    Ok(answer(version, &decoded, &report))
}

/// Snappy says its length at the beginning; what does not is refused when it is decoded.
fn reserve_decoded(body: &mut RequestBody, bytes_max: usize) -> Result<(), Refusal> {
    let encoded = body.bytes.len();
    let decoded = if body.is_snappy { snap::raw::decompress_len(&body.bytes).ok() } else { None };
    match decoded {
        Some(decoded) if decoded <= bytes_max => Ok(body.reserve(encoded + decoded)?),
        _ => Ok(()),
    }
}

fn decode(
    version: Version,
    body: &RequestBody,
    bytes_max: usize,
) -> Result<(MetricBatch, Decoded), Refusal> {
    let mut message = Vec::new();
    let message = if body.is_snappy {
        decompress(Compression::Snappy, &body.bytes, bytes_max, &mut message)
            .map_err(RemoteWriteError::from)?;
        &message[..]
    } else {
        &body.bytes[..]
    };
    let mut batch = MetricBatch::new();
    let decoded = match version {
        Version::One => decode_v1(message, &mut batch)?,
        Version::Two => decode_v2(message, &mut batch)?,
    };
    Ok((batch, decoded))
}

/// What came in by remote write.
#[derive(Debug)]
pub(super) struct WriteCounters {
    samples: [Counter; 2],
    rejected: [Counter; 2],
}

impl WriteCounters {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let counter = |name, help| {
            ["1", "2"].map(|version| telemetry.counter(name, help, &[("version", version)]))
        };
        Self {
            samples: counter(
                "vigie_show_remote_write_samples_total",
                "Samples and histograms taken by remote write.",
            ),
            rejected: counter(
                "vigie_show_remote_write_rejected_samples_total",
                "Samples and histograms that can never be taken.",
            ),
        }
    }

    fn count(&self, version: Version, taken: usize, rejected: usize) {
        let [samples_one, samples_two] = &self.samples;
        let [rejected_one, rejected_two] = &self.rejected;
        let (samples, refused) = match version {
            Version::One => (samples_one, rejected_one),
            Version::Two => (samples_two, rejected_two),
        };
        samples.add(taken as u64);
        refused.add(rejected as u64);
    }
}

/// 204 when everything was taken; 400 with the reasons when some of it never can be.
fn answer(version: Version, decoded: &Decoded, report: &WriteReport) -> Response {
    let rejected = decoded.rejected + report.rejected;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if rejected > 0 {
        let all = decoded.rejections.iter().chain(&report.rejections);
        let mut text = format!("{rejected} samples were not taken\n");
        for rejection in all.take(10) {
            text.push_str(&rejection.message);
            text.push('\n');
        }
        response = (StatusCode::BAD_REQUEST, text).into_response();
    }
    if version == Version::Two {
        let headers = response.headers_mut();
        headers.insert(SAMPLES, report.samples.into());
        headers.insert(HISTOGRAMS, report.histograms.into());
        headers.insert(EXEMPLARS, report.exemplars.into());
    }
    response
}
