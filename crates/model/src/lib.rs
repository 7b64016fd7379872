//! What a signal is: series, sample, histogram, exemplar, time range, typed ids, batches.
//!
//! This crate knows no file, no socket, no clock and no wire format. Every other crate may use it;
//! it uses none of ours. A batch of metrics enters Vigie as a [`MetricBatch`], is handed to a
//! [`MetricSink`], and is found again as labels and points in a store's snapshot. Documents of
//! logs go the same way as a [`LogBatch`] through a [`LogSink`].

mod alert;
mod batch;
pub mod event;
mod exemplar;
mod histogram;
mod labels;
mod log;
mod matcher;
mod metadata;
pub mod pattern;
mod points;
mod sink;
mod source;
pub mod span;
mod tenant;
mod time;
mod value;

pub use alert::{Alert, AlertSink};
pub use batch::{BatchSeries, HistogramPoint, MetricBatch, SeriesBuilder};
pub use exemplar::Exemplar;
pub use histogram::{
    Bucket, CUSTOM_BUCKETS_SCHEMA, Combined, CounterResetHint, FractionResult, Histogram,
    HistogramError, HistogramSum, IncompatibleHistograms, QuantileNote, QuantileResult, Span,
};
pub use labels::{Labels, LabelsBuilder, METRIC_NAME};
pub use log::{
    DOCUMENT_DEPTH_MAX, DocumentEvent, DocumentReader, DocumentWriter, LINE_FIELD, ListReader,
    LogAction, LogBatch, LogFuture, LogOperation, LogOutcome, LogReport, LogSink, STREAM_FIELD,
    Scalar, TimeFormat, id_of_sequence, parse_any_time, parse_stream_text, parse_time_text,
    sequence_of_id, write_document_json, write_json_text, write_stream_text, write_time_text,
};
pub use matcher::{MatchOp, Matcher};
pub use metadata::{Metadata, MetricType};
pub use points::Points;
pub use sink::{
    Acknowledge, MetricSink, Rejection, RejectionReason, WriteError, WriteErrorKind, WriteFuture,
    WriteReport,
};
pub use source::{MetricSource, SourceAnswer, SourceFuture};
pub use tenant::{TenantError, TenantId};
pub use time::TimeRange;
pub use value::{STALE_NAN_BITS, is_stale_nan, stale_nan};
