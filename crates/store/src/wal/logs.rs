//! Records of logs: what became of operations on documents.
//!
//! They say which document took whose place, and under which id: a record that told of the document
//! before may be lost, when its writer was told so.

use std::path::Path;

use vigie_model::TenantId;
use vigie_world::Disk;

use super::frame::{self, RecordType};
use super::replay::{ReplayReport, replay_payloads};
use super::segment::SegmentName;
use super::varint::{Reader, put, put_bytes, put_signed};
use crate::StoreError;

/// Payloads end after this many bytes; a batch that needs more becomes several records.
const PAYLOAD_BYTES_SOFT_MAX: usize = 4 << 20;

const PUT: u8 = 1;
const REMOVE: u8 = 2;

/// One entry of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogEntry<'a> {
    /// A document came.
    Put {
        sequence: u64,
        time_ns: i64,
        /// The document whose place it takes.
        replaces: Option<u64>,
        index: &'a str,
        /// The sender's id.
        id: Option<&'a str>,
        /// The document, packed.
        body: &'a [u8],
    },
    /// A document is gone.
    Remove {
        sequence: u64,
        index: &'a str,
        /// The sender's id.
        id: Option<&'a str>,
    },
}

/// Writes records of one tenant to the end of a buffer.
#[derive(Debug)]
pub(crate) struct LogRecordWriter<'a> {
    buffer: &'a mut Vec<u8>,
    tenant: &'a TenantId,
    open_at: Option<usize>,
    last_index: String,
}

impl<'a> LogRecordWriter<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>, tenant: &'a TenantId) -> Self {
        Self { buffer, tenant, open_at: None, last_index: String::new() }
    }

    pub(crate) fn entry(&mut self, entry: &LogEntry<'_>) {
        self.open();
        match *entry {
            LogEntry::Put { sequence, time_ns, replaces, index, id, body } => {
                self.buffer.push(PUT);
                put(self.buffer, sequence);
                put_signed(self.buffer, time_ns);
                put(self.buffer, replaces.map_or(0, |sequence| sequence + 1));
                // An index has a name: none says that it is the one before.
                if index == self.last_index {
                    put_bytes(self.buffer, &[]);
                } else {
                    put_bytes(self.buffer, index.as_bytes());
                    index.clone_into(&mut self.last_index);
                }
                put_bytes(self.buffer, id.unwrap_or_default().as_bytes());
                put_bytes(self.buffer, body);
            }
            LogEntry::Remove { sequence, index, id } => {
                self.buffer.push(REMOVE);
                put(self.buffer, sequence);
                put_bytes(self.buffer, index.as_bytes());
                put_bytes(self.buffer, id.unwrap_or_default().as_bytes());
            }
        }
    }

    /// Completes the record that is open.
    pub(crate) fn finish(&mut self) {
        if let Some(at) = self.open_at.take() {
            frame::finish(self.buffer, at);
        }
    }

    fn open(&mut self) {
        if self.open_at.is_some_and(|at| self.buffer.len() - at < PAYLOAD_BYTES_SOFT_MAX) {
            return;
        }
        self.finish();
        self.last_index.clear();
        self.open_at = Some(frame::begin(self.buffer, RecordType::Logs));
        put_bytes(self.buffer, self.tenant.as_str().as_bytes());
    }
}

/// Hands the entries of a payload to `each`. `None` when it is not well formed; what came before
/// that was handed on.
pub(crate) fn read_log_record(
    payload: &[u8],
    each: &mut dyn FnMut(&str, LogEntry<'_>),
) -> Option<()> {
    let mut reader = Reader::new(payload);
    let tenant = reader.text()?;
    let mut last_index = "";
    while !reader.is_empty() {
        match reader.byte()? {
            PUT => {
                let (sequence, time_ns) = (reader.unsigned()?, reader.signed()?);
                let replaces = reader.unsigned()?.checked_sub(1);
                let index = reader.text()?;
                if !index.is_empty() {
                    last_index = index;
                }
                let id = Some(reader.text()?).filter(|id| !id.is_empty());
                let body = reader.bytes()?;
                if last_index.is_empty() || !vigie_model::DocumentReader::new(body).is_well_formed()
                {
                    return None;
                }
                let index = last_index;
                each(tenant, LogEntry::Put { sequence, time_ns, replaces, index, id, body });
            }
            REMOVE => {
                let (sequence, index) = (reader.unsigned()?, reader.text()?);
                let id = Some(reader.text()?).filter(|id| !id.is_empty());
                each(tenant, LogEntry::Remove { sequence, index, id });
            }
            _ => return None,
        }
    }
    Some(())
}

/// Hands all entries of segment `name` to `each`, in the order in which they were written.
pub(crate) fn replay_log_segment(
    disk: &dyn Disk,
    folder: &Path,
    name: SegmentName,
    each: &mut dyn FnMut(&str, LogEntry<'_>),
) -> Result<ReplayReport, StoreError> {
    replay_payloads(disk, folder, name, &mut |kind, payload| match kind {
        RecordType::Logs => read_log_record(payload, each),
        _ => None,
    })
}

/// Reads `bytes` as a payload: for fuzzing.
pub(crate) fn fuzz_log_record(bytes: &[u8]) {
    let mut count = 0_usize;
    let read = read_log_record(bytes, &mut |_, _| count += 1);
    std::hint::black_box((read, count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_and_damage_is_seen() {
        let tenant = TenantId::default_tenant();
        let mut body = Vec::new();
        vigie_model::DocumentWriter::new(&mut body).string("a", "b");
        let put = |sequence, index, id| LogEntry::Put {
            sequence,
            time_ns: -5,
            replaces: (sequence == 2).then_some(0),
            index,
            id,
            body: &body,
        };
        let entries = [
            put(0, "x", None),
            put(1, "x", Some("i")),
            put(2, "y", None),
            LogEntry::Remove { sequence: 1, index: "x", id: Some("i") },
        ];
        let mut buffer = Vec::new();
        let mut writer = LogRecordWriter::new(&mut buffer, &tenant);
        entries.iter().for_each(|entry| writer.entry(entry));
        writer.finish();
        let payload = &buffer[frame::HEADER_BYTES..];
        let mut at = 0;
        let read = read_log_record(payload, &mut |name, entry| {
            assert_eq!((name, entry), ("default", entries[at]));
            at += 1;
        });
        assert_eq!((read, at), (Some(()), 4));
        for cut in 0..payload.len() {
            fuzz_log_record(&payload[..cut]);
        }
    }
}
