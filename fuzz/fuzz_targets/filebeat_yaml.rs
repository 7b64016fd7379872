//! Reads any bytes as a `filebeat.yml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_language::fuzzing::filebeat(data));
