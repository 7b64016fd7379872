//! What runs here and what takes how much room.

use axum::extract::State;
use serde::Serialize;
use vigie_store::NamedCount;

use super::answer::{Answer, Answered, ApiError};
use super::parameters::{Parameters, parse_integer};
use super::time::rfc3339;
use super::{PrometheusState, Shared};
use crate::Identity;

const CARDINALITY_LIMIT_MAX: i64 = 10_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildView<'a> {
    version: &'a str,
    revision: &'a str,
    branch: &'a str,
    build_user: &'a str,
    build_date: &'a str,
    go_version: &'a str,
}

impl<'a> BuildView<'a> {
    pub(super) fn of(state: &'a PrometheusState) -> Self {
        let build = &state.build;
        Self {
            version: &build.version,
            revision: &build.revision,
            branch: &build.branch,
            build_user: &build.build_user,
            build_date: &build.build_date,
            go_version: &build.compiler,
        }
    }
}

pub(super) async fn build(State(state): State<Shared>) -> Answered {
    Answer::data(&BuildView::of(&state))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeView<'a> {
    start_time: String,
    #[serde(rename = "CWD")]
    working_folder: String,
    hostname: String,
    server_time: String,
    reload_config_success: bool,
    last_config_time: String,
    corruption_count: u64,
    // Go's runtime has no counterpart here; its fields are kept for pages that show them.
    goroutine_count: usize,
    #[serde(rename = "GOMAXPROCS")]
    processors: usize,
    #[serde(rename = "GOMEMLIMIT")]
    memory_limit: i64,
    #[serde(rename = "GOGC")]
    gogc: &'static str,
    #[serde(rename = "GODEBUG")]
    godebug: &'static str,
    storage_retention: &'a str,
}

pub(super) async fn runtime(State(state): State<Shared>) -> Answered {
    let clock = &state.world.clock;
    let now_ms = clock.now_ms();
    // The monotonic clock begins with the process.
    let running_ms = i64::try_from(clock.monotonic().as_millis()).unwrap_or(0);
    let reload = state.operator.last_reload();
    let folder = std::env::current_dir().map(|path| path.display().to_string());
    Answer::data(&RuntimeView {
        start_time: rfc3339(Some(now_ms.saturating_sub(running_ms))),
        working_folder: folder.unwrap_or_default(),
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        server_time: rfc3339(Some(now_ms)),
        reload_config_success: reload.is_success,
        last_config_time: rfc3339(Some(reload.at_ms)),
        corruption_count: 0,
        goroutine_count: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        memory_limit: i64::MAX,
        gogc: "",
        godebug: "",
        storage_retention: &state.options.retention_text,
    })
}

#[derive(Serialize)]
struct ConfigurationView<'a> {
    yaml: &'a str,
}

pub(super) async fn configuration(State(state): State<Shared>) -> Answered {
    Answer::data(&ConfigurationView { yaml: &state.operator.configuration() })
}

pub(super) async fn flags(State(state): State<Shared>) -> Answered {
    Answer::data(&state.flags)
}

#[derive(Serialize)]
struct CountView {
    name: String,
    value: u64,
}

fn counts(list: Vec<NamedCount>) -> Vec<CountView> {
    list.into_iter().map(|entry| CountView { name: entry.name, value: entry.count }).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadView {
    num_series: u64,
    num_label_pairs: u64,
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TsdbView {
    head_stats: HeadView,
    series_count_by_metric_name: Vec<CountView>,
    label_value_count_by_label_name: Vec<CountView>,
    memory_in_bytes_by_label_name: Vec<CountView>,
    series_count_by_label_value_pair: Vec<CountView>,
}

pub(super) async fn tsdb(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let text =
        [parameters.get("limit"), parameters.get("topN")].into_iter().find(|t| !t.is_empty());
    let limit = cardinality_limit(text.unwrap_or(""))?;
    if super::cardinality::is_wanted(&parameters) {
        return super::cardinality::answer(&state, &identity, &parameters, limit).await;
    }
    let found = state.store.snapshot(&identity.tenant).cardinality(limit).await?;
    Answer::data(&TsdbView {
        head_stats: HeadView {
            num_series: found.series,
            num_label_pairs: found.label_pairs,
            chunk_count: found.chunks,
            // What Prometheus shows for an empty head.
            min_time: found.range.map_or(i64::MAX, |range| range.start_ms),
            max_time: found.range.map_or(i64::MIN, |range| range.end_ms),
        },
        series_count_by_metric_name: counts(found.series_by_metric),
        label_value_count_by_label_name: counts(found.values_by_label),
        memory_in_bytes_by_label_name: counts(found.memory_by_label),
        series_count_by_label_value_pair: counts(found.series_by_label_pair),
    })
}

fn cardinality_limit(text: &str) -> Result<usize, ApiError> {
    if text.is_empty() {
        return Ok(10);
    }
    let limit = parse_integer(text).ok().filter(|limit| *limit >= 1);
    let limit = limit.ok_or_else(|| ApiError::bad_data("limit must be a positive number"))?;
    if limit > CARDINALITY_LIMIT_MAX {
        let message = format!("limit must not exceed {CARDINALITY_LIMIT_MAX}");
        return Err(ApiError::bad_data(message));
    }
    Ok(usize::try_from(limit).unwrap_or(10))
}

/// A part, described as Prometheus describes a block. Parts have numbers, not ULIDs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockView {
    ulid: String,
    min_time: i64,
    max_time: i64,
    stats: BlockStatsView,
    compaction: BlockCompactionView,
    version: u32,
}

#[derive(Serialize)]
struct BlockStatsView {
    #[serde(rename = "numSamples")]
    samples: u64,
    #[serde(rename = "numSeries")]
    series: u64,
    #[serde(rename = "numBytes")]
    bytes: u64,
}

#[derive(Serialize)]
struct BlockCompactionView {
    level: u32,
    sources: Vec<String>,
}

#[derive(Serialize)]
struct BlocksView {
    blocks: Vec<BlockView>,
}

pub(super) async fn blocks(State(state): State<Shared>, identity: Identity) -> Answered {
    let parts = state.store.parts(&identity.tenant).into_iter();
    let blocks = parts.map(|part| BlockView {
        min_time: part.meta.start_ms,
        // The end of a block is the first millisecond after it.
        max_time: part.meta.end_ms.saturating_add(1),
        stats: BlockStatsView {
            samples: part.meta.samples,
            series: part.meta.series,
            bytes: part.meta.bytes,
        },
        compaction: BlockCompactionView {
            level: part.level + 1,
            sources: vec![part.id.to_string()],
        },
        ulid: part.id.to_string(),
        version: 1,
    });
    Answer::data(&BlocksView { blocks: blocks.collect() })
}

#[derive(Serialize)]
struct ReplayView {
    min: u64,
    max: u64,
    current: u64,
}

/// How far the log's tail is read after a start. Queries are answered meanwhile.
pub(super) async fn wal_replay(State(state): State<Shared>) -> Answered {
    let (min, max, current) = state.store.wal_replay();
    Answer::data(&ReplayView { min, max, current })
}
