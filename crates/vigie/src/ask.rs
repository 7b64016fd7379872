//! The asking commands: they talk to a running Vigie over its API, as any client does.

mod alerts;
mod amtool;
mod chart;
mod export;
mod incident;
mod promql;
mod sql;

use serde_json::Value;

pub(crate) use alerts::{ask_alert, ask_silence};
pub(crate) use amtool::ask as ask_amtool;
pub(crate) use export::export;
pub(crate) use incident::ask as ask_incident;
pub(crate) use promql::ask as ask_promql;
pub(crate) use sql::ask as ask_sql;

/// `up{job="a"}` from the JSON object of a series' labels.
pub(crate) fn series_name(metric: &Value) -> String {
    let Some(labels) = metric.as_object() else { return "{}".to_owned() };
    let name = labels.get("__name__").and_then(Value::as_str).unwrap_or("");
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(label, _)| *label != "__name__")
        .map(|(label, value)| format!("{label}={:?}", value.as_str().unwrap_or("")))
        .collect();
    if pairs.is_empty() && !name.is_empty() {
        name.to_owned()
    } else {
        format!("{name}{{{}}}", pairs.join(", "))
    }
}
