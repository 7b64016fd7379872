//! The last sink: events become documents of log indices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::pack::pack_event;
use super::{
    DeliverFuture, Event, EventBatch, EventSink, IndexPattern, Refusal, RefusalKind, TIMESTAMP,
};
use crate::log::{LogAction, LogBatch, LogOutcome, LogSink};
use crate::{Acknowledge, TenantId, WriteErrorKind};

const NS_PER_DAY: i64 = 86_400_000_000_000;
/// Patterns of inputs that are kept parsed.
const PATTERNS_MAX: usize = 1_000;

/// Gives the time for events that have none, nanoseconds since the epoch.
pub type NowNs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Writes events to a [`LogSink`].
pub struct LogIndexes {
    sink: Arc<dyn LogSink>,
    tenant: TenantId,
    pattern: Arc<IndexPattern>,
    now_ns: NowNs,
    patterns: RwLock<Vec<(Arc<str>, Arc<IndexPattern>)>>,
    /// Documents that can never be kept, and why the last one could not.
    rejected: AtomicU64,
    rejection: RwLock<String>,
}

impl std::fmt::Debug for LogIndexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogIndexes").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}

impl LogIndexes {
    /// Documents go to `sink`, into the index that the batch's input names or else `pattern`.
    pub fn new(
        sink: Arc<dyn LogSink>,
        tenant: TenantId,
        pattern: IndexPattern,
        now_ns: NowNs,
    ) -> Self {
        let (pattern, patterns) = (Arc::new(pattern), RwLock::default());
        let (rejected, rejection) = (AtomicU64::new(0), RwLock::default());
        Self { sink, tenant, pattern, now_ns, patterns, rejected, rejection }
    }

    /// How many documents could not be kept and never can, and why the last one.
    pub fn rejected(&self) -> (u64, String) {
        (self.rejected.load(Ordering::Relaxed), self.rejection.read().clone())
    }

    fn pattern_of(&self, batch: &EventBatch) -> Arc<IndexPattern> {
        let Some(index) = &batch.origin.index else { return Arc::clone(&self.pattern) };
        let known = |patterns: &[(Arc<str>, Arc<IndexPattern>)]| {
            let found = patterns.iter().find(|(text, _)| text == index);
            found.map(|(_, pattern)| Arc::clone(pattern))
        };
        if let Some(pattern) = known(&self.patterns.read()) {
            return pattern;
        }
        let pattern = Arc::new(IndexPattern::parse(index));
        let mut patterns = self.patterns.write();
        if patterns.len() < PATTERNS_MAX {
            patterns.push((Arc::clone(index), Arc::clone(&pattern)));
        }
        pattern
    }

    /// Packs events; the index's name is made once a day where it depends on nothing else.
    fn pack(&self, batch: &EventBatch) -> LogBatch {
        let (now_ns, pattern) = ((self.now_ns)(), self.pattern_of(batch));
        let by_day = pattern.is_by_day();
        let mut last: Option<(i64, u32)> = None;
        let mut packed = LogBatch::new();
        for event in &batch.events {
            let time_ns = event.time_ns().unwrap_or(now_ns);
            let day = time_ns.div_euclid(NS_PER_DAY);
            let index = match last {
                Some((known, index)) if by_day && known == day => index,
                _ => packed.index(&pattern.name(event, time_ns).to_lowercase()),
            };
            last = Some((day, index));
            push(&mut packed, index, event, now_ns);
        }
        packed
    }
}

fn push(packed: &mut LogBatch, index: u32, event: &Event, now_ns: i64) {
    let id = event.metadata.get("_id").and_then(super::Value::as_str);
    let action = if id.is_some() { LogAction::Create } else { LogAction::Index };
    let pushed: Result<(), std::convert::Infallible> = packed.push(action, index, id, |writer| {
        if event.fields.get(TIMESTAMP).is_none() {
            writer.time(TIMESTAMP, crate::log::TimeFormat::from_code(3).unwrap_or_default());
        }
        Ok(pack_event(event, now_ns, writer))
    });
    match pushed {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

impl EventSink for LogIndexes {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            if batch.events.is_empty() {
                return Ok(());
            }
            let packed = self.pack(&batch);
            drop(batch);
            let written = self.sink.write_logs(&self.tenant, packed, Acknowledge::Durable).await;
            let report = written.map_err(|error| {
                let kind = match error.kind {
                    WriteErrorKind::Invalid => RefusalKind::Invalid,
                    WriteErrorKind::Unavailable => RefusalKind::Unavailable,
                };
                Refusal::new(kind, error.message)
            })?;
            for outcome in report.outcomes {
                // A document that can never be kept would block its sender for ever if the batch
                // were refused; one that is there already was sent twice.
                match outcome {
                    LogOutcome::Unavailable(message) => {
                        return Err(Refusal::new(RefusalKind::Unavailable, message));
                    }
                    LogOutcome::Invalid(message) => {
                        self.rejected.fetch_add(1, Ordering::Relaxed);
                        *self.rejection.write() = message;
                    }
                    _ => {}
                }
            }
            Ok(())
        })
    }
}
