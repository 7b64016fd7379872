//! Reads any bytes as `opentsdb`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::opentsdb(data));
