//! Points of one series as columns, the shape in which the store gives and the query engine takes.

use std::sync::Arc;

use crate::Histogram;

/// Points of one series in ascending order of time, as columns.
///
/// Reuse one value over many reads: [`clear`](Self::clear) keeps the allocations.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// When, milliseconds since the epoch; strictly ascending.
    pub timestamps_ms: Vec<i64>,
    /// The value of each point. At the place of a histogram it is meaningless (a NaN).
    pub values: Vec<f64>,
    /// Start timestamp of each point (0: none). Empty when no point has one.
    pub start_timestamps_ms: Vec<i64>,
    /// The points that are native histograms: (index of the point, histogram), ascending.
    /// Empty for a series of plain floats, which is the case to be fast in.
    pub histograms: Vec<(u32, Arc<Histogram>)>,
}

impl Points {
    /// Number of points.
    pub fn len(&self) -> usize {
        self.timestamps_ms.len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.timestamps_ms.is_empty()
    }

    /// Forgets all points, keeps the allocations.
    pub fn clear(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
        self.start_timestamps_ms.clear();
        self.histograms.clear();
    }

    /// The histogram at point `index`, if that point is one.
    pub fn histogram_at(&self, index: usize) -> Option<&Arc<Histogram>> {
        if self.histograms.is_empty() {
            return None;
        }
        let found = self.histograms.binary_search_by_key(&(index as u32), |(at, _)| *at).ok()?;
        self.histograms.get(found).map(|(_, histogram)| histogram)
    }

    /// Start timestamp of point `index`; 0 when there is none.
    pub fn start_timestamp_ms(&self, index: usize) -> i64 {
        self.start_timestamps_ms.get(index).copied().unwrap_or(0)
    }
}
