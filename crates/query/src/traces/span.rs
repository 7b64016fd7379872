//! A span as it is read.

use serde_json::Value;
use vigie_model::span::{SpanId, SpanKind, StatusCode, TraceId};

/// An attribute: its name, and its value as JSON. Integers and floats stay apart: `5` and `5.0`.
pub type SpanAttribute = (String, Value);

/// A span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceSpan {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its parent; none for a root.
    pub parent_span_id: SpanId,
    /// The service it belongs to.
    pub service: String,
    /// What it did.
    pub name: String,
    /// Its role.
    pub kind: SpanKind,
    /// How it ended.
    pub status: StatusCode,
    /// Why it failed.
    pub status_message: String,
    /// Start, nanoseconds since the epoch.
    pub start_ns: i64,
    /// How long it took.
    pub duration_ns: u64,
    /// W3C trace state.
    pub trace_state: String,
    /// Trace flags.
    pub flags: u32,
    /// The library that made it.
    pub scope_name: String,
    /// That library's version.
    pub scope_version: String,
    /// Attributes of the resource, without `service.name`.
    pub resource: Vec<SpanAttribute>,
    /// Attributes of the span.
    pub attributes: Vec<SpanAttribute>,
    /// What happened during it.
    pub events: Vec<TraceEvent>,
    /// What belongs to it.
    pub links: Vec<TraceLink>,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceEvent {
    /// When, nanoseconds since the epoch.
    pub time_ns: u64,
    /// What.
    pub name: String,
    /// More about it.
    pub attributes: Vec<SpanAttribute>,
}

/// Another span that belongs to a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceLink {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its trace state.
    pub trace_state: String,
    /// Why it belongs.
    pub attributes: Vec<SpanAttribute>,
}
