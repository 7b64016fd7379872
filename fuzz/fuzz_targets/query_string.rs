//! Reads any bytes as a query string, simple query string, expression and index pattern.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_language::fuzzing::query_string(data));
