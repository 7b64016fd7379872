//! Reads any bytes as `log_document`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::log_document(data));
