//! How promtool prints what was expected and what was found.

use std::collections::BTreeMap;

use vigie_language::promql::go_quote;

use super::file::ExpectedAlert;
use super::histogram::go_e;

/// A sample as it is compared.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
    /// Empty for a float.
    pub(super) histogram: String,
}

impl Sample {
    /// Whether both are the same; with `fuzzy`, neighbouring floats are.
    pub(super) fn is_same(&self, other: &Self, fuzzy: bool) -> bool {
        let near =
            fuzzy && (self.value.next_down() == other.value || self.value.next_up() == other.value);
        self.labels == other.labels
            && self.histogram == other.histogram
            && (self.value == other.value || near)
    }
}

/// Labels as Go prints them.
fn labels(labels: &BTreeMap<String, String>) -> String {
    let pairs =
        labels.iter().map(|(name, value)| format!("{}={}", label_name(name), go_quote(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

fn label_name(name: &str) -> String {
    let is_legacy = vigie_language::relabel::is_legacy_label_name(name);
    if is_legacy { name.to_owned() } else { go_quote(name) }
}

/// Samples on one line.
pub(super) fn samples(samples: &[Sample]) -> String {
    if samples.is_empty() {
        return "nil".to_owned();
    }
    let texts = samples.iter().map(|sample| {
        let value = match sample.histogram.as_str() {
            "" => go_e(sample.value),
            histogram => histogram.to_owned(),
        };
        format!("{} {value}", labels(&sample.labels))
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Alerts, one below the other.
pub(super) fn alerts(alerts: &[ExpectedAlert]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let texts = alerts.iter().enumerate().map(|(at, alert)| {
        let text = format!(
            "\nLabels:{}\nAnnotations:{}",
            labels(&alert.labels),
            labels(&alert.annotations)
        );
        format!("\n{at}:{}", indented(&text, "  "))
    });
    format!("[{}\n]", texts.collect::<Vec<_>>().join(","))
}

/// Every line but the first moved to the right.
pub(super) fn indented(text: &str, indent: &str) -> String {
    text.replace('\n', &format!("\n{indent}"))
}

/// As Go prints a `time.Duration`: `1m0s`, `1h5m0s`, `0s`.
pub(super) fn go_duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    if ms < 1000 {
        return format!("{sign}{ms}ms");
    }
    let (hours, minutes, rest_ms) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let seconds = format!("{}s", rest_ms as f64 / 1000.0);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}"),
    }
}
