//! Random series: counters that restart, gauges that are odd at times, gaps, ends, histograms.

use std::sync::Arc;

use vigie_model::{
    CounterResetHint, Histogram, HistogramPoint, Labels, MetricBatch, Span, stale_nan,
};

use super::peer::Level;
use super::random::Random;

/// When the data begins: a whole hour, so that it is aligned with every step.
pub(super) const START_MS: i64 = 1_700_002_800_000;
/// Time between samples.
const INTERVAL_MS: i64 = 15_000;
/// Samples a series has when nothing is missing: an hour.
pub(super) const SAMPLES: usize = 240;

const JOBS: [&str; 3] = ["api", "db", "web"];
const INSTANCES: [&str; 3] = ["a:1", "b:1", "b:2"];

enum Value {
    Float(f64),
    Histogram(Histogram),
}

impl Value {
    const fn is_float(&self) -> bool {
        matches!(self, Self::Float(_))
    }
}

struct Series {
    labels: Labels,
    points: Vec<(i64, Value)>,
}

/// All series, in batches by time, as Prometheus wants them in order.
pub(super) fn batches(seed: u64, level: Level) -> Vec<MetricBatch> {
    let mut random = Random::new(seed);
    let series = all(&mut random, level);
    let chunk_ms = INTERVAL_MS * 60;
    let chunks = SAMPLES as i64 * INTERVAL_MS / chunk_ms + 1;
    (0..chunks)
        .map(|chunk| {
            let from = START_MS + chunk * chunk_ms;
            let mut batch = MetricBatch::new();
            for one in &series {
                let within: Vec<_> = one
                    .points
                    .iter()
                    .filter(|(t, _)| (from..from + chunk_ms).contains(t))
                    .collect();
                // A receiver takes the floats of an entry before its histograms, so each kind has
                // an entry of its own.
                for run in within.chunk_by(|(_, a), (_, b)| a.is_float() == b.is_float()) {
                    push(&mut batch, &one.labels, run);
                }
            }
            batch
        })
        .collect()
}

fn push(batch: &mut MetricBatch, labels: &Labels, points: &[&(i64, Value)]) {
    let mut builder = batch.push_series(labels);
    for (timestamp_ms, value) in points {
        match value {
            Value::Float(value) => builder.sample(*timestamp_ms, *value),
            Value::Histogram(histogram) => builder.histogram(HistogramPoint {
                timestamp_ms: *timestamp_ms,
                start_timestamp_ms: 0,
                histogram: Arc::new(histogram.clone()),
            }),
        };
    }
}

fn all(random: &mut Random, level: Level) -> Vec<Series> {
    let mut series = Vec::new();
    for job in JOBS {
        for instance in INSTANCES {
            let target = [("job", job), ("instance", instance)];
            targets_series(random, &target, level, &mut series);
        }
    }
    series.push(floats(random, level, &[("__name__", "alone")], gauge));
    // Prometheus goes through series in the order in which they came, Vigie by their labels; which
    // of several equal ones `topk` keeps depends on it. Here both orders are the same.
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

fn targets_series(
    random: &mut Random,
    target: &[(&str, &str); 2],
    level: Level,
    series: &mut Vec<Series>,
) {
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(&str, &str)> {
        target.iter().copied().chain(more.iter().copied()).collect()
    };
    for code in ["200", "500"] {
        let labels = with(&[("__name__", "requests_total"), ("code", code)]);
        let small = level == Level::New;
        series.push(floats(random, level, &labels, |random, last| counter(random, last, small)));
    }
    series.push(floats(random, level, &with(&[("__name__", "temperature")]), gauge));
    series.push(floats(random, level, &with(&[("__name__", "odd")]), odd_gauge));
    series.push(floats(random, level, &with(&[("__name__", "level"), ("unit", "m")]), steps));
    let version = if random.one_in(2) { "1.2" } else { "1.10" };
    let labels = with(&[("__name__", "target_info"), ("version", version)]);
    series.push(floats(random, level, &labels, |_, _| 1.0));
    buckets(random, level, target, series);
    if level == Level::New {
        histograms(random, target, series);
    }
}

/// The times at which a target was scraped, with gaps and perhaps an early end.
fn times(random: &mut Random, level: Level) -> Vec<i64> {
    // A Prometheus 2 takes the sample at the start of a range, one of 3 does not: with these
    // milliseconds there never is one. Half of the targets of a Prometheus 3 are on the boundaries.
    let jitter = match level {
        Level::Old => 1_137 + random.below(12) as i64 * 1_000,
        Level::New if random.one_in(2) => 0,
        Level::New => random.below(15_000) as i64,
    };
    let gap = if random.one_in(4) { random.below(120) as usize } else { 0 };
    let ends = if random.one_in(4) { 120 + random.below(120) as usize } else { SAMPLES };
    let mut times = vec![START_MS + jitter];
    let mut step = 1 + gap;
    while step < ends {
        times.push(START_MS + step as i64 * INTERVAL_MS + jitter);
        // Gaps shorter and longer than the lookback of five minutes.
        step += if random.one_in(60) { 2 + random.below(35) as usize } else { 1 };
    }
    times
}

fn floats(
    random: &mut Random,
    level: Level,
    labels: &[(&str, &str)],
    mut next: impl FnMut(&mut Random, f64) -> f64,
) -> Series {
    let mut points = Vec::new();
    let mut value = 0.0;
    for time in times(random, level) {
        if random.one_in(80) {
            points.push((time, Value::Float(stale_nan())));
            continue;
        }
        value = next(random, value);
        points.push((time, Value::Float(value)));
    }
    Series { labels: Labels::from_pairs(labels.iter().copied()), points }
}

/// Prometheus 2 extrapolates differently where a counter is near zero: those of an older one are
/// not `small`, they restart far from it.
fn counter(random: &mut Random, last: f64, small: bool) -> f64 {
    let least = if small { 0.0 } else { 50_000.0 };
    if random.one_in(50) {
        least + random.below(20) as f64
    } else {
        last.max(least * 2.0) + random.below(100) as f64
    }
}

fn gauge(random: &mut Random, last: f64) -> f64 {
    ((last + random.unit() * 10.0 - 5.0) * 1_000.0).round() / 1_000.0
}

fn odd_gauge(random: &mut Random, _: f64) -> f64 {
    match random.below(24) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => 0.0,
        4 => -0.0,
        5 => 1e17,
        _ => (random.unit() * 200.0 - 100.0).round(),
    }
}

fn steps(random: &mut Random, last: f64) -> f64 {
    if random.one_in(20) { random.below(5) as f64 } else { last }
}

fn buckets(
    random: &mut Random,
    level: Level,
    target: &[(&str, &str); 2],
    series: &mut Vec<Series>,
) {
    let times = times(random, level);
    let least = if level == Level::New { 0.0 } else { 5_000.0 };
    let mut counts = [least * 2.0; 5];
    let mut columns: [Vec<(i64, Value)>; 5] = Default::default();
    for time in times {
        if random.one_in(70) {
            counts = [least; 5];
        }
        let mut total = 0.0;
        for (count, column) in counts.iter_mut().zip(&mut columns) {
            *count += random.below(10) as f64;
            total += *count;
            column.push((time, Value::Float(total)));
        }
    }
    for (bound, points) in ["0.1", "0.5", "1", "2.5", "+Inf"].iter().zip(columns) {
        let name = [("__name__", "latency_seconds_bucket"), ("le", *bound)];
        let labels = Labels::from_pairs(target.iter().copied().chain(name));
        series.push(Series { labels, points });
    }
}

/// A counter of native histograms, a gauge of them, and a series that is both kinds at times.
fn histograms(random: &mut Random, target: &[(&str, &str); 2], series: &mut Vec<Series>) {
    for (name, hint) in [
        ("size_bytes", CounterResetHint::Unknown),
        ("size_now", CounterResetHint::Gauge),
        ("mixed", CounterResetHint::Unknown),
    ] {
        let schema = 1 + random.below(3) as i32;
        let mut counts = [0.0; 6];
        let mut points = Vec::new();
        for time in times(random, Level::New) {
            if random.one_in(60) || hint == CounterResetHint::Gauge {
                counts = [0.0; 6];
            }
            for count in &mut counts {
                *count += random.below(8) as f64;
            }
            let value = match name {
                "mixed" if random.one_in(9) => Value::Float(random.below(100) as f64),
                _ if random.one_in(100) => {
                    Value::Histogram(Histogram { sum: stale_nan(), ..Histogram::default() })
                }
                _ => Value::Histogram(histogram(&counts, schema, hint)),
            };
            points.push((time, value));
        }
        let named = target.iter().copied().chain([("__name__", name)]);
        series.push(Series { labels: Labels::from_pairs(named), points });
    }
}

fn histogram(counts: &[f64; 6], schema: i32, hint: CounterResetHint) -> Histogram {
    let [zero, positive @ .., negative] = counts;
    Histogram {
        counter_reset_hint: hint,
        schema,
        zero_threshold: 0.001,
        zero_count: *zero,
        count: counts.iter().sum(),
        sum: positive.iter().sum::<f64>() * 2.5 - negative,
        positive_spans: vec![Span { offset: -1, length: 2 }, Span { offset: 2, length: 2 }],
        positive_buckets: positive.to_vec(),
        negative_spans: vec![Span { offset: 0, length: 1 }],
        negative_buckets: vec![*negative],
        ..Histogram::default()
    }
}
