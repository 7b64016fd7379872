//! Quantiles and fractions of classic histograms: cumulative counts by upper bound.

/// A bucket of a classic histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ClassicBucket {
    pub(crate) upper: f64,
    /// Observations up to `upper`.
    pub(crate) count: f64,
}

/// What had to be changed so that counts do not fall from bucket to bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Forced {
    pub(crate) bucket_min: f64,
    pub(crate) bucket_max: f64,
    pub(crate) difference_max: f64,
}

/// Differences this small, relative to the counts, are errors of floating point.
const TOLERANCE: f64 = 1e-12;

/// The `q`-quantile, interpolated linearly within a bucket. Reorders `buckets`, which are not
/// empty.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<ClassicBucket>) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !order(buckets) {
        return (f64::NAN, None);
    }
    let forced = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, forced);
    }
    let rank = q * observations;
    // Not a partition point in Rust's sense when counts are NaN: search as the original does.
    let at = first_reaching(&buckets[..last], rank);
    let value = if at == last {
        buckets[last - 1].upper
    } else if at == 0 && buckets[0].upper <= 0.0 {
        buckets[0].upper
    } else {
        let before = match at.checked_sub(1) {
            Some(before) => buckets[before],
            None => ClassicBucket { upper: 0.0, count: 0.0 },
        };
        let share = (rank - before.count) / (buckets[at].count - before.count);
        before.upper + (buckets[at].upper - before.upper) * share
    };
    (value, forced)
}

fn first_reaching(buckets: &[ClassicBucket], rank: f64) -> usize {
    let (mut from, mut to) = (0, buckets.len());
    while from < to {
        let middle = usize::midpoint(from, to);
        if buckets[middle].count >= rank {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

/// The fraction of observations between two values.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<ClassicBucket>) -> f64 {
    if !order(buckets) {
        return f64::NAN;
    }
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |value: f64| rank_of(value, buckets).filter(|rank| *rank <= count).unwrap_or(count);
    (rank(upper) - rank(lower)) / count
}

/// How many observations lie below `value`; `None` when it lies above all buckets.
fn rank_of(value: f64, buckets: &[ClassicBucket]) -> Option<f64> {
    let mut lower = if buckets[0].upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut rank = 0.0;
    for bucket in buckets {
        if lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            if lower == f64::NEG_INFINITY {
                // The width is infinite, so that nothing can be interpolated.
                return Some(bucket.count);
            }
            return Some(rank + (bucket.count - rank) * (value - lower) / (bucket.upper - lower));
        }
        lower = bucket.upper;
        rank = bucket.count;
    }
    None
}

/// Sorts by bound and adds up buckets of the same bound; false when there is no +Inf bucket.
fn order(buckets: &mut Vec<ClassicBucket>) -> bool {
    buckets.sort_by(|a, b| a.upper.partial_cmp(&b.upper).unwrap_or(std::cmp::Ordering::Equal));
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
    true
}

fn make_monotonic(buckets: &mut [ClassicBucket]) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut previous = buckets.first()?.count;
    for bucket in &mut buckets[1..] {
        if bucket.count == previous {
            continue;
        }
        if nearly_equal(previous, bucket.count) {
            bucket.count = previous;
        } else if bucket.count < previous {
            let difference = previous - bucket.count;
            bucket.count = previous;
            let so_far = forced.unwrap_or(Forced {
                bucket_min: f64::INFINITY,
                bucket_max: f64::NEG_INFINITY,
                difference_max: 0.0,
            });
            forced = Some(Forced {
                bucket_min: so_far.bucket_min.min(bucket.upper),
                bucket_max: so_far.bucket_max.max(bucket.upper),
                difference_max: so_far.difference_max.max(difference),
            });
        } else {
            previous = bucket.count;
        }
    }
    forced
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::{ClassicBucket, fraction, quantile};

    fn buckets(pairs: &[(f64, f64)]) -> Vec<ClassicBucket> {
        pairs.iter().map(|(upper, count)| ClassicBucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let pairs = [(1.0, 10.0), (2.0, 20.0), (f64::INFINITY, 20.0)];
        assert_eq!(quantile(0.75, &mut buckets(&pairs)), (1.5, None));
        assert_eq!(quantile(1.1, &mut buckets(&pairs)), (f64::INFINITY, None));
        assert!(quantile(0.5, &mut buckets(&pairs[..2])).0.is_nan());
        assert_eq!(fraction(0.0, 1.5, &mut buckets(&pairs)), 0.75);
    }

    #[test]
    fn falling_counts_are_lifted_and_told() {
        let pairs = [(1.0, 10.0), (2.0, 8.0), (4.0, 20.0), (f64::INFINITY, 20.0)];
        let (value, forced) = quantile(0.75, &mut buckets(&pairs));
        assert_eq!(value, 3.0);
        let forced = forced.expect("it was forced");
        assert_eq!((forced.bucket_min, forced.difference_max), (2.0, 2.0));
    }
}
