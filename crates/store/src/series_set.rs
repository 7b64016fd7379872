//! The series that a selection found, and reading their points.

use std::cell::RefCell;
use std::sync::Arc;

use hashbrown::HashTable;
use vigie_model::{Labels, Points, TimeRange};

use crate::head::Head;
use crate::parts::PartList;
use crate::points::{merge_tail, remove_ranges};
use crate::snapshot::Budget;
use crate::thin::{Keep, thin};
use crate::view::{Source, View};
use crate::{CompiledMatcher, StoreError};

thread_local! {
    /// Points of a series' next place, on their way to those of the places before.
    static LATER: RefCell<Points> = RefCell::default();
}

/// The series that a selection found; their points are decoded when asked for.
#[derive(Debug, Default)]
pub struct SeriesSet {
    series: Vec<Found>,
    sources: Vec<Source>,
    /// Kept when something is deleted from the tenant's parts.
    deleted: Option<Arc<PartList>>,
    /// One sample stays for each such interval; 0: all.
    dedup_ms: i64,
    /// What went wrong elsewhere.
    pub(crate) warnings: Vec<String>,
}

/// A series, and where its points are: places in `sources` and ids there, in the order of
/// `sources`. Most series are in one place, so the others are apart.
#[derive(Debug)]
struct Found {
    labels: Labels,
    first: (u32, u32),
    others: Vec<(u32, u32)>,
}

impl SeriesSet {
    /// The series of `view` that satisfy all `matchers` and may have points in `range`.
    pub(crate) fn collect(
        view: &View,
        matchers: &[CompiledMatcher],
        range: TimeRange,
        elsewhere: Vec<Head>,
    ) -> Result<Self, StoreError> {
        // What comes from elsewhere first: where both have a sample the store's counts.
        let borrowed = elsewhere.len();
        let mut sources: Vec<_> =
            elsewhere.into_iter().map(|head| Source::Head(Arc::new(head))).collect();
        sources.extend(view.sources(range));
        let has_deleted = !view.parts.tombstones.is_empty();
        let mut set = Self {
            series: Vec::new(),
            deleted: has_deleted.then(|| Arc::clone(&view.parts)),
            dedup_ms: view.dedup_ms,
            warnings: Vec::new(),
            sources,
        };
        let mut by_labels: HashTable<u32> = HashTable::new();
        for at in 0..set.sources.len() {
            // What was asked for elsewhere was selected there, perhaps by labels that the answer
            // does not repeat.
            let matchers = if at < borrowed { &[] } else { matchers };
            let found = set.sources[at].select(matchers, range)?;
            set.add(at as u32, found, &mut by_labels);
        }
        if has_deleted {
            set.leave_out_deleted(range)?;
        }
        Ok(set)
    }

    fn add(&mut self, source: u32, found: Vec<(u32, Labels)>, by_labels: &mut HashTable<u32>) {
        if self.sources.len() == 1
            || (self.series.is_empty() && source + 1 == self.sources.len() as u32)
        {
            let series = found.into_iter();
            self.series = series
                .map(|(id, labels)| Found { labels, first: (source, id), others: Vec::new() })
                .collect();
            return;
        }
        by_labels.reserve(found.len(), |at| self.series[*at as usize].labels.hash64());
        for (id, labels) in found {
            let hash = labels.hash64();
            let series = &self.series;
            if let Some(at) = by_labels.find(hash, |at| series[*at as usize].labels == labels) {
                self.series[*at as usize].others.push((source, id));
            } else {
                let at = self.series.len() as u32;
                by_labels.insert_unique(hash, at, |at| series[*at as usize].labels.hash64());
                self.series.push(Found { labels, first: (source, id), others: Vec::new() });
            }
        }
    }

    /// Removes series of which every point in `range` is deleted: to an asker they are not there.
    fn leave_out_deleted(&mut self, range: TimeRange) -> Result<(), StoreError> {
        let Some(list) = self.deleted.clone() else { return Ok(()) };
        let mut kept = Vec::with_capacity(self.series.len());
        let mut points = Points::default();
        for found in std::mem::take(&mut self.series) {
            let touched = list.tombstones.iter().any(|tombstone| tombstone.matches(&found.labels));
            if touched {
                points.clear();
                self.read_found(&found, range, &mut points)?;
            }
            if !touched || !points.is_empty() {
                kept.push(found);
            }
        }
        self.series = kept;
        Ok(())
    }

    /// What went wrong where samples may lie besides the store, for the asker.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Number of series.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether no series was found.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Labels of series `index`. Order of series is unspecified; no two have equal labels.
    pub fn labels(&self, index: usize) -> &Labels {
        &self.series[index].labels
    }

    /// Puts the points of series `index` within `range` into `points` (cleared first). May be
    /// called from several threads, for any series, any number of times.
    pub fn read(
        &self,
        index: usize,
        range: TimeRange,
        points: &mut Points,
        budget: &Budget,
    ) -> Result<(), StoreError> {
        points.clear();
        if let Some(found) = self.series.get(index) {
            self.read_found(found, range, points)?;
        }
        budget.take_samples(points.len() as u64)
    }

    fn read_found(
        &self,
        found: &Found,
        range: TimeRange,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        self.read_from(found, found.first, range, points)?;
        for place in &found.others {
            LATER.with_borrow_mut(|later| {
                later.clear();
                self.read_from(found, *place, range, later)?;
                merge_tail(points, 0, later);
                Ok::<_, StoreError>(())
            })?;
        }
        if self.dedup_ms > 0 {
            LATER.with_borrow_mut(|spare| thin(points, self.dedup_ms, Keep::default(), spare));
        }
        Ok(())
    }

    fn read_from(
        &self,
        found: &Found,
        (source, id): (u32, u32),
        range: TimeRange,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let Some(source) = self.sources.get(source as usize) else { return Ok(()) };
        let begin = points.len();
        source.read(id, range, points)?;
        if let (Some(list), Source::Part(part)) = (&self.deleted, source) {
            let ranges = list.deleted(part.row.id, &found.labels);
            if !ranges.is_empty() {
                remove_ranges(points, begin, &ranges);
            }
        }
        Ok(())
    }
}
