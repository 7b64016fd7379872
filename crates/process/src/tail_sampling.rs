//! Which traces are kept, decided when they are complete: the policies of the OpenTelemetry
//! collector's processor `tail_sampling`.
//!
//! [`TailSampler`] is a sink before the store. Spans are stored as they come, so that what is
//! acknowledged is durable and can be found at once; of each trace only what policies must know is
//! in memory, and the numbers of its spans. Once a trace is decided against, its spans are removed
//! from the store, and later ones are not kept any more. What a killed process had not decided
//! stays.

mod facts;
mod options;
mod policy;
mod traces;
mod weight;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use vigie_model::span::{SpanBatch, SpanFuture, SpanKeeper, SpanOutcome, SpanReport, SpanSink};
use vigie_model::{Acknowledge, TenantId};
use vigie_world::World;

pub use self::options::TailSamplingOptions;
use self::traces::{Arrived, Traces, Work};

/// Tenants whose traces are sampled; those of further ones are kept.
const TENANTS_MAX: usize = 1_000;
/// Spans that are removed in one step.
const REMOVED_MAX: usize = 10_000;

/// Numbers about the sampling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TailSamplingStatistics {
    /// Traces that wait for their decision.
    pub waiting: u64,
    /// Traces that were kept.
    pub kept: u64,
    /// Traces that were sampled away.
    pub away: u64,
    /// Traces that were decided before their time, as there were too many.
    pub early: u64,
    /// Spans that came after their trace was decided.
    pub late: u64,
    /// Spans removed from the store.
    pub removed: u64,
    /// Spans that wait to be removed.
    pub to_remove: u64,
    /// Changes that the store refused; they are tried again.
    pub failed: u64,
    /// Traces that each policy kept, in their order.
    pub by_policy: Vec<u64>,
}

/// Samples traces on their way to the store.
#[derive(Debug)]
pub struct TailSampler {
    options: TailSamplingOptions,
    store: Arc<dyn SpanKeeper>,
    world: World,
    tenants: Mutex<HashMap<TenantId, Arc<Mutex<Traces>>>>,
    removed: AtomicU64,
    failed: AtomicU64,
}

impl TailSampler {
    /// Samples what goes to `store`. Decisions are made at each [`tick`](Self::tick).
    pub fn new(
        options: TailSamplingOptions,
        store: Arc<dyn SpanKeeper>,
        world: World,
    ) -> Arc<Self> {
        Arc::new(Self {
            options,
            store,
            world,
            tenants: Mutex::default(),
            removed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Names of the policies, in their order.
    pub fn policy_names(&self) -> impl Iterator<Item = &str> {
        self.options.policy_names()
    }

    /// Numbers about the sampling.
    pub fn statistics(&self) -> TailSamplingStatistics {
        let mut sum = TailSamplingStatistics {
            removed: self.removed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            by_policy: vec![0; self.options.policies.top.len()],
            ..TailSamplingStatistics::default()
        };
        for (_, traces) in self.all() {
            traces.lock().tell(&mut sum);
        }
        sum
    }

    /// Decides of the traces whose time has come, and removes what is sampled away.
    pub async fn tick(&self) {
        for (tenant, traces) in self.all() {
            traces.lock().decide_due(&self.options, self.world.clock.now_ms());
            self.work(&tenant, &traces).await;
        }
    }

    /// Decides of all traces with what is known of them; when nothing comes in any more.
    pub async fn finish(&self) {
        for (tenant, traces) in self.all() {
            traces.lock().decide_all(&self.options, self.world.clock.now_ms());
            self.work(&tenant, &traces).await;
        }
    }

    /// Does what was decided. What fails is done with the next tick.
    async fn work(&self, tenant: &TenantId, traces: &Mutex<Traces>) {
        loop {
            let Some(work) = traces.lock().take_work(REMOVED_MAX) else { return };
            let done = match &work {
                Work::Remove(numbers) => self.store.remove_spans(tenant, numbers.clone()).await,
                Work::Restate { trace, probability, numbers } => {
                    let (trace, probability) = (*trace, *probability);
                    let state = move |known: &str| weight::restated(known, trace, probability);
                    self.store.restate_spans(tenant, numbers.clone(), &state).await
                }
            };
            match (done, &work) {
                (Ok(count), Work::Remove(_)) => {
                    self.removed.fetch_add(count, Ordering::Relaxed);
                }
                (Ok(_), Work::Restate { .. }) => {}
                (Err(error), _) => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%tenant, %error, "decisions of tail sampling wait");
                    traces.lock().put_back(work);
                    return;
                }
            }
        }
    }

    fn all(&self) -> Vec<(TenantId, Arc<Mutex<Traces>>)> {
        let known = self.tenants.lock();
        known.iter().map(|(tenant, traces)| (tenant.clone(), Arc::clone(traces))).collect()
    }

    fn traces(&self, tenant: &TenantId) -> Option<Arc<Mutex<Traces>>> {
        let mut tenants = self.tenants.lock();
        if let Some(known) = tenants.get(tenant) {
            return Some(Arc::clone(known));
        }
        if tenants.len() >= TENANTS_MAX {
            return None;
        }
        let traces = Arc::new(Mutex::new(Traces::new(&self.options)));
        tenants.insert(tenant.clone(), Arc::clone(&traces));
        Some(traces)
    }
}

impl SpanSink for TailSampler {
    fn write_spans(
        &self,
        tenant: &TenantId,
        mut batch: SpanBatch,
        ack: Acknowledge,
    ) -> SpanFuture<'_> {
        let Some(traces) = self.traces(tenant) else {
            return self.store.write_spans(tenant, batch, ack);
        };
        let arrived = traces.lock().arrive(&self.options, &mut batch);
        if batch.is_empty() {
            let report = with_those_away(SpanReport::default(), &arrived);
            return Box::pin(async move { Ok(report) });
        }
        let written = self.store.write_spans(tenant, batch, ack);
        Box::pin(async move {
            let report = written.await?;
            let now_ms = self.world.clock.now_ms();
            traces.lock().stored(&self.options, now_ms, &arrived, &report.outcomes);
            Ok(with_those_away(report, &arrived))
        })
    }
}

/// The report of the spans that went on, and of those that did not.
fn with_those_away(mut report: SpanReport, arrived: &Arrived) -> SpanReport {
    if !arrived.has_away() {
        return report;
    }
    let mut stored = std::mem::take(&mut report.outcomes).into_iter();
    for is_away in arrived.away() {
        if *is_away {
            report.accepted += 1;
            report.outcomes.push(SpanOutcome::SampledAway);
        } else {
            report.outcomes.push(stored.next().unwrap_or(SpanOutcome::Rejected));
        }
    }
    report
}

#[cfg(test)]
mod tests;
