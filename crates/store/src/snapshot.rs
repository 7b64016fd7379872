//! A consistent view of one tenant's data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use vigie_model::{Exemplar, Labels, Matcher, Metadata, MetricSource, TimeRange};

use crate::head::Head;
use crate::series_set::SeriesSet;
use crate::view::View;
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
    pub(crate) view: View,
    /// When it was taken.
    pub(crate) taken_ms: i64,
    /// Who else is asked.
    pub(crate) elsewhere: Option<Arc<dyn MetricSource>>,
}

#[expect(clippy::unused_async, reason = "parts on an object store will be awaited here")]
impl Snapshot {
    /// The same without what others would be asked for: only what the store itself has.
    pub fn local(mut self) -> Self {
        self.elsewhere = None;
        self
    }

    /// What others have, and what went wrong with them.
    async fn ask_elsewhere(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> (Vec<Head>, Vec<String>) {
        let Some(source) = self.elsewhere.as_ref().filter(|source| !source.is_empty()) else {
            return (Vec::new(), Vec::new());
        };
        let has = |range: Option<TimeRange>| range.map(|range| range.start_ms);
        let parts = self.view.parts.parts.iter().map(|part| part.row.meta.range().start_ms);
        let heads = self.view.frozen.iter().chain([&self.view.active]);
        let local_start_ms = parts.chain(heads.filter_map(|head| has(head.range()))).min();
        let (mut heads, mut warnings) = (Vec::new(), Vec::new());
        for answer in source.read(matchers, range, local_start_ms).await {
            heads.push(Head::of_batch(&answer.batch));
            warnings.extend(answer.warnings);
        }
        (heads, warnings)
    }

    /// The series whose labels satisfy all of `select.matchers`.
    pub async fn select(
        &self,
        select: Select<'_>,
        budget: &Budget,
    ) -> Result<SeriesSet, StoreError> {
        budget.check()?;
        let matchers = compile(select.matchers)?;
        let (elsewhere, warnings) = self.ask_elsewhere(select.matchers, select.range).await;
        let mut set = SeriesSet::collect(&self.view, &matchers, select.range, elsewhere)?;
        set.warnings = warnings;
        let names = (0..set.len()).filter_map(|at| set.labels(at).metric_name());
        self.view.usage.count(select.matchers, names, self.taken_ms);
        Ok(set)
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
        let mut found = Vec::new();
        for matchers in sets {
            let (elsewhere, _) = self.ask_elsewhere(matchers, range).await;
            let set = SeriesSet::collect(&self.view, &compile(matchers)?, range, elsewhere)?;
            found.extend((0..set.len()).map(|at| set.labels(at).clone()));
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(unlimited(limit));
        Ok(found)
    }

    /// Names of the labels of those series, ascending.
    pub async fn label_names(
        &self,
        matcher_sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut names = BTreeSet::new();
        if matcher_sets.is_empty() {
            for source in self.view.sources(range) {
                names.extend(source.label_names()?);
            }
        } else {
            for labels in self.series(matcher_sets, range, 0).await? {
                let new = labels.iter().filter(|(name, _)| !names.contains(*name));
                let new: Vec<_> = new.map(|(name, _)| name.to_owned()).collect();
                names.extend(new);
            }
        }
        Ok(names.into_iter().take(unlimited(limit)).collect())
    }

    /// Values of label `name` in those series, ascending.
    pub async fn label_values(
        &self,
        name: &str,
        matcher_sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut values = BTreeSet::new();
        if matcher_sets.is_empty() {
            for source in self.view.sources(range) {
                values.extend(source.label_values(name)?);
            }
        } else {
            for labels in self.series(matcher_sets, range, 0).await? {
                if let Some(value) = labels.get(name)
                    && !values.contains(value)
                {
                    values.insert(value.to_owned());
                }
            }
        }
        Ok(values.into_iter().take(unlimited(limit)).collect())
    }

    /// Exemplars of those series in `range`.
    pub async fn exemplars(
        &self,
        matcher_sets: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<SeriesExemplars>, StoreError> {
        let mut found: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
        for matchers in matcher_sets {
            let matchers = compile(matchers)?;
            // Exemplars may lie outside the range of their series' points.
            for source in self.view.sources(TimeRange::ALL) {
                for (labels, exemplars) in source.exemplars(&matchers, range)? {
                    add_new(found.entry(labels).or_default(), exemplars);
                }
            }
        }
        let sorted = |(labels, mut exemplars): (Labels, Vec<Exemplar>)| {
            exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
            SeriesExemplars { labels, exemplars }
        };
        Ok(found.into_iter().map(sorted).collect())
    }

    /// Metadata by metric name: of all metrics, or of `metric`.
    pub async fn metadata(
        &self,
        metric: Option<&str>,
    ) -> Result<BTreeMap<String, Vec<Metadata>>, StoreError> {
        let mut found: BTreeMap<String, Vec<Metadata>> = BTreeMap::new();
        // The newest first, since that is what askers that want one take.
        for source in self.view.sources(TimeRange::ALL).iter().rev() {
            for (name, all) in source.metadata()? {
                if metric.is_some_and(|metric| metric != name) {
                    continue;
                }
                add_new(found.entry(name).or_default(), all);
            }
        }
        Ok(found)
    }

    /// What takes how much room in the head: `limit` entries of each list.
    pub async fn cardinality(&self, limit: usize) -> Result<Cardinality, StoreError> {
        let busiest = match &self.view.frozen {
            // A head that was begun a moment ago would show next to nothing.
            Some(frozen) if frozen.stats().series > self.view.active.stats().series => frozen,
            _ => &self.view.active,
        };
        Ok(busiest.cardinality(limit))
    }
}

/// Adds those of `more` that are not there yet.
fn add_new<T: PartialEq>(there: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !there.contains(&one) {
            there.push(one);
        }
    }
}

fn unlimited(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

fn compile(matchers: &[Matcher]) -> Result<Vec<CompiledMatcher>, StoreError> {
    matchers.iter().map(CompiledMatcher::new).collect()
}
