//! One evaluation of a group: ask, decide, hand on, write.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_model::{
    Acknowledge, HistogramPoint, Labels, LabelsBuilder, METRIC_NAME, MetricBatch, stale_nan,
};
use vigie_query::{InstantSample, SampleValue};

use super::Group;
use crate::instance::{ALERT_NAME, Found, Times};
use crate::metrics::{add, microseconds, set};
use crate::template::expand;
use crate::{Rule, RuleHealth, RuleKind, TemplateContext};

/// A batch that has grown to this is written before the next rule is asked.
const SAMPLES_PENDING_MAX: usize = 10_000;

/// What a rule gave.
type Samples = Vec<(Labels, SampleValue)>;

/// What rules gave and is not yet written.
#[derive(Debug, Default)]
struct Pending {
    batch: MetricBatch,
    /// Each rule with the series that it wrote.
    rules: Vec<(usize, HashSet<Labels>)>,
}

impl Pending {
    fn indices(&self) -> Vec<usize> {
        self.rules.iter().map(|(index, _)| *index).collect()
    }
}

impl Group {
    /// Evaluates all rules as of `at_ms`, and counts it.
    pub(crate) async fn iterate(self: &Arc<Self>, at_ms: i64, stop: &CancellationToken) {
        let clock = Arc::clone(&self.environment.world.clock);
        let (started, now_ms) = (clock.monotonic(), clock.now_ms());
        add(&self.numbers.scheduled, 1);
        self.evaluate(at_ms, stop).await;
        let duration = clock.monotonic().saturating_sub(started);
        self.environment.metrics.observe_iteration(duration);
        let rules = self.rules.iter().map(|state| microseconds(state.lock().duration));
        set(&self.numbers.last_rule_duration_sum_us, rules.sum());
        set(&self.numbers.last_duration_us, microseconds(duration));
        set(&self.numbers.last_evaluation_ms, now_ms.max(0).unsigned_abs());
        let mut last = self.last.lock();
        last.duration = duration;
        last.at_ms = Some(now_ms);
    }

    /// Evaluates all rules as of `at_ms`.
    pub(crate) async fn evaluate(self: &Arc<Self>, at_ms: i64, stop: &CancellationToken) {
        let is_concurrent = self.environment.options.is_concurrent;
        let batches = if is_concurrent { self.dependencies.batches() } else { Vec::new() };
        let total = if batches.is_empty() {
            self.evaluate_in_order(at_ms, stop).await
        } else {
            self.evaluate_in_batches(&batches, at_ms, stop).await
        };
        set(&self.numbers.last_samples, total as u64);
        self.write_ended(at_ms).await;
    }

    async fn evaluate_in_order(self: &Arc<Self>, at_ms: i64, stop: &CancellationToken) -> usize {
        let (mut pending, mut total) = (Pending::default(), 0);
        for index in 0..self.rules.len() {
            if stop.is_cancelled() {
                break;
            }
            let waits = self.dependencies.reads_any(index, &pending.indices());
            if waits || pending.batch.sample_count() >= SAMPLES_PENDING_MAX {
                self.write(std::mem::take(&mut pending)).await;
            }
            if let Some(samples) = self.evaluate_rule(index, at_ms).await {
                total += samples.len();
                self.add(&mut pending, index, samples, at_ms);
            }
        }
        self.write(pending).await;
        total
    }

    async fn evaluate_in_batches(
        self: &Arc<Self>,
        batches: &[Vec<usize>],
        at_ms: i64,
        stop: &CancellationToken,
    ) -> usize {
        let mut total = 0;
        for batch in batches {
            let (mut pending, mut tasks) = (Pending::default(), JoinSet::new());
            let mut results = Vec::new();
            for index in batch.iter().copied() {
                if stop.is_cancelled() {
                    break;
                }
                let permit = Arc::clone(&self.environment.permits).try_acquire_owned();
                match permit {
                    Ok(permit) if batch.len() > 1 => {
                        let group = Arc::clone(self);
                        tasks.spawn(async move {
                            let samples = group.evaluate_rule(index, at_ms).await;
                            drop(permit);
                            (index, samples)
                        });
                    }
                    _ => results.push((index, self.evaluate_rule(index, at_ms).await)),
                }
            }
            while let Some(result) = tasks.join_next().await {
                results.extend(result);
            }
            for (index, samples) in results {
                if let Some(samples) = samples {
                    total += samples.len();
                    self.add(&mut pending, index, samples, at_ms);
                }
            }
            self.write(pending).await;
        }
        total
    }

    /// What rule `index` gives as of `at_ms`; `None` when it failed.
    async fn evaluate_rule(&self, index: usize, at_ms: i64) -> Option<Samples> {
        let (rule, state) = (self.definition.rules.get(index)?, self.rules.get(index)?);
        let clock = &self.environment.world.clock;
        let (started, now_ms) = (clock.monotonic(), clock.now_ms());
        add(&self.numbers.evaluations, 1);
        let result = match rule.kind {
            RuleKind::Recording => self.record(rule, at_ms).await,
            RuleKind::Alerting { for_ms, keep_firing_for_ms } => {
                let limit = self.definition.limit;
                self.alert(rule, index, at_ms, Times { for_ms, keep_firing_for_ms, limit }).await
            }
        };
        let duration = clock.monotonic().saturating_sub(started);
        self.environment.metrics.observe_rule(duration);
        {
            let mut state = state.lock();
            state.duration = duration;
            state.last_evaluation_ms = Some(now_ms);
        }
        match result {
            Ok(samples) => {
                let mut state = state.lock();
                state.health = RuleHealth::Good;
                state.last_error.clear();
                drop(state);
                if rule.is_alerting() {
                    self.hand_on(rule, index, at_ms);
                }
                Some(samples)
            }
            Err(error) => {
                tracing::warn!(group = self.key, rule = rule.name, error, "a rule failed");
                self.fail(index, &error);
                None
            }
        }
    }

    fn fail(&self, index: usize, error: &str) {
        add(&self.numbers.failures, 1);
        if let Some(state) = self.rules.get(index) {
            let mut state = state.lock();
            state.health = RuleHealth::Bad;
            error.clone_into(&mut state.last_error);
        }
    }

    async fn ask(&self, rule: &Rule, at_ms: i64) -> Result<Vec<InstantSample>, String> {
        let time_ms = at_ms - self.query_offset_ms();
        self.environment.source.query(&rule.expression, time_ms).await
    }

    async fn record(&self, rule: &Rule, at_ms: i64) -> Result<Samples, String> {
        let found = self.ask(rule, at_ms).await?;
        let mut samples = Vec::with_capacity(found.len());
        for sample in found {
            let mut labels = LabelsBuilder::from_labels(&sample.labels);
            labels.set(METRIC_NAME, &rule.name);
            for (name, value) in &rule.labels {
                labels.set(name, value);
            }
            samples.push((labels.build(), sample.value));
        }
        let distinct: HashSet<&Labels> = samples.iter().map(|(labels, _)| labels).collect();
        if distinct.len() != samples.len() {
            return Err(
                "vector contains metrics with the same labelset after applying rule labels"
                    .to_owned(),
            );
        }
        let limit = self.definition.limit;
        if limit > 0 && samples.len() > limit {
            return Err(format!("exceeded limit of {limit} with {} series", samples.len()));
        }
        Ok(samples)
    }

    async fn alert(
        &self,
        rule: &Rule,
        index: usize,
        at_ms: i64,
        times: Times,
    ) -> Result<Samples, String> {
        let samples = self.ask(rule, at_ms).await?;
        let mut found = Vec::with_capacity(samples.len());
        for sample in &samples {
            found.push(self.describe(rule, sample, at_ms).await);
        }
        let Some(state) = self.rules.get(index) else { return Ok(Vec::new()) };
        let mut state = state.lock();
        state.alerts.update(found, at_ms, times)?;
        if !state.is_restored {
            return Ok(Vec::new());
        }
        let samples = state.alerts.samples(&rule.name, &rule.labels);
        Ok(samples.into_iter().map(|(labels, v)| (labels, SampleValue::Float(v))).collect())
    }

    /// Labels and annotations of the alert that `sample` is.
    async fn describe(&self, rule: &Rule, sample: &InstantSample, at_ms: i64) -> Found {
        let environment = &self.environment;
        let surroundings = environment.surroundings.load_full();
        let context = TemplateContext {
            labels: &sample.labels,
            external_labels: &surroundings.external_labels,
            external_url: &environment.options.external_url,
            value: &sample.value,
            time_ms: at_ms,
        };
        let name = format!("__alert_{}", rule.name);
        let (expander, source) = (environment.expander.as_ref(), environment.source.as_ref());
        let mut labels = LabelsBuilder::from_labels(&sample.labels);
        labels.remove(METRIC_NAME);
        for (label, text) in &rule.labels {
            labels.set(label, &expand(expander, source, &name, text, context).await);
        }
        labels.set(ALERT_NAME, &rule.name);
        let mut annotations = std::collections::BTreeMap::new();
        for (annotation, text) in &rule.annotations {
            let text = expand(expander, source, &name, text, context).await;
            annotations.insert(annotation.clone(), text);
        }
        let value = match sample.value {
            SampleValue::Float(value) => value,
            SampleValue::Histogram(_) => 0.0,
        };
        Found { labels: labels.build(), annotations: Arc::new(annotations), value }
    }

    /// Gives the alerts of rule `index` that are due to the sink.
    fn hand_on(&self, rule: &Rule, index: usize, at_ms: i64) {
        let options = &self.environment.options;
        let Some(state) = self.rules.get(index) else { return };
        let mut state = state.lock();
        if state.alerts.is_empty() {
            return;
        }
        let delays = (options.resend_delay_ms, self.definition.interval_ms);
        let link = crate::rule_link(&options.external_url, &rule.expression.text);
        let due = state.alerts.take_due(at_ms, delays, &link);
        drop(state);
        if !due.is_empty() {
            self.environment.metrics.alerts_sent.fetch_add(due.len() as u64, Ordering::Relaxed);
            self.environment.alerts.send(&self.environment.tenant, due);
        }
    }

    /// Puts what rule `index` gave into the batch, and the ends of series that it gave before.
    fn add(&self, pending: &mut Pending, index: usize, samples: Samples, at_ms: i64) {
        let timestamp_ms = at_ms - self.query_offset_ms();
        let Some(state) = self.rules.get(index) else { return };
        let state = state.lock();
        if samples.is_empty() && state.series.is_empty() {
            return;
        }
        let mut series = HashSet::with_capacity(samples.len());
        for (labels, value) in samples {
            let mut builder = pending.batch.push_series(&labels);
            match value {
                SampleValue::Float(value) => {
                    builder.sample(timestamp_ms, value);
                }
                SampleValue::Histogram(histogram) => {
                    let point = HistogramPoint { timestamp_ms, start_timestamp_ms: 0, histogram };
                    builder.histogram(point);
                }
            }
            series.insert(labels);
        }
        for labels in state.series.iter().filter(|labels| !series.contains(*labels)) {
            pending.batch.push_series(labels).sample(timestamp_ms, stale_nan());
        }
        pending.rules.push((index, series));
    }

    async fn write(&self, pending: Pending) {
        if pending.rules.is_empty() {
            return;
        }
        let Pending { batch, rules } = pending;
        let environment = &self.environment;
        match environment.sink.write(&environment.tenant, batch, Acknowledge::Logged).await {
            Ok(report) => {
                for rejection in &report.rejections {
                    tracing::warn!(
                        group = self.key,
                        reason = rejection.message,
                        "a rule's result was not written"
                    );
                }
                for (index, series) in rules {
                    self.blame(index, &series, &report.rejections);
                    if let Some(state) = self.rules.get(index) {
                        state.lock().series = series;
                    }
                }
            }
            Err(error) => {
                tracing::warn!(group = self.key, %error, "results of rules were not written");
                for (index, _) in rules {
                    self.fail(index, &error.message);
                }
            }
        }
    }

    /// A rule whose series was refused is not well.
    fn blame(&self, index: usize, series: &HashSet<Labels>, rejections: &[vigie_model::Rejection]) {
        if rejections.is_empty() {
            return;
        }
        let own = rejections.iter().find(|rejection| {
            series.iter().any(|labels| rejection.message.contains(&labels.to_string()))
        });
        if let (Some(rejection), Some(state)) = (own, self.rules.get(index)) {
            let mut state = state.lock();
            state.health = RuleHealth::Bad;
            rejection.message.clone_into(&mut state.last_error);
        }
    }

    /// Marks series of rules that are no more as ended.
    pub(super) async fn write_ended(&self, at_ms: i64) {
        let ended = std::mem::take(&mut *self.ended.lock());
        if ended.is_empty() {
            return;
        }
        let timestamp_ms = at_ms - self.query_offset_ms();
        let mut batch = MetricBatch::new();
        for labels in &ended {
            batch.push_series(labels).sample(timestamp_ms, stale_nan());
        }
        let environment = &self.environment;
        let written = environment.sink.write(&environment.tenant, batch, Acknowledge::Logged).await;
        if let Err(error) = written {
            tracing::warn!(group = self.key, %error, "the ends of series were not written");
            self.ended.lock().extend(ended);
        }
    }
}
