//! Rules, the alerts that they have, and who is told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axum::extract::State;
use serde::Serialize;
use sha2::{Digest, Sha256};
use vigie_alert::{AlertInstance, GroupStatus, Rule, RuleKind, RuleStatus};
use vigie_language::promql::go_quote;
use vigie_model::{Matcher, TenantId};
use vigie_store::CompiledMatcher;

use super::Shared;
use super::answer::{Answer, Answered, ApiError};
use super::parameters::Parameters;
use super::time::rfc3339;
use crate::Identity;

/// What evaluates rules, seen from here.
pub trait RuleBook: Send + Sync + fmt::Debug {
    /// The groups of `tenant`, by file and name.
    fn groups(&self, tenant: &TenantId) -> Vec<GroupStatus>;
    /// Addresses of the Alertmanagers that are told, and of those that relabelling dropped.
    fn alertmanagers(&self) -> (Vec<String>, Vec<String>);
}

/// A server without rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRules;

impl RuleBook for NoRules {
    fn groups(&self, _tenant: &TenantId) -> Vec<GroupStatus> {
        Vec::new()
    }
    fn alertmanagers(&self) -> (Vec<String>, Vec<String>) {
        (Vec::new(), Vec::new())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertView {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingView {
    state: &'static str,
    name: String,
    query: String,
    #[serde(serialize_with = "as_go")]
    duration: f64,
    #[serde(serialize_with = "as_go")]
    keep_firing_for: f64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    /// `null` when they are left out.
    alerts: Option<Vec<AlertView>>,
    health: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
    #[serde(serialize_with = "as_go")]
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordingView {
    name: String,
    query: String,
    labels: BTreeMap<String, String>,
    health: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
    #[serde(serialize_with = "as_go")]
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RuleView {
    Alerting(AlertingView),
    Recording(RecordingView),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupView {
    name: String,
    file: String,
    rules: Vec<RuleView>,
    #[serde(serialize_with = "as_go")]
    interval: f64,
    limit: usize,
    #[serde(serialize_with = "as_go")]
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RulesView {
    groups: Vec<GroupView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

/// What a request for rules wants.
struct Wanted<'a> {
    rule_names: BTreeSet<&'a str>,
    groups: BTreeSet<&'a str>,
    files: BTreeSet<&'a str>,
    matcher_sets: Vec<Vec<CompiledMatcher>>,
    alerting: bool,
    recording: bool,
    exclude_alerts: bool,
    groups_max: Option<usize>,
    next_token: &'a str,
}

impl<'a> Wanted<'a> {
    fn read(parameters: &'a Parameters) -> Result<Self, ApiError> {
        let sets = parameters.matcher_sets().map_err(ApiError::bad_data)?;
        let kind = parameters.get("type").to_ascii_lowercase();
        if !matches!(kind.as_str(), "" | "alert" | "record") {
            let detail = format!("not supported value {}", go_quote(&kind));
            return Err(ApiError::parameter("type", detail));
        }
        let exclude_alerts = exclude_alerts(parameters.get("exclude_alerts"))?;
        let next_token = parameters.get("group_next_token");
        let groups_max = groups_max(parameters.get("group_limit"), next_token)?;
        Ok(Self {
            rule_names: parameters.all("rule_name[]").collect(),
            groups: parameters.all("rule_group[]").collect(),
            files: parameters.all("file[]").collect(),
            matcher_sets: sets.iter().map(|set| compile(set)).collect::<Result<_, _>>()?,
            alerting: kind != "record",
            recording: kind != "alert",
            exclude_alerts,
            groups_max,
            next_token,
        })
    }

    fn wants_group(&self, name: &str, file: &str) -> bool {
        (self.groups.is_empty() || self.groups.contains(name))
            && (self.files.is_empty() || self.files.contains(file))
    }

    fn wants_rule(&self, rule: &Rule) -> bool {
        let value = |name: &str| rule.labels.get(name).map_or("", String::as_str);
        let matches = |set: &Vec<CompiledMatcher>| {
            set.iter().all(|matcher| matcher.matches_value(value(matcher.name())))
        };
        (self.rule_names.is_empty() || self.rule_names.contains(rule.name.as_str()))
            && (self.matcher_sets.is_empty() || self.matcher_sets.iter().any(matches))
            && if rule.is_alerting() { self.alerting } else { self.recording }
    }
}

fn compile(set: &[Matcher]) -> Result<Vec<CompiledMatcher>, ApiError> {
    let compiled = set.iter().map(CompiledMatcher::new).collect::<Result<Vec<_>, _>>();
    compiled.map_err(|error| ApiError::bad_data(error.to_string()))
}

fn exclude_alerts(text: &str) -> Result<bool, ApiError> {
    match text.to_ascii_lowercase().as_str() {
        "" | "0" | "f" | "false" => Ok(false),
        "1" | "t" | "true" => Ok(true),
        other => {
            let detail = format!(
                "error converting exclude_alerts: strconv.ParseBool: parsing {}: invalid syntax",
                go_quote(other)
            );
            Err(ApiError::parameter("exclude_alerts", detail))
        }
    }
}

fn groups_max(limit: &str, next_token: &str) -> Result<Option<usize>, ApiError> {
    if limit.is_empty() {
        if next_token.is_empty() {
            return Ok(None);
        }
        let detail = "group_limit needs to be present in order to paginate over the groups";
        return Err(ApiError::parameter("group_next_token", detail));
    }
    let number: i32 = limit.parse().map_err(|error: std::num::ParseIntError| {
        let reason = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                "value out of range"
            }
            _ => "invalid syntax",
        };
        let detail = format!(
            "group_limit needs to be a valid number: strconv.ParseInt: parsing {}: {reason}",
            go_quote(limit)
        );
        ApiError::parameter("group_limit", detail)
    })?;
    match usize::try_from(number) {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(ApiError::parameter("group_limit", "group_limit needs to be greater than 0")),
    }
}

pub(super) async fn rules(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let wanted = Wanted::read(&parameters)?;
    let mut groups = state.rules.groups(&identity.tenant);
    if !wanted.next_token.is_empty() {
        let at = groups.iter().position(|group| token(group) == wanted.next_token);
        let Some(at) = at else {
            let token = wanted.next_token;
            let detail = format!("invalid group_next_token '{token}'. were rule groups changed?");
            return Err(ApiError::parameter("group_next_token", detail));
        };
        groups.drain(..at);
    }
    let mut view = RulesView { groups: Vec::new(), group_next_token: None };
    for group in &groups {
        let Some(shown) = group_view(group, &wanted) else { continue };
        if wanted.groups_max.is_some_and(|max| view.groups.len() == max) {
            view.group_next_token = Some(token(group));
            break;
        }
        view.groups.push(shown);
    }
    Answer::data(&view)
}

/// What names a group in the next request.
fn token(group: &GroupStatus) -> String {
    let sum = Sha256::digest(group.definition.key().as_bytes());
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The group as it is shown; `None` when none of its rules is wanted.
fn group_view(group: &GroupStatus, wanted: &Wanted<'_>) -> Option<GroupView> {
    let definition = &group.definition;
    if !wanted.wants_group(&definition.name, &definition.file) {
        return None;
    }
    let rules: Vec<RuleView> = definition
        .rules
        .iter()
        .zip(&group.rules)
        .filter(|(rule, _)| wanted.wants_rule(rule))
        .map(|(rule, status)| rule_view(rule, status, wanted.exclude_alerts))
        .collect();
    (!rules.is_empty()).then(|| GroupView {
        name: definition.name.clone(),
        file: definition.file.clone(),
        rules,
        interval: seconds(definition.interval_ms),
        limit: definition.limit,
        evaluation_time: group.evaluation_duration.as_secs_f64(),
        last_evaluation: rfc3339(group.last_evaluation_ms),
    })
}

fn rule_view(rule: &Rule, status: &RuleStatus, exclude_alerts: bool) -> RuleView {
    let evaluation_time = status.evaluation_duration.as_secs_f64();
    let last_evaluation = rfc3339(status.last_evaluation_ms);
    match rule.kind {
        RuleKind::Recording => RuleView::Recording(RecordingView {
            name: rule.name.clone(),
            query: rule.expression.text.clone(),
            labels: rule.labels.clone(),
            health: status.health.as_str(),
            last_error: status.last_error.clone(),
            evaluation_time,
            last_evaluation,
            kind: "recording",
        }),
        RuleKind::Alerting { for_ms, keep_firing_for_ms } => RuleView::Alerting(AlertingView {
            state: status.state.as_str(),
            name: rule.name.clone(),
            query: rule.expression.text.clone(),
            duration: seconds(for_ms),
            keep_firing_for: seconds(keep_firing_for_ms),
            labels: rule.labels.clone(),
            annotations: rule.annotations.clone(),
            alerts: (!exclude_alerts).then(|| status.alerts.iter().map(alert_view).collect()),
            health: status.health.as_str(),
            last_error: status.last_error.clone(),
            evaluation_time,
            last_evaluation,
            kind: "alerting",
        }),
    }
}

fn alert_view(alert: &AlertInstance) -> AlertView {
    let labels = alert.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    AlertView {
        labels: labels.collect(),
        annotations: alert.annotations.as_ref().clone(),
        state: alert.state.as_str(),
        active_at: rfc3339(Some(alert.active_at_ms)),
        keep_firing_since: alert.keep_firing_since_ms.map(|at_ms| rfc3339(Some(at_ms))),
        value: with_exponent(alert.value),
    }
}

/// Whole numbers without a point, as Go writes them.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn as_go<S: serde::Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        to.serialize_i64(*value as i64)
    } else {
        to.serialize_f64(*value)
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// As Go's `strconv.FormatFloat(value, 'e', -1, 64)`: `1e+00`, `2.5e-03`.
fn with_exponent(value: f64) -> String {
    if !value.is_finite() {
        return vigie_formats::float::float_to_string(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

#[derive(Serialize)]
struct AlertsView {
    alerts: Vec<AlertView>,
}

pub(super) async fn alerts(State(state): State<Shared>, identity: Identity) -> Answered {
    let groups = state.rules.groups(&identity.tenant);
    let alerts = groups.iter().flat_map(|group| &group.rules).flat_map(|rule| &rule.alerts);
    Answer::data(&AlertsView { alerts: alerts.map(alert_view).collect() })
}

#[derive(Serialize)]
struct AlertmanagerView {
    url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertmanagersView {
    active_alertmanagers: Vec<AlertmanagerView>,
    dropped_alertmanagers: Vec<AlertmanagerView>,
}

pub(super) async fn alertmanagers(State(state): State<Shared>) -> Answered {
    let (active, dropped) = state.rules.alertmanagers();
    let views = |urls: Vec<String>| urls.into_iter().map(|url| AlertmanagerView { url }).collect();
    Answer::data(&AlertmanagersView {
        active_alertmanagers: views(active),
        dropped_alertmanagers: views(dropped),
    })
}

#[cfg(test)]
mod tests {
    use super::with_exponent;

    #[test]
    fn values_of_alerts_are_written_with_an_exponent() {
        for (value, expected) in [
            (1.0, "1e+00"),
            (0.0, "0e+00"),
            (-0.0025, "-2.5e-03"),
            (1.5e100, "1.5e+100"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(with_exponent(value), expected);
        }
    }
}
