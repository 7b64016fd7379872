//! Where batches of documents go.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::LogBatch;
use crate::{Acknowledge, TenantId, WriteError};

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOutcome {
    /// Stored as a new document, with this sequence number. When the sender gave no id, the
    /// document's is [`id_of_sequence`](super::id_of_sequence) of it.
    Created(u64),
    /// Stored in the place of another, with this sequence number.
    Updated(u64),
    /// Removed.
    Deleted(u64),
    /// There is no document of this id.
    Missing,
    /// A document of this id is there already, or has another sequence number than expected;
    /// the one it has.
    Conflict(u64),
    /// Nobody should send this again.
    Invalid(String),
    /// It may be sent again later.
    Unavailable(String),
}

/// What became of a batch: one outcome for each operation, in order.
#[derive(Debug, Clone, Default)]
pub struct LogReport {
    /// The outcomes.
    pub outcomes: Vec<LogOutcome>,
}

/// The answer to a write, when it comes.
pub type LogFuture<'a> = Pin<Box<dyn Future<Output = Result<LogReport, WriteError>> + Send + 'a>>;

/// Takes batches of documents. The store is one; tests have others.
pub trait LogSink: Send + Sync + fmt::Debug {
    /// Takes `batch` for `tenant`. The future ends when the batch is acknowledged as asked. What
    /// it holds can be found at once.
    fn write_logs(&self, tenant: &TenantId, batch: LogBatch, ack: Acknowledge) -> LogFuture<'_>;
}
