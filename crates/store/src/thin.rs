//! Fewer points: one for each interval of time.
//!
//! Interval number `n` holds the times `(n - 1) * every < time <= n * every`, so that a point is
//! never later than the end that stands for it. The last point of an interval stays with its own
//! time, and besides it what functions of PromQL need to stay right: see [`Keep`].

use std::sync::Arc;

use vigie_model::{Points, is_stale_nan};

/// What stays besides the last point of an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    /// The points before and after each decrease: the series is a counter, and what it counted
    /// before and after a reset must stay countable.
    pub(crate) resets: bool,
    /// The first points with the smallest and the largest value.
    pub(crate) extremes: bool,
}

/// Removes from `points`, which ascend, what need not stay. `spare` is overwritten.
pub(crate) fn thin(points: &mut Points, every_ms: i64, keep: Keep, spare: &mut Points) {
    if every_ms <= 1 || points.len() < 2 {
        return;
    }
    spare.clear();
    let mut from = 0;
    while let Some(first) = points.timestamps_ms.get(from) {
        let interval = interval_of(*first, every_ms);
        let rest = points.timestamps_ms.get(from..).unwrap_or(&[]);
        let length = rest.partition_point(|time| interval_of(*time, every_ms) == interval);
        for at in from..from + length {
            if stays(points, from..from + length, at, keep) {
                copy(points, at, spare);
            }
        }
        from += length.max(1);
    }
    if spare.len() < points.len() {
        std::mem::swap(points, spare);
    }
}

fn interval_of(time_ms: i64, every_ms: i64) -> i64 {
    time_ms.saturating_sub(1).div_euclid(every_ms)
}

/// Whether point `at` of the interval `range` stays.
fn stays(points: &Points, range: std::ops::Range<usize>, at: usize, keep: Keep) -> bool {
    let is_stale = |at: usize| points.values.get(at).is_some_and(|value| is_stale_nan(*value));
    let is_last_value = |at: usize| !is_stale(at) && (at + 1..range.end).all(is_stale);
    // A marker that ends an interval says that the series ended there.
    if at + 1 == range.end || is_last_value(at) {
        return true;
    }
    if points.histogram_at(at).is_some() || is_stale(at) {
        return false;
    }
    let value = points.values.get(at).copied().unwrap_or(f64::NAN);
    if keep.resets {
        let value_at = |at: usize| points.values.get(at).copied();
        let next = (at + 1..points.len()).find(|at| !is_stale(*at)).and_then(value_at);
        let before = (0..at).rev().find(|at| !is_stale(*at)).and_then(value_at);
        if next.is_some_and(|next| next < value) || before.is_some_and(|before| value < before) {
            return true;
        }
    }
    keep.extremes
        && (is_extreme(points, range.clone(), at, |a, b| a < b)
            || is_extreme(points, range, at, |a, b| a > b))
}

/// Whether no other value of the interval comes before this one, nor an equal one earlier.
fn is_extreme(
    points: &Points,
    range: std::ops::Range<usize>,
    at: usize,
    before: impl Fn(f64, f64) -> bool,
) -> bool {
    let Some(value) = points.values.get(at).copied().filter(|value| !value.is_nan()) else {
        return false;
    };
    let values = points.values.get(range.clone()).unwrap_or(&[]).iter().enumerate();
    !values.into_iter().any(|(offset, other)| {
        before(*other, value) || (*other == value && range.start + offset < at)
    })
}

fn copy(from: &Points, at: usize, to: &mut Points) {
    if let Some(histogram) = from.histogram_at(at) {
        to.histograms.push((to.len() as u32, Arc::clone(histogram)));
    }
    let start = from.start_timestamp_ms(at);
    if start != 0 || !to.start_timestamps_ms.is_empty() {
        to.start_timestamps_ms.resize(to.timestamps_ms.len(), 0);
        to.start_timestamps_ms.push(start);
    }
    if let (Some(time), Some(value)) = (from.timestamps_ms.get(at), from.values.get(at)) {
        to.timestamps_ms.push(*time);
        to.values.push(*value);
    }
}

/// Whether a metric of this name is a counter by the conventions of its name.
pub(crate) fn is_counter_name(name: &str) -> bool {
    ["_total", "_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_model::stale_nan;

    fn points(values: &[f64]) -> Points {
        let mut points = Points::default();
        for (at, value) in values.iter().enumerate() {
            points.timestamps_ms.push((at as i64 + 1) * 10);
            points.values.push(*value);
        }
        points
    }

    fn thinned(values: &[f64], keep: Keep) -> Vec<(i64, f64)> {
        let mut points = points(values);
        thin(&mut points, 40, keep, &mut Points::default());
        points.timestamps_ms.into_iter().zip(points.values).collect()
    }

    #[test]
    fn the_last_point_of_each_interval_stays() {
        let last = Keep::default();
        assert_eq!(thinned(&[1.0, 2.0, 3.0, 4.0, 5.0], last), [(40, 4.0), (50, 5.0)]);
        let stale = stale_nan();
        // A marker in between says nothing any more; at the end it says that the series ended.
        assert_eq!(thinned(&[1.0, stale, 3.0, 4.0], last), [(40, 4.0)]);
        let ended = thinned(&[1.0, 2.0, stale, stale], last);
        assert_eq!(ended[0], (20, 2.0));
        assert!(ended[1].0 == 40 && is_stale_nan(ended[1].1));
    }

    #[test]
    fn what_a_counter_grew_by_stays_the_same() {
        let values = [10.0, 40.0, 5.0, 7.0, 100.0, 1.0, 2.0, 1.5, 3.0];
        let grown = |points: &[(i64, f64)]| {
            let mut sum = 0.0;
            for pair in points.windows(2) {
                let (before, now) = (pair[0].1, pair[1].1);
                sum += if now < before { now } else { now - before };
            }
            sum
        };
        let all: Vec<_> = (1..).map(|at| at * 10).zip(values).collect();
        let kept = thinned(&values, Keep { resets: true, extremes: false });
        // Up to the first point that stays nothing is known, as at the begin of any range.
        let from = all.iter().position(|point| *point == kept[0]).unwrap();
        assert_eq!(grown(&kept), grown(&all[from..]), "{kept:?}");
        assert!(kept.len() < values.len());
    }

    #[test]
    fn extremes_stay_when_asked_for() {
        let kept = thinned(&[5.0, 9.0, -1.0, 4.0], Keep { resets: false, extremes: true });
        assert_eq!(kept, [(20, 9.0), (30, -1.0), (40, 4.0)]);
        let kept = thinned(&[5.0, 5.0, 5.0, 5.0], Keep { resets: false, extremes: true });
        assert_eq!(kept, [(10, 5.0), (40, 5.0)]);
    }

    #[test]
    fn thinning_twice_changes_nothing_more() {
        for keep in [
            Keep::default(),
            Keep { resets: true, extremes: false },
            Keep { resets: true, extremes: true },
        ] {
            let values: Vec<f64> = (0..97).map(|at| f64::from(at * 7919 % 101)).collect();
            let mut once = points(&values);
            thin(&mut once, 40, keep, &mut Points::default());
            let mut twice = once.clone();
            thin(&mut twice, 40, keep, &mut Points::default());
            assert_eq!(once.timestamps_ms, twice.timestamps_ms, "{keep:?}");
        }
    }
}
