//! Doors for fuzz targets: parsers of what lies on disk, given any bytes.

/// Reads `data` as a segment of the write-ahead log.
pub fn fuzz_wal_reader(data: &[u8]) {
    let mut segment = crate::wal::segment_header().to_vec();
    segment.extend_from_slice(data);
    std::hint::black_box(crate::wal::count_entries(&segment));
    std::hint::black_box(crate::wal::count_entries(data));
}
