//! Which metrics an exposition in text shows.

use std::collections::BTreeMap;

use vigie_alert::Exposed;
use vigie_language::promql::parse_metric;
use vigie_model::{METRIC_NAME, MetricType};

/// Adds what `text`, a file named `file`, exposes.
pub(super) fn read(text: &str, file: &str, exposed: &mut Exposed) {
    let mut types: BTreeMap<&str, MetricType> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ")
            && let Some((name, kind)) = rest.trim().split_once(' ')
        {
            types.insert(name, kind_of(kind));
            exposed.add(name, Some(kind_of(kind)), Some(&[]), file);
        }
    }
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let end = line.find('}').map(|at| at + 1).or_else(|| line.find(' '));
        let Some(labels) = end.and_then(|end| line.get(..end)).and_then(|m| parse_metric(m).ok())
        else {
            continue;
        };
        let Some(name) = labels.metric_name() else { continue };
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .find(|base| types.contains_key(base))
            .unwrap_or(name);
        let own = labels.iter().map(|(name, _)| name.to_owned());
        let own: Vec<String> = own.filter(|name| name != METRIC_NAME && name != "le").collect();
        exposed.add(family, types.get(family).copied(), Some(&own), file);
    }
}

/// The type that a name stands for.
pub(super) fn kind_of(name: &str) -> MetricType {
    match name {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "gaugehistogram" => MetricType::GaugeHistogram,
        "summary" => MetricType::Summary,
        "info" => MetricType::Info,
        "stateset" => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}
