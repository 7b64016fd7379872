//! Reads any bytes as `part`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_store::fuzzing::fuzz_part_reader(data));
