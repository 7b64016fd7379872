//! One series of a head: its points.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use vigie_model::{Exemplar, Histogram, Labels, Points, TimeRange, is_stale_nan};

use super::columns::{Columns, Run};
use crate::wal::SegmentName;

/// Exemplars kept for a series; older ones are forgotten.
pub(super) const EXEMPLARS_MAX: usize = 32;

/// A point on its way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewPoint<'a> {
    pub(super) time_ms: i64,
    pub(super) start_ms: i64,
    pub(super) value: f64,
    pub(super) histogram: Option<&'a Arc<Histogram>>,
}

/// What became of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is in, and takes this many bytes more.
    Taken(usize),
    /// It was there already.
    Same,
    /// Another value is at its time.
    Conflict,
}

/// A series: labels, and points in order of time as a constant followed by a tail. Most series
/// of a host never change, so the constant is all that they need.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    /// The log's segment in which this series was last defined.
    pub(super) defined_in: Option<SegmentName>,
    run: Run,
    first: f64,
    constant_length: u32,
    start_ms: i64,
    tail: Vec<f64>,
    extra: Option<Box<Extra>>,
}

/// What few series have.
#[derive(Debug, Default)]
struct Extra {
    /// Runs before the current one, with the index of each one's first point.
    runs: Vec<(u32, Run)>,
    /// Start timestamps from a point on, where they differ from the series' first.
    starts: Vec<(u32, i64)>,
    histograms: Vec<(u32, Arc<Histogram>)>,
    /// Points that came after a later one, by time. A tree, so that backfill in descending
    /// order does not cost the square of its size.
    late: BTreeMap<i64, LatePoint>,
    exemplars: Vec<Exemplar>,
}

#[derive(Debug, Clone)]
struct LatePoint {
    start_ms: i64,
    value: f64,
    histogram: Option<Arc<Histogram>>,
}

impl Series {
    pub(super) fn new(labels: Labels) -> Self {
        Self {
            labels,
            defined_in: None,
            run: Run::default(),
            first: 0.0,
            constant_length: 0,
            start_ms: 0,
            tail: Vec::new(),
            extra: None,
        }
    }

    /// Puts a point where it belongs.
    pub(super) fn append(&mut self, columns: &mut Columns, point: NewPoint<'_>) -> Outcome {
        let last = columns.times(self.run).last().copied();
        match last {
            Some(last) if point.time_ms == last => self.compare(self.len() - 1, point),
            Some(last) if point.time_ms < last => self.append_late(columns, point),
            _ => self.append_last(columns, point, last.is_none()),
        }
    }

    #[inline]
    fn append_last(
        &mut self,
        columns: &mut Columns,
        point: NewPoint<'_>,
        is_first: bool,
    ) -> Outcome {
        let index = self.len();
        if is_first {
            self.run = columns.begin(point.time_ms);
            self.start_ms = point.start_ms;
            self.first = point.value;
        } else if !columns.extend(&mut self.run, point.time_ms) {
            let first_of_run = index - self.run.length;
            let ended = std::mem::replace(&mut self.run, columns.begin(point.time_ms));
            self.extra().runs.push((first_of_run, ended));
        }
        if point.start_ms != self.start_ms_at_end() {
            self.extra().starts.push((index, point.start_ms));
        }
        if let Some(histogram) = point.histogram {
            self.extra().histograms.push((index, Arc::clone(histogram)));
        }
        if self.tail.is_empty() && point.value.to_bits() == self.first.to_bits() {
            self.constant_length += 1;
            return Outcome::Taken(point.histogram.map_or(0, |h| histogram_bytes(h)));
        }
        if self.tail.len() == self.tail.capacity() {
            // Doubling wastes a quarter on average; this wastes a tenth.
            self.tail.reserve_exact((self.tail.len() / 4).max(4));
        }
        self.tail.push(point.value);
        Outcome::Taken(8 + point.histogram.map_or(0, |h| histogram_bytes(h)))
    }

    fn append_late(&mut self, columns: &Columns, point: NewPoint<'_>) -> Outcome {
        if let Some(index) = self.find(columns, point.time_ms) {
            return self.compare(index, point);
        }
        match self.extra().late.entry(point.time_ms) {
            Entry::Occupied(there) => {
                let there = there.get();
                outcome(there.value, there.histogram.as_ref(), point)
            }
            Entry::Vacant(place) => {
                place.insert(LatePoint {
                    start_ms: point.start_ms,
                    value: point.value,
                    histogram: point.histogram.map(Arc::clone),
                });
                let bytes = point.histogram.map_or(0, |h| histogram_bytes(h));
                Outcome::Taken(size_of::<LatePoint>() + 16 + bytes)
            }
        }
    }

    fn compare(&self, index: u32, point: NewPoint<'_>) -> Outcome {
        outcome(self.value(index), self.histogram(index), point)
    }

    /// Points in order of time, late ones not counted.
    fn len(&self) -> u32 {
        self.constant_length + self.tail.len() as u32
    }

    fn value(&self, index: u32) -> f64 {
        let at = index.checked_sub(self.constant_length);
        at.and_then(|at| self.tail.get(at as usize)).copied().unwrap_or(self.first)
    }

    fn histogram(&self, index: u32) -> Option<&Arc<Histogram>> {
        let histograms = &self.extra.as_ref()?.histograms;
        let at = histograms.binary_search_by_key(&index, |(at, _)| *at).ok()?;
        histograms.get(at).map(|(_, histogram)| histogram)
    }

    fn start_ms_at_end(&self) -> i64 {
        let last = self.extra.as_ref().and_then(|extra| extra.starts.last());
        last.map_or(self.start_ms, |(_, start_ms)| *start_ms)
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// All runs with the index of each one's first point.
    fn runs(&self) -> impl Iterator<Item = (u32, Run)> + '_ {
        let ended = self.extra.as_ref().map_or(&[][..], |extra| &extra.runs);
        ended.iter().copied().chain([(self.len() - self.run.length, self.run)])
    }

    fn find(&self, columns: &Columns, time_ms: i64) -> Option<u32> {
        self.runs().find_map(|(first, run)| {
            let at = columns.times(run).binary_search(&time_ms).ok()?;
            Some(first + at as u32)
        })
    }

    /// Keeps an exemplar, and forgets the oldest when there are too many. Whether it is new.
    pub(super) fn add_exemplar(&mut self, exemplar: &Exemplar) -> bool {
        let exemplars = &mut self.extra().exemplars;
        if exemplars.contains(exemplar) {
            return false;
        }
        let at = exemplars.partition_point(|there| there.timestamp_ms <= exemplar.timestamp_ms);
        exemplars.insert(at, exemplar.clone());
        if exemplars.len() > EXEMPLARS_MAX {
            exemplars.remove(0);
        }
        true
    }

    /// Exemplars, ascending by time.
    pub(super) fn exemplars(&self) -> &[Exemplar] {
        self.extra.as_ref().map_or(&[], |extra| &extra.exemplars)
    }

    /// Times of the first and the last point.
    pub(super) fn range(&self, columns: &Columns) -> Option<TimeRange> {
        let last = *columns.times(self.run).last()?;
        let Some(extra) = &self.extra else {
            return Some(TimeRange::new(*columns.times(self.run).first()?, last));
        };
        let (_, first_run) = self.runs().next()?;
        let first = *columns.times(first_run).first()?;
        let late = extra.late.first_key_value().map_or(first, |(time_ms, _)| *time_ms);
        Some(TimeRange::new(first.min(late), last))
    }

    /// Appends the points in `range` to `points`.
    pub(super) fn read(&self, columns: &Columns, range: TimeRange, points: &mut Points) {
        let begin = points.len();
        for (first, run) in self.runs() {
            self.read_run(columns.times(run), first, range, points);
        }
        if let Some(extra) = self.extra.as_ref().filter(|extra| !extra.late.is_empty())
            && !range.is_empty()
        {
            merge_late(extra.late.range(range.start_ms..=range.end_ms), begin, points);
        }
    }

    fn read_run(&self, times: &[i64], first: u32, range: TimeRange, points: &mut Points) {
        let from = times.partition_point(|time| *time < range.start_ms);
        let to = times.partition_point(|time| *time <= range.end_ms);
        let Some(times) = times.get(from..to).filter(|times| !times.is_empty()) else { return };
        let (from, to) = (first + from as u32, first + to as u32);
        let begin = points.len();
        points.timestamps_ms.extend_from_slice(times);
        let constant = self.constant_length.clamp(from, to) - from;
        points.values.resize(begin + constant as usize, self.first);
        let tail_from = (from + constant).saturating_sub(self.constant_length) as usize;
        let tail_to = to.saturating_sub(self.constant_length) as usize;
        points.values.extend_from_slice(self.tail.get(tail_from..tail_to).unwrap_or(&[]));
        self.read_starts(from, to, begin, points);
        if let Some(extra) = &self.extra {
            let from_at = extra.histograms.partition_point(|(at, _)| *at < from);
            let histograms = extra.histograms.get(from_at..).unwrap_or(&[]);
            for (at, histogram) in histograms.iter().take_while(|(at, _)| *at < to) {
                points.histograms.push((begin as u32 + at - from, Arc::clone(histogram)));
            }
        }
    }

    fn read_starts(&self, from: u32, to: u32, begin: usize, points: &mut Points) {
        let changes = self.extra.as_ref().map_or(&[][..], |extra| &extra.starts);
        if self.start_ms == 0 && changes.is_empty() && points.start_timestamps_ms.is_empty() {
            return;
        }
        points.start_timestamps_ms.resize(begin, 0);
        let mut start_ms = self.start_ms;
        let mut changes = changes.iter().peekable();
        for index in from..to {
            while let Some((_, changed)) = changes.next_if(|(at, _)| *at <= index) {
                start_ms = *changed;
            }
            points.start_timestamps_ms.push(start_ms);
        }
    }
}

fn outcome(value: f64, histogram: Option<&Arc<Histogram>>, point: NewPoint<'_>) -> Outcome {
    let same = match (histogram, point.histogram) {
        (None, None) => value.to_bits() == point.value.to_bits(),
        (Some(there), Some(new)) => same_histogram(there, new),
        _ => false,
    };
    // A stale marker only says that nothing was seen; what was seen at that time counts.
    if same || (point.histogram.is_none() && is_stale_nan(point.value)) {
        Outcome::Same
    } else {
        Outcome::Conflict
    }
}

/// Equal, with NaN sums (stale markers) being equal by their bits.
fn same_histogram(a: &Arc<Histogram>, b: &Arc<Histogram>) -> bool {
    if Arc::ptr_eq(a, b) || a == b {
        return true;
    }
    if !a.sum.is_nan() || a.sum.to_bits() != b.sum.to_bits() {
        return false;
    }
    Histogram { sum: 0.0, ..Histogram::clone(a) } == Histogram { sum: 0.0, ..Histogram::clone(b) }
}

/// Memory that a histogram takes, roughly.
fn histogram_bytes(histogram: &Histogram) -> usize {
    size_of::<Histogram>()
        + 8 * (histogram.positive_spans.len() + histogram.negative_spans.len())
        + 8 * (histogram.positive_buckets.len() + histogram.negative_buckets.len())
}

/// Merges `late` into the points from `begin` on; no time is in both.
fn merge_late<'a>(
    late: impl Iterator<Item = (&'a i64, &'a LatePoint)>,
    begin: usize,
    points: &mut Points,
) {
    let mut other = Points::default();
    for (time_ms, point) in late {
        if let Some(histogram) = &point.histogram {
            other.histograms.push((other.len() as u32, Arc::clone(histogram)));
        }
        other.timestamps_ms.push(*time_ms);
        other.values.push(point.value);
        other.start_timestamps_ms.push(point.start_ms);
    }
    if other.start_timestamps_ms.iter().all(|start_ms| *start_ms == 0) {
        other.start_timestamps_ms.clear();
    }
    crate::points::merge_tail(points, begin, &other);
}
