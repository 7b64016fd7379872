//! Reads any bytes as Jaeger's batches.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::jaeger(data));
