//! Reads any bytes as messages of PostgreSQL's clients.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::postgres(data));
