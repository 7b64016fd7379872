//! OTLP, OpenTelemetry's protocol: requests of traces, metrics and logs, in protobuf and
//! JSON.
//!
//! Field numbers are those of opentelemetry-proto 1.x (`collector/trace/v1`, `trace/v1`,
//! `common/v1`, `resource/v1`). Decoding copies texts into one arena (see
//! [`SpanBatch`](vigie_model::span::SpanBatch)); unknown fields are skipped, ids of a wrong length
//! make the span invalid and leave the others.

mod json;
mod logs;
mod metrics;
mod names;
#[cfg(test)]
mod tests;
mod traces;
mod value;

pub use logs::{decode_logs, decode_logs_json};
pub use metrics::{MetricOptions, decode_metrics, decode_metrics_json};
pub use names::TranslationStrategy;
pub use traces::{decode_traces, decode_traces_json};

use crate::protobuf::WireError;

/// Why a request cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// It is no protobuf message.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// It is no JSON, or not OTLP's.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// More than one request may hold.
    #[error("the request holds more than {limit} {what}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

/// Spans of a request that were left out, and why the first was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many.
    pub count: usize,
    /// Why the first one was.
    pub message: String,
}

impl LeftOut {
    fn add(&mut self, message: &str) {
        if self.count == 0 {
            message.clone_into(&mut self.message);
        }
        self.count += 1;
    }
}

/// Attributes in one request, of everything together. A body of 100 MB of empty attributes has
/// some 50 million.
const ATTRIBUTES_MAX: usize = 10_000_000;
/// Spans in one request.
const SPANS_MAX: usize = 1_000_000;
/// Lists and maps within one attribute's value.
const VALUE_DEPTH_MAX: usize = 32;
