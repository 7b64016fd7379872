//! The scrape manager as the API sees it.

use std::sync::Arc;

use vigie_language::relabel::{RelabelConfig, RelabelRule};
use vigie_model::{Labels, LabelsBuilder};
use vigie_receive::config::ScrapeConfig;
use vigie_receive::scrape::{
    DiscoveryStatus, PoolStatus, ScrapeManager, TargetMetadata, TargetsStatus,
};
use vigie_show::prometheus::{RelabelStep, TargetSource};

/// What the manager scrapes.
#[derive(Debug)]
pub(crate) struct Targets(Arc<ScrapeManager>);

impl Targets {
    pub(crate) fn new(scrape: Arc<ScrapeManager>) -> Self {
        Self(scrape)
    }

    fn config(&self, pool: &str) -> Result<Arc<ScrapeConfig>, String> {
        let pools = self.0.pools();
        let found = pools.iter().find(|status| &*status.name == pool);
        found
            .map(|status| Arc::clone(&status.config))
            .ok_or_else(|| format!("scrape pool {pool:?} not found"))
    }
}

impl TargetSource for Targets {
    fn targets(&self) -> TargetsStatus {
        self.0.targets()
    }

    fn pools(&self) -> Vec<PoolStatus> {
        self.0.pools()
    }

    fn discoveries(&self) -> Vec<DiscoveryStatus> {
        self.0.discovery_status()
    }

    fn metadata(&self, metric: Option<&str>) -> Vec<TargetMetadata> {
        let mut all = self.0.target_metadata();
        all.retain(|one| metric.is_none_or(|metric| one.metric == metric));
        all
    }

    fn scrape_pool_config(&self, pool: &str) -> Result<String, String> {
        Ok(self.config(pool)?.to_yaml())
    }

    fn relabel_steps(&self, pool: &str, labels: &Labels) -> Result<Vec<RelabelStep>, String> {
        let config = self.config(pool)?;
        let mut current = LabelsBuilder::from_labels(labels);
        let mut steps = Vec::new();
        for rule in &config.relabel_configs {
            let compiled = RelabelRule::new(RelabelConfig {
                source_labels: rule.source_labels.clone(),
                separator: rule.separator.clone(),
                regex: rule.regex.clone(),
                modulus: rule.modulus,
                target_label: rule.target_label.clone(),
                replacement: rule.replacement.clone(),
                action: rule.action.clone(),
            })
            .map_err(|error| error.to_string())?;
            let keep = compiled.apply(&mut current);
            let rule = compiled.config();
            steps.push(RelabelStep {
                rule: serde_json::json!({
                    "source_labels": rule.source_labels,
                    "separator": rule.separator,
                    "regex": rule.regex,
                    "modulus": rule.modulus,
                    "target_label": rule.target_label,
                    "replacement": rule.replacement,
                    "action": rule.action,
                }),
                output: if keep { current.build() } else { Labels::empty() },
                keep,
            });
            if !keep {
                break;
            }
        }
        Ok(steps)
    }
}
