//! Small files written by hand from the documented formats.

use vigie_model::CounterResetHint;

use super::*;

/// Writes bits as chunks have them.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u64, count: u32) -> &mut Self {
        for at in (0..count).rev() {
            self.0.push(value >> at & 1 == 1);
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
        };
        self.0.chunks(8).map(byte).collect()
    }
}

#[test]
fn floats_of_a_chunk() {
    let mut bits = Bits::default();
    // 1000 as a varint; 1.5; then +15000 and the same value; then the same step and 2.5.
    bits.put(0xd0, 8).put(0x0f, 8).put(1.5_f64.to_bits(), 64);
    bits.put(0x98, 8).put(0x75, 8).put(0, 1);
    let xor = 1.5_f64.to_bits() ^ 2.5_f64.to_bits();
    let (leading, trailing) = (xor.leading_zeros(), xor.trailing_zeros());
    bits.put(0, 1).put(0b11, 2).put(u64::from(leading), 5);
    let significant = 64 - leading - trailing;
    bits.put(u64::from(significant), 6).put(xor >> trailing, significant);
    // A step shorter by one second: 14 bits.
    bits.put(0b10, 2).put(-1000_i64 as u64, 14).put(0, 1);
    let data = [&[0, 4][..], &bits.bytes()].concat();
    let mut points = Vec::new();
    decode_chunk(1, &data, &mut points).unwrap();
    let float = ChunkPoint::Float;
    let expected = [float(1000, 1.5), float(16_000, 1.5), float(31_000, 2.5), float(45_000, 2.5)];
    assert_eq!(points, expected);
    assert!(decode_chunk(1, &data[..12], &mut points).is_err());
    assert_eq!(
        decode_chunk(4, &data, &mut points).unwrap_err().to_string(),
        "chunk encoding 4 is not known"
    );
}

#[test]
fn histograms_of_a_chunk() {
    let mut bits = Bits::default();
    // Threshold 2^-242 * 0.5 * 2 = 2^-242; schema 1; one span of two buckets at 3; none negative.
    bits.put(2, 8).put(0b10, 2).put(1, 3);
    bits.put(0b10, 2).put(1, 3).put(0b10, 2).put(2, 3).put(0b10, 2).put(3, 3).put(0, 1);
    // Time 4, count 5, zero count 1, sum 2.5, buckets +2 and then +0 more.
    bits.put(0b10, 2).put(4, 3).put(0b10, 2).put(5, 3).put(0b10, 2).put(1, 3);
    bits.put(2.5_f64.to_bits(), 64).put(0b10, 2).put(2, 3).put(0, 1);
    // Time +1, count +2, zero count as before, sum as before, buckets +1 and then +1 more.
    bits.put(0b10, 2).put(1, 3).put(0b10, 2).put(2, 3).put(0, 1).put(0, 1);
    bits.put(0b10, 2).put(1, 3).put(0, 1);
    let data = [&[0, 2, 0b1000_0000][..], &bits.bytes()].concat();
    let mut points = Vec::new();
    decode_chunk(2, &data, &mut points).unwrap();
    let [ChunkPoint::Histogram(4, first), ChunkPoint::Histogram(5, second)] = points.as_slice()
    else {
        panic!("{points:?}")
    };
    assert_eq!(first.counter_reset_hint, CounterResetHint::CounterReset);
    assert_eq!((first.schema, first.zero_threshold), (1, 2_f64.powi(-242)));
    assert_eq!((first.count, first.zero_count, first.sum), (5.0, 1.0, 2.5));
    assert_eq!(first.positive_buckets, [2.0, 2.0]);
    assert_eq!((second.count, second.sum), (7.0, 2.5));
    assert_eq!(second.positive_buckets, [3.0, 3.0]);
    assert_eq!(second.counter_reset_hint, CounterResetHint::NotCounterReset);
}

fn with_sum(content: &[u8]) -> Vec<u8> {
    [content, &crc32c::crc32c(content).to_be_bytes()].concat()
}

/// An index of one series `a{b="c"}` with two chunks.
fn index() -> Vec<u8> {
    let mut bytes = vec![0xba, 0xaa, 0xd7, 0, 2];
    let symbols_at = bytes.len() as u64;
    let mut symbols = vec![0, 0, 0, 5];
    for symbol in ["", "__name__", "a", "b", "c"] {
        symbols.push(symbol.len() as u8);
        symbols.extend_from_slice(symbol.as_bytes());
    }
    bytes.extend((symbols.len() as u32).to_be_bytes());
    bytes.extend(with_sum(&symbols));
    bytes.resize(bytes.len().div_ceil(16) * 16, 0);
    let series_at = bytes.len() as u64;
    let content = [2, 1, 2, 3, 4, 2, 20, 5, 8, 3, 6, 30];
    bytes.push(content.len() as u8);
    bytes.extend(with_sum(&content));
    let postings_at = bytes.len() as u64;
    let mut table = Vec::new();
    for offset in [symbols_at, series_at, 0, 0, postings_at, postings_at] {
        table.extend(offset.to_be_bytes());
    }
    bytes.extend(with_sum(&table));
    bytes
}

#[test]
fn series_of_an_index() {
    let bytes = index();
    let parsed = Index::parse(bytes.clone()).unwrap();
    let series: Vec<IndexSeries> = parsed.series().map(Result::unwrap).collect();
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].labels.to_string(), "a{b=\"c\"}");
    let chunk = |min_ms, max_ms, offset| ChunkMeta { min_ms, max_ms, file: 0, offset };
    assert_eq!(series[0].chunks, [chunk(10, 15, 8), chunk(18, 24, 23)]);
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0x41;
        // Whatever is changed, it is told or it is padding; it never panics.
        if let Ok(index) = Index::parse(broken) {
            index.series().for_each(drop);
        }
    }
}

#[test]
fn tombstones_cover_times_of_series() {
    let stones = [7, 20, 40, 7, 0, 2];
    let bytes = [&[0x01, 0x30, 0xba, 0x30, 1][..], &with_sum(&stones)].concat();
    let read = read_tombstones(&bytes).unwrap();
    assert!(read.covers(7, 10) && read.covers(7, 20) && read.covers(7, 0));
    assert!(!read.covers(7, 21) && !read.covers(8, 10));
    assert!(read_tombstones(&bytes[..9]).is_err());
}
