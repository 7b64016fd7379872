//! Tests of remote read, in and out.

use super::*;

#[test]
fn requests_are_read_back() {
    let request = ReadRequest {
        queries: vec![ReadQuery {
            range: TimeRange::new(-5, 1_000),
            matchers: vec![
                Matcher::equal("__name__", "up"),
                Matcher::new("job", MatchOp::NotRegex, "a.*"),
            ],
            hints: None,
        }],
        accepted_response_types: vec![1, 0],
    };
    let mut bytes = Vec::new();
    encode_read_request(&request, &mut bytes);
    assert_eq!(decode_read_request(&bytes), Ok(request.clone()));
    assert!(request.wants_chunks());
    assert!(!ReadRequest::default().wants_chunks());
}

/// Reads a chunk back, written from the description of the format and not from the encoder.
fn decode_chunk(bytes: &[u8]) -> Vec<(i64, f64)> {
    let mut at = 16;
    let mut take = |count: u32| {
        let mut value = 0_u64;
        for _ in 0..count {
            value = value << 1 | u64::from(bytes[at / 8] >> (7 - at % 8) & 1);
            at += 1;
        }
        value
    };
    fn varint(take: &mut impl FnMut(u32) -> u64) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = take(8);
            value |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }
    let count = u16::from_be_bytes([bytes[0], bytes[1]]);
    let (mut time, mut delta, mut value) = (0_i64, 0_i64, 0_u64);
    let (mut leading, mut trailing) = (0, 0);
    let mut out = Vec::new();
    for index in 0..count {
        match index {
            0 => {
                time = crate::protobuf::zigzag(varint(&mut take));
                value = take(64);
                out.push((time, f64::from_bits(value)));
                continue;
            }
            1 => delta = varint(&mut take) as i64,
            _ => {
                let ones = (0..4).take_while(|_| take(1) == 1).count();
                let bits = [0, 14, 17, 20, 64][ones];
                let mut change = if bits == 0 { 0 } else { take(bits) as i64 };
                if bits > 0 && bits < 64 && change > 1 << (bits - 1) {
                    change -= 1 << bits;
                }
                delta += change;
            }
        }
        time += delta;
        if take(1) == 1 {
            if take(1) == 1 {
                leading = take(5) as u32;
                let significant = match take(6) as u32 {
                    0 => 64,
                    some => some,
                };
                trailing = 64 - leading - significant;
            }
            value ^= take(64 - leading - trailing) << trailing;
        }
        out.push((time, f64::from_bits(value)));
    }
    out
}

proptest::proptest! {
    #[test]
    fn chunks_are_read_back(
        start in -1_000_000_000_000_i64..2_000_000_000_000,
        steps in proptest::collection::vec((0..2_000_000_i64, -1e6..1e6_f64), 1..120),
    ) {
        let mut time = start;
        let points: Vec<(i64, f64)> = steps.iter().enumerate().map(|(at, (step, value))| {
            // Regular steps and whole values now and then, as in life.
            time += if at % 3 == 0 { 15_000 } else { *step };
            (time, if at % 2 == 0 { value.trunc() } else { *value })
        }).collect();
        let (times, values): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
        proptest::prop_assert_eq!(decode_chunk(&xor::encode(&times, &values)), points);
    }
}

#[test]
fn frames_hold_length_checksum_and_message() {
    let mut points = Points::default();
    for at in 0..300 {
        points.timestamps_ms.push(at * 15_000);
        points.values.push(at as f64);
    }
    let mut out = Vec::new();
    put_chunked_series(&mut out, 3, &Labels::from_pairs([("__name__", "up")]), &points, 1);
    let mut rest = &out[..];
    let mut samples = 0;
    for _ in 0..3 {
        let mut reader = Reader::new(rest);
        let length = reader.varint().unwrap() as usize;
        let header = if length < 128 { 1 } else { 2 };
        let (checksum, message) = rest[header..header + 4 + length].split_at(4);
        assert_eq!(checksum, crc32c::crc32c(message).to_be_bytes());
        let mut reader = Reader::new(message);
        let mut series = reader.field().unwrap().unwrap().message().unwrap();
        assert_eq!(reader.field().unwrap().unwrap().uint64(), Ok(3));
        while let Some(field) = series.field().unwrap() {
            if field.number == 2 {
                samples += samples_of(field.message().unwrap());
            }
        }
        rest = &rest[header + 4 + length..];
    }
    assert_eq!((samples, rest.len()), (300, 0));
}

fn samples_of(mut chunk: Reader<'_>) -> usize {
    while let Some(field) = chunk.field().unwrap() {
        if field.number == 4 {
            return decode_chunk(field.bytes().unwrap()).len();
        }
    }
    0
}
