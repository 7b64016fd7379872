//! Keeping only the observations on one side of a value (`</` and `>/`).

use super::buckets::{cells, collapse};
use super::{Bucket, Histogram, Span};

#[derive(Clone, Copy)]
struct Trim {
    at: f64,
    /// Whether what lies above is removed, else what lies below.
    upper: bool,
    linear: bool,
}

/// What stays of a bucket: observations, and where they lie in the mean.
struct Kept {
    count: f64,
    middle: f64,
}

impl Histogram {
    /// Removes what is (estimated to be) above `at`.
    pub fn trim_upper(&mut self, at: f64) {
        self.trim(Trim { at, upper: true, linear: self.uses_custom_buckets() });
    }

    /// Removes what is (estimated to be) below `at`.
    pub fn trim_lower(&mut self, at: f64) {
        self.trim(Trim { at, upper: false, linear: self.uses_custom_buckets() });
    }

    fn trim(&mut self, trim: Trim) {
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let mut keep_side = |buckets: Vec<Bucket>, positive: bool| -> Vec<f64> {
            let kept = buckets.iter().map(|bucket| {
                if bucket.count == 0.0 {
                    return 0.0;
                }
                let kept = trim.keep(bucket, positive);
                count += kept.count;
                sum += kept.middle * kept.count;
                changed |= kept.count != bucket.count;
                kept.count
            });
            kept.collect()
        };
        let positive = keep_side(self.positive().collect(), true);
        let negative = keep_side(self.negative().collect(), false);
        let populated = |counts: &[f64]| counts.iter().any(|count| *count != 0.0);
        if self.zero_count > 0.0 {
            let sides = (populated(&self.negative_buckets), populated(&self.positive_buckets));
            let kept = trim.keep_zero(self.zero_bucket(), sides);
            count += kept.count;
            sum += kept.middle * kept.count;
            changed |= kept.count != self.zero_count;
            self.zero_count = kept.count;
        }
        if changed {
            let rebuild = |spans: &[Span], counts: &[f64]| collapse(cells(spans, counts));
            (self.positive_spans, self.positive_buckets) = rebuild(&self.positive_spans, &positive);
            (self.negative_spans, self.negative_buckets) = rebuild(&self.negative_spans, &negative);
            self.count = count;
            self.sum = sum;
        }
    }
}

impl Trim {
    fn keep(self, bucket: &Bucket, positive: bool) -> Kept {
        let (whole, cut) = if self.upper {
            (bucket.upper <= self.at, bucket.lower < self.at)
        } else {
            (bucket.lower >= self.at, bucket.upper > self.at)
        };
        if whole {
            let middle = self.middle(bucket.lower, bucket.upper, positive);
            return Kept { count: bucket.count, middle };
        }
        if !cut {
            return Kept { count: 0.0, middle: 0.0 };
        }
        if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
            return self.keep_of_infinite(bucket);
        }
        let below = bucket.count * bucket.fraction_below(self.at, self.linear);
        if self.upper {
            Kept { count: below, middle: self.middle(bucket.lower, self.at, positive) }
        } else {
            Kept {
                count: bucket.count - below,
                middle: self.middle(self.at, bucket.upper, positive),
            }
        }
    }

    /// The trim point lies within a bucket of infinite width. How observations lie in it is not
    /// known: the part towards infinity counts as all of it.
    fn keep_of_infinite(self, bucket: &Bucket) -> Kept {
        let nothing = Kept { count: 0.0, middle: 0.0 };
        let at = self.at;
        if bucket.lower == f64::NEG_INFINITY {
            // With a positive upper bound, observations are taken to be positive too.
            let positive = bucket.upper > 0.0 && bucket.upper.is_finite();
            return match (self.upper, positive) {
                (true, true) if at > 0.0 => {
                    Kept { count: bucket.count * at / bucket.upper, middle: at / 2.0 }
                }
                (true, false) if bucket.upper <= 0.0 => Kept { count: bucket.count, middle: at },
                (false, true) if at >= 0.0 => Kept {
                    count: bucket.count * (1.0 - at / bucket.upper),
                    middle: f64::midpoint(at, bucket.upper),
                },
                _ => nothing,
            };
        }
        if self.upper { nothing } else { Kept { count: bucket.count, middle: at } }
    }

    fn keep_zero(self, zero: Bucket, (has_negative, has_positive): (bool, bool)) -> Kept {
        let lower = if has_positive && !has_negative { 0.0 } else { zero.lower };
        let upper = if has_negative && !has_positive { 0.0 } else { zero.upper };
        let all = Kept { count: zero.count, middle: f64::midpoint(lower, upper) };
        let nothing = Kept { count: 0.0, middle: 0.0 };
        if self.at <= lower {
            return if self.upper { nothing } else { all };
        }
        if self.at >= upper {
            return if self.upper { all } else { nothing };
        }
        let (from, to) = if self.upper { (lower, self.at) } else { (self.at, upper) };
        let fraction = (to - from) / (upper - lower);
        Kept { count: zero.count * fraction, middle: f64::midpoint(from, to) }
    }

    fn middle(self, lower: f64, upper: f64, positive: bool) -> f64 {
        match (lower.is_infinite(), upper.is_infinite()) {
            (true, true) => 0.0,
            (true, false) if upper > 0.0 => upper / 2.0,
            (true, false) => upper,
            (false, true) => lower,
            (false, false) if self.linear => f64::midpoint(lower, upper),
            (false, false) => {
                let geometric = (lower * upper).abs().sqrt();
                if positive { geometric } else { -geometric }
            }
        }
    }
}
