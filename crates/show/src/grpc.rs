//! gRPC's unary calls over the same HTTP/2 that everything else speaks.
//!
//! A call is a POST whose body is one message behind five bytes (compressed or not, length); the
//! answer is one message and the status in trailers, or the status alone in headers. That is all
//! that collectors need; [`streaming`] is for answers of many messages. Source: gRPC over HTTP2, the protocol
//! document of grpc.io.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::sync::mpsc;
use vigie_formats::compression::{Compression, CompressionError, decompress};
use vigie_model::{WriteError, WriteErrorKind};

use crate::{BodyError, RequestBody};

/// The largest message once decompressed.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Status codes of gRPC, as far as they are given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The message makes no sense.
    InvalidArgument = 3,
    /// There is no such thing.
    NotFound = 5,
    /// Too much at once: sent again later, it may be taken.
    ResourceExhausted = 8,
    /// There is no such method, or no such compression.
    Unimplemented = 12,
    /// Something is wrong here.
    Internal = 13,
    /// Not now.
    Unavailable = 14,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    code: Code,
    message: String,
}

impl Status {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<BodyError> for Status {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge | BodyError::Busy => Code::ResourceExhausted,
            BodyError::Late => Code::Unavailable,
            BodyError::Encoding(_) => Code::Unimplemented,
            BodyError::Malformed(_) => Code::InvalidArgument,
        };
        Self::new(code, error.to_string())
    }
}

impl From<&WriteError> for Status {
    fn from(error: &WriteError) -> Self {
        let code = match error.kind {
            WriteErrorKind::Invalid => Code::InvalidArgument,
            WriteErrorKind::Unavailable => Code::Unavailable,
        };
        Self::new(code, error.message.clone())
    }
}

/// The message of a unary call.
pub(crate) fn message(headers: &HeaderMap, mut body: RequestBody) -> Result<Bytes, Status> {
    let short = || Status::new(Code::InvalidArgument, "the gRPC message is cut off");
    let (prefix, rest) = body.bytes.split_first_chunk::<5>().ok_or_else(short)?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    if rest.len() < length {
        return Err(short());
    }
    if prefix[0] == 0 {
        return Ok(body.bytes.slice(5..5 + length));
    }
    let name = headers.get("grpc-encoding").and_then(|value| value.to_str().ok());
    let name = name.unwrap_or_default();
    let unknown = || Status::new(Code::Unimplemented, format!("grpc-encoding {name:?}"));
    let compression = Compression::from_content_encoding(name).ok_or_else(unknown)?;
    let compressed = body.bytes.slice(5..5 + length);
    let mut message = Vec::new();
    decompress(compression, &compressed, MESSAGE_BYTES_MAX, &mut message).map_err(|error| {
        let code = match error {
            CompressionError::TooLarge { .. } => Code::ResourceExhausted,
            CompressionError::Corrupt { .. } => Code::InvalidArgument,
        };
        Status::new(code, error.to_string())
    })?;
    body.reserve(body.bytes.len() + message.len())?;
    Ok(Bytes::from(message))
}

/// The answer to a call.
pub(crate) fn answer(result: Result<Vec<u8>, Status>) -> Response {
    match result {
        Ok(message) => success(&message),
        Err(status) => failure(&status),
    }
}

/// An answer of many messages, sent as they come. One that is a status ends it.
pub(crate) fn streaming(messages: mpsc::Receiver<Result<Vec<u8>, Status>>) -> Response {
    let frames = futures::stream::unfold(Some(messages), async |messages| {
        let mut messages = messages?;
        let next = match messages.recv().await {
            Some(Ok(message)) => (Frame::data(Bytes::from(frame(&message))), Some(messages)),
            Some(Err(status)) => (Frame::trailers(trailers(Some(&status))), None),
            None => (Frame::trailers(trailers(None)), None),
        };
        Some((Ok::<_, Infallible>(next.0), next.1))
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

/// What ends an answer.
fn trailers(failed: Option<&Status>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    match failed {
        None => drop(trailers.insert("grpc-status", HeaderValue::from_static("0"))),
        Some(status) => tell(&mut trailers, status),
    }
    trailers
}

/// One message behind its five bytes.
fn frame(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(message.len() + 5);
    framed.push(0);
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

fn success(message: &[u8]) -> Response {
    stream(Bytes::from(frame(message)))
}

/// Messages, each behind its five bytes, and the status that all is well.
fn stream(framed: Bytes) -> Response {
    let body = http_body_util::Full::new(framed)
        .with_trailers(async { Some(Ok::<_, Infallible>(trailers(None))) });
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

fn failure(status: &Status) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    tell(headers, status);
    response
}

fn tell(headers: &mut HeaderMap, status: &Status) {
    // What the protocol document asks to be percent-encoded in `grpc-message`.
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
    headers.insert("grpc-status", HeaderValue::from(status.code as u16));
    let text = utf8_percent_encode(&status.message, ENCODED).to_string();
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert("grpc-message", text);
    }
}
