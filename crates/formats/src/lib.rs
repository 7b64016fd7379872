//! Bytes to model and back: exposition text, OpenMetrics, protobuf, remote write, remote read; pure and fuzzed

pub mod float;
