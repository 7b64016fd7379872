//! Reads any bytes as `traceql`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_language::fuzzing::traceql(data));
