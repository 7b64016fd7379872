//! Reads any bytes as `influx_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::influx_lines(data));
