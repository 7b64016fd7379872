//! Reads any bytes as `exposition_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::exposition_text(data));
