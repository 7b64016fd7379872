//! Reads any bytes as `log_part`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_store::fuzzing::fuzz_log_part_reader(data));
