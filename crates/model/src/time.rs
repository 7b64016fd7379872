//! Time ranges in milliseconds since the Unix epoch.

/// A range of time, both ends included, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First millisecond that belongs to the range.
    pub start_ms: i64,
    /// Last millisecond that belongs to the range.
    pub end_ms: i64,
}

impl TimeRange {
    /// Every time there is.
    pub const ALL: Self = Self { start_ms: i64::MIN, end_ms: i64::MAX };

    /// The range from `start_ms` to `end_ms`, both included. Empty when `end_ms < start_ms`.
    pub const fn new(start_ms: i64, end_ms: i64) -> Self {
        Self { start_ms, end_ms }
    }

    /// Whether no millisecond belongs to the range.
    pub const fn is_empty(&self) -> bool {
        self.end_ms < self.start_ms
    }

    /// Whether `time_ms` belongs to the range.
    pub const fn contains(&self, time_ms: i64) -> bool {
        self.start_ms <= time_ms && time_ms <= self.end_ms
    }

    /// Whether the two ranges share a millisecond.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start_ms <= other.end_ms && other.start_ms <= self.end_ms
    }

    /// The smallest range that holds both.
    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.start_ms.min(other.start_ms), self.end_ms.max(other.end_ms))
    }

    /// What both ranges hold; empty when they do not overlap.
    pub fn intersection(&self, other: &Self) -> Self {
        Self::new(self.start_ms.max(other.start_ms), self.end_ms.min(other.end_ms))
    }
}
