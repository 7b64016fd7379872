//! Stream aggregation: samples are aggregated as they come, over time and over labels, and only
//! the aggregates are kept. Configuration and meaning are VictoriaMetrics'.
//!
//! [`AggregatingSink`] stands between receivers and the store. Samples that a rule matches are
//! taken into its state (and, unless inputs are kept, go no further); at the end of each of the
//! rule's intervals its outputs are written to the store as series of their own.

mod config;
mod group;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_model::{
    Acknowledge, Labels, MetricBatch, MetricSink, TenantId, WriteFuture, is_stale_nan,
};
use vigie_world::World;

pub use config::{AggregateConfig, read};
use rule::Rule;

/// Series of which it is remembered which rules match; then all are forgotten.
const REMEMBERED_MAX: usize = 1 << 20;

/// What happens to samples that come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Inputs {
    /// Those that a rule matches are not kept.
    #[default]
    DropMatched,
    /// All are kept.
    KeepAll,
    /// None is kept.
    DropAll,
}

/// Rules before a sink.
#[derive(Debug)]
pub struct AggregatingSink {
    inner: Arc<dyn MetricSink>,
    rules: Vec<Rule>,
    inputs: Inputs,
    /// Which rules match a series, by the hash of its labels.
    remembered: Mutex<HashMap<u64, Arc<[usize]>>>,
    world: World,
    stop: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

impl AggregatingSink {
    /// A sink with the rules of `configs` before `inner`.
    pub fn new(
        inner: Arc<dyn MetricSink>,
        configs: &[AggregateConfig],
        inputs: Inputs,
        world: World,
    ) -> Result<Arc<Self>, String> {
        let now_ms = world.clock.now_ms();
        let rules: Result<_, _> =
            configs.iter().map(|config| Rule::compile(config, now_ms)).collect();
        Ok(Arc::new(Self {
            inner,
            rules: rules?,
            inputs,
            remembered: Mutex::default(),
            world,
            stop: CancellationToken::new(),
            tasks: tokio::sync::Mutex::default(),
        }))
    }

    /// Begins to write outputs.
    pub async fn start(self: &Arc<Self>) {
        let mut tasks = self.tasks.lock().await;
        for at in 0..self.rules.len() {
            let sink = Arc::clone(self);
            tasks.spawn(async move { sink.run(at).await });
        }
    }

    /// Ends; what of an interval is there is written where a rule asks for that.
    pub async fn stop(&self) {
        self.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    /// Writes a rule's outputs at the end of each interval.
    async fn run(&self, at: usize) {
        let Some(rule) = self.rules.get(at) else { return };
        let clock = &self.world.clock;
        let interval_ms = rule.interval_ms;
        let now_ms = clock.now_ms();
        let mut due_ms = now_ms + interval_ms;
        let mut ignored = rule.ignore_first_intervals;
        if rule.is_aligned {
            due_ms -= due_ms.rem_euclid(interval_ms);
            // The first interval has begun before us and would be incomplete.
            ignored += u64::from(!rule.flush_on_shutdown && due_ms != now_ms + interval_ms);
        }
        loop {
            let wait_ms = u64::try_from(due_ms - clock.now_ms()).unwrap_or(0);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = clock.sleep(Duration::from_millis(wait_ms)) => {}
            }
            let outputs = rule.flush(due_ms);
            if ignored > 0 {
                ignored -= 1;
            } else {
                self.write_outputs(outputs).await;
            }
            due_ms += interval_ms;
        }
        if rule.flush_on_shutdown {
            self.write_outputs(rule.flush(clock.now_ms())).await;
        }
    }

    async fn write_outputs(&self, outputs: Vec<(TenantId, MetricBatch)>) {
        for (tenant, batch) in outputs {
            if batch.is_empty() {
                continue;
            }
            if let Err(error) = self.inner.write(&tenant, batch, Acknowledge::Logged).await {
                tracing::warn!(%error, "aggregated samples were not kept");
            }
        }
    }

    fn rules_of(&self, labels: &Labels, hash: u64) -> Arc<[usize]> {
        let mut remembered = self.remembered.lock();
        if let Some(known) = remembered.get(&hash) {
            return Arc::clone(known);
        }
        let matching = self.rules.iter().enumerate().filter(|(_, rule)| rule.matches(labels));
        let found: Arc<[usize]> = matching.map(|(at, _)| at).collect();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(hash, Arc::clone(&found));
        found
    }

    /// Takes what rules match, and gives what is kept of the batch.
    fn take(&self, tenant: &TenantId, batch: MetricBatch) -> MetricBatch {
        let now_ms = self.world.clock.now_ms();
        let mut kept = vec![true; batch.series().len()];
        for (series, kept) in batch.series().iter().zip(&mut kept) {
            let labels = batch.labels(series);
            let hash = labels.hash64();
            let rules = self.rules_of(&labels, hash);
            for rule in rules.iter().filter_map(|at| self.rules.get(*at)) {
                let rows = series.samples.start as usize..series.samples.end as usize;
                let times = batch.timestamps_ms.get(rows.clone()).unwrap_or_default();
                let values = batch.values.get(rows).unwrap_or_default();
                let points = times.iter().copied().zip(values.iter().copied());
                let points = points.filter(|(_, value)| !is_stale_nan(*value));
                rule.push(tenant, &labels, points, now_ms);
            }
            *kept = match self.inputs {
                Inputs::KeepAll => true,
                Inputs::DropAll => false,
                Inputs::DropMatched => rules.is_empty(),
            };
        }
        if kept.iter().all(|kept| *kept) { batch } else { without_floats(&batch, &kept) }
    }
}

/// The batch without the float samples of series that are not kept. Native histograms are not
/// aggregated, and stay.
fn without_floats(batch: &MetricBatch, kept: &[bool]) -> MetricBatch {
    let mut out = MetricBatch::new();
    out.metadata.clone_from(&batch.metadata);
    for (series, is_kept) in batch.series().iter().zip(kept) {
        if !is_kept && series.histograms.is_empty() {
            continue;
        }
        let mut builder = out.push_series(&batch.labels(series));
        if *is_kept {
            for row in series.samples.start as usize..series.samples.end as usize {
                let time = batch.timestamps_ms.get(row).copied().unwrap_or_default();
                let value = batch.values.get(row).copied().unwrap_or_default();
                let start = batch.start_timestamps_ms.get(row).copied().unwrap_or(0);
                builder.sample_started(time, value, start);
            }
        }
        for row in series.histograms.start as usize..series.histograms.end as usize {
            builder_histogram(&mut builder, batch, row);
        }
        for row in series.exemplars.start as usize..series.exemplars.end as usize {
            if let Some(exemplar) = batch.exemplars.get(row) {
                builder.exemplar(exemplar.clone());
            }
        }
    }
    out
}

fn builder_histogram(
    builder: &mut vigie_model::SeriesBuilder<'_>,
    batch: &MetricBatch,
    row: usize,
) {
    if let Some(point) = batch.histograms.get(row) {
        builder.histogram(point.clone());
    }
}

impl MetricSink for AggregatingSink {
    fn write(&self, tenant: &TenantId, batch: MetricBatch, ack: Acknowledge) -> WriteFuture<'_> {
        let kept = self.take(tenant, batch);
        if kept.is_empty() {
            return Box::pin(async { Ok(vigie_model::WriteReport::default()) });
        }
        self.inner.write(tenant, kept, ack)
    }
}
