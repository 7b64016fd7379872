//! Reads any bytes as a bulk body.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_show::elasticsearch::fuzz_bulk(data));
