//! Bytes to model and back: exposition text, OpenMetrics, protobuf, remote write, remote read; pure and fuzzed

pub mod compression;
pub mod exposition;
pub mod float;
pub mod protobuf;
pub mod remote_write;
