//! Reads any bytes as `promql`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_language::fuzzing::promql(data));
