//! Sums that keep what floats lose, quantiles, and Go's ways with numbers.

/// A running sum and the error that its additions have left (Neumaier's summation), as
/// Prometheus sums.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl Sum {
    pub(crate) const fn new(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    pub(crate) fn add(&mut self, increment: f64) {
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

    pub(crate) fn total(self) -> f64 {
        if self.value.is_infinite() { self.value } else { self.value + self.error }
    }
}

/// A running mean: a sum divided at the end, until that sum overflows; a mean that is corrected
/// by each further value from there on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mean {
    sum: Sum,
    count: f64,
    incremental: bool,
}

impl Mean {
    pub(crate) const fn new(first: f64) -> Self {
        Self { sum: Sum::new(first), count: 1.0, incremental: false }
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut next = self.sum;
            next.add(value);
            if !next.value.is_infinite() {
                self.sum = next;
                return;
            }
            self.incremental = true;
            self.sum.value /= self.count - 1.0;
            self.sum.error /= self.count - 1.0;
        }
        let keep = (self.count - 1.0) / self.count;
        self.sum.value *= keep;
        self.sum.error *= keep;
        self.sum.add(value / self.count);
    }

    pub(crate) fn mean(&self) -> f64 {
        if self.incremental {
            self.sum.value + self.sum.error
        } else {
            self.sum.value / self.count + self.sum.error / self.count
        }
    }
}

/// A running variance (Welford's method, with compensated sums).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: Sum,
    squares: Sum,
}

impl Variance {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - (self.mean.value + self.mean.error);
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - (self.mean.value + self.mean.error)));
    }

    pub(crate) fn variance(&self) -> f64 {
        (self.squares.value + self.squares.error) / self.count
    }
}

/// The `q`-quantile of `values`, interpolated between neighbours. NaNs sort first. Reorders
/// `values`.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| nan_first(*a, *b));
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = rank.floor().max(0.0);
    let upper = (lower as usize + 1).min(last);
    let weight = rank - rank.floor();
    values[lower as usize] * (1.0 - weight) + values[upper] * weight
}

/// Ascending, NaN before all.
pub(crate) fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// The larger one; NaN when one is NaN (Go's `math.Max`, unlike `f64::max`).
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a.is_infinite() && a > 0.0 || b.is_infinite() && b > 0.0 {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The smaller one; NaN when one is NaN.
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if a.is_infinite() && a < 0.0 || b.is_infinite() && b < 0.0 {
        return f64::NEG_INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

#[cfg(test)]
mod tests {
    use super::{Mean, Sum, Variance, max, quantile};

    #[test]
    fn sums_keep_what_floats_lose() {
        let mut sum = Sum::default();
        for value in [1.0, 1e100, 1.0, -1e100] {
            sum.add(value);
        }
        assert_eq!(sum.total(), 2.0);
    }

    #[test]
    fn means_do_not_overflow() {
        let mut mean = Mean::new(f64::MAX);
        mean.add(f64::MAX);
        mean.add(f64::MAX);
        assert!(mean.mean() > f64::MAX * 0.999_999);
    }

    #[test]
    fn variance_of_large_values_is_exact() {
        let mut variance = Variance::default();
        for value in [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0] {
            variance.add(value);
        }
        assert_eq!(variance.variance(), 22.5);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0, 2.0, 4.0]), 2.5);
        assert_eq!(quantile(-1.0, &mut [1.0]), f64::NEG_INFINITY);
        assert!(max(f64::NAN, 1.0).is_nan());
    }
}
