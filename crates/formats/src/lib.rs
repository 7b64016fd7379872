//! Bytes to model and back: exposition text, OpenMetrics, protobuf, remote write, remote read; pure and fuzzed

pub mod compression;
pub mod exposition;
pub mod float;
#[doc(hidden)]
pub mod fuzzing;
<<<<<<< HEAD
pub mod jaeger;
pub mod otlp;
=======
pub mod log_document;
>>>>>>> 88eaa6c (Logs: documents from JSON to columns, a log of their own, a head that can be asked)
pub mod protobuf;
pub mod remote_read;
pub mod remote_write;
pub mod zipkin;
