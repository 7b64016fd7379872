//! Where batches go: the only thing that a receiver knows of what follows it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::{MetricBatch, TenantId};

/// When a write counts as taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledge {
    /// Only when it would survive the loss of power. For senders that forget what is acknowledged.
    Durable,
    /// As soon as it is searchable and queued for the log. For our own scrapes, which nobody
    /// sends again anyway.
    Logged,
}

/// Why one point of an otherwise accepted batch was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionReason {
    /// The same series and time hold another value already.
    DuplicateTimestamp,
    /// Labels that no series can have (no metric name where one is needed, over a limit, ...).
    InvalidLabels,
    /// A histogram whose buckets do not fit its spans or counts.
    InvalidHistogram,
    /// The tenant has as many series as it may.
    SeriesLimit,
    /// The metric has as many series as it may.
    MetricLimit,
    /// A label has as many values as it may.
    LabelLimit,
}

/// A point that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: RejectionReason,
    /// Which series, and details, for the sender's log.
    pub message: String,
}

/// What became of a batch.
#[derive(Debug, Clone, Default)]
pub struct WriteReport {
    /// Float samples taken.
    pub samples: usize,
    /// Histograms taken.
    pub histograms: usize,
    /// Exemplars taken.
    pub exemplars: usize,
    /// Points left out; at most the first hundred are described.
    pub rejections: Vec<Rejection>,
    /// How many points were left out.
    pub rejected: usize,
}

/// What the sender of a refused batch should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteErrorKind {
    /// Never send this again.
    Invalid,
    /// Send it again later: no room, too much at once, or shutting down.
    Unavailable,
}

/// A batch of which nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteError {
    /// What to do.
    pub kind: WriteErrorKind,
    /// What was wrong.
    pub message: String,
}

impl WriteError {
    /// An error of `kind`.
    pub fn new(kind: WriteErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WriteError {}

/// The answer to a write, when it comes.
pub type WriteFuture<'a> =
    Pin<Box<dyn Future<Output = Result<WriteReport, WriteError>> + Send + 'a>>;

/// Takes batches of metrics. The store is one; tests have others.
pub trait MetricSink: Send + Sync + fmt::Debug {
    /// Takes `batch` for `tenant`. The future ends when the batch is acknowledged as asked.
    fn write(&self, tenant: &TenantId, batch: MetricBatch, ack: Acknowledge) -> WriteFuture<'_>;
}
