//! Reads any bytes as `carbon_pickle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::carbon_pickle(data));
