//! Reads any bytes as `wal_logs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_store::fuzzing::fuzz_wal_logs(data));
