//! Reads any bytes as datagrams of GELF.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::gelf(data));
