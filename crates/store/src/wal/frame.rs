//! How records lie in a segment: length, type, version and checksum before each.
//! The format is described in `docs/formats/wal.md`.

/// First bytes of every segment.
pub(super) const MAGIC: [u8; 8] = *b"VIGIEWAL";
/// Bytes of a segment before its first record: the magic and the format's version.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 12;
/// Version of the segment's layout.
const SEGMENT_VERSION: u32 = 1;
/// Bytes before each record's payload.
pub(super) const HEADER_BYTES: usize = 10;
/// No payload is longer; a longer length is damage.
pub(super) const PAYLOAD_BYTES_MAX: usize = 32 << 20;
/// Version of the records written.
const RECORD_VERSION: u8 = 1;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordType {
    Series,
    Samples,
    Histograms,
    Exemplars,
    Metadata,
    Logs,
}

impl RecordType {
    const fn code(self) -> u8 {
        match self {
            Self::Series => 1,
            Self::Samples => 2,
            Self::Histograms => 3,
            Self::Exemplars => 4,
            Self::Metadata => 5,
            Self::Logs => 6,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Series,
            2 => Self::Samples,
            3 => Self::Histograms,
            4 => Self::Exemplars,
            5 => Self::Metadata,
            6 => Self::Logs,
            _ => return None,
        })
    }
}

/// The bytes before a segment's first record.
pub(crate) fn segment_header() -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    header
}

/// Begins a record at the end of `buffer`; [`finish`] completes it.
pub(super) fn begin(buffer: &mut Vec<u8>, kind: RecordType) -> usize {
    let at = buffer.len();
    buffer.extend_from_slice(&[0, 0, 0, 0, kind.code(), RECORD_VERSION, 0, 0, 0, 0]);
    at
}

/// Fills in length and checksum of the record that began at `at`.
pub(super) fn finish(buffer: &mut [u8], at: usize) {
    let length = (buffer.len() - at - HEADER_BYTES) as u32;
    buffer[at..at + 4].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(&buffer[at..at + 6], &buffer[at + HEADER_BYTES..]);
    buffer[at + 6..at + HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(head), payload)
}

/// A record as found in a segment.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// A record whose checksum is right.
    Record(RecordType, &'a [u8]),
    /// A record whose checksum is right but whose type or version this program does not know.
    Unknown,
}

/// What was met while reading a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Damage {
    /// Places where records could not be read, with readable records after them.
    pub(super) corrupt: u64,
    /// Records of an unknown type or version.
    pub(super) unknown: u64,
    /// Where the readable part ends, when bytes follow that are no record: the torn tail.
    pub(super) torn_at: Option<usize>,
}

/// Hands every readable record of `segment` to `each`.
pub(super) fn read_segment<'a>(
    segment: &'a [u8],
    mut each: impl FnMut(RecordType, &'a [u8]),
) -> Damage {
    let mut damage = Damage::default();
    let mut at = SEGMENT_HEADER_BYTES;
    if segment.len() < at || segment[..at] != segment_header() {
        damage.corrupt += u64::from(segment.len() >= at);
        damage.torn_at = (segment.len() < at).then_some(0);
        at = at.min(segment.len());
    }
    while at < segment.len() {
        if let Some((found, next)) = record_at(segment, at) {
            match found {
                Found::Record(kind, payload) => each(kind, payload),
                Found::Unknown => damage.unknown += 1,
            }
            at = next;
        } else if let Some(next) = find_next(segment, at) {
            damage.corrupt += 1;
            at = next;
        } else {
            damage.torn_at.get_or_insert(at);
            break;
        }
    }
    damage
}

fn record_at(segment: &[u8], at: usize) -> Option<(Found<'_>, usize)> {
    let header = segment.get(at..at + HEADER_BYTES)?;
    let length = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
    if length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let end = at + HEADER_BYTES + length;
    let payload = segment.get(at + HEADER_BYTES..end)?;
    let stored = u32::from_le_bytes(header[6..].try_into().ok()?);
    if checksum(&header[..6], payload) != stored {
        return None;
    }
    let kind = RecordType::from_code(header[4]).filter(|_| header[5] == RECORD_VERSION);
    Some((kind.map_or(Found::Unknown, |kind| Found::Record(kind, payload)), end))
}

/// The next place after `at` where a whole record of a known type lies. Only damaged segments get
/// here. Places are tried by type and version first, so that few checksums are computed; a cap
/// on the bytes checked keeps a hostile segment from costing the square of its size.
fn find_next(segment: &[u8], at: usize) -> Option<usize> {
    let mut budget = segment.len().saturating_mul(4);
    for start in at + 1..segment.len().saturating_sub(HEADER_BYTES - 1) {
        let header = &segment[start..start + HEADER_BYTES];
        if header[5] != RECORD_VERSION || RecordType::from_code(header[4]).is_none() {
            continue;
        }
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        if length > PAYLOAD_BYTES_MAX || start + HEADER_BYTES + length > segment.len() {
            continue;
        }
        budget = budget.checked_sub(length)?;
        if record_at(segment, start).is_some() {
            return Some(start);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(payloads: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = segment_header().to_vec();
        let mut starts = Vec::new();
        for payload in payloads {
            starts.push(bytes.len());
            let at = begin(&mut bytes, RecordType::Samples);
            bytes.extend_from_slice(payload);
            finish(&mut bytes, at);
        }
        (bytes, starts)
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Damage) {
        let mut found = Vec::new();
        let damage = read_segment(bytes, |_, payload| found.push(payload.to_vec()));
        (found, damage)
    }

    #[test]
    fn a_segment_cut_anywhere_gives_the_records_before_the_cut() {
        let (bytes, starts) = segment(&[b"first", b"second", b"third"]);
        for cut in 0..bytes.len() {
            let (found, damage) = read(&bytes[..cut]);
            let whole = starts.iter().skip(1).filter(|start| **start <= cut).count();
            assert_eq!(found.len(), whole, "cut at {cut}");
            assert_eq!(damage.corrupt, 0, "cut at {cut}");
            let clean = cut == SEGMENT_HEADER_BYTES || starts.contains(&cut);
            assert_eq!(damage.torn_at.is_none(), clean, "cut at {cut}");
        }
    }

    #[test]
    fn one_flipped_bit_costs_one_record() {
        let (bytes, starts) = segment(&[b"first", b"second", b"third"]);
        for bit in starts[1] * 8..starts[2] * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let (found, damage) = read(&damaged);
            assert_eq!(found, [b"first".to_vec(), b"third".to_vec()], "bit {bit}");
            assert_eq!((damage.corrupt, damage.torn_at), (1, None), "bit {bit}");
        }
    }
}
