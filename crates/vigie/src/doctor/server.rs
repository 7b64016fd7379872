//! What a running server knows: its rules, the metrics that it has, their types and labels.

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::Value;
use vigie_alert::{GoExpander, ReadOptions, parse_rule_file};

use super::Case;
use super::expositions::kind_of;

/// Metrics whose labels are asked for.
const METRICS_MAX: usize = 2_000;

/// Adds what `server` knows to `case`; its rules where the case has none.
pub(super) async fn ask(server: &str, tenant: Option<&str>, case: &mut Case) -> Result<()> {
    let server = Server { address: server.trim_end_matches('/'), tenant, client: Client::new() };
    if case.groups.is_empty() {
        server.rules(case).await?;
    }
    let metadata = server.get("/api/v1/metadata", &[]).await?;
    for (name, entries) in metadata.as_object().into_iter().flatten() {
        let kind = entries.get(0).and_then(|entry| entry.get("type")).and_then(Value::as_str);
        case.knowledge.exposed.add(name, kind.map(kind_of), None, "the server");
    }
    let names = server.get("/api/v1/label/__name__/values", &[]).await?;
    let known: Vec<&str> =
        names.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for name in &known {
        case.knowledge.exposed.add(name, None, None, "the server");
    }
    let text: String = case
        .groups
        .iter()
        .flat_map(|g| &g.rules)
        .fold(String::new(), |all, rule| all + &rule.expression.text + "\n");
    let asked = known.iter().filter(|name| text.contains(*name)).take(METRICS_MAX);
    for name in asked {
        let selector = format!("{{__name__=\"{name}\"}}");
        let labels = server.get("/api/v1/labels", &[("match[]", &selector)]).await?;
        let labels = labels.as_array().into_iter().flatten().filter_map(Value::as_str);
        let labels: Vec<String> =
            labels.filter(|label| *label != "__name__").map(str::to_owned).collect();
        case.knowledge.exposed.add(name, None, Some(&labels), "the server");
    }
    case.knowledge.exposed.is_complete = true;
    Ok(())
}

struct Server<'a> {
    address: &'a str,
    tenant: Option<&'a str>,
    client: Client,
}

impl Server<'_> {
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let url = format!("{}{path}", self.address);
        let mut request = self.client.get(&url).query(parameters);
        if let Some(tenant) = self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let text = request.send().await.with_context(|| url.clone())?.text().await?;
        let answer: Value = serde_json::from_str(&text).with_context(|| url.clone())?;
        match answer.get("status").and_then(Value::as_str) {
            Some("success") => Ok(answer.get("data").cloned().unwrap_or_default()),
            _ => bail!("{url}: {}", answer.get("error").and_then(Value::as_str).unwrap_or(&text)),
        }
    }

    /// The rules that the server runs, read as a file of them would be.
    async fn rules(&self, case: &mut Case) -> Result<()> {
        let data = self.get("/api/v1/rules", &[("exclude_alerts", "true")]).await?;
        let groups = data.get("groups").and_then(Value::as_array);
        for group in groups.into_iter().flatten() {
            let file = group.get("file").and_then(Value::as_str).unwrap_or("rules").to_owned();
            let text = serde_json::json!({ "groups": [as_written(group)] }).to_string();
            let expander = GoExpander::default();
            let options = ReadOptions {
                default_interval_ms: 60_000,
                ignore_unknown_fields: true,
                expander: &expander,
            };
            match parse_rule_file(&text, &file, options) {
                Ok(read) => case.groups.extend(read),
                Err(errors) => case.errors.extend(errors.iter().map(ToString::to_string)),
            }
        }
        Ok(())
    }
}

/// A group of the API as it would be written.
fn as_written(group: &Value) -> Value {
    let text = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
    let rules = group.get("rules").and_then(Value::as_array).into_iter().flatten().map(|rule| {
        let is_alert = rule.get("type").and_then(Value::as_str) == Some("alerting");
        let mut written = serde_json::json!({
            (if is_alert { "alert" } else { "record" }): text(rule, "name"),
            "expr": text(rule, "query"),
            "labels": text(rule, "labels"),
        });
        if is_alert && let Some(fields) = written.as_object_mut() {
            let seconds = rule.get("duration").and_then(Value::as_f64).unwrap_or(0.0);
            fields.insert("for".to_owned(), format!("{}s", seconds as u64).into());
            fields.insert("annotations".to_owned(), text(rule, "annotations"));
        }
        written
    });
    serde_json::json!({ "name": text(group, "name"), "rules": rules.collect::<Vec<_>>() })
}
