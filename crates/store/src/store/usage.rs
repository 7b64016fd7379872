//! Which metrics there are, and how often each was asked for.

use vigie_model::{TenantId, TimeRange};

use super::Store;
use crate::{MetricUse, StoreError};

/// A metric that a tenant has, and how often it was asked for since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricUsage {
    /// Its name.
    pub name: String,
    /// How often, and when last.
    pub usage: MetricUse,
}

impl Store {
    /// All metrics of `tenant` with how often each was asked for since the start; those that
    /// were asked for least first. Rules count as askers, too; lists of names do not.
    pub async fn metric_usage(&self, tenant: &TenantId) -> Result<Vec<MetricUsage>, StoreError> {
        let snapshot = self.snapshot(tenant);
        let name = vigie_model::METRIC_NAME;
        let names = snapshot.label_values(name, &[], TimeRange::ALL, 0).await?;
        let usage = &snapshot.view.usage;
        let mut all: Vec<_> =
            names.into_iter().map(|name| MetricUsage { usage: usage.of(&name), name }).collect();
        all.sort_by(|a, b| (a.usage.requests, &a.name).cmp(&(b.usage.requests, &b.name)));
        Ok(all)
    }
}
