//! Reads any bytes as `tsdb_index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::tsdb_index(data));
