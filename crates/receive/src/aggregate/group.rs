//! What is known of the series that make one output, and what the outputs are.

use std::collections::{BTreeSet, HashMap, HashSet};

/// Values that one group keeps in an interval for quantiles; then every second one is left out,
/// so that they stay spread over the interval.
const VALUES_MAX: usize = 65_536;

/// What is computed. Names are VictoriaMetrics'.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Output {
    Avg,
    CountSamples,
    CountSeries,
    Increase,
    IncreasePrometheus,
    Last,
    Max,
    Min,
    RateAvg,
    RateSum,
    Stddev,
    Stdvar,
    SumSamples,
    SumSamplesTotal,
    Total,
    TotalPrometheus,
    UniqueSamples,
    Quantiles(Vec<f64>),
}

const PLAIN: [(&str, Output); 17] = [
    ("avg", Output::Avg),
    ("count_samples", Output::CountSamples),
    ("count_series", Output::CountSeries),
    ("increase", Output::Increase),
    ("increase_prometheus", Output::IncreasePrometheus),
    ("last", Output::Last),
    ("max", Output::Max),
    ("min", Output::Min),
    ("rate_avg", Output::RateAvg),
    ("rate_sum", Output::RateSum),
    ("stddev", Output::Stddev),
    ("stdvar", Output::Stdvar),
    ("sum_samples", Output::SumSamples),
    ("sum_samples_total", Output::SumSamplesTotal),
    ("total", Output::Total),
    ("total_prometheus", Output::TotalPrometheus),
    ("unique_samples", Output::UniqueSamples),
];

impl Output {
    /// `avg`, `quantiles(0.5, 0.9)`, ...
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some((_, output)) = PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(output.clone());
        }
        let inner = text.strip_prefix("quantiles(").and_then(|rest| rest.strip_suffix(')'));
        let Some(inner) = inner else {
            let known: Vec<&str> = PLAIN.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "unsupported output {text:?}; known are {}, quantiles(phi1, ..., phiN)",
                known.join(", ")
            ));
        };
        let phis = inner.split(',').map(|phi| phi.trim().parse::<f64>().ok());
        let phis: Option<Vec<f64>> = phis.collect();
        match phis {
            Some(phis) if phis.iter().all(|phi| (0.0..=1.0).contains(phi)) => {
                Ok(Self::Quantiles(phis))
            }
            _ => Err(format!("{text:?}: quantiles are numbers from 0 to 1")),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        let found = PLAIN.iter().find(|(_, output)| output == self);
        found.map_or("quantiles", |(name, _)| name)
    }
}

/// What a sample means for a counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// The series is new; the sample's value.
    First(f64),
    /// How much it has grown, over a reset if there was one.
    Grown(f64),
    /// The sample is not newer than the last.
    Old,
}

/// What is known of one input series.
#[derive(Debug, Default)]
pub(super) struct SeriesState {
    last: Option<(i64, f64)>,
    /// Since when `grown` has grown.
    base_ms: Option<i64>,
    grown: f64,
    pub(super) seen_ms: i64,
}

impl SeriesState {
    pub(super) fn push(&mut self, time_ms: i64, value: f64, now_ms: i64) -> Step {
        self.seen_ms = now_ms;
        let Some((last_ms, last)) = self.last else {
            self.last = Some((time_ms, value));
            self.base_ms = Some(time_ms);
            return Step::First(value);
        };
        if time_ms <= last_ms {
            return Step::Old;
        }
        let grown = if value >= last { value - last } else { value };
        self.last = Some((time_ms, value));
        self.grown += grown;
        Step::Grown(grown)
    }

    /// Growth a second in the interval that ends, and the beginning of the next.
    fn take_rate(&mut self) -> Option<f64> {
        let (last_ms, _) = self.last?;
        let base_ms = self.base_ms.replace(last_ms)?;
        let grown = std::mem::take(&mut self.grown);
        (last_ms > base_ms).then(|| grown * 1000.0 / (last_ms - base_ms) as f64)
    }
}

/// What is known of the series that make one output.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) seen_ms: i64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    mean: f64,
    squares: f64,
    last: Option<(i64, f64)>,
    values: Vec<f64>,
    values_stride: usize,
    unique: BTreeSet<u64>,
    series: HashSet<u64>,
    increase: f64,
    increase_prometheus: f64,
    total: f64,
    total_prometheus: f64,
    sum_total: f64,
    rates: (f64, u64),
}

impl Group {
    pub(super) fn push(
        &mut self,
        key: u64,
        (time_ms, value): (i64, f64),
        step: Step,
        counts_first: bool,
        outputs: &[Output],
    ) {
        self.count += 1;
        self.sum += value;
        self.sum_total += value;
        self.min = if self.count == 1 { value } else { self.min.min(value) };
        self.max = if self.count == 1 { value } else { self.max.max(value) };
        let off = value - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (value - self.mean);
        if self.last.is_none_or(|(last_ms, _)| time_ms >= last_ms) {
            self.last = Some((time_ms, value));
        }
        self.series.insert(key);
        for output in outputs {
            match output {
                Output::Quantiles(_) => self.keep_value(value),
                Output::UniqueSamples if self.unique.len() < VALUES_MAX => {
                    self.unique.insert(value.to_bits());
                }
                _ => {}
            }
        }
        match step {
            Step::First(value) if counts_first => {
                self.increase += value;
                self.total += value;
            }
            Step::Grown(grown) => {
                self.increase += grown;
                self.total += grown;
                self.increase_prometheus += grown;
                self.total_prometheus += grown;
            }
            Step::First(_) | Step::Old => {}
        }
    }

    fn keep_value(&mut self, value: f64) {
        let stride = self.values_stride.max(1);
        if !(self.count as usize).is_multiple_of(stride) {
            return;
        }
        if self.values.len() >= VALUES_MAX {
            let mut at = 0;
            self.values.retain(|_| {
                at += 1;
                at % 2 == 0
            });
            self.values_stride = stride * 2;
        }
        self.values.push(value);
    }

    /// Takes the rates of the interval from the group's series.
    pub(super) fn finish_rates(&mut self, series: &mut HashMap<u64, SeriesState>) {
        for key in &self.series {
            if let Some(rate) = series.get_mut(key).and_then(SeriesState::take_rate) {
                self.rates.0 += rate;
                self.rates.1 += 1;
            }
        }
    }

    /// Gives an output's values. Those of the interval's samples are only there when some came;
    /// those of counters until the group is forgotten.
    pub(super) fn give(&mut self, output: &Output, mut out: impl FnMut(f64, Option<f64>)) {
        let count = self.count as f64;
        let value = match output {
            Output::Increase => self.increase,
            Output::IncreasePrometheus => self.increase_prometheus,
            Output::Total => self.total,
            Output::TotalPrometheus => self.total_prometheus,
            Output::SumSamplesTotal => self.sum_total,
            _ if self.count == 0 => return,
            Output::Avg => self.sum / count,
            Output::CountSamples => count,
            Output::CountSeries => self.series.len() as f64,
            Output::Last => self.last.map_or(f64::NAN, |(_, value)| value),
            Output::Max => self.max,
            Output::Min => self.min,
            Output::RateSum | Output::RateAvg if self.rates.1 == 0 => return,
            Output::RateSum => self.rates.0,
            Output::RateAvg => self.rates.0 / self.rates.1 as f64,
            Output::Stddev => (self.squares / count).sqrt(),
            Output::Stdvar => self.squares / count,
            Output::SumSamples => self.sum,
            Output::UniqueSamples => self.unique.len() as f64,
            Output::Quantiles(phis) => {
                self.values.sort_by(f64::total_cmp);
                for phi in phis {
                    // The nearest rank, as VictoriaMetrics' quantiles are values that came.
                    let at = (phi * (self.values.len().saturating_sub(1)) as f64).round() as usize;
                    if let Some(value) = self.values.get(at) {
                        out(*value, Some(*phi));
                    }
                }
                return;
            }
        };
        out(value, None);
    }

    /// Begins the next interval.
    pub(super) fn begin(&mut self) {
        *self = Self {
            seen_ms: self.seen_ms,
            total: self.total,
            total_prometheus: self.total_prometheus,
            sum_total: self.sum_total,
            ..Self::default()
        };
    }
}
