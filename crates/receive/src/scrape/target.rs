//! From the labels that a discovery found to a target with an address and a schedule.

use std::collections::BTreeMap;

use vigie_model::{Labels, LabelsBuilder};

use super::relabel::Relabeler;
use crate::config::{DurationMs, ScrapeConfig};
use crate::discovery::TargetGroup;

/// A target as it is scraped. Equal targets are the same one, whoever found them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// Labels of its series.
    pub labels: Labels,
    /// What is asked.
    pub url: String,
    /// `host:port`, as relabelling left it.
    pub address: String,
    /// How often.
    pub interval_ms: u64,
    /// How long an answer may take.
    pub timeout_ms: u64,
}

/// What becomes of the labels that a discovery found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Made {
    /// A target.
    Target(Box<Target>),
    /// Relabelling dropped it; these were its labels.
    Dropped(Labels),
}

/// Makes the targets of `group`. Each that cannot be one is an error of its own.
pub(super) fn make(
    group: &TargetGroup,
    config: &ScrapeConfig,
    relabel: &Relabeler,
) -> impl Iterator<Item = Result<Made, String>> {
    group.targets.iter().enumerate().map(move |(index, own)| {
        let mut labels = LabelsBuilder::from_labels(&group.labels);
        for (name, value) in own {
            labels.set(name, value);
        }
        make_one(labels, config, relabel)
            .map_err(|error| format!("instance {index} in group {}: {error}", group.source))
    })
}

fn make_one(
    mut labels: LabelsBuilder,
    config: &ScrapeConfig,
    relabel: &Relabeler,
) -> Result<Made, String> {
    set_defaults(&mut labels, config);
    let discovered_labels = labels.build();
    if !relabel.apply(&mut labels) {
        return Ok(Made::Dropped(discovered_labels));
    }
    let address = labels.get("__address__").unwrap_or_default().to_owned();
    if address.is_empty() {
        return Err("no address".into());
    }
    if address.contains('/') {
        return Err(format!("{address:?} is not a valid hostname"));
    }
    let interval_ms = duration(&labels, "__scrape_interval__", "scrape interval")?;
    let timeout_ms = duration(&labels, "__scrape_timeout__", "scrape timeout")?;
    if timeout_ms > interval_ms {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval ({:?} > {:?})",
            DurationMs(timeout_ms).to_string(),
            DurationMs(interval_ms).to_string()
        ));
    }
    if labels.get("instance").is_none() {
        labels.set("instance", &address);
    }
    let url = url(&labels, config, &address);
    labels.retain(|name, _| !name.starts_with("__"));
    let labels = labels.build();
    let target = Target { discovered_labels, labels, url, address, interval_ms, timeout_ms };
    Ok(Made::Target(Box::new(target)))
}

fn set_defaults(labels: &mut LabelsBuilder, config: &ScrapeConfig) {
    let defaults = [
        ("job", config.job_name.as_str()),
        ("__metrics_path__", config.metrics_path.as_str()),
        ("__scheme__", config.scheme.as_str()),
        ("__scrape_interval__", &config.scrape_interval.to_string()),
        ("__scrape_timeout__", &config.scrape_timeout.to_string()),
    ];
    for (name, value) in defaults {
        if labels.get(name).is_none() {
            labels.set(name, value);
        }
    }
    for (name, values) in &config.params {
        let label = format!("__param_{name}");
        if let (Some(value), None) = (values.first(), labels.get(&label)) {
            labels.set(&label, value);
        }
    }
}

fn duration(labels: &LabelsBuilder, name: &str, what: &str) -> Result<u64, String> {
    let text = labels.get(name).unwrap_or_default();
    match DurationMs::parse(text) {
        None => Err(format!("error parsing {what}: not a valid duration string: {text:?}")),
        Some(DurationMs(0)) => Err(format!("{what} cannot be 0")),
        Some(duration) => Ok(duration.0),
    }
}

/// The address to ask: `__param_` labels stand in for the first value of a parameter.
fn url(labels: &LabelsBuilder, config: &ScrapeConfig, address: &str) -> String {
    let mut params: BTreeMap<&str, Vec<&str>> = config
        .params
        .iter()
        .map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect()))
        .collect();
    for (name, value) in labels.iter() {
        let Some(param) = name.strip_prefix("__param_") else { continue };
        let values = params.entry(param).or_default();
        match values.first_mut() {
            Some(first) => *first = value,
            None => values.push(value),
        }
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, values) in &params {
        for value in values {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    let scheme = labels.get("__scheme__").unwrap_or("http");
    let path = labels.get("__metrics_path__").unwrap_or_default();
    let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
    let path = path.replace('?', "%3F").replace('#', "%23").replace(' ', "%20");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{address}{slash}{path}{mark}{query}")
}

impl Target {
    /// A hash that spreads targets over their interval, the same after a restart.
    pub(super) fn schedule_hash(&self, seed: u64) -> u64 {
        crate::fingerprint(self.labels.as_packed())
            ^ crate::fingerprint(self.url.as_bytes()).rotate_left(1)
            ^ seed
    }
}
