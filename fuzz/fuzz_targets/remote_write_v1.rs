//! Reads any bytes as `remote_write_v1`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::remote_write_v1(data));
