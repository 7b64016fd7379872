//! What is scraped, and how that went.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use vigie_language::promql::format_duration_ms;
use vigie_model::{Labels, Matcher};
use vigie_receive::scrape::{
    DiscoveryStatus, PoolStatus, TargetMetadata, TargetStatus, TargetsStatus,
};
use vigie_store::CompiledMatcher;

use super::Shared;
use super::answer::{Answer, Answered, ApiError};
use super::parameters::Parameters;
use super::selector;
use super::series::metadata_limit;
use super::time::rfc3339;

/// What relabelling made of labels, rule by rule.
#[derive(Debug, Clone)]
pub struct RelabelStep {
    /// The rule, as a JSON object.
    pub rule: serde_json::Value,
    /// Labels after it; empty when the target was dropped.
    pub output: Labels,
    /// Whether the target is still there.
    pub keep: bool,
}

/// What scrapes, seen from here.
pub trait TargetSource: Send + Sync + fmt::Debug {
    /// All targets.
    fn targets(&self) -> TargetsStatus;
    /// The jobs.
    fn pools(&self) -> Vec<PoolStatus>;
    /// The discoveries that find targets.
    fn discoveries(&self) -> Vec<DiscoveryStatus>;
    /// What targets say of their metrics: of all, or of `metric`.
    fn metadata(&self, metric: Option<&str>) -> Vec<TargetMetadata>;
    /// The scrape configuration of a pool as YAML; the error says why there is none.
    fn scrape_pool_config(&self, pool: &str) -> Result<String, String>;
    /// What the pool's `relabel_configs` make of `labels`.
    fn relabel_steps(&self, pool: &str, labels: &Labels) -> Result<Vec<RelabelStep>, String>;
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetView {
    #[serde(serialize_with = "labels_as_object")]
    discovered_labels: Labels,
    #[serde(serialize_with = "labels_as_object")]
    labels: Labels,
    scrape_pool: Arc<str>,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedView {
    #[serde(serialize_with = "labels_as_object")]
    discovered_labels: Labels,
    scrape_pool: Arc<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetsView {
    active_targets: Vec<TargetView>,
    dropped_targets: Vec<DroppedView>,
    dropped_target_counts: Option<BTreeMap<Arc<str>, usize>>,
}

/// Labels as an object, for answers that are made by `serde`.
fn labels_as_object<S: serde::Serializer>(labels: &Labels, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(labels.iter())
}

pub(super) async fn targets(State(state): State<Shared>, parameters: Parameters) -> Answered {
    let wanted = parameters.get("state").to_ascii_lowercase();
    let wants = |kind: &str| wanted.is_empty() || wanted == "any" || wanted == kind;
    let pool = parameters.get("scrapePool");
    let in_pool = |name: &str| pool.is_empty() || name == pool;
    let mut view = TargetsView {
        active_targets: Vec::new(),
        dropped_targets: Vec::new(),
        dropped_target_counts: None,
    };
    let status = state.targets.targets();
    if wants("active") {
        let active = status.active.into_iter().filter(|target| in_pool(&target.scrape_pool));
        view.active_targets = active.map(target_view).collect();
    }
    if wants("dropped") {
        let dropped = status.dropped.into_iter().filter(|target| in_pool(&target.scrape_pool));
        let shown = dropped.map(|target| DroppedView {
            discovered_labels: target.discovered_labels,
            scrape_pool: target.scrape_pool,
        });
        view.dropped_targets = shown.collect();
        view.dropped_target_counts = Some(status.dropped_counts.into_iter().collect());
    }
    Answer::data(&view)
}

fn duration_text(duration_ms: u64) -> String {
    format_duration_ms(i64::try_from(duration_ms).unwrap_or(i64::MAX))
}

fn target_view(target: TargetStatus) -> TargetView {
    TargetView {
        discovered_labels: target.discovered_labels,
        labels: target.labels,
        scrape_pool: target.scrape_pool,
        scrape_url: target.scrape_url,
        global_url: target.global_url,
        last_error: target.last_error,
        last_scrape: rfc3339(Some(target.last_scrape_ms).filter(|ms| *ms != 0)),
        last_scrape_duration: target.last_scrape_duration_seconds,
        health: target.health.as_str(),
        scrape_interval: duration_text(target.scrape_interval_ms),
        scrape_timeout: duration_text(target.scrape_timeout_ms),
    }
}

#[derive(Serialize)]
struct TargetMetadataView {
    #[serde(serialize_with = "labels_as_object")]
    target: Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    unit: String,
}

pub(super) async fn metadata(State(state): State<Shared>, parameters: Parameters) -> Answered {
    let limit = metadata_limit(&parameters, "limit")?.unwrap_or(usize::MAX);
    let wrong = |detail: String| ApiError::parameter("match_target", detail);
    let matchers = match parameters.get("match_target") {
        "" => Vec::new(),
        text => compile(&selector::parse(text).map_err(wrong)?)?,
    };
    let metric = Some(parameters.get("metric")).filter(|metric| !metric.is_empty());
    let found = state.targets.metadata(metric);
    let matching = found.into_iter().filter(|f| matchers.iter().all(|m| m.matches(&f.target)));
    let shown = matching.take(limit).map(|found| TargetMetadataView {
        target: found.target,
        // Whoever asks for one metric knows its name; Prometheus leaves it out there.
        metric: metric.is_none().then_some(found.metric),
        kind: found.metadata.kind.as_str(),
        help: found.metadata.help,
        unit: found.metadata.unit,
    });
    Answer::data(&shown.collect::<Vec<_>>())
}

fn compile(matchers: &[Matcher]) -> Result<Vec<CompiledMatcher>, ApiError> {
    let compiled: Result<_, _> = matchers.iter().map(CompiledMatcher::new).collect();
    Ok(compiled?)
}

#[derive(Serialize)]
struct RelabelStepView {
    rule: serde_json::Value,
    #[serde(serialize_with = "labels_as_object")]
    output: Labels,
    keep: bool,
}

#[derive(Serialize)]
struct RelabelStepsView {
    steps: Vec<RelabelStepView>,
}

pub(super) async fn relabel_steps(State(state): State<Shared>, parameters: Parameters) -> Answered {
    let pool = wanted_pool(&parameters)?;
    let labels = parameters.get("labels");
    if labels.is_empty() {
        return Err(ApiError::bad_data("no labels parameter provided"));
    }
    let labels: BTreeMap<String, String> = serde_json::from_str(labels)
        .map_err(|error| ApiError::bad_data(format!("error parsing labels: {error}")))?;
    let steps = state.targets.relabel_steps(pool, &Labels::from_pairs(labels)).map_err(no_pool)?;
    let steps = steps.into_iter().map(|step| RelabelStepView {
        rule: step.rule,
        output: step.output,
        keep: step.keep,
    });
    Answer::data(&RelabelStepsView { steps: steps.collect() })
}

#[derive(Serialize)]
struct PoolConfigView {
    yaml: String,
}

pub(super) async fn scrape_pool_config(
    State(state): State<Shared>,
    parameters: Parameters,
) -> Answered {
    let pool = wanted_pool(&parameters)?;
    let yaml = state.targets.scrape_pool_config(pool).map_err(no_pool)?;
    Answer::data(&PoolConfigView { yaml })
}

fn wanted_pool(parameters: &Parameters) -> Result<&str, ApiError> {
    match parameters.get("scrapePool") {
        "" => Err(ApiError::bad_data("no scrapePool parameter provided")),
        pool => Ok(pool),
    }
}

fn no_pool(detail: impl fmt::Display) -> ApiError {
    ApiError::bad_data(format!("error retrieving scrape config: {detail}"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PoolsView {
    scrape_pools: Vec<Arc<str>>,
}

pub(super) async fn scrape_pools(State(state): State<Shared>) -> Answered {
    let pools = state.targets.pools();
    let mut scrape_pools: Vec<_> = pools.into_iter().map(|pool| pool.name).collect();
    scrape_pools.sort();
    Answer::data(&PoolsView { scrape_pools })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DiscoveryView {
    scrape_pool: Arc<str>,
    mechanism: &'static str,
    index: usize,
    target_count: usize,
    last_error: String,
    last_update: String,
}

/// Not in Prometheus: what each discovery knows, and what is wrong with it for the moment.
pub(super) async fn discoveries(State(state): State<Shared>) -> Answered {
    let shown = state.targets.discoveries().into_iter().map(|discovery| DiscoveryView {
        scrape_pool: discovery.scrape_pool,
        mechanism: discovery.mechanism,
        index: discovery.index,
        target_count: discovery.target_count,
        last_error: discovery.last_error,
        last_update: rfc3339(Some(discovery.last_update_ms).filter(|ms| *ms != 0)),
    });
    Answer::data(&shown.collect::<Vec<_>>())
}
