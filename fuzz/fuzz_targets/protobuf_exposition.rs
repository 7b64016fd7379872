//! Reads any bytes as `protobuf_exposition`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vigie_formats::fuzzing::protobuf_exposition(data));
