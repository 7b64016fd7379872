//! Quantiles, fractions and spread, estimated from buckets.

use super::{Bucket, Histogram};

/// What should be told along with an estimate from a histogram with NaN observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantileNote {
    /// The quantile lies among the NaN observations; the result is NaN.
    NanResult,
    /// NaN observations skew the result upwards.
    NanSkew,
}

/// An estimated quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileResult {
    /// The estimate.
    pub value: f64,
    /// What to tell along.
    pub note: Option<QuantileNote>,
}

/// An estimated fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FractionResult {
    /// The estimate.
    pub value: f64,
    /// Whether NaN observations were left out of every fraction.
    pub excludes_nan: bool,
}

impl From<f64> for QuantileResult {
    fn from(value: f64) -> Self {
        Self { value, note: None }
    }
}

impl Histogram {
    /// The `q`-quantile, interpolated within a bucket: exponentially in exponential buckets,
    /// linearly in custom ones and in the zero bucket.
    pub fn quantile(&self, q: f64) -> QuantileResult {
        if q < 0.0 {
            return f64::NEG_INFINITY.into();
        }
        if q > 1.0 {
            return f64::INFINITY.into();
        }
        if self.count == 0.0 || q.is_nan() {
            return f64::NAN.into();
        }
        // NaN observations count in `count` but in no bucket: only counting from below finds the
        // right bucket then. Otherwise the nearer end is the more exact one.
        let forward = self.sum.is_nan() || q < 0.5;
        let mut buckets = self.buckets();
        if !forward {
            buckets.reverse();
        }
        let mut rank = if forward { q * self.count } else { (1.0 - q) * self.count };
        let mut count = 0.0;
        let mut bucket = Bucket {
            lower: 0.0,
            upper: 0.0,
            lower_inclusive: false,
            upper_inclusive: false,
            count: 0.0,
        };
        let mut rest = buckets.iter();
        for candidate in rest.by_ref().filter(|bucket| bucket.count != 0.0) {
            bucket = *candidate;
            count += bucket.count;
            if count >= rank {
                break;
            }
        }
        let population = bucket.count;
        if self.uses_custom_buckets() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return bucket.upper.into();
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return bucket.lower.into();
            }
        } else {
            self.cut_zero_bucket(&mut bucket);
        }
        count = count.min(self.count);
        if count < rank {
            let note = self.sum.is_nan().then_some(QuantileNote::NanResult);
            let value = if note.is_some() { f64::NAN } else { bucket.upper };
            return QuantileResult { value, note };
        }
        rank = if forward { rank - (count - population) } else { count - rank };
        let mut note = None;
        if self.sum.is_nan() {
            let all = count + rest.map(|bucket| bucket.count).sum::<f64>();
            note = (all < self.count).then_some(QuantileNote::NanSkew);
        }
        let linear = self.uses_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0);
        QuantileResult { value: interpolate(&bucket, rank / population, linear), note }
    }

    /// The fraction of observations between `lower` and `upper`.
    pub fn fraction(&self, lower: f64, upper: f64) -> FractionResult {
        let plain = |value| FractionResult { value, excludes_nan: false };
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return plain(f64::NAN);
        }
        if lower >= upper {
            return plain(0.0);
        }
        let buckets = self.buckets();
        let lower_rank = self.rank_of(&buckets, lower);
        let upper_rank = self.rank_of(&buckets, upper);
        let bucketed: f64 = buckets.iter().map(|bucket| bucket.count).sum();
        let (count, excludes_nan) =
            if self.sum.is_nan() { (bucketed, bucketed < self.count) } else { (self.count, false) };
        let limit = |rank: Option<f64>| rank.filter(|rank| *rank <= count).unwrap_or(count);
        let value = (limit(upper_rank) - limit(lower_rank)) / self.count;
        FractionResult { value, excludes_nan }
    }

    /// How many observations lie below `value`; `None` when it lies above all buckets.
    fn rank_of(&self, buckets: &[Bucket], value: f64) -> Option<f64> {
        let mut rank = 0.0;
        for bucket in buckets {
            let mut bucket = *bucket;
            let zero_bucket = bucket.lower <= 0.0 && bucket.upper >= 0.0;
            if zero_bucket {
                self.cut_at_zero(&mut bucket);
            }
            if bucket.lower >= value {
                return Some(rank);
            }
            if bucket.upper > value {
                let linear = self.uses_custom_buckets() || zero_bucket;
                if linear && bucket.lower == f64::NEG_INFINITY {
                    // The width is infinite, so that nothing can be interpolated.
                    return Some(bucket.count);
                }
                return Some(rank + bucket.count * bucket.fraction_below(value, linear));
            }
            rank += bucket.count;
        }
        None
    }

    fn cut_zero_bucket(&self, bucket: &mut Bucket) {
        if bucket.lower < 0.0 && bucket.upper > 0.0 {
            self.cut_at_zero(bucket);
        }
    }

    /// A histogram whose other buckets are all on one side has its zero bucket on that side too.
    fn cut_at_zero(&self, bucket: &mut Bucket) {
        match (self.negative_buckets.is_empty(), self.positive_buckets.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }

    /// The variance of the observations, each taken to lie at the middle of its bucket.
    pub fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        let (mut total, mut error) = (0.0_f64, 0.0_f64);
        for bucket in self.buckets().iter().filter(|bucket| bucket.count != 0.0) {
            let middle = if self.uses_custom_buckets() {
                f64::midpoint(bucket.upper, bucket.lower)
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
            };
            let increment = bucket.count * (middle - mean) * (middle - mean);
            let next = total + increment;
            error += if next.is_infinite() {
                0.0
            } else if total.abs() >= increment.abs() {
                (total - next) + increment
            } else {
                (increment - next) + total
            };
            total = next;
        }
        (total + error) / self.count
    }
}

fn interpolate(bucket: &Bucket, fraction: f64, linear: bool) -> f64 {
    if linear {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let log_lower = bucket.lower.abs().log2();
    let log_upper = bucket.upper.abs().log2();
    if bucket.lower > 0.0 {
        (log_lower + (log_upper - log_lower) * fraction).exp2()
    } else {
        -(log_upper + (log_lower - log_upper) * (1.0 - fraction)).exp2()
    }
}
