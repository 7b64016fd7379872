//! Bytes to model and back: exposition text, OpenMetrics, protobuf, remote write, remote read; pure and fuzzed

pub mod compression;
pub mod event_json;
pub mod exposition;
pub mod float;
pub mod forward;
pub mod framing;
#[doc(hidden)]
pub mod fuzzing;
pub mod gelf;
pub mod jaeger;
pub mod lines;
pub mod log_document;
pub mod loki;
pub mod lumberjack;
pub mod msgpack;
pub mod otlp;
pub mod postgres;
pub mod protobuf;
pub mod remote_read;
pub mod remote_write;
pub mod syslog;
pub mod tsdb;
pub mod victoria;
pub mod zipkin;
