//! Where samples may lie besides the store: what a reader of the store also asks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::{Matcher, MetricBatch, TimeRange};

/// What one other place answered.
#[derive(Debug, Default)]
pub struct SourceAnswer {
    /// Its series; none twice.
    pub batch: MetricBatch,
    /// What went wrong, for the asker: the other places' answers stand.
    pub warnings: Vec<String>,
}

/// The answers of all other places, when they come.
pub type SourceFuture<'a> = Pin<Box<dyn Future<Output = Vec<SourceAnswer>> + Send + 'a>>;

/// Other places that hold samples, asked beside the store.
pub trait MetricSource: Send + Sync + fmt::Debug {
    /// Whether nothing would be asked.
    fn is_empty(&self) -> bool;

    /// Series that satisfy all `matchers`, with their points in `range`. `local_start_ms` is the
    /// time from which on the store itself has samples (milliseconds since the epoch).
    fn read<'a>(
        &'a self,
        matchers: &'a [Matcher],
        range: TimeRange,
        local_start_ms: Option<i64>,
    ) -> SourceFuture<'a>;
}
