//! Doors for fuzz targets: parsers of what lies on disk, given any bytes. No panic may come out.

use std::sync::Arc;

use bytes::Bytes;
use vigie_model::{MatchOp, Matcher, Points, TimeRange};

use crate::codec::{Input, VALUES_MAX, floats, integers};
use crate::part::metrics::fuzz_sections;
use crate::part::{MetricPart, MetricPartBuilder, PartOptions, merge};
use crate::{CompiledMatcher, StoreError};

/// Reads `data` as a segment of the write-ahead log.
pub fn fuzz_wal_reader(data: &[u8]) {
    let mut segment = crate::wal::segment_header().to_vec();
    segment.extend_from_slice(data);
    std::hint::black_box(crate::wal::count_entries(&segment));
    std::hint::black_box(crate::wal::count_entries(data));
}

/// Reads `data` as a record of logs.
pub fn fuzz_wal_logs(data: &[u8]) {
    crate::wal::fuzz_log_record(data);
}

/// Opens `data` as a part and reads all that is in it.
pub fn fuzz_part_reader(data: &[u8]) {
    let _any = read_all(Bytes::copy_from_slice(data));
}

/// Opens `data` as a part of documents and reads all that is in it.
pub fn fuzz_log_part_reader(data: &[u8]) {
    crate::logs::fuzz_part(Bytes::copy_from_slice(data));
}

/// Decodes `data` as each kind of block of a part, past the checksums that [`fuzz_part_reader`]
/// hardly ever passes.
pub fn fuzz_part_blocks(data: &[u8]) {
    fuzz_sections(data);
}

/// Decodes `data` as columns of numbers; the first two bytes say how many.
pub fn fuzz_codec(data: &[u8]) {
    let Some((count, rest)) = data.split_first_chunk::<2>() else { return };
    let count = usize::from(u16::from_le_bytes(*count)).min(VALUES_MAX);
    let mut scratch = floats::Scratch::default();
    let _any = floats::decode(&mut Input::new(rest), &mut scratch, &mut vec![0.0; count]);
    let integers = &mut vec![0; count];
    let _any = integers::decode(&mut Input::new(rest), scratch.integers(), integers);
}

/// Compiles the first line of `data` as a regular expression and tests the rest.
pub fn fuzz_matcher(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pattern, value) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(matcher) = CompiledMatcher::new(&Matcher::new("l", MatchOp::Regex, pattern)) {
        matcher.matches_value(value);
    }
}

fn read_all(bytes: Bytes) -> Result<(), StoreError> {
    let part = MetricPart::open(Arc::new(bytes))?;
    part.metadata()?;
    part.exemplars(&[], TimeRange::ALL)?;
    for name in part.label_names()? {
        let matcher = CompiledMatcher::new(&Matcher::new(name, MatchOp::Regex, ".*1"))?;
        part.select(&[matcher], TimeRange::ALL)?;
    }
    let mut points = Points::default();
    for id in part.select(&[], TimeRange::ALL)? {
        points.clear();
        part.labels(id)?;
        part.read(id, TimeRange::ALL, &mut points)?;
    }
    let mut builder = MetricPartBuilder::new(&PartOptions::default());
    merge(&[part.clone(), part], &|_| Vec::new(), TimeRange::ALL, &mut builder)?;
    builder.finish().map(|_| ())
}
