//! From spans to buckets with bounds and back.

use std::fmt;

use super::{Histogram, Span};

/// One bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether an observation equal to `lower` belongs here.
    pub lower_inclusive: bool,
    /// Whether an observation equal to `upper` belongs here.
    pub upper_inclusive: bool,
    /// Observations in the bucket.
    pub count: f64,
}

impl Bucket {
    /// The number by which the Prometheus API says which bounds belong to the bucket:
    /// 0 "(]", 1 "[)", 2 "()", 3 "[]".
    pub const fn boundaries(&self) -> u8 {
        match (self.lower_inclusive, self.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        }
    }

    /// How much of the bucket's width lies below `value`: linearly, or on the logarithmic scale
    /// on which exponential buckets are equally wide. The caller knows that the bounds are finite
    /// and that `value` lies between them.
    pub(crate) fn fraction_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let log_lower = self.lower.abs().log2();
        let log_upper = self.upper.abs().log2();
        let log_value = value.abs().log2();
        if value > 0.0 {
            (log_value - log_lower) / (log_upper - log_lower)
        } else {
            1.0 - (log_value - log_upper) / (log_lower - log_upper)
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        write!(f, "{open}{},{}{close}:{}", self.lower, self.upper, self.count)
    }
}

/// Upper bound of exponential bucket `index`. The last bucket of finite observations ends at the
/// largest float, and the one after it, which holds infinities, at infinity.
pub(crate) fn exponential_bound(index: i32, schema: i32) -> f64 {
    let (fraction, exponent) = if schema <= 0 {
        let exponent = i64::from(index) << (-schema).min(32);
        (1.0, exponent)
    } else {
        let per_doubling = 1_i64 << schema;
        let within = i64::from(index).rem_euclid(per_doubling);
        let exponent = i64::from(index).div_euclid(per_doubling);
        ((within as f64 / per_doubling as f64).exp2(), exponent)
    };
    if exponent == 1024 && fraction == 1.0 {
        return f64::MAX;
    }
    // Two steps, since 2^-1074 and the like are not reached by one multiplication.
    let exponent = exponent.clamp(-2200, 2200) as i32;
    fraction * 2_f64.powi(exponent / 2) * 2_f64.powi(exponent - exponent / 2)
}

/// The bucket of a coarser schema that holds bucket `index` of a finer one.
pub(crate) const fn coarser_index(index: i32, from_schema: i32, to_schema: i32) -> i32 {
    if from_schema <= to_schema { index } else { ((index - 1) >> (from_schema - to_schema)) + 1 }
}

/// `(bucket index, count)` of each bucket that spans list, empty ones included.
pub(crate) fn cells<'a>(
    spans: &'a [Span],
    counts: &'a [f64],
) -> impl Iterator<Item = (i32, f64)> + Clone + 'a {
    let mut next = 0_i32;
    let indexes = spans.iter().flat_map(move |span| {
        let start = next.wrapping_add(span.offset);
        next = start.wrapping_add(span.length as i32);
        (0..span.length as i32).map(move |i| start.wrapping_add(i))
    });
    indexes.zip(counts.iter().copied())
}

/// The opposite of [`cells`], leaving out empty buckets. Indexes ascend.
pub(crate) fn collapse(cells: impl IntoIterator<Item = (i32, f64)>) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut counts): (Vec<Span>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut next = 0_i32;
    for (index, count) in cells {
        if count == 0.0 {
            continue;
        }
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(Span { offset: index.wrapping_sub(next), length: 1 }),
        }
        next = index.wrapping_add(1);
        counts.push(count);
    }
    (spans, counts)
}

impl Histogram {
    /// Upper bound of positive bucket `index`.
    fn bound(&self, index: i32) -> f64 {
        if !self.uses_custom_buckets() {
            return exponential_bound(index, self.schema);
        }
        let bounds = self.custom_values.as_deref().unwrap_or(&[]);
        match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(index) => bounds.get(index).copied().unwrap_or(f64::INFINITY),
        }
    }

    /// Positive (or custom) buckets, ascending.
    pub fn positive(&self) -> impl Iterator<Item = Bucket> + Clone + '_ {
        cells(&self.positive_spans, &self.positive_buckets).map(|(index, count)| Bucket {
            lower: self.bound(index.wrapping_sub(1)),
            upper: self.bound(index),
            lower_inclusive: self.uses_custom_buckets() && index == 0,
            upper_inclusive: true,
            count,
        })
    }

    /// Negative buckets, by descending bounds (from zero outwards).
    pub fn negative(&self) -> impl Iterator<Item = Bucket> + Clone + '_ {
        cells(&self.negative_spans, &self.negative_buckets).map(|(index, count)| Bucket {
            lower: -self.bound(index),
            upper: -self.bound(index.wrapping_sub(1)),
            lower_inclusive: true,
            upper_inclusive: false,
            count,
        })
    }

    /// The zero bucket.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets by ascending bounds; the zero bucket only when it is populated. Buckets that
    /// reach into the zero bucket are cut at its threshold.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut all: Vec<Bucket> = self.negative().collect();
        all.reverse();
        for bucket in &mut all {
            if bucket.upper < 0.0 && bucket.upper > -self.zero_threshold {
                bucket.upper = -self.zero_threshold;
            }
        }
        if self.zero_count > 0.0 {
            all.push(self.zero_bucket());
        }
        let threshold = self.zero_threshold;
        all.extend(self.positive().map(|mut bucket| {
            if bucket.lower > 0.0 && bucket.lower < threshold {
                bucket.lower = threshold;
            }
            bucket
        }));
        all
    }

    /// Removes empty buckets from the spans.
    pub fn compact(&mut self) {
        (self.positive_spans, self.positive_buckets) =
            collapse(cells(&self.positive_spans, &self.positive_buckets));
        (self.negative_spans, self.negative_buckets) =
            collapse(cells(&self.negative_spans, &self.negative_buckets));
    }

    /// Multiplies all counts and the sum. A negative factor makes it a gauge.
    pub fn multiply(&mut self, factor: f64) {
        self.for_each_count(|count| count * factor);
        if factor < 0.0 {
            self.counter_reset_hint = super::CounterResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. Division by zero leaves no buckets; a negative divisor
    /// makes it a gauge.
    pub fn divide(&mut self, divisor: f64) {
        self.for_each_count(|count| count / divisor);
        if divisor == 0.0 {
            self.positive_spans.clear();
            self.positive_buckets.clear();
            self.negative_spans.clear();
            self.negative_buckets.clear();
        } else if divisor < 0.0 {
            self.counter_reset_hint = super::CounterResetHint::Gauge;
        }
    }

    fn for_each_count(&mut self, change: impl Fn(f64) -> f64) {
        self.zero_count = change(self.zero_count);
        self.count = change(self.count);
        self.sum = change(self.sum);
        for count in self.positive_buckets.iter_mut().chain(&mut self.negative_buckets) {
            *count = change(*count);
        }
    }

    /// Whether any count, the sum or a bound is infinite.
    pub fn has_overflow(&self) -> bool {
        let scalars = [self.zero_count, self.count, self.sum];
        let custom = self.custom_values.as_deref().unwrap_or(&[]);
        let all = scalars.iter().chain(&self.positive_buckets).chain(&self.negative_buckets);
        all.chain(custom).any(|value| value.is_infinite())
    }

    /// Whether both have the same layout, populations, count and sum, bit by bit. Counter reset
    /// hints do not matter.
    pub fn same_data(&self, other: &Self) -> bool {
        let same = |a: &[f64], b: &[f64]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        let same_cells = |a: (&[Span], &[f64]), b: (&[Span], &[f64])| {
            let (a, b) = (collapse(cells(a.0, a.1)), collapse(cells(b.0, b.1)));
            a.0 == b.0 && same(&a.1, &b.1)
        };
        self.schema == other.schema
            && same(
                &[self.count, self.sum, self.zero_count, self.zero_threshold],
                &[other.count, other.sum, other.zero_count, other.zero_threshold],
            )
            && self.custom_values.as_deref().unwrap_or(&[])
                == other.custom_values.as_deref().unwrap_or(&[])
            && same_cells(
                (&self.positive_spans, &self.positive_buckets),
                (&other.positive_spans, &other.positive_buckets),
            )
            && same_cells(
                (&self.negative_spans, &self.negative_buckets),
                (&other.negative_spans, &other.negative_buckets),
            )
    }

    /// Merges buckets to the coarser `schema`. Nothing happens unless it is coarser and both
    /// schemas are exponential.
    pub fn reduce_to_schema(&mut self, schema: i32) {
        if self.uses_custom_buckets() || schema >= self.schema || schema < -4 {
            return;
        }
        let from = self.schema;
        let reduce = |spans: &[Span], counts: &[f64]| {
            let mut merged: Vec<(i32, f64)> = Vec::new();
            for (index, count) in cells(spans, counts) {
                let index = coarser_index(index, from, schema);
                match merged.last_mut() {
                    Some((last, total)) if *last == index => *total += count,
                    _ => merged.push((index, count)),
                }
            }
            collapse(merged)
        };
        (self.positive_spans, self.positive_buckets) =
            reduce(&self.positive_spans, &self.positive_buckets);
        (self.negative_spans, self.negative_buckets) =
            reduce(&self.negative_spans, &self.negative_buckets);
        self.schema = schema;
    }
}

impl fmt::Display for Histogram {
    /// `{count:4, sum:1.5, (0.5,1]:4}`, populated buckets only, as Prometheus prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", self.count, self.sum)?;
        let negative: Vec<Bucket> = self.negative().collect();
        for bucket in negative.iter().rev().filter(|bucket| bucket.count != 0.0) {
            write!(f, ", {bucket}")?;
        }
        if self.zero_count != 0.0 {
            write!(f, ", {}", self.zero_bucket())?;
        }
        for bucket in self.positive().filter(|bucket| bucket.count != 0.0) {
            write!(f, ", {bucket}")?;
        }
        f.write_str("}")
    }
}
