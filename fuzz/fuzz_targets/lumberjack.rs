//! Reads any bytes as what a Beat sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::lumberjack(data));
