//! Merges parts: compaction, and removal of what was deleted or has outlived its retention.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use vigie_model::{Exemplar, Labels, Points, TimeRange};

use super::builder::MetricPartBuilder;
use super::order::SortKey;
use super::reader::MetricPart;
use crate::StoreError;

/// Merges `parts` into `builder`. Of points at one time the one of the later part counts.
/// `dropped` gives the ranges of time that are deleted from a series; points outside `keep`
/// (retention) are left out. Holds one series of each part at a time.
pub fn merge(
    parts: &[MetricPart],
    dropped: &dyn Fn(&Labels) -> Vec<TimeRange>,
    keep: TimeRange,
    builder: &mut MetricPartBuilder,
) -> Result<(), StoreError> {
    merge_edited(parts, (dropped, &|_, _, _| ()), keep, builder)
}

/// What becomes of a series' points; the last argument is scratch.
pub(crate) type Thin<'a> = &'a dyn Fn(&Labels, &mut Points, &mut Points);

/// As [`merge`], and `thin` removes points besides.
pub(crate) fn merge_edited(
    parts: &[MetricPart],
    (dropped, thin): (&dyn Fn(&Labels) -> Vec<TimeRange>, Thin<'_>),
    keep: TimeRange,
    builder: &mut MetricPartBuilder,
) -> Result<(), StoreError> {
    let mut heap = BinaryHeap::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        if part.series() > 0 {
            heap.push(Reverse((SortKey::of(&part.labels(0)?), at, 0)));
        }
    }
    let mut merged = Points::default();
    let (mut later, mut spare) = (Points::default(), Points::default());
    while let Some(Reverse((key, first, id))) = heap.pop() {
        merged.clear();
        parts[first].read(id, keep, &mut merged)?;
        advance(&mut heap, parts, first, id)?;
        while let Some(Reverse((next, at, id))) = heap.peek()
            && *next == key
        {
            let (at, id) = (*at, *id);
            heap.pop();
            later.clear();
            parts[at].read(id, keep, &mut later)?;
            overlay(&mut merged, &later, &mut spare);
            advance(&mut heap, parts, at, id)?;
        }
        let deleted = dropped(key.labels());
        if !deleted.is_empty() {
            remove(&mut merged, &deleted, &mut spare);
        }
        thin(key.labels(), &mut merged, &mut spare);
        builder.add_series(key.labels(), &merged)?;
    }
    merge_extras(parts, dropped, keep, builder)
}

type Next = Reverse<(SortKey, usize, u32)>;

fn advance(
    heap: &mut BinaryHeap<Next>,
    parts: &[MetricPart],
    at: usize,
    id: u32,
) -> Result<(), StoreError> {
    if id + 1 < parts[at].series() {
        heap.push(Reverse((SortKey::of(&parts[at].labels(id + 1)?), at, id + 1)));
    }
    Ok(())
}

fn merge_extras(
    parts: &[MetricPart],
    dropped: &dyn Fn(&Labels) -> Vec<TimeRange>,
    keep: TimeRange,
    builder: &mut MetricPartBuilder,
) -> Result<(), StoreError> {
    let mut exemplars: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
    for part in parts {
        for (labels, list) in part.exemplars(&[], keep)? {
            exemplars.entry(labels).or_default().extend(list);
        }
        for (name, list) in part.metadata()? {
            for metadata in &list {
                builder.add_metadata(&name, metadata);
            }
        }
    }
    for (labels, mut list) in exemplars {
        let deleted = dropped(&labels);
        list.retain(|e| !deleted.iter().any(|range| range.contains(e.timestamp_ms)));
        builder.add_exemplars(&labels, &list);
    }
    Ok(())
}

/// Puts the points of `later` over those of `points`; `spare` is overwritten.
fn overlay(points: &mut Points, later: &Points, spare: &mut Points) {
    spare.clear();
    let (mut old, mut new) = (0, 0);
    while old < points.len() || new < later.len() {
        let old_time = points.timestamps_ms.get(old);
        let new_time = later.timestamps_ms.get(new);
        match (old_time, new_time) {
            (Some(a), Some(b)) if a < b => push(spare, points, &mut old),
            (Some(_), None) => push(spare, points, &mut old),
            (Some(a), Some(b)) if a == b => {
                old += 1;
                push(spare, later, &mut new);
            }
            _ => push(spare, later, &mut new),
        }
    }
    std::mem::swap(points, spare);
}

/// Removes the points in any of `ranges`; `spare` is overwritten.
fn remove(points: &mut Points, ranges: &[TimeRange], spare: &mut Points) {
    spare.clear();
    let mut at = 0;
    while let Some(time) = points.timestamps_ms.get(at) {
        if ranges.iter().any(|range| range.contains(*time)) {
            at += 1;
        } else {
            push(spare, points, &mut at);
        }
    }
    std::mem::swap(points, spare);
}

/// Appends point `at` of `from` to `to`, and counts `at` on.
fn push(to: &mut Points, from: &Points, at: &mut usize) {
    if let Some(histogram) = from.histogram_at(*at) {
        to.histograms.push((to.len() as u32, Arc::clone(histogram)));
    }
    let start = from.start_timestamp_ms(*at);
    if start != 0 || !to.start_timestamps_ms.is_empty() {
        to.start_timestamps_ms.resize(to.timestamps_ms.len(), 0);
        to.start_timestamps_ms.push(start);
    }
    to.timestamps_ms.push(from.timestamps_ms[*at]);
    to.values.push(from.values[*at]);
    *at += 1;
}
