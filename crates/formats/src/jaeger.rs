//! Jaeger's own formats: batches in Thrift (binary and compact) and in protobuf.
//!
//! Field numbers are those of jaeger-idl's `thrift/jaeger.thrift`, `thrift/agent.thrift` and
//! `proto/api_v2/model.proto`. What OpenTelemetry names otherwise is translated on the way in (see
//! [`translate`]), so that a service that moves from one SDK to the other stays one service.

mod proto;
#[cfg(test)]
mod tests;
mod thrift;
mod thrift_batch;
mod translate;

pub use proto::decode_post_spans;
pub use thrift_batch::{decode_agent_packet, decode_batch};

use crate::protobuf::WireError;

/// Why a batch cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JaegerError {
    /// It ends within a value.
    #[error("unexpected end of the thrift message")]
    Truncated,
    /// A value of a type that Thrift does not have, or lists in lists without end.
    #[error("malformed thrift message")]
    Malformed,
    /// A call that is none of the agent's.
    #[error("unknown thrift call or protocol version")]
    UnknownCall,
    /// More than one batch may hold.
    #[error("the batch holds more than {0} spans")]
    TooManySpans(usize),
    /// It is no protobuf message.
    #[error("{0}")]
    Wire(#[from] WireError),
}

/// Spans of one batch.
const SPANS_MAX: usize = 1_000_000;
