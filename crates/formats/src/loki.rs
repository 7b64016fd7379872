//! Loki's push API: streams of lines become documents.
//!
//! Source: Loki's `push.proto` and its API's documentation. A line becomes a document with
//! `@timestamp`, the line as `message`, each label of its stream and each pair of structured
//! metadata as a field of that name, and the stream's labels as the hidden field
//! [`STREAM_FIELD`](vigie_model::STREAM_FIELD). As in Loki 3, a stream without `service_name` gets
//! one, and a line its `detected_level`. An empty line is no line, as there.

mod json;
mod level;
mod proto;
mod stream;

pub use level::level_of;
pub use stream::PushLimits;

use vigie_model::LogBatch;

use crate::protobuf::WireError;

/// Why a body is no push request.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Not protobuf.
    #[error("couldn't parse push request: {0}")]
    Wire(#[from] WireError),
    /// Not JSON, or JSON of another shape.
    #[error("couldn't parse push request: {0}")]
    Json(#[from] serde_json::Error),
    /// No stream is in it.
    #[error("error at least one valid stream is required for ingestion")]
    NoStream,
}

/// What was left out of a push request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Lines taken.
    pub lines: usize,
    /// Lines left out.
    pub refused: usize,
    /// Why the first was, in Loki's words.
    pub message: Option<String>,
}

impl PushReport {
    fn refuse(&mut self, lines: usize, message: impl FnOnce() -> String) {
        self.refused += lines.max(1);
        if self.message.is_none() {
            self.message = Some(message());
        }
    }
}

/// Decodes a protobuf request (not compressed any more) into documents of `index`.
pub fn decode_push(
    message: &[u8],
    index: &str,
    limits: &PushLimits,
    batch: &mut LogBatch,
) -> Result<PushReport, PushError> {
    proto::decode(message, index, limits, batch)
}

/// As [`decode_push`], of JSON.
pub fn decode_push_json(
    body: &[u8],
    index: &str,
    limits: &PushLimits,
    batch: &mut LogBatch,
) -> Result<PushReport, PushError> {
    json::decode(body, index, limits, batch)
}

#[cfg(test)]
mod tests;
