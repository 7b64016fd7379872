//! Reads any bytes as `go_template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_language::fuzzing::go_template(data));
