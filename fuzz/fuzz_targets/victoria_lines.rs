//! Reads any bytes as `victoria_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::victoria_lines(data));
