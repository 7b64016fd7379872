//! Reads any bytes as a push request of Loki, protobuf and JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::loki_push(data));
