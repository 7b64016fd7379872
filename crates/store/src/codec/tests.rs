//! Roundtrips to the bit, sizes that the layouts promise, and bytes that nobody wrote.

use proptest::prelude::*;
use vigie_model::stale_nan;

use super::{Input, bitpack, floats, integers, pcodec};

fn float_roundtrip(values: &[f64]) -> usize {
    let mut bytes = Vec::new();
    let mut scratch = floats::Scratch::default();
    floats::encode(values, &mut scratch, &mut bytes);
    let mut back = vec![0.0; values.len()];
    floats::decode(&mut Input::new(&bytes), &mut scratch, &mut back).unwrap();
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(values), bits(&back));
    bytes.len()
}

fn integer_roundtrip(values: &[i64]) -> usize {
    let mut bytes = Vec::new();
    let mut scratch = integers::Scratch::default();
    integers::encode(values, &mut scratch, &mut bytes);
    let mut back = vec![0; values.len()];
    let mut input = Input::new(&bytes);
    integers::decode(&mut input, &mut scratch, &mut back).unwrap();
    assert!(input.is_empty(), "everything written is read");
    assert_eq!(values, back);
    bytes.len()
}

/// A generator that needs no crate and repeats.
fn noise(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed | 1), |x| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        Some(x ^ (x << 17))
    })
}

#[test]
fn every_width_and_length_unpacks_to_what_was_packed() {
    for width in 0..=64 {
        for count in [0, 1, 7, 8, 63, 416, 1023, 1024, 1025, 2048, 2100] {
            let mask = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
            let values: Vec<u64> = noise(9).take(count).map(|x| x & mask).collect();
            let mut bytes = Vec::new();
            bitpack::pack(&values, width, &mut bytes);
            assert_eq!(bytes.len(), bitpack::packed_length(count, width));
            let mut back = vec![1; count];
            bitpack::unpack(&mut Input::new(&bytes), width, &mut back).unwrap();
            assert_eq!(values, back, "width {width}, {count} values");
            if !bytes.is_empty() {
                let short = &bytes[..bytes.len() - 1];
                assert!(bitpack::unpack(&mut Input::new(short), width, &mut back).is_err());
            }
        }
    }
}

#[test]
fn special_shapes_cost_what_they_should() {
    let count = 1440;
    let shapes: [(&str, usize, Vec<i64>); 6] = [
        ("constant", 4, vec![-77; count]),
        ("linear", 12, (0..count as i64).map(|i| 1_700_000_000_000 + i * 15_000).collect()),
        ("one step", 20, (0..count).map(|i| i64::from(i > 700)).collect()),
        ("multiples", 1440 + 40, noise(3).take(count).map(|x| (x % 256) as i64 * 4096).collect()),
        ("few changes", 90, (0..count).map(|i| (i / 50) as i64 * 7).collect()),
        ("extremes", 12_000, [i64::MIN, i64::MAX, 0, -1].repeat(count / 4)),
    ];
    for (name, bytes_max, values) in shapes {
        let bytes = integer_roundtrip(&values);
        assert!(bytes <= bytes_max, "{name}: {bytes} bytes");
    }
}

#[test]
fn floats_that_are_not_numbers_come_back_to_the_bit() {
    let mut values: Vec<f64> = (0..1440).map(|i| f64::from(i) * 0.25).collect();
    values[0] = f64::NAN;
    values[7] = -0.0;
    values[8] = f64::INFINITY;
    values[9] = f64::NEG_INFINITY;
    values[10] = f64::from_bits(0x7ff0_0000_0000_1234);
    values[1439] = stale_nan();
    assert!(float_roundtrip(&values) < 200);
    float_roundtrip(&[stale_nan()]);
    float_roundtrip(&[f64::MIN_POSITIVE, f64::MAX, 1e300, 5e-324, -0.0]);
    float_roundtrip(&noise(5).take(1000).map(f64::from_bits).collect::<Vec<_>>());
    float_roundtrip(&noise(5).take(1000).map(|x| x as f64 / 1e19).collect::<Vec<_>>());
    float_roundtrip(&noise(7).take(2048).map(|x| (x % 1000) as f64 / 100.0).collect::<Vec<_>>());
}

#[test]
fn the_pcodec_header_is_what_the_crate_writes() {
    let mut header = Vec::new();
    pco::wrapped::FileCompressor::default().write_header(&mut header).unwrap();
    assert_eq!(header, pcodec::HEADER, "a new format of Pcodec needs a layout byte of its own");
}

#[test]
fn decoders_survive_any_changed_byte() {
    let noisy: Vec<f64> = noise(7).take(300).map(|x| (x % 1000) as f64 / 100.0).collect();
    let stepped: Vec<f64> = (0..300).map(|i| f64::from(i / 40)).collect();
    let raw: Vec<f64> = noise(5).take(300).map(f64::from_bits).collect();
    let mut scratch = floats::Scratch::default();
    for values in [noisy, stepped, raw] {
        let mut bytes = Vec::new();
        floats::encode(&values, &mut scratch, &mut bytes);
        let mut back = vec![0.0; values.len()];
        for at in 0..bytes.len() {
            for flip in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let _any = floats::decode(&mut Input::new(&changed), &mut scratch, &mut back);
            }
            let cut = &bytes[..at];
            let _any = floats::decode(&mut Input::new(cut), &mut scratch, &mut back);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_integers_come_back(values in prop::collection::vec(any::<i64>(), 1..1100)) {
        integer_roundtrip(&values);
    }

    #[test]
    fn small_steps_come_back(steps in prop::collection::vec(-3i64..3, 1..2100), scale in 1i64..9) {
        let mut value = 5;
        let walk: Vec<i64> = steps.iter().map(|s| { value += s * scale; value }).collect();
        integer_roundtrip(&walk);
    }

    #[test]
    fn any_floats_come_back(bits in prop::collection::vec(any::<u64>(), 1..300)) {
        float_roundtrip(&bits.into_iter().map(f64::from_bits).collect::<Vec<_>>());
    }

    #[test]
    fn decimals_come_back(values in prop::collection::vec(-100_000i32..100_000, 1..2100), digits in 0i32..6) {
        let power = 10f64.powi(digits);
        float_roundtrip(&values.into_iter().map(|v| f64::from(v) / power).collect::<Vec<_>>());
    }

    #[test]
    fn decoders_take_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..3000) {
        let mut scratch = floats::Scratch::default();
        let mut values = vec![0.0; count];
        let _any = floats::decode(&mut Input::new(&bytes), &mut scratch, &mut values);
        let mut integers = vec![0; count];
        let _any = integers::decode(&mut Input::new(&bytes), scratch.integers(), &mut integers);
    }
}
