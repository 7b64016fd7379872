//! Reads any bytes as OTLP traces.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::otlp_traces(data));
