//! Reads any bytes as `logstash`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_language::fuzzing::logstash(data));
