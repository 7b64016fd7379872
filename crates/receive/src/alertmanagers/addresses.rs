//! From what discovery found to the addresses that alerts are posted to.

use std::collections::BTreeMap;
use std::sync::Arc;

use vigie_model::LabelsBuilder;

use crate::config::AlertmanagerConfig;
use crate::discovery::TargetGroup;
use crate::scrape::Relabeler;

/// (`host:port` by URL, URLs that relabelling dropped)
pub(super) fn of(
    groups: &[Arc<TargetGroup>],
    config: &AlertmanagerConfig,
    relabel: &Relabeler,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut wanted, mut dropped) = (BTreeMap::new(), Vec::new());
    for group in groups {
        for target in &group.targets {
            let mut labels = LabelsBuilder::from_labels(&group.labels);
            for (name, value) in target {
                labels.set(name, value);
            }
            let path = format!("{}/api/v2/alerts", config.path_prefix.trim_end_matches('/'));
            for (name, value) in [("__scheme__", &config.scheme), ("__alerts_path__", &path)] {
                if labels.get(name).is_none() {
                    labels.set(name, value);
                }
            }
            let before = url(&labels);
            if !relabel.apply(&mut labels) {
                dropped.push(before);
                continue;
            }
            match labels.get("__address__").filter(|address| !address.is_empty()) {
                Some(address) => {
                    wanted.insert(url(&labels), address.to_owned());
                }
                None => tracing::warn!("an Alertmanager without an address was found"),
            }
        }
    }
    (wanted, dropped)
}

fn url(labels: &LabelsBuilder) -> String {
    let get = |name: &str| labels.get(name).unwrap_or_default();
    let path = get("__alerts_path__").trim_start_matches('/');
    format!("{}://{}/{path}", get("__scheme__"), get("__address__"))
}
