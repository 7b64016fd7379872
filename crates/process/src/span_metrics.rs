//! Rates, errors, durations of every operation, and who calls whom: metrics from spans, by
//! themselves.
//!
//! [`SpanMetrics`] is a sink before a sink of spans. It counts what the sink behind it took, before
//! anything samples, and writes the counters every few seconds as ordinary series: those of the
//! Tempo generator (`traces_spanmetrics_*`, `traces_service_graph_*`) and those of the collector's
//! connector (`traces_span_metrics_*`), so that dashboards made for either work.
//!
//! Counters are in memory: after a restart they begin at zero, with a zero sample, so that rates
//! see a restart of the counter and not a loss. What a killed process had counted but not written
//! (at most one interval) is missing from the metrics, not from the traces.

mod calls;
mod graph;
mod histogram;
mod weight;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use vigie_model::span::{SpanBatch, SpanFuture, SpanOutcome, SpanSink};
use vigie_model::{Acknowledge, MetricBatch, MetricSink, TenantId};
use vigie_world::World;

use self::calls::{CallTable, Observation};
use self::graph::{Graph, Half};
pub(crate) use self::weight::{bytes_of, of_trace_state as weight_of};

/// Series of one batch to the store; more go in several.
const BATCH_SERIES_MAX: usize = 5_000;
/// Tenants with metrics of their own; spans of further ones are kept, not counted.
const TENANTS_MAX: usize = 1_000;
/// Counters that nothing was added to for so long end.
const IDLE_MS: i64 = 15 * 60 * 1_000;

/// What is counted, and how finely.
#[derive(Debug, Clone)]
pub struct SpanMetricsOptions {
    /// How often counters are written.
    pub interval: Duration,
    /// Combinations of service, operation, kind and status that a tenant has; the operations past
    /// them are counted together as `_other`.
    pub keys_max: usize,
    /// Pairs of services that a tenant's graph has.
    pub edges_max: usize,
    /// Spans that wait for the other end of their call.
    pub waiting_max: usize,
    /// How long they wait.
    pub wait: Duration,
    /// Spans that ended longer ago than this are history, and not counted as calls of now.
    pub slack: Duration,
    /// Write the names of Tempo's generator.
    pub tempo_names: bool,
    /// Write the names of the collector's connector.
    pub collector_names: bool,
}

impl Default for SpanMetricsOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            keys_max: 5_000,
            edges_max: 2_000,
            waiting_max: 50_000,
            wait: Duration::from_secs(10),
            slack: Duration::from_secs(3_600),
            tempo_names: true,
            collector_names: true,
        }
    }
}

/// Numbers about the counting itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpanMetricsStatistics {
    /// Combinations of service, operation, kind and status at present.
    pub keys: u64,
    /// Pairs of services at present.
    pub edges: u64,
    /// Spans that wait for the other end of their call.
    pub waiting: u64,
    /// Spans counted as `_other`, as there were too many keys.
    pub overflowed: u64,
    /// Spans not counted, as they ended too long ago.
    pub late: u64,
    /// Writes that the store refused.
    pub failed_writes: u64,
}

#[derive(Debug)]
struct Tables {
    calls: CallTable,
    graph: Graph,
}

/// What one batch will have counted once it is taken, with the place of each span in the batch.
struct Observed {
    calls: Vec<(usize, Observation)>,
    halves: Vec<(usize, Half)>,
}

/// Counts spans on their way to a sink.
#[derive(Debug)]
pub struct SpanMetrics {
    options: SpanMetricsOptions,
    inner: Arc<dyn SpanSink>,
    metrics: Arc<dyn MetricSink>,
    world: World,
    tenants: Mutex<HashMap<TenantId, Arc<Mutex<Tables>>>>,
    late: AtomicU64,
    failed_writes: AtomicU64,
}

impl SpanMetrics {
    /// Counts what goes to `inner`, and writes the counters to `metrics` at each [`flush`](Self::flush).
    pub fn new(
        options: SpanMetricsOptions,
        inner: Arc<dyn SpanSink>,
        metrics: Arc<dyn MetricSink>,
        world: World,
    ) -> Arc<Self> {
        Arc::new(Self {
            options,
            inner,
            metrics,
            world,
            tenants: Mutex::default(),
            late: AtomicU64::new(0),
            failed_writes: AtomicU64::new(0),
        })
    }

    /// How often [`flush`](Self::flush) is to be called.
    pub const fn interval(&self) -> Duration {
        self.options.interval
    }

    /// Numbers about the counting itself.
    pub fn statistics(&self) -> SpanMetricsStatistics {
        let tables: Vec<_> = self.tenants.lock().values().cloned().collect();
        let mut sum = SpanMetricsStatistics {
            late: self.late.load(Ordering::Relaxed),
            failed_writes: self.failed_writes.load(Ordering::Relaxed),
            ..SpanMetricsStatistics::default()
        };
        for tables in tables {
            let tables = tables.lock();
            sum.keys += tables.calls.len() as u64;
            sum.overflowed += tables.calls.overflowed();
            sum.edges += tables.graph.edges() as u64;
            sum.waiting += tables.graph.waiting() as u64;
        }
        sum
    }

    /// Writes all counters as they are now.
    pub async fn flush(&self) {
        let tenants: Vec<_> = {
            let known = self.tenants.lock();
            known.iter().map(|(tenant, tables)| (tenant.clone(), Arc::clone(tables))).collect()
        };
        for (tenant, tables) in tenants {
            let now_ms = self.world.clock.now_ms();
            let batches = {
                let mut tables = tables.lock();
                let mut out = Batches::default();
                tables.calls.write(&self.options, now_ms, &mut out);
                tables.graph.write(now_ms, &mut out);
                out.finish()
            };
            for batch in batches {
                let written = self.metrics.write(&tenant, batch, Acknowledge::Logged).await;
                if let Err(error) = written {
                    self.failed_writes.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%tenant, %error, "span metrics were not written");
                }
            }
        }
    }

    fn tables(&self, tenant: &TenantId) -> Option<Arc<Mutex<Tables>>> {
        let mut tenants = self.tenants.lock();
        if let Some(known) = tenants.get(tenant) {
            return Some(Arc::clone(known));
        }
        if tenants.len() >= TENANTS_MAX {
            return None;
        }
        let tables = Tables {
            calls: CallTable::new(self.options.keys_max),
            graph: Graph::new(
                self.options.edges_max,
                self.options.waiting_max,
                i64::try_from(self.options.wait.as_millis()).unwrap_or(i64::MAX),
            ),
        };
        let tables = Arc::new(Mutex::new(tables));
        tenants.insert(tenant.clone(), Arc::clone(&tables));
        Some(tables)
    }

    /// What `batch` is to count. The batch is gone when the store has answered, so this is before.
    fn observe(&self, tables: &Mutex<Tables>, batch: &SpanBatch) -> Observed {
        let now_ms = self.world.clock.now_ms();
        let slack_ms = i64::try_from(self.options.slack.as_millis()).unwrap_or(i64::MAX);
        let oldest_ns =
            u64::try_from(now_ms.saturating_sub(slack_ms)).unwrap_or(0).saturating_mul(1_000_000);
        let mut observed =
            Observed { calls: Vec::with_capacity(batch.spans.len()), halves: Vec::new() };
        let mut late = 0;
        let mut tables = tables.lock();
        for (at, span) in batch.spans.iter().enumerate() {
            if span.start_ns.saturating_add(span.duration_ns) < oldest_ns {
                late += 1;
                continue;
            }
            let call = tables.calls.observe(batch, span, now_ms);
            if let Some(half) = graph::half_of(batch, span, call.service(), call.weight()) {
                observed.halves.push((at, half));
            }
            observed.calls.push((at, call));
        }
        drop(tables);
        self.late.fetch_add(late, Ordering::Relaxed);
        observed
    }

    /// Counts what was observed of the spans that were not rejected.
    fn commit(&self, tables: &Mutex<Tables>, observed: Observed, outcomes: &[SpanOutcome]) {
        let now_ms = self.world.clock.now_ms();
        let is_taken =
            |at: usize| outcomes.get(at).is_some_and(|one| *one != SpanOutcome::Rejected);
        let mut tables = tables.lock();
        for (_, call) in observed.calls.iter().filter(|(at, _)| is_taken(*at)) {
            tables.calls.commit(call, now_ms);
        }
        for (_, half) in observed.halves.into_iter().filter(|(at, _)| is_taken(*at)) {
            tables.graph.commit(half, now_ms);
        }
    }
}

impl SpanSink for SpanMetrics {
    fn write_spans(&self, tenant: &TenantId, batch: SpanBatch, ack: Acknowledge) -> SpanFuture<'_> {
        let Some(tables) = self.tables(tenant) else {
            return self.inner.write_spans(tenant, batch, ack);
        };
        let observed = self.observe(&tables, &batch);
        let written = self.inner.write_spans(tenant, batch, ack);
        Box::pin(async move {
            let report = written.await?;
            self.commit(&tables, observed, &report.outcomes);
            Ok(report)
        })
    }
}

/// Batches under way to the store, none of them large.
#[derive(Debug, Default)]
struct Batches {
    done: Vec<MetricBatch>,
    current: MetricBatch,
}

impl Batches {
    /// Where the next series go.
    fn next(&mut self) -> &mut MetricBatch {
        if self.current.series().len() >= BATCH_SERIES_MAX {
            self.done.push(std::mem::take(&mut self.current));
        }
        &mut self.current
    }

    fn finish(mut self) -> Vec<MetricBatch> {
        if !self.current.is_empty() {
            self.done.push(self.current);
        }
        self.done
    }
}

#[cfg(test)]
mod tests;
