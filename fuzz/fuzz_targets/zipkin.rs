//! Reads any bytes as Zipkin's spans.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::zipkin(data));
