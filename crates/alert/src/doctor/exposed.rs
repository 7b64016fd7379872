//! What is known to be exposed: metrics, their types and labels.

use std::collections::{BTreeMap, BTreeSet};

use vigie_model::MetricType;

/// A metric family that something exposes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExposedMetric {
    /// Its type, where that is known.
    pub kind: Option<MetricType>,
    /// Its labels, without those of the target.
    pub labels: BTreeSet<String>,
    /// Where that is known from: files with lines, or a server.
    pub origins: BTreeSet<String>,
    /// Whether its labels are known at all.
    pub knows_labels: bool,
}

/// Everything that is known to be exposed.
#[derive(Debug, Clone, Default)]
pub struct Exposed {
    families: BTreeMap<String, ExposedMetric>,
    /// Labels that targets add to all their series.
    pub target_labels: BTreeSet<String>,
    /// Whether what is not here is not exposed at all: known of a server, not of source files.
    pub is_complete: bool,
    recorded: BTreeSet<String>,
}

/// Series that every scrape or rule makes.
const SYNTHETIC: [&str; 9] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "ALERTS",
    "ALERTS_FOR_STATE",
];

impl Exposed {
    /// Adds what is known of `family`.
    pub fn add(
        &mut self,
        family: &str,
        kind: Option<MetricType>,
        labels: Option<&[String]>,
        origin: &str,
    ) {
        let metric = self.families.entry(family.to_owned()).or_default();
        metric.kind = metric.kind.or(kind);
        metric.knows_labels |= labels.is_some();
        metric.labels.extend(labels.unwrap_or_default().iter().cloned());
        metric.origins.insert(origin.to_owned());
    }

    pub(super) fn add_recorded(&mut self, name: &str) {
        self.recorded.insert(name.to_owned());
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }

    /// The family that series `name` belongs to: its own, or that of a histogram or summary.
    pub(super) fn family(&self, name: &str) -> Option<(&str, &ExposedMetric)> {
        if let Some((family, metric)) = self.families.get_key_value(name) {
            return Some((family, metric));
        }
        ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
            let (family, metric) = self.families.get_key_value(name.strip_suffix(suffix)?)?;
            let has_parts = matches!(
                metric.kind,
                Some(MetricType::Histogram | MetricType::Summary | MetricType::GaugeHistogram)
            );
            has_parts.then_some((family.as_str(), metric))
        })
    }

    /// Whether series `name` may be there.
    pub(super) fn may_have(&self, name: &str) -> bool {
        !self.is_complete
            || SYNTHETIC.contains(&name)
            || self.recorded.contains(name)
            || self.family(name).is_some()
    }
}

impl ExposedMetric {
    /// Where it is known from, for people.
    pub(super) fn origin(&self) -> String {
        self.origins.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}
