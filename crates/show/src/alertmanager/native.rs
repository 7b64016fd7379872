//! Vigie's own: why somebody was told or not, previews, tests, acknowledgement, deliveries.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vigie_model::Labels;
use vigie_respond::why::{Entry, Timeline};
use vigie_respond::{AlertMatcher, Now, Preview, preview as previews};

use super::alerts::map;
use super::parameters::{Parameters, syntax};
use super::silences::PostedMatcher;
use super::{Refusal, Shared, date, ok, read_date, tenant};
use crate::{BodyError, Identity, RequestBody};

/// Timelines in one answer.
const TIMELINES_MAX: usize = 100;

fn success(data: &Value) -> Response {
    ok(&json!({"status": "success", "data": data}))
}

fn read<T: DeserializeOwned>(body: Result<RequestBody, BodyError>) -> Result<T, Refusal> {
    serde_json::from_slice(&body?.bytes).map_err(|error| Refusal::bad(error.to_string()))
}

/// Timelines of groups: `filter` conditions on the group's labels, `receiver`, `group` (the key),
/// `alert` (a fingerprint or a name that an entry mentions); the latest first.
pub(super) async fn why(
    State(state): State<Shared>,
    identity: Identity,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let parameters = Parameters::of(query.as_deref());
    let matchers = parameters.matchers("filter", syntax(&state))?;
    let limit = parameters.get("limit").map_or(Ok(TIMELINES_MAX), str::parse);
    let limit = limit.map_err(|_| Refusal::bad("limit is not a number"))?;
    let is_wanted = |timeline: &&Timeline| {
        let label = |m: &AlertMatcher| timeline.labels.get(m.name()).map_or("", String::as_str);
        matchers.iter().all(|matcher| matcher.matches_value(label(matcher)))
            && parameters.get("receiver").is_none_or(|name| *timeline.receiver == *name)
            && parameters.get("group").is_none_or(|key| *timeline.group_key == *key)
            && parameters.get("alert").is_none_or(|alert| mentions(timeline, alert))
    };
    let tenant = tenant(&state, &identity)?;
    let shown = tenant.ask(|engine, now| {
        let mut found: Vec<&Timeline> = engine.timelines().filter(is_wanted).collect();
        let latest = |timeline: &Timeline| timeline.entries.back().map_or(0, |e| e.last_ms);
        found.sort_by_key(|timeline| std::cmp::Reverse(latest(timeline)));
        let found = found.into_iter().take(limit.min(TIMELINES_MAX));
        found.map(|timeline| shown_timeline(timeline, engine, now)).collect::<Vec<_>>()
    });
    Ok(success(&json!(shown)))
}

fn mentions(timeline: &Timeline, alert: &str) -> bool {
    timeline.entries.iter().any(|entry| {
        let event = serde_json::to_value(&entry.event).unwrap_or_default();
        event.get("alert").and_then(Value::as_str).is_some_and(|text| text.contains(alert))
    })
}

fn shown_timeline(timeline: &Timeline, engine: &vigie_respond::Engine, now: Now) -> Value {
    let told: Vec<Value> = engine
        .told(&timeline.group_key)
        .into_iter()
        .filter(|(key, _)| key.receiver == timeline.receiver)
        .map(|(key, entry)| {
            json!({
                "integration": format!("{}[{}]", key.integration, key.index),
                "at": date(entry.at_ms),
                "firing": entry.firing.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "resolved": entry.resolved.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    let acknowledged = engine.acknowledgement(&timeline.group_key, now).map(
        |found| json!({"by": found.by, "comment": found.comment, "until": date(found.until_ms)}),
    );
    json!({
        "groupKey": &*timeline.group_key,
        "receiver": &*timeline.receiver,
        "route": &*timeline.route,
        "routeLine": timeline.route_line,
        "labels": timeline.labels,
        "told": told,
        "acknowledged": acknowledged,
        "entries": timeline.entries.iter().map(shown_entry).collect::<Vec<_>>(),
    })
}

fn shown_entry(entry: &Entry) -> Value {
    let mut shown = serde_json::to_value(&entry.event).unwrap_or_default();
    if let Some(object) = shown.as_object_mut() {
        object.insert("at".to_owned(), json!(date(entry.at_ms)));
        if entry.count > 1 {
            object.insert("count".to_owned(), json!(entry.count));
            object.insert("last".to_owned(), json!(date(entry.last_ms)));
        }
        // Times for people, under names without the unit.
        for name in ["until_ms", "told_ms", "next_ms"] {
            if let Some(time) = object.remove(name).and_then(|value| value.as_i64()) {
                object.insert(name.trim_end_matches("_ms").to_owned(), json!(date(time)));
            }
        }
    }
    shown
}

/// How each integration of each receiver does.
pub(super) async fn deliveries(
    State(state): State<Shared>,
    identity: Identity,
) -> Result<Response, Refusal> {
    let tenant = tenant(&state, &identity)?;
    let shown = tenant.ask(|engine, _| {
        let all = engine.stats().deliveries.iter();
        let shown: Vec<Value> = all
            .map(|((receiver, kind, index), stats)| {
                let failed: BTreeMap<&str, u64> =
                    stats.failed.iter().map(|(failure, n)| (failure.as_str(), *n)).collect();
                json!({
                    "receiver": &**receiver,
                    "integration": format!("{kind}[{index}]"),
                    "notifications": stats.notifications,
                    "failed": failed,
                    "attempts": stats.attempts,
                    "attemptsFailed": stats.attempts_failed,
                    "latencySeconds": stats.latency_sum_seconds / (stats.attempts.max(1) as f64),
                    "lastError": stats.last_error.as_ref().map(|(at, error)| {
                        json!({"at": date(*at), "error": error})
                    }),
                    "lastSuccess": stats.last_success_ms.map(date),
                })
            })
            .collect();
        json!({"queue": engine.queue_length(), "deliveries": shown})
    });
    Ok(success(&shown))
}

#[derive(Debug, Deserialize)]
pub(super) struct PreviewRequest {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// A configuration that does not run yet.
    config: Option<String>,
}

/// Where an alert would go, what would be said of it, and what holds it back.
pub(super) async fn preview(
    State(state): State<Shared>,
    identity: Identity,
    body: Result<RequestBody, BodyError>,
) -> Result<Response, Refusal> {
    let request: PreviewRequest = read(body)?;
    let labels = Labels::from_pairs(&request.labels);
    let tenant = tenant(&state, &identity)?;
    let running = match &request.config {
        Some(text) => state.operator.preview(text).map_err(Refusal::bad)?,
        None => vigie_respond::Running::clone(&state.responder.running()),
    };
    let routes = previews(&running, &labels, &request.annotations, tenant.now());
    let (status, inhibition) = tenant
        .ask(|engine, now| (engine.status_of(&labels, now), engine.inhibition_of(&labels, now)));
    let warnings: Vec<String> = running.config.warnings.iter().map(ToString::to_string).collect();
    Ok(success(&json!({
        "routes": routes.iter().map(shown_preview).collect::<Vec<_>>(),
        "silencedBy": status.silenced_by,
        "inhibitedBy": inhibition.map(|(rule, source)| {
            json!({"rule": rule, "alert": source.to_string()})
        }),
        "warnings": warnings,
    })))
}

fn shown_preview(preview: &Preview) -> Value {
    let messages: Vec<Value> = preview
        .messages
        .iter()
        .map(|message| match &message.message {
            Ok(rendered) => {
                let parts: Vec<Value> = rendered
                    .parts
                    .iter()
                    .map(|(name, text)| json!({"name": name, "text": text}))
                    .collect();
                json!({"integration": message.integration, "parts": parts})
            }
            Err(error) => json!({"integration": message.integration, "error": error}),
        })
        .collect();
    json!({
        "route": &*preview.route,
        "routeLine": preview.route_line,
        "receiver": &*preview.receiver,
        "groupKey": preview.group_key,
        "groupLabels": map(&preview.group_labels),
        "groupWaitMs": preview.group_wait_ms,
        "groupIntervalMs": preview.group_interval_ms,
        "repeatIntervalMs": preview.repeat_interval_ms,
        "mutedBy": preview.muted_by,
        "messages": messages,
    })
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenMatchers {
    Text(String),
    List(Vec<PostedMatcher>),
}

#[derive(Debug, Deserialize)]
struct SilencePreviewRequest {
    matchers: WrittenMatchers,
}

/// Which alerts that fire a silence would silence.
pub(super) async fn silence_preview(
    State(state): State<Shared>,
    identity: Identity,
    body: Result<RequestBody, BodyError>,
) -> Result<Response, Refusal> {
    let request: SilencePreviewRequest = read(body)?;
    let matchers = match request.matchers {
        WrittenMatchers::Text(text) => {
            let parsed = syntax(&state).parse_list(&text);
            parsed.map_err(|error| Refusal::bad(error.to_string()))?.matchers
        }
        WrittenMatchers::List(list) => {
            list.into_iter().map(PostedMatcher::into_matcher).collect::<Result<_, _>>()?
        }
    };
    let tenant = tenant(&state, &identity)?;
    let alerts = tenant.ask(|engine, now| engine.silenced_by(&matchers, now));
    let shown: Vec<Value> = alerts
        .iter()
        .map(|alert| {
            json!({"fingerprint": alert.fingerprint.to_string(), "labels": map(&alert.labels)})
        })
        .collect();
    Ok(success(&json!({"alerts": shown})))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TestRequest {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// Sends a test notification to a receiver and says what each of its integrations answered.
pub(super) async fn test_receiver(
    State(state): State<Shared>,
    identity: Identity,
    Path(name): Path<String>,
    body: Result<RequestBody, BodyError>,
) -> Result<Response, Refusal> {
    let body = body?;
    let mut request: TestRequest = if body.bytes.is_empty() {
        TestRequest::default()
    } else {
        serde_json::from_slice(&body.bytes).map_err(|error| Refusal::bad(error.to_string()))?
    };
    if request.labels.is_empty() {
        request.labels.insert("alertname".to_owned(), "VigieTest".to_owned());
    }
    if request.annotations.is_empty() {
        let text = "A test notification. Nothing is wrong.";
        request.annotations.insert("summary".to_owned(), text.to_owned());
    }
    let labels = Labels::from_pairs(&request.labels);
    let tenant = tenant(&state, &identity)?;
    let answers = tenant.test_receiver(&name, labels, request.annotations).await?;
    let shown: Vec<Value> = answers
        .into_iter()
        .map(|(integration, answer)| match answer {
            Ok(receipt) => json!({"integration": integration, "detail": receipt.detail}),
            Err(error) => json!({"integration": integration, "error": error.reason}),
        })
        .collect();
    Ok(success(&json!(shown)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AcknowledgeRequest {
    group_key: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    comment: String,
    until: Option<String>,
}

/// An acknowledgement holds this long unless it says otherwise.
const ACKNOWLEDGED_MS: i64 = 4 * 3_600_000;

/// Takes an acknowledgement: nothing is repeated until its end.
pub(super) async fn acknowledge(
    State(state): State<Shared>,
    identity: Identity,
    body: Result<RequestBody, BodyError>,
) -> Result<Response, Refusal> {
    let request: AcknowledgeRequest = read(body)?;
    let tenant = tenant(&state, &identity)?;
    let until_ms = read_date(request.until.as_deref())?
        .unwrap_or(tenant.now().wall_ms.saturating_add(ACKNOWLEDGED_MS));
    let by = identity.user.as_deref().map_or(request.by, str::to_owned);
    tenant.acknowledge(&request.group_key, by, request.comment, until_ms).await?;
    Ok(success(&json!({"until": date(until_ms)})))
}
