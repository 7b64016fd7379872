//! Reads any bytes as `remote_read`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::remote_read(data));
