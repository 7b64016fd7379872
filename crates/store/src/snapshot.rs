//! A consistent view of one tenant's data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use vigie_model::{Exemplar, Labels, Matcher, Metadata, Points, TimeRange};

use crate::{CompiledMatcher, StoreError};

/// What a query may take. One budget is shared by all reads of a query.
#[derive(Debug)]
pub struct Budget {
    samples_left: AtomicU64,
    cancelled: AtomicBool,
}

impl Budget {
    /// At most `samples_max` samples may be read.
    pub fn new(samples_max: u64) -> Self {
        Self { samples_left: AtomicU64::new(samples_max), cancelled: AtomicBool::new(false) }
    }

    /// Ends the query at its next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// An error once [`cancel`](Self::cancel) was called.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(StoreError::Cancelled) } else { Ok(()) }
    }

    /// Takes `samples` from the budget, and checks for cancellation.
    pub fn take_samples(&self, samples: u64) -> Result<(), StoreError> {
        self.check()?;
        let enough = self
            .samples_left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(samples));
        if enough.is_ok() { Ok(()) } else { Err(StoreError::TooManySamples) }
    }
}

/// Which series of which time.
#[derive(Debug, Clone, Copy)]
pub struct Select<'a> {
    /// All must hold.
    pub matchers: &'a [Matcher],
    /// Series without a point in the range may be left out.
    pub range: TimeRange,
}

/// The series that a selection found; their points are decoded when asked for.
#[derive(Debug, Default)]
pub struct SeriesSet {
    pub(crate) series: Vec<(Labels, Arc<Points>)>,
}

impl SeriesSet {
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
        &self.series[index].0
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
        let from = &self.series[index].1;
        for at in 0..from.len() {
            if range.contains(from.timestamps_ms[at]) {
                if let Some(histogram) = from.histogram_at(at) {
                    points.histograms.push((points.len() as u32, Arc::clone(histogram)));
                }
                if !from.start_timestamps_ms.is_empty() {
                    points.start_timestamps_ms.push(from.start_timestamps_ms[at]);
                }
                points.timestamps_ms.push(from.timestamps_ms[at]);
                points.values.push(from.values[at]);
            }
        }
        budget.take_samples(points.len() as u64)
    }
}

/// A series and its exemplars.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// Labels of the series.
    pub labels: Labels,
    /// Exemplars, ascending by time.
    pub exemplars: Vec<Exemplar>,
}

/// A name and how many series, values or bytes it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCount {
    /// The metric, label or `name=value` pair.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// What takes how much room in the index: the content of Prometheus' `/api/v1/status/tsdb`.
#[derive(Debug, Clone, Default)]
pub struct Cardinality {
    /// Series in the head.
    pub series: u64,
    /// Label pairs in the head.
    pub label_pairs: u64,
    /// Chunks in the head.
    pub chunks: u64,
    /// Oldest and newest time in the head; empty range when there is none.
    pub range: Option<TimeRange>,
    /// Metrics with the most series.
    pub series_by_metric: Vec<NamedCount>,
    /// Labels with the most values.
    pub values_by_label: Vec<NamedCount>,
    /// Labels whose values take the most memory.
    pub memory_by_label: Vec<NamedCount>,
    /// Label pairs with the most series.
    pub series_by_label_pair: Vec<NamedCount>,
}

/// A consistent view of one tenant's data: what was acknowledged before it was taken is in it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) data: Arc<crate::store::TenantData>,
}

impl Snapshot {
    /// The series whose labels satisfy all of `select.matchers`.
    pub async fn select(
        &self,
        select: Select<'_>,
        budget: &Budget,
    ) -> Result<SeriesSet, StoreError> {
        budget.check()?;
        let matchers = compile(select.matchers)?;
        let series = self.data.series.iter();
        let found = series.filter(|(labels, points)| {
            matchers.iter().all(|m| m.matches(labels))
                && points.timestamps_ms.iter().any(|t| select.range.contains(*t))
        });
        Ok(SeriesSet { series: found.map(|(l, p)| (l.clone(), Arc::clone(p))).collect() })
    }

    /// Labels of the series that satisfy any of `matcher_sets` (all series when there is none)
    /// and have points in `range`; ascending; at most `limit` (0: all).
    pub async fn series(
        &self,
        matcher_sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, StoreError> {
        let everything = [Vec::new()];
        let sets = if matcher_sets.is_empty() { &everything[..] } else { matcher_sets };
        let budget = Budget::new(u64::MAX);
        let mut found = BTreeSet::new();
        for matchers in sets {
            let set = self.select(Select { matchers, range }, &budget).await?;
            found.extend(set.series.into_iter().map(|(labels, _)| labels));
        }
        let limit = if limit == 0 { usize::MAX } else { limit };
        Ok(found.into_iter().take(limit).collect())
    }

    /// Names of the labels of those series, ascending.
    pub async fn label_names(
        &self,
        matcher_sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let series = self.series(matcher_sets, range, 0).await?;
        let names: BTreeSet<&str> = series.iter().flat_map(|l| l.iter().map(|(n, _)| n)).collect();
        let limit = if limit == 0 { usize::MAX } else { limit };
        Ok(names.into_iter().take(limit).map(str::to_owned).collect())
    }

    /// Values of label `name` in those series, ascending.
    pub async fn label_values(
        &self,
        name: &str,
        matcher_sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let series = self.series(matcher_sets, range, 0).await?;
        let values: BTreeSet<&str> = series.iter().filter_map(|labels| labels.get(name)).collect();
        let limit = if limit == 0 { usize::MAX } else { limit };
        Ok(values.into_iter().take(limit).map(str::to_owned).collect())
    }

    /// Exemplars of those series in `range`.
    pub async fn exemplars(
        &self,
        _matcher_sets: &[Vec<Matcher>],
        _range: TimeRange,
    ) -> Result<Vec<SeriesExemplars>, StoreError> {
        Ok(Vec::new())
    }

    /// Metadata by metric name: of all metrics, or of `metric`.
    pub async fn metadata(
        &self,
        metric: Option<&str>,
    ) -> Result<BTreeMap<String, Vec<Metadata>>, StoreError> {
        let all = self.data.metadata.iter();
        Ok(all
            .filter(|(name, _)| metric.is_none_or(|m| m == name.as_str()))
            .map(|(name, metadata)| (name.clone(), vec![metadata.clone()]))
            .collect())
    }

    /// What takes how much room: `limit` entries of each list.
    pub async fn cardinality(&self, _limit: usize) -> Result<Cardinality, StoreError> {
        Ok(Cardinality { series: self.data.series.len() as u64, ..Cardinality::default() })
    }
}

fn compile(matchers: &[Matcher]) -> Result<Vec<CompiledMatcher>, StoreError> {
    matchers.iter().map(CompiledMatcher::new).collect()
}
