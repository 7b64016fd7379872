//! Aggregations over a range of time.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashMap;
use vigie_language::logql::{Grouping, LogExpr, RangeAggregation, RangeOp};
use vigie_model::{Labels, MatchOp};

use super::unwrap::CompiledUnwrap;
use super::{Evaluation, MetricSeries, Steps, VALUES_MAX, check_size};
use crate::logql::LogqlError;
use crate::logql::labels::{ERROR, ERROR_DETAILS, LineLabels, PRESERVE_ERROR};
use crate::logql::scan::{Scan, Wanted};

/// Which series a line belongs to, told by its labels without building them.
///
/// The sum of the hashes of all pairs does not depend on their order, which differs from line to
/// line where a parser takes the fields as they come.
struct Series {
    hashers: (RandomState, RandomState),
    known: HashMap<u128, usize>,
    labels: Vec<Labels>,
}

impl Series {
    fn new() -> Self {
        let hashers = (RandomState::new(), RandomState::new());
        Self { hashers, known: HashMap::new(), labels: Vec::new() }
    }

    fn find(
        &mut self,
        labels: &LineLabels,
        keeps: &dyn Fn(&str) -> bool,
        steps: usize,
    ) -> Result<usize, LogqlError> {
        let (mut low, mut high) = (0_u64, 0_u64);
        for (name, value, _) in labels.iter() {
            if !value.is_empty() && keeps(name) {
                low = low.wrapping_add(self.hashers.0.hash_one((name, value)));
                high = high.wrapping_add(self.hashers.1.hash_one((name, value)));
            }
        }
        let key = u128::from(high) << 64 | u128::from(low);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        check_size(self.labels.len() + 1, steps)?;
        self.known.insert(key, self.labels.len());
        self.labels.push(labels.to_labels(|name, _| keeps(name)));
        Ok(self.labels.len() - 1)
    }
}

/// What is added to the steps from one to another, told by its ends.
#[derive(Clone, Default)]
struct Added {
    values: Vec<f64>,
    lines: Vec<i64>,
}

#[derive(Clone, Copy)]
struct Sample {
    time_ns: i64,
    sequence: u64,
    value: f64,
}

impl Evaluation<'_> {
    /// The series of a range aggregation. With `of_sum`, the labels that a sum over it keeps.
    pub(super) fn range(
        &self,
        range: &RangeAggregation,
        of_sum: Option<&Grouping>,
    ) -> Result<Vec<MetricSeries>, LogqlError> {
        let grouping = range.grouping.as_ref().or(of_sum.filter(|_| adds_up(range)));
        let by_sum_of_all = grouping.is_some_and(|g| !g.without && g.labels.is_empty());
        let keeps = |name: &str| match grouping {
            None => name != ERROR_DETAILS,
            Some(_) if by_sum_of_all => false,
            Some(grouping) => grouping.labels.iter().any(|l| l == name) != grouping.without,
        };
        let unwrap = range.range.unwrap.as_ref().map(CompiledUnwrap::new).transpose()?;
        let window = Window { steps: self.steps, range_ns: range.range.range_ns.max(1) };
        let offset_ns = range.range.offset_ns;
        let steps = self.steps.count;
        let last_ns = self.steps.time_ns(steps - 1).saturating_sub(offset_ns);
        let first_ns =
            self.steps.start_ns.saturating_sub(window.range_ns).saturating_sub(offset_ns);
        let mut scan = Scan::new(
            self.snapshot,
            &range.range.log,
            (first_ns.saturating_add(1), last_ns),
            self.bounds,
        )?;
        let mut series = Series::new();
        let mut read = Read {
            window,
            is_added: adds_up(range) && range.range.unwrap.is_none(),
            added: Vec::new(),
            samples: Vec::new(),
            held: 0,
        };
        scan.each(false, &mut |found| {
            let value = match (&unwrap, range.op) {
                (Some(unwrap), _) => match unwrap.run(found.labels) {
                    Some(value) => value,
                    None => return Ok(Wanted::default()),
                },
                (None, RangeOp::BytesRate | RangeOp::BytesOverTime) => found.line.len() as f64,
                (None, _) => 1.0,
            };
            check_errors(found.labels)?;
            let at = series.find(found.labels, &keeps, steps)?;
            let time_ns = found.time_ns.saturating_add(offset_ns);
            read.take(at, Sample { time_ns, sequence: found.sequence, value })?;
            Ok(Wanted::default())
        })?;
        if range.op == RangeOp::AbsentOverTime {
            return Ok(window.absent(read.samples, absent_labels(&range.range.log)));
        }
        let pairs = series.labels.into_iter().zip(read.values(range));
        Ok(pairs.map(|(labels, values)| MetricSeries { labels, values }).collect())
    }
}

/// What was read, by the number of its series.
struct Read {
    window: Window,
    is_added: bool,
    added: Vec<Added>,
    samples: Vec<Vec<Sample>>,
    held: usize,
}

impl Read {
    fn take(&mut self, series: usize, sample: Sample) -> Result<(), LogqlError> {
        if self.is_added {
            let slots = self.window.steps.count + 1;
            if self.added.len() <= series {
                let none = Added { values: vec![0.0; slots], lines: vec![0; slots] };
                self.added.resize(series + 1, none);
            }
            if let Some(added) = self.added.get_mut(series) {
                self.window.add(added, sample.time_ns, sample.value);
            }
            return Ok(());
        }
        self.held += 1;
        if self.held > VALUES_MAX {
            return Err(LogqlError::TooMuch);
        }
        if self.samples.len() <= series {
            self.samples.resize(series + 1, Vec::new());
        }
        if let Some(samples) = self.samples.get_mut(series) {
            samples.push(sample);
        }
        Ok(())
    }

    /// The values of each series at all steps.
    fn values(self, range: &RangeAggregation) -> Vec<Vec<Option<f64>>> {
        let seconds = self.window.range_ns as f64 / 1e9;
        if self.is_added {
            let is_rate = matches!(range.op, RangeOp::Rate | RangeOp::BytesRate);
            let per = if is_rate { seconds } else { 1.0 };
            return self.added.iter().map(|added| self.window.sums(added, per)).collect();
        }
        let reduce = |samples| self.window.reduced(samples, range, seconds);
        self.samples.into_iter().map(reduce).collect()
    }
}

/// Whether the values of a step are sums over lines, so that sums over series are sums over lines.
fn adds_up(range: &RangeAggregation) -> bool {
    range.grouping.is_none()
        && matches!(
            range.op,
            RangeOp::Rate
                | RangeOp::CountOverTime
                | RangeOp::BytesRate
                | RangeOp::BytesOverTime
                | RangeOp::SumOverTime
        )
}

/// A line that a stage failed on would be counted wrongly: the query must say what to do with it.
fn check_errors(labels: &LineLabels) -> Result<(), LogqlError> {
    if !labels.has_failed() || labels.get(PRESERVE_ERROR) == Some("true") {
        return Ok(());
    }
    let kind = labels.get(ERROR).unwrap_or_default().to_owned();
    let series = labels.to_labels(|_, _| true);
    Err(LogqlError::BadRequest(format!(
        "pipeline error: '{kind}' for series: '{series}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{kind}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )))
}

/// The labels of a series that stands for lines that are not there.
fn absent_labels(log: &LogExpr) -> Labels {
    let is_sure = |name: &str| {
        let mut all = log.matchers.iter().filter(|matcher| matcher.name == name);
        all.next().is_some_and(|one| one.op == MatchOp::Equal) && all.next().is_none()
    };
    let sure = log.matchers.iter().filter(|matcher| is_sure(&matcher.name));
    Labels::from_pairs(sure.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())))
}

/// The windows of all steps.
#[derive(Clone, Copy)]
struct Window {
    steps: Steps,
    range_ns: i64,
}

impl Window {
    /// Adds `value` to every step whose window has `time_ns`.
    fn add(self, added: &mut Added, time_ns: i64, value: f64) {
        let step = i128::from(self.steps.step_ns);
        let since = i128::from(time_ns) - i128::from(self.steps.start_ns);
        // The first step at or after the line, and the first that is `range` or more after it.
        let first = (since + step - 1).div_euclid(step).max(0);
        let end = (since + i128::from(self.range_ns) + step - 1).div_euclid(step).max(0);
        let clamp = |at: i128| usize::try_from(at).unwrap_or(usize::MAX).min(self.steps.count);
        let (first, end) = (clamp(first), clamp(end));
        if first >= end {
            return;
        }
        for (at, sign) in [(first, 1.0), (end, -1.0)] {
            if let (Some(sum), Some(lines)) = (added.values.get_mut(at), added.lines.get_mut(at)) {
                *sum += sign * value;
                *lines += sign as i64;
            }
        }
    }

    /// The sums of all steps, divided. Whole numbers are summed up exactly.
    fn sums(self, added: &Added, per: f64) -> Vec<Option<f64>> {
        let (mut sum, mut lines) = (0.0, 0);
        let each = added.values.iter().zip(&added.lines).take(self.steps.count);
        each.map(|(value, count)| {
            sum += value;
            lines += count;
            (lines > 0).then_some(sum / per)
        })
        .collect()
    }

    /// The aggregation of the samples of each step.
    fn reduced(
        self,
        mut samples: Vec<Sample>,
        range: &RangeAggregation,
        seconds: f64,
    ) -> Vec<Option<f64>> {
        samples.sort_by_key(|sample| (sample.time_ns, sample.sequence));
        let parameter = range.parameter.unwrap_or(0.0);
        let mut scratch = Vec::new();
        self.each(&samples, |window| {
            (!window.is_empty()).then(|| {
                scratch.clear();
                scratch.extend(window.iter().map(|sample| sample.value));
                match range.op {
                    RangeOp::RateCounter => rate_counter(window, self.range_ns),
                    op => aggregate(op, &mut scratch, parameter, seconds),
                }
            })
        })
    }

    /// 1 at every step without a sample.
    fn absent(self, samples: Vec<Vec<Sample>>, labels: Labels) -> Vec<MetricSeries> {
        let mut all: Vec<Sample> = samples.into_iter().flatten().collect();
        all.sort_by_key(|sample| sample.time_ns);
        let values = self.each(&all, |window| window.is_empty().then_some(1.0));
        vec![MetricSeries { labels, values }]
    }

    fn each(
        self,
        samples: &[Sample],
        mut value: impl FnMut(&[Sample]) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let (mut from, mut to) = (0, 0);
        (0..self.steps.count)
            .map(|at| {
                let now_ns = self.steps.time_ns(at);
                while samples.get(to).is_some_and(|sample| sample.time_ns <= now_ns) {
                    to += 1;
                }
                let start_ns = now_ns.saturating_sub(self.range_ns);
                while from < to && samples.get(from).is_some_and(|s| s.time_ns <= start_ns) {
                    from += 1;
                }
                value(samples.get(from..to).unwrap_or_default())
            })
            .collect()
    }
}

/// The aggregation of values in the order of their time, of which there is at least one.
fn aggregate(op: RangeOp, values: &mut [f64], parameter: f64, seconds: f64) -> f64 {
    let first = values.first().copied().unwrap_or(0.0);
    let sum = || values.iter().sum::<f64>();
    let count = values.len() as f64;
    match op {
        RangeOp::CountOverTime => count,
        RangeOp::Rate | RangeOp::BytesRate => sum() / seconds,
        RangeOp::SumOverTime | RangeOp::BytesOverTime => sum(),
        RangeOp::AvgOverTime => sum() / count,
        RangeOp::MinOverTime => values.iter().copied().fold(first, f64::min),
        RangeOp::MaxOverTime => values.iter().copied().fold(first, f64::max),
        RangeOp::FirstOverTime => first,
        RangeOp::LastOverTime => values.last().copied().unwrap_or(first),
        RangeOp::StdvarOverTime => variance(values.iter().copied()),
        RangeOp::StddevOverTime => variance(values.iter().copied()).sqrt(),
        RangeOp::QuantileOverTime => quantile(parameter, values),
        RangeOp::RateCounter | RangeOp::AbsentOverTime => 0.0,
    }
}

/// The variance of a population, by Welford's method.
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}

/// The quantile between the two nearest ranks.
fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let (low, share) = (rank.floor() as usize, rank.fract());
    let value = |at: usize| values.get(at.min(values.len() - 1)).copied().unwrap_or(f64::NAN);
    value(low) * (1.0 - share) + value(low + 1) * share
}

/// The rate of a counter, its resets taken for growth from zero, extrapolated as Prometheus does.
/// The window is taken to end with the last sample, as Loki has it.
fn rate_counter(samples: &[Sample], range_ns: i64) -> f64 {
    let [first, .., last] = samples else { return 0.0 };
    let resets: f64 = samples
        .windows(2)
        .filter_map(|pair| match pair {
            [before, after] if after.value < before.value => Some(before.value),
            _ => None,
        })
        .sum();
    let growth = last.value - first.value + resets;
    let sampled = (last.time_ns - first.time_ns) as f64 / 1e9;
    let average = sampled / (samples.len() - 1) as f64;
    let mut to_start = range_ns as f64 / 1e9;
    if growth > 0.0 && first.value >= 0.0 {
        // A counter cannot have been below zero.
        to_start = to_start.min(sampled * (first.value / growth));
    }
    let mut extrapolated = sampled;
    extrapolated += if to_start < average * 1.1 { to_start } else { average / 2.0 };
    if sampled == 0.0 {
        return 0.0;
    }
    growth * (extrapolated / sampled) / (range_ns as f64 / 1e9)
}
