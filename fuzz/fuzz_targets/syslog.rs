//! Reads any bytes as a stream of syslog's messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::syslog(data));
