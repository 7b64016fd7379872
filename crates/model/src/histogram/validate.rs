//! Whether a histogram that came from outside is one.

use super::{Histogram, Span};

/// Why a histogram is not one. Texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum HistogramError {
    #[error("histogram has an invalid schema {0}")]
    Schema(i32),
    #[error(
        "histogram spans specify different number of buckets than provided: spans need {needed} buckets, have {have} buckets"
    )]
    SpansBucketsMismatch { needed: u64, have: usize },
    #[error(
        "histogram has a span whose offset is negative: span number {number} with offset {offset}"
    )]
    SpanNegativeOffset { number: usize, offset: i32 },
    #[error("histogram's bucket indexes are out of range")]
    SpanRange,
    #[error("histogram has a bucket whose observation count is negative")]
    NegativeBucketCount,
    #[error("histogram's observation count is negative")]
    NegativeCount,
    #[error("custom buckets: histogram custom bounds are too few")]
    CustomBoundsTooFew,
    #[error("custom buckets: histogram custom bounds must be in strictly increasing order")]
    CustomBoundsOrder,
    #[error("custom buckets: histogram custom bounds must be finite")]
    CustomBoundsInfinite,
    #[error("custom buckets: must have zero count of 0")]
    CustomZeroCount,
    #[error("custom buckets: must have zero threshold of 0")]
    CustomZeroThreshold,
    #[error("custom buckets: must not have negative buckets")]
    CustomNegativeBuckets,
    #[error("histogram with exponential schema must not have custom bounds")]
    ExponentialCustomBounds,
}

/// Buckets further out than this hold no float; more than this would be no histogram.
const BUCKET_INDEX_MAX: i64 = 1 << 20;

impl Histogram {
    /// Checks that spans and buckets fit each other, that counts are not negative and that
    /// nothing is given which the schema does not have.
    pub fn validate(&self) -> Result<(), HistogramError> {
        if self.uses_custom_buckets() {
            self.validate_custom()?;
        } else {
            if !(-4..=8).contains(&self.schema) {
                return Err(HistogramError::Schema(self.schema));
            }
            if self.custom_values.is_some() {
                return Err(HistogramError::ExponentialCustomBounds);
            }
            check_spans(&self.negative_spans, self.negative_buckets.len(), false)?;
            check_spans(&self.positive_spans, self.positive_buckets.len(), false)?;
        }
        let counts = self.positive_buckets.iter().chain(&self.negative_buckets);
        if self.zero_count < 0.0 || counts.into_iter().any(|count| *count < 0.0) {
            return Err(HistogramError::NegativeBucketCount);
        }
        if self.count < 0.0 { Err(HistogramError::NegativeCount) } else { Ok(()) }
    }

    fn validate_custom(&self) -> Result<(), HistogramError> {
        let bounds = self.custom_values.as_deref().unwrap_or(&[]);
        if bounds.iter().any(|bound| bound.is_nan()) || bounds.windows(2).any(|w| w[0] >= w[1]) {
            return Err(HistogramError::CustomBoundsOrder);
        }
        if bounds.last().is_some_and(|bound| *bound == f64::INFINITY) {
            return Err(HistogramError::CustomBoundsInfinite);
        }
        if self.zero_count != 0.0 {
            return Err(HistogramError::CustomZeroCount);
        }
        if self.zero_threshold != 0.0 {
            return Err(HistogramError::CustomZeroThreshold);
        }
        if !self.negative_spans.is_empty() || !self.negative_buckets.is_empty() {
            return Err(HistogramError::CustomNegativeBuckets);
        }
        let end = check_spans(&self.positive_spans, self.positive_buckets.len(), true)?;
        if end > bounds.len() as i64 + 1 {
            return Err(HistogramError::CustomBoundsTooFew);
        }
        Ok(())
    }
}

/// Checks spans against the number of buckets; gives one past the last bucket's index.
fn check_spans(spans: &[Span], buckets: usize, custom: bool) -> Result<i64, HistogramError> {
    let (mut needed, mut next) = (0_u64, 0_i64);
    for (at, span) in spans.iter().enumerate() {
        if span.offset < 0 && (at > 0 || custom) {
            let offset = span.offset;
            return Err(HistogramError::SpanNegativeOffset { number: at + 1, offset });
        }
        needed += u64::from(span.length);
        next += i64::from(span.offset) + i64::from(span.length);
        if next.abs() > BUCKET_INDEX_MAX {
            return Err(HistogramError::SpanRange);
        }
    }
    if needed == buckets as u64 {
        Ok(next)
    } else {
        Err(HistogramError::SpansBucketsMismatch { needed, have: buckets })
    }
}
