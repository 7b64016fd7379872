//! Reads any bytes as the body of a search.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_query::search::fuzz(data));
