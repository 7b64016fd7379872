//! Whether a counter histogram restarted between two samples.

use super::buckets::{cells, coarser_index, exponential_bound};
use super::{CounterResetHint, Histogram, Span};

impl Histogram {
    /// Whether this histogram cannot follow `previous` without a restart: a count went down, the
    /// resolution grew, or the zero bucket shrank. A hint other than "unknown" or "gauge" decides.
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.counter_reset_hint {
            CounterResetHint::CounterReset => return true,
            CounterResetHint::NotCounterReset => return false,
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        if self.count < previous.count
            || self.uses_custom_buckets() != previous.uses_custom_buckets()
        {
            return true;
        }
        if self.uses_custom_buckets() {
            return self.custom_bucket_decreased(previous);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let Some(previous_zero_count) = previous.zero_count_up_to(self.zero_threshold) else {
            return true;
        };
        self.zero_count < previous_zero_count
            || self.side_decreased(
                (&self.positive_spans, &self.positive_buckets),
                (&previous.positive_spans, &previous.positive_buckets),
                previous.schema,
            )
            || self.side_decreased(
                (&self.negative_spans, &self.negative_buckets),
                (&previous.negative_spans, &previous.negative_buckets),
                previous.schema,
            )
    }

    /// The zero count if the zero bucket reached to `threshold`; `None` when that lies within a
    /// populated bucket.
    fn zero_count_up_to(&self, threshold: f64) -> Option<f64> {
        let mut count = self.zero_count;
        if threshold == self.zero_threshold {
            return Some(count);
        }
        let positive = cells(&self.positive_spans, &self.positive_buckets);
        let negative = cells(&self.negative_spans, &self.negative_buckets);
        for (index, population) in positive.chain(negative) {
            if population == 0.0 || exponential_bound(index - 1, self.schema) >= threshold {
                continue;
            }
            if exponential_bound(index, self.schema) > threshold {
                return None;
            }
            count += population;
        }
        Some(count)
    }

    /// Whether a bucket outside of the zero bucket has fewer observations than before.
    fn side_decreased(
        &self,
        (spans, counts): (&[Span], &[f64]),
        (previous_spans, previous_counts): (&[Span], &[f64]),
        previous_schema: i32,
    ) -> bool {
        let mut current = cells(spans, counts).peekable();
        let mut previous = cells(previous_spans, previous_counts)
            .filter(|(i, _)| exponential_bound(*i, previous_schema) > self.zero_threshold)
            .map(|(i, count)| (coarser_index(i, previous_schema, self.schema), count))
            .peekable();
        while let Some((index, mut before)) = previous.next() {
            while let Some((_, more)) = previous.next_if(|(next, _)| *next == index) {
                before += more;
            }
            while current.next_if(|(at, _)| *at < index).is_some() {}
            let now = match current.peek() {
                Some((at, count)) if *at == index => *count,
                _ => 0.0,
            };
            if before != 0.0 && now < before {
                return true;
            }
        }
        false
    }

    /// Whether the observations up to a bound that both share, beyond the shared bound before it,
    /// are fewer than before.
    fn custom_bucket_decreased(&self, previous: &Self) -> bool {
        let ours = self.custom_values.as_deref().unwrap_or(&[]);
        let theirs = previous.custom_values.as_deref().unwrap_or(&[]);
        let shared: Vec<f64> =
            ours.iter().copied().filter(|bound| theirs.contains(bound)).collect();
        let group = |histogram: &Self| {
            let mut counts = vec![0.0; shared.len() + 1];
            for bucket in histogram.positive() {
                let at = shared.partition_point(|bound| *bound < bucket.upper);
                counts[at] += bucket.count;
            }
            counts
        };
        group(self).iter().zip(group(previous)).any(|(now, before)| *now < before)
    }
}
