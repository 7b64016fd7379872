//! Where batches of events go.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::EventBatch;

/// What a door should do with a refused batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Never deliver this again: it can not be kept.
    Invalid,
    /// Deliver it again later: no room, or shutting down.
    Unavailable,
}

/// A batch that was not taken; nothing of it may be acknowledged. Parts of it may be kept
/// nevertheless, which at-least-once allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What to do.
    pub kind: RefusalKind,
    /// What was wrong.
    pub message: String,
}

impl Refusal {
    /// A refusal of that kind.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The answer to a delivery, when it comes.
pub type DeliverFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;

/// Takes batches of events.
pub trait EventSink: Send + Sync + fmt::Debug {
    /// Takes `batch`. The future ends when all of it would survive the loss of power (kept,
    /// dropped by a pipeline on purpose, or put to the dead letters), or none may be acknowledged.
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_>;
}
