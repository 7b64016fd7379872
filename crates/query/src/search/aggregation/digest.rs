//! Quantiles of many numbers in little memory: a merging t-digest.
//!
//! Source: Dunning and Ertl, "Computing Extremely Accurate Quantiles Using t-Digests" (2019).
//! Small sets are exact, as in Elasticsearch.

/// Numbers kept before they are merged; so many are exact.
const BUFFER: usize = 8_192;
/// Centroids for each unit of compression: quantiles of latencies lie in thin tails.
const FINENESS: f64 = 5.0;

/// A digest.
#[derive(Debug, Clone, Default)]
pub(super) struct Digest {
    centroids: Vec<(f64, f64)>,
    buffer: Vec<f64>,
    count: f64,
    least: f64,
    greatest: f64,
}

impl Digest {
    pub(super) fn add(&mut self, value: f64) {
        if self.count == 0.0 {
            (self.least, self.greatest) = (value, value);
        }
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.count += 1.0;
        self.buffer.push(value);
    }

    /// Merges what is buffered when it is much. `compression` bounds the number of centroids.
    pub(super) fn compact(&mut self, compression: f64) {
        if self.buffer.len() >= BUFFER {
            self.merge(compression);
        }
    }

    pub(super) fn merge(&mut self, compression: f64) {
        if self.buffer.is_empty() {
            return;
        }
        let mut points = std::mem::take(&mut self.centroids);
        points.extend(self.buffer.drain(..).map(|value| (value, 1.0)));
        points.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        if self.count <= BUFFER as f64 {
            self.centroids = points;
            return;
        }
        let compression = compression * FINENESS;
        let total: f64 = points.iter().map(|point| point.1).sum();
        let mut merged: Vec<(f64, f64)> = Vec::with_capacity(compression as usize * 2);
        let mut before = 0.0;
        let mut limit = next_limit(0.0, compression) * total;
        for (mean, weight) in points {
            match merged.last_mut() {
                Some(last) if before + last.1 + weight <= limit => {
                    last.1 += weight;
                    last.0 += (mean - last.0) * weight / last.1;
                }
                Some(last) => {
                    before += last.1;
                    limit = next_limit(before / total, compression) * total;
                    merged.push((mean, weight));
                }
                None => merged.push((mean, weight)),
            }
        }
        self.centroids = merged;
    }

    /// The value below which the part `quantile` of all lies; `None` without values.
    pub(super) fn quantile(&self, quantile: f64) -> Option<f64> {
        let first = self.centroids.first()?;
        let index = quantile * self.count;
        if index < 1.0 {
            return Some(self.least);
        }
        if first.1 > 1.0 && index < first.1 / 2.0 {
            return Some(
                self.least
                    + (index - 1.0) / (first.1 / 2.0 - 1.0).max(1.0) * (first.0 - self.least),
            );
        }
        if index > self.count - 1.0 {
            return Some(self.greatest);
        }
        let mut at = first.1 / 2.0;
        for pair in self.centroids.windows(2) {
            let [(left, left_weight), (right, right_weight)] = *pair else { continue };
            let step = f64::midpoint(left_weight, right_weight);
            if at + step > index {
                // A single value stands for itself and not for a mean between its neighbours.
                if left_weight == 1.0 && index - at < 0.5 {
                    return Some(left);
                }
                if right_weight == 1.0 && at + step - index <= 0.5 {
                    return Some(right);
                }
                let part = (index - at) / step;
                return Some(left + part * (right - left));
            }
            at += step;
        }
        Some(self.greatest)
    }

    /// The part of all values that are at most `value`.
    pub(super) fn rank(&self, value: f64) -> Option<f64> {
        self.centroids.first()?;
        if value < self.least {
            return Some(0.0);
        }
        if value >= self.greatest {
            return Some(1.0);
        }
        let mut below = 0.0;
        let mut previous = self.least;
        for (mean, weight) in &self.centroids {
            if *mean > value {
                let width = mean - previous;
                let part = if width > 0.0 { (value - previous) / width } else { 0.0 };
                return Some((below + part * weight / 2.0) / self.count);
            }
            below += weight;
            previous = *mean;
        }
        Some(below / self.count)
    }
}

/// The greatest share of the whole that a centroid beginning at `from` may end at (scale k1).
fn next_limit(from: f64, compression: f64) -> f64 {
    let half_turn = std::f64::consts::FRAC_PI_2;
    let k = compression / (2.0 * std::f64::consts::PI) * (2.0 * from - 1.0).asin();
    let angle = ((k + 1.0) * 2.0 * std::f64::consts::PI / compression).min(half_turn);
    f64::midpoint(angle.sin(), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near() {
        let mut digest = Digest::default();
        let count = 100_000_u32;
        for at in 0..count {
            digest.add(f64::from(at.wrapping_mul(2_654_435_761) % count));
            digest.compact(100.0);
        }
        digest.merge(100.0);
        for quantile in [0.01, 0.25, 0.5, 0.95, 0.99, 0.999] {
            let found = digest.quantile(quantile).unwrap() / f64::from(count);
            assert!((found - quantile).abs() < 0.01, "{quantile} {found}");
            let rank = digest.rank(quantile * f64::from(count)).unwrap();
            assert!((rank - quantile).abs() < 0.01, "{quantile} {rank}");
        }
        assert!(digest.centroids.len() < 1_500, "{}", digest.centroids.len());
    }

    #[test]
    fn few_values_are_exact() {
        let mut digest = Digest::default();
        for value in [1.0, 2.0, 3.0] {
            digest.add(value);
        }
        digest.merge(100.0);
        assert_eq!(digest.quantile(0.5), Some(2.0));
        assert_eq!(digest.quantile(0.0), Some(1.0));
        assert_eq!(digest.quantile(1.0), Some(3.0));
        assert_eq!(Digest::default().quantile(0.5), None);
    }
}
