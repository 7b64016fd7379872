//! How the engine is set up, and what one query may take.

use std::time::Duration;

/// Parts of the language that change answers and that Prometheus has behind feature flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// `promql-delayed-name-removal`: functions drop the metric's name at the end of the query.
    pub delayed_name_removal: bool,
    /// `type-and-unit-labels`: whether a metric is a counter is told by `__type__`, not its name.
    pub type_and_unit_labels: bool,
    /// `use-start-timestamps`: `rate` and its kin find resets by start timestamps.
    pub start_timestamps: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { delayed_name_removal: true, type_and_unit_labels: false, start_timestamps: true }
    }
}

/// How an engine evaluates.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How far back an instant selector looks for a series' latest point.
    pub lookback_ms: i64,
    /// Samples that one query may hold.
    pub samples_max: u64,
    /// How long one query may take.
    pub timeout: Duration,
    /// Step of subqueries that name none: the global evaluation interval.
    pub subquery_step_ms: i64,
    /// Annotations of each kind that an answer carries; 0 for all.
    pub annotations_max: usize,
    /// Parts of the language that change answers.
    pub features: Features,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            samples_max: 50_000_000,
            timeout: Duration::from_mins(2),
            subquery_step_ms: 60_000,
            annotations_max: 10,
            features: Features::default(),
        }
    }
}

/// What one query may take; what is `None` is as the engine is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueryLimits {
    /// How long it may take; never longer than the engine allows.
    pub timeout: Option<Duration>,
    /// Samples that it may hold; never more than the engine allows.
    pub samples_max: Option<u64>,
    /// How far back instant selectors look.
    pub lookback_ms: Option<i64>,
    /// Whether samples are counted for each step (`stats=all`).
    pub per_step_stats: bool,
}
