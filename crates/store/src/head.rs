//! The head: what was written lately by one tenant, in memory, searchable at once.
//!
//! A head is filled, then frozen and sealed into parts while a new one takes its place. It knows
//! its series by the hash of their packed labels, their points as constants and tails over
//! timestamps that whole targets share, and an index of label pairs. Points of any age are
//! accepted. The first value written for a series and time stays.

mod append;
mod columns;
mod index;
mod series;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hashbrown::HashTable;
use parking_lot::RwLock;
use vigie_model::{Exemplar, Labels, Metadata, Points, TimeRange};

use crate::CompiledMatcher;
use crate::snapshot::{Cardinality, NamedCount};
use columns::Columns;
use index::Index;
use series::Series;

/// Memory that a series takes besides its labels and points, roughly: itself, the table of
/// series, and its places in the index.
const SERIES_BYTES: usize = 160;

/// The head of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Head {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    series: Vec<Series>,
    by_labels: HashTable<u32>,
    columns: Columns,
    index: Index,
    metadata: BTreeMap<String, Metadata>,
    label_bytes: usize,
    point_bytes: usize,
    samples: u64,
    range: Option<TimeRange>,
}

/// How large a head is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeadStats {
    /// Series.
    pub series: u64,
    /// Points, duplicates not counted.
    pub samples: u64,
    /// Memory that points take, roughly.
    pub point_bytes: u64,
    /// Memory that all takes, roughly.
    pub bytes: u64,
    /// Times of the first and last point.
    pub range: Option<TimeRange>,
}

impl Head {
    /// How large the head is.
    pub(crate) fn stats(&self) -> HeadStats {
        let inner = self.inner.read();
        let point_bytes = inner.point_bytes + inner.columns.bytes();
        let series_bytes = inner.series.len() * SERIES_BYTES + inner.label_bytes;
        HeadStats {
            series: inner.series.len() as u64,
            samples: inner.samples,
            point_bytes: point_bytes as u64,
            bytes: (point_bytes + series_bytes + inner.index.bytes()) as u64,
            range: inner.range,
        }
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        let inner = self.inner.read();
        inner.series.is_empty() && inner.metadata.is_empty()
    }

    /// Series that satisfy all `matchers` and may have points in `range`.
    pub(crate) fn select(
        &self,
        matchers: &[CompiledMatcher],
        range: TimeRange,
    ) -> Vec<(u32, Labels)> {
        let inner = self.inner.read();
        if inner.range.is_none_or(|all| !all.overlaps(&range)) {
            return Vec::new();
        }
        let ids = inner.index.select(matchers, inner.series.len() as u32);
        let mut found = Vec::with_capacity(ids.len() as usize);
        for id in ids {
            let Some(series) = inner.series.get(id as usize) else { continue };
            if series.range(&inner.columns).is_some_and(|has| has.overlaps(&range)) {
                found.push((id, series.labels.clone()));
            }
        }
        found
    }

    /// Appends the points of series `id` in `range` to `points`.
    pub(crate) fn read(&self, id: u32, range: TimeRange, points: &mut Points) {
        let inner = self.inner.read();
        if let Some(series) = inner.series.get(id as usize) {
            series.read(&inner.columns, range, points);
        }
    }

    /// Labels of the series that was begun with this hash and these packed labels, to share them.
    pub(crate) fn labels_of(&self, hash: u64, packed: &[u8]) -> Option<Labels> {
        let inner = self.inner.read();
        let id = inner.find(hash, packed)?;
        inner.series.get(id as usize).map(|series| series.labels.clone())
    }

    /// All series in ascending order of (metric name, labels), as parts keep them.
    pub(crate) fn sorted(&self) -> Vec<(u32, Labels)> {
        let inner = self.inner.read();
        let series = inner.series.iter().enumerate();
        let mut all: Vec<_> = series.map(|(id, s)| (id as u32, s.labels.clone())).collect();
        all.sort_by(|(_, a), (_, b)| (a.metric_name(), a).cmp(&(b.metric_name(), b)));
        all
    }

    /// Exemplars of series `id`, ascending by time.
    pub(crate) fn exemplars(&self, id: u32) -> Vec<Exemplar> {
        let inner = self.inner.read();
        inner.series.get(id as usize).map_or_else(Vec::new, |s| s.exemplars().to_vec())
    }

    /// Series that have exemplars and satisfy all `matchers`.
    pub(crate) fn select_exemplars(
        &self,
        matchers: &[CompiledMatcher],
        range: TimeRange,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let inner = self.inner.read();
        let ids = inner.index.select(matchers, inner.series.len() as u32);
        let series = ids.iter().filter_map(|id| inner.series.get(id as usize));
        let found = series.map(|series| {
            let exemplars = series.exemplars().iter();
            let within = exemplars.filter(|exemplar| range.contains(exemplar.timestamp_ms));
            (series.labels.clone(), within.cloned().collect::<Vec<_>>())
        });
        found.filter(|(_, exemplars)| !exemplars.is_empty()).collect()
    }

    /// Metadata by metric family name.
    pub(crate) fn metadata(&self) -> BTreeMap<String, Metadata> {
        self.inner.read().metadata.clone()
    }

    /// Label names, and per name its values, of all series.
    pub(crate) fn label_names(&self) -> Vec<String> {
        let inner = self.inner.read();
        inner.index.names().iter().map(|name| name.text.to_string()).collect()
    }

    /// Values of label `name` over all series, in no order.
    pub(crate) fn label_values(&self, name: &str) -> Vec<String> {
        let inner = self.inner.read();
        let Some(name) = inner.index.names().iter().find(|there| &*there.text == name) else {
            return Vec::new();
        };
        inner.index.values(name).map(|pair| pair.value.to_string()).collect()
    }

    /// Times of the first and last point.
    pub(crate) fn range(&self) -> Option<TimeRange> {
        self.inner.read().range
    }

    /// What takes how much room: `limit` entries of each list.
    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let inner = self.inner.read();
        let index = &inner.index;
        let pair_name = |pair: &index::Pair| {
            let name = index.names().get(pair.name as usize);
            format!("{}={}", name.map_or("", |name| &*name.text), pair.value)
        };
        let names = index.names().iter();
        let metrics = names.clone().filter(|name| &*name.text == vigie_model::METRIC_NAME);
        let by_metric = metrics.flat_map(|name| index.values(name));
        Cardinality {
            series: inner.series.len() as u64,
            label_pairs: index.pairs().len() as u64,
            chunks: inner.series.len() as u64,
            range: inner.range,
            series_by_metric: top(limit, by_metric.map(|p| (p.value.to_string(), p.series.len()))),
            values_by_label: top(
                limit,
                names.clone().map(|n| (n.text.to_string(), index.values(n).count() as u64)),
            ),
            memory_by_label: top(limit, names.map(|n| (n.text.to_string(), n.text_bytes))),
            series_by_label_pair: top(
                limit,
                index.pairs().iter().map(|pair| (pair_name(pair), pair.series.len())),
            ),
        }
    }
}

impl Inner {
    fn find(&self, hash: u64, packed: &[u8]) -> Option<u32> {
        let same = |id: &u32| self.series[*id as usize].labels.as_packed() == packed;
        self.by_labels.find(hash, same).copied()
    }
}

fn top(limit: usize, counts: impl Iterator<Item = (String, u64)>) -> Vec<NamedCount> {
    let mut all: Vec<_> = counts.map(|(name, count)| NamedCount { name, count }).collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    all.truncate(limit);
    all
}
