//! A rule, compiled, and its state.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use regex::Regex;
use vigie_language::promql::parse_selector;
use vigie_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher, MetricBatch, TenantId};

use super::config::AggregateConfig;
use super::group::{Group, Output, SeriesState};
use crate::scrape::Relabeler;

/// Series that one rule remembers for one tenant; more are not aggregated.
const SERIES_MAX: usize = 5_000_000;

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    selectors: Vec<Vec<Condition>>,
    pub(super) interval_ms: i64,
    staleness_ms: i64,
    /// Until when first samples of counters are only noted.
    first_samples_from_ms: i64,
    pub(super) is_aligned: bool,
    pub(super) flush_on_shutdown: bool,
    pub(super) ignore_first_intervals: u64,
    ignore_old_samples: bool,
    without: Vec<String>,
    by: Vec<String>,
    drop_input_labels: Vec<String>,
    outputs: Vec<Output>,
    /// What stands between a metric's name and an output's; `None` keeps the metric's name.
    infix: Option<String>,
    input_relabel: Relabeler,
    output_relabel: Relabeler,
    state: Mutex<BTreeMap<TenantId, TenantState>>,
}

#[derive(Debug, Default)]
struct TenantState {
    groups: HashMap<Labels, Group>,
    series: HashMap<u64, SeriesState>,
    /// When the interval began; 0 before the first end.
    interval_start_ms: i64,
    is_full: bool,
}

impl Rule {
    pub(super) fn compile(config: &AggregateConfig, now_ms: i64) -> Result<Self, String> {
        let selectors: Result<_, _> = config.matching.0.iter().map(|text| compile(text)).collect();
        let outputs: Result<Vec<_>, _> =
            config.outputs.iter().map(|name| Output::parse(name)).collect();
        let ms = |duration: vigie_language::yaml::DurationMs| {
            i64::try_from(duration.0).unwrap_or(i64::MAX / 4)
        };
        let staleness_ms = ms(config.staleness_interval);
        let ignore_first = config.ignore_first_sample_interval.map_or(staleness_ms, ms);
        let (mut by, mut without) = (config.by.clone(), config.without.clone());
        by.sort_unstable();
        without.sort_unstable();
        Ok(Self {
            selectors: selectors?,
            interval_ms: ms(config.interval),
            staleness_ms,
            first_samples_from_ms: now_ms.saturating_add(ignore_first),
            is_aligned: !config.no_align_flush_to_interval,
            flush_on_shutdown: config.flush_on_shutdown,
            ignore_first_intervals: config.ignore_first_intervals,
            ignore_old_samples: config.ignore_old_samples,
            drop_input_labels: config.drop_input_labels.clone(),
            outputs: outputs?,
            infix: (!config.keep_metric_names).then(|| infix(config, &by, &without)),
            input_relabel: Relabeler::compile(&config.input_relabel_configs)?,
            output_relabel: Relabeler::compile(&config.output_relabel_configs)?,
            by,
            without,
            state: Mutex::default(),
        })
    }

    pub(super) fn matches(&self, labels: &Labels) -> bool {
        let fits =
            |selector: &Vec<Condition>| selector.iter().all(|condition| condition.holds(labels));
        self.selectors.is_empty() || self.selectors.iter().any(fits)
    }

    /// Takes samples of a series.
    pub(super) fn push(
        &self,
        tenant: &TenantId,
        labels: &Labels,
        points: impl Iterator<Item = (i64, f64)>,
        now_ms: i64,
    ) {
        let Some(input) = self.input_labels(labels) else { return };
        let key = input.hash64();
        let mut state = self.state.lock();
        let state = state.entry(tenant.clone()).or_default();
        if !state.series.contains_key(&key) && state.series.len() >= SERIES_MAX {
            if !std::mem::replace(&mut state.is_full, true) {
                tracing::warn!(series = SERIES_MAX, "a rule of stream aggregation is full");
            }
            return;
        }
        let group = state.groups.entry(self.group_labels(&input)).or_default();
        let series = state.series.entry(key).or_default();
        let counts_first = now_ms >= self.first_samples_from_ms;
        for (time_ms, value) in points {
            if value.is_nan() || (self.ignore_old_samples && time_ms < state.interval_start_ms) {
                continue;
            }
            let step = series.push(time_ms, value, now_ms);
            group.push(key, (time_ms, value), step, counts_first, &self.outputs);
        }
        group.seen_ms = now_ms;
    }

    fn input_labels(&self, labels: &Labels) -> Option<Labels> {
        if self.drop_input_labels.is_empty() && self.input_relabel.is_empty() {
            return Some(labels.clone());
        }
        let mut builder = LabelsBuilder::from_labels(labels);
        for name in &self.drop_input_labels {
            builder.remove(name);
        }
        self.input_relabel.apply(&mut builder).then(|| builder.build())
    }

    /// Labels of a group: the metric's name, and what `by` and `without` leave.
    fn group_labels(&self, labels: &Labels) -> Labels {
        let kept = |name: &str| {
            name == METRIC_NAME
                || if self.by.is_empty() {
                    !self.without.iter().any(|without| without == name)
                } else {
                    self.by.iter().any(|by| by == name)
                }
        };
        labels.filtered(kept)
    }

    /// Ends an interval: its outputs, by tenant.
    pub(super) fn flush(&self, time_ms: i64) -> Vec<(TenantId, MetricBatch)> {
        let mut all = Vec::new();
        for (tenant, state) in &mut *self.state.lock() {
            let oldest_ms = time_ms.saturating_sub(self.staleness_ms);
            state.groups.retain(|_, group| group.seen_ms >= oldest_ms);
            state.series.retain(|_, series| series.seen_ms >= oldest_ms);
            all.push((tenant.clone(), self.give(state, time_ms)));
            state.interval_start_ms = time_ms;
            state.is_full = false;
        }
        all
    }

    /// All outputs of an interval, after which the next begins.
    fn give(&self, state: &mut TenantState, time_ms: i64) -> MetricBatch {
        let mut batch = MetricBatch::new();
        for (labels, group) in &mut state.groups {
            group.finish_rates(&mut state.series);
            for output in &self.outputs {
                group.give(output, |value, quantile| {
                    let labels = self.output_labels(labels, output, quantile);
                    labels.iter().for_each(|labels| {
                        batch.push_series(labels).sample(time_ms, value);
                    });
                });
            }
            group.begin();
        }
        batch
    }

    fn output_labels(
        &self,
        labels: &Labels,
        output: &Output,
        quantile: Option<f64>,
    ) -> Option<Labels> {
        let mut builder = LabelsBuilder::from_labels(labels);
        if let Some(infix) = &self.infix {
            let name = labels.metric_name().unwrap_or_default();
            builder.set(METRIC_NAME, &format!("{name}:{infix}_{}", output.name()));
        }
        if let Some(quantile) = quantile {
            builder.set("quantile", &quantile.to_string());
        }
        self.output_relabel.apply(&mut builder).then(|| builder.build())
    }
}

/// One condition on a label, compiled.
#[derive(Debug)]
struct Condition {
    matcher: Matcher,
    regex: Option<Regex>,
}

impl Condition {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.matcher.name).unwrap_or_default();
        let fits = |regex: &Regex| regex.is_match(value);
        match self.matcher.op {
            MatchOp::Equal => value == self.matcher.value,
            MatchOp::NotEqual => value != self.matcher.value,
            MatchOp::Regex => self.regex.as_ref().is_some_and(fits),
            MatchOp::NotRegex => !self.regex.as_ref().is_some_and(fits),
        }
    }
}

fn compile(selector: &str) -> Result<Vec<Condition>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("match: {error}");
    let matchers = parse_selector(selector).map_err(|error| wrong(&error))?;
    let conditions = matchers.into_iter().map(|matcher| {
        let is_regex = matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex);
        let pattern = format!("^(?s:{})$", matcher.value);
        let regex = is_regex.then(|| Regex::new(&pattern)).transpose();
        Ok(Condition { regex: regex.map_err(|error| wrong(&error))?, matcher })
    });
    conditions.collect()
}

/// `1m_by_app_host` or `1m_without_instance`.
fn infix(config: &AggregateConfig, by: &[String], without: &[String]) -> String {
    let mut infix = config.interval.to_string();
    for (word, labels) in [("by", by), ("without", without)] {
        if !labels.is_empty() {
            infix.push_str(&format!("_{word}_{}", labels.join("_")));
        }
    }
    infix
}
