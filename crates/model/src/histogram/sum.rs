//! Adding and subtracting histograms, with compensated summation.

use std::cmp::Ordering;
use std::sync::Arc;

use super::buckets::{cells, coarser_index, collapse, exponential_bound};
use super::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, Span};

/// One histogram has exponential buckets and the other custom ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot apply this operation on histograms with a mix of exponential and custom bucket schemas"
)]
pub struct IncompatibleHistograms;

/// What happened on the way while two histograms were combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Combined {
    /// One said "counter reset", the other "no counter reset".
    pub counter_reset_collision: bool,
    /// Custom bounds differed; the result has those that both share.
    pub bounds_reconciled: bool,
}

/// A number and the error that its additions have left so far (Neumaier's summation).
#[derive(Debug, Clone, Copy, Default)]
struct Compensated {
    value: f64,
    error: f64,
}

impl Compensated {
    const fn new(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    fn add(&mut self, increment: f64) {
        let total = self.value + increment;
        if total.is_infinite() {
            self.error = 0.0;
        } else if self.value.abs() >= increment.abs() {
            self.error += (self.value - total) + increment;
        } else {
            self.error += (increment - total) + self.value;
        }
        self.value = total;
    }

    fn merge(&mut self, other: Self) {
        self.add(other.value);
        self.add(other.error);
    }

    fn total(self) -> f64 {
        self.value + self.error
    }
}

type Cells = Vec<(i32, Compensated)>;

/// A running sum of histograms.
#[derive(Debug, Clone)]
pub struct HistogramSum {
    hint: CounterResetHint,
    schema: i32,
    zero_threshold: f64,
    zero_count: Compensated,
    count: Compensated,
    sum: Compensated,
    positive: Cells,
    negative: Cells,
    custom_values: Option<Arc<[f64]>>,
}

impl HistogramSum {
    /// A sum that begins with `histogram`.
    pub fn new(histogram: &Histogram) -> Self {
        let expand = |spans: &[Span], counts: &[f64]| {
            cells(spans, counts).map(|(i, count)| (i, Compensated::new(count))).collect()
        };
        Self {
            hint: histogram.counter_reset_hint,
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            zero_count: Compensated::new(histogram.zero_count),
            count: Compensated::new(histogram.count),
            sum: Compensated::new(histogram.sum),
            positive: expand(&histogram.positive_spans, &histogram.positive_buckets),
            negative: expand(&histogram.negative_spans, &histogram.negative_buckets),
            custom_values: histogram.custom_values.clone(),
        }
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Histogram) -> Result<Combined, IncompatibleHistograms> {
        self.combine(other, 1.0)
    }

    /// Subtracts `other`.
    pub fn subtract(&mut self, other: &Histogram) -> Result<Combined, IncompatibleHistograms> {
        self.combine(other, -1.0)
    }

    /// The sum so far.
    pub fn total(&self) -> Histogram {
        let (positive_spans, positive_buckets) =
            collapse(self.positive.iter().map(|(i, count)| (*i, count.total())));
        let (negative_spans, negative_buckets) =
            collapse(self.negative.iter().map(|(i, count)| (*i, count.total())));
        Histogram {
            counter_reset_hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.total(),
            count: self.count.total(),
            sum: self.sum.total(),
            positive_spans,
            negative_spans,
            positive_buckets,
            negative_buckets,
            custom_values: self.custom_values.clone(),
        }
    }

    fn combine(
        &mut self,
        other: &Histogram,
        sign: f64,
    ) -> Result<Combined, IncompatibleHistograms> {
        let custom = self.schema == CUSTOM_BUCKETS_SCHEMA;
        if custom != other.uses_custom_buckets() {
            return Err(IncompatibleHistograms);
        }
        let mut combined = Combined {
            counter_reset_collision: self.combine_hints(other.counter_reset_hint),
            bounds_reconciled: false,
        };
        // Both sides are brought to one layout, then added cell by cell.
        let mut addend = Self::new(other);
        if custom {
            combined.bounds_reconciled = self.reconcile_bounds(&mut addend);
        } else {
            self.reconcile_zero_buckets(&mut addend);
            let schema = self.schema.min(addend.schema);
            self.reduce_to_schema(schema);
            addend.reduce_to_schema(schema);
        }
        addend.scale(sign);
        self.zero_count.merge(addend.zero_count);
        self.count.merge(addend.count);
        self.sum.merge(addend.sum);
        merge_cells(&mut self.positive, addend.positive);
        merge_cells(&mut self.negative, addend.negative);
        Ok(combined)
    }

    /// Sets the hint of the result; true when the two contradict each other.
    fn combine_hints(&mut self, other: CounterResetHint) -> bool {
        use CounterResetHint::{Gauge, Unknown};
        let (hint, collision) = match (self.hint, other) {
            (a, b) if a == b => (a, false),
            (Gauge, _) | (_, Gauge) => (Gauge, false),
            (Unknown, _) | (_, Unknown) => (Unknown, false),
            _ => (Unknown, true),
        };
        self.hint = hint;
        collision
    }

    fn scale(&mut self, factor: f64) {
        let sides = self.positive.iter_mut().chain(&mut self.negative).map(|(_, count)| count);
        for count in sides.chain([&mut self.zero_count, &mut self.count, &mut self.sum]) {
            count.value *= factor;
            count.error *= factor;
        }
    }

    fn reduce_to_schema(&mut self, schema: i32) {
        if schema == self.schema {
            return;
        }
        for side in [&mut self.positive, &mut self.negative] {
            let mut merged: Cells = Vec::with_capacity(side.len());
            for (index, count) in side.drain(..) {
                let index = coarser_index(index, self.schema, schema);
                match merged.last_mut() {
                    Some((last, total)) if *last == index => total.merge(count),
                    _ => merged.push((index, count)),
                }
            }
            *side = merged;
        }
        self.schema = schema;
    }

    /// Widens the narrower zero bucket until both are equally wide and neither ends within a
    /// populated bucket. Terminates, since thresholds only grow and only to bucket bounds.
    fn reconcile_zero_buckets(&mut self, other: &mut Self) {
        while self.zero_threshold != other.zero_threshold {
            if self.zero_threshold < other.zero_threshold {
                self.widen_zero_bucket(other.zero_threshold);
            } else if other.zero_threshold < self.zero_threshold {
                other.widen_zero_bucket(self.zero_threshold);
            } else {
                return; // A NaN threshold: nothing to reconcile.
            }
        }
    }

    fn widen_zero_bucket(&mut self, mut threshold: f64) {
        // A populated bucket that the threshold would cut is taken in whole.
        loop {
            let schema = self.schema;
            let cut = self.positive.iter().chain(&self.negative).find(|(index, count)| {
                count.total() != 0.0
                    && exponential_bound(index - 1, schema) < threshold
                    && exponential_bound(*index, schema) > threshold
            });
            match cut {
                Some((index, _)) => threshold = exponential_bound(*index, schema),
                None => break,
            }
        }
        for side in [&mut self.positive, &mut self.negative] {
            let schema = self.schema;
            let inside =
                side.partition_point(|(i, _)| exponential_bound(i - 1, schema) < threshold);
            for (_, count) in side.drain(..inside) {
                self.zero_count.merge(count);
            }
        }
        self.zero_threshold = threshold;
    }

    /// Brings custom buckets to the bounds that both sides share; true when they differed.
    fn reconcile_bounds(&mut self, other: &mut Self) -> bool {
        let (ours, theirs) = (self.custom_bounds(), other.custom_bounds());
        if ours == theirs {
            return false;
        }
        let shared: Arc<[f64]> =
            ours.iter().copied().filter(|bound| theirs.contains(bound)).collect();
        self.map_to_bounds(&shared);
        other.map_to_bounds(&shared);
        true
    }

    fn custom_bounds(&self) -> &[f64] {
        self.custom_values.as_deref().unwrap_or(&[])
    }

    fn map_to_bounds(&mut self, bounds: &Arc<[f64]>) {
        let mut merged: Cells = Vec::with_capacity(bounds.len() + 1);
        for (index, count) in std::mem::take(&mut self.positive) {
            let upper = usize::try_from(index).ok().and_then(|i| self.custom_bounds().get(i));
            let target = match upper {
                Some(upper) => bounds.partition_point(|bound| bound < upper),
                None => bounds.len(),
            } as i32;
            match merged.last_mut() {
                Some((last, total)) if *last == target => total.merge(count),
                _ => merged.push((target, count)),
            }
        }
        self.positive = merged;
        self.custom_values = Some(Arc::clone(bounds));
    }
}

fn merge_cells(into: &mut Cells, from: Cells) {
    if into.len() == from.len() && into.iter().zip(&from).all(|(a, b)| a.0 == b.0) {
        for ((_, total), (_, count)) in into.iter_mut().zip(from) {
            total.merge(count);
        }
        return;
    }
    let mut merged = Vec::with_capacity(into.len() + from.len());
    let mut left = std::mem::take(into).into_iter().peekable();
    let mut right = from.into_iter().peekable();
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.0.cmp(&b.0),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => merged.extend(left.next()),
            Ordering::Greater => merged.extend(right.next()),
            Ordering::Equal => {
                if let (Some((index, mut total)), Some((_, count))) = (left.next(), right.next()) {
                    total.merge(count);
                    merged.push((index, total));
                }
            }
        }
    }
    *into = merged;
}

impl Histogram {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) -> Result<Combined, IncompatibleHistograms> {
        let mut sum = HistogramSum::new(self);
        let combined = sum.add(other)?;
        *self = sum.total();
        Ok(combined)
    }

    /// Subtracts `other`.
    pub fn subtract(&mut self, other: &Self) -> Result<Combined, IncompatibleHistograms> {
        let mut sum = HistogramSum::new(self);
        let combined = sum.subtract(other)?;
        *self = sum.total();
        Ok(combined)
    }
}
