//! Parses any text as LogQL; what parses prints as what parses to the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_language::fuzzing::logql(data));
