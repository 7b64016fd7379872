//! Reads any bytes as `openmetrics`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::openmetrics(data));
