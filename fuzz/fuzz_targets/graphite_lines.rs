//! Reads any bytes as `graphite_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::graphite_lines(data));
