//! Joining points of one series from several places.

use std::sync::Arc;

use vigie_model::Points;

/// Merges `other` into the points of `points` from index `begin` on. Both ascend; of two points
/// at one time the one that is in `points` stays.
pub(crate) fn merge_tail(points: &mut Points, begin: usize, other: &Points) {
    let (Some(first), false) = (other.timestamps_ms.first(), other.is_empty()) else { return };
    if points.len() == begin || points.timestamps_ms.last().is_none_or(|last| last < first) {
        append_range(points, other, 0, other.len());
        return;
    }
    let old = split_off(points, begin);
    let (mut a, mut b) = (0, 0);
    while let (Some(x), Some(y)) = (old.timestamps_ms.get(a), other.timestamps_ms.get(b)) {
        if x <= y {
            append_range(points, &old, a, a + 1);
            b += usize::from(x == y);
            a += 1;
        } else {
            append_range(points, other, b, b + 1);
            b += 1;
        }
    }
    append_range(points, &old, a, old.len());
    append_range(points, other, b, other.len());
}

/// Takes the points from index `begin` on out of `points`.
fn split_off(points: &mut Points, begin: usize) -> Points {
    let histograms_from = points.histograms.partition_point(|(at, _)| (*at as usize) < begin);
    let starts_from = begin.min(points.start_timestamps_ms.len());
    let mut taken = Points {
        timestamps_ms: points.timestamps_ms.split_off(begin),
        values: points.values.split_off(begin.min(points.values.len())),
        start_timestamps_ms: points.start_timestamps_ms.split_off(starts_from),
        histograms: points.histograms.split_off(histograms_from),
    };
    for (at, _) in &mut taken.histograms {
        *at -= begin as u32;
    }
    taken
}

/// Appends points `from .. to` of `other`.
fn append_range(points: &mut Points, other: &Points, from: usize, to: usize) {
    let (Some(times), Some(values)) =
        (other.timestamps_ms.get(from..to), other.values.get(from..to))
    else {
        return;
    };
    let begin = points.len();
    if !other.start_timestamps_ms.is_empty() || !points.start_timestamps_ms.is_empty() {
        points.start_timestamps_ms.resize(begin, 0);
        match other.start_timestamps_ms.get(from..to) {
            Some(starts) => points.start_timestamps_ms.extend_from_slice(starts),
            None => points.start_timestamps_ms.resize(begin + times.len(), 0),
        }
    }
    points.timestamps_ms.extend_from_slice(times);
    points.values.extend_from_slice(values);
    let histograms_from = other.histograms.partition_point(|(at, _)| (*at as usize) < from);
    for (at, histogram) in other.histograms.get(histograms_from..).unwrap_or(&[]) {
        if *at as usize >= to {
            break;
        }
        let at = begin as u32 + at - from as u32;
        points.histograms.push((at, Arc::clone(histogram)));
    }
}

/// Removes the points within any of `ranges` from index `begin` on.
pub(crate) fn remove_ranges(points: &mut Points, begin: usize, ranges: &[vigie_model::TimeRange]) {
    let touched = points.timestamps_ms.get(begin..).unwrap_or(&[]).iter();
    if !touched.clone().any(|time| ranges.iter().any(|range| range.contains(*time))) {
        return;
    }
    let old = split_off(points, begin);
    for (at, time) in old.timestamps_ms.iter().enumerate() {
        if !ranges.iter().any(|range| range.contains(*time)) {
            append_range(points, &old, at, at + 1);
        }
    }
}
