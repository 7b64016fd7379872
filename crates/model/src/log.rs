//! Documents of log indices on their way to the store.
//!
//! A [`LogBatch`] holds operations on documents. A document is packed once, by whoever reads the
//! wire ([`DocumentWriter`]), as a stream of events in the order of its keys: that is enough to
//! give the same JSON back, needs no tree, and is what the write-ahead log keeps. Fields are named
//! by dotted paths; `{"a":{"b":1}}` and `{"a.b":1}` are the same field and different documents.

mod batch;
mod document;
mod identity;
mod json;
mod sink;
mod stream;
mod time_text;

pub use batch::{LogAction, LogBatch, LogOperation};
pub use document::{
    DOCUMENT_DEPTH_MAX, DocumentEvent, DocumentReader, DocumentWriter, ListReader, Scalar,
};
pub use identity::{id_of_sequence, sequence_of_id};
pub use json::{write_document_json, write_json_text};
pub use sink::{LogFuture, LogOutcome, LogReport, LogSink};
pub use stream::{LINE_FIELD, STREAM_FIELD, parse_stream_text, write_stream_text};
pub use time_text::{TimeFormat, parse_any_time, parse_time_text, write_time_text};
