//! What may be kept: by labels, by age, by number.

use std::time::Duration;

use vigie_model::{Matcher, TenantId};

/// How long series with certain labels are kept, instead of the general retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// Which series: all must hold. The first rule that fits a series counts.
    pub matchers: Vec<Matcher>,
    /// How long; `None` for ever.
    pub keep: Option<Duration>,
}

/// Which samples of old data stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downsampling {
    /// Which series: all must hold; none: all series. Of the rules that fit a series and whose
    /// age is reached, the one with the largest `after` counts.
    pub matchers: Vec<Matcher>,
    /// From which age on.
    pub after: Duration,
    /// One sample for each such interval stays.
    pub every: Duration,
    /// Whether the smallest and the largest value of an interval stay too.
    pub extremes: bool,
}

/// How much a tenant may have at once, that is in its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantLimits {
    /// Series.
    pub series_max: u64,
    /// Series of one metric.
    pub series_per_metric_max: u64,
    /// Values of one label.
    pub values_per_label_max: u64,
}

impl Default for TenantLimits {
    fn default() -> Self {
        Self {
            series_max: 20_000_000,
            series_per_metric_max: u64::MAX,
            values_per_label_max: u64::MAX,
        }
    }
}

/// Limits of all tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardinalityLimits {
    /// Of tenants that are not named.
    pub general: TenantLimits,
    /// Of those that are.
    pub tenants: Vec<(TenantId, TenantLimits)>,
}

impl CardinalityLimits {
    /// Those of `tenant`.
    pub fn of(&self, tenant: &TenantId) -> TenantLimits {
        let own = self.tenants.iter().find(|(named, _)| named == tenant);
        own.map_or(self.general, |(_, limits)| *limits)
    }
}

/// Which of several identical senders is listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaOptions {
    /// The label that names the group of senders.
    pub cluster_label: String,
    /// The label that names the sender; it is removed.
    pub replica_label: String,
    /// Another sender's turn comes when the one that is listened to was silent for so long.
    pub failover: Duration,
}
