//! Reads any bytes as messages of the forward protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::forward(data));
