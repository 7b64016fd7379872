//! Which metrics are asked for, and which take room that nobody asks about. The path and the
//! names of parameters and fields are those of VictoriaMetrics.

use axum::extract::State;
use serde::Serialize;

use super::Shared;
use super::answer::{Answer, Answered, ApiError};
use super::parameters::{Parameters, parse_integer};
use crate::Identity;

const LIMIT_DEFAULT: i64 = 1_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageView {
    /// Seconds since the epoch.
    stats_collected_since: i64,
    stats_collected_records_total: usize,
    records: Vec<RecordView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordView {
    metric_name: String,
    requests_count: u64,
    last_request_timestamp: i64,
}

/// All metrics with how often each was asked for since the start, the least asked for first.
/// `le`: only those asked for at most so often (0: never); `match_pattern`: only names that hold
/// this text; `limit`: at most so many.
pub(super) async fn metric_names(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let le = number(&parameters, "le")?.and_then(|le| u64::try_from(le).ok());
    let limit = number(&parameters, "limit")?.unwrap_or(LIMIT_DEFAULT);
    let pattern = parameters.get("match_pattern");
    let all = state.store.metric_usage(&identity.tenant).await?;
    let clock = &state.world.clock;
    let running_ms = i64::try_from(clock.monotonic().as_millis()).unwrap_or(0);
    let total = all.len();
    let wanted = all.into_iter().filter(|metric| {
        le.is_none_or(|le| metric.usage.requests <= le) && metric.name.contains(pattern)
    });
    let records = wanted.take(usize::try_from(limit).unwrap_or(0)).map(|metric| RecordView {
        metric_name: metric.name,
        requests_count: metric.usage.requests,
        last_request_timestamp: metric.usage.last_ms / 1000,
    });
    Answer::data(&UsageView {
        stats_collected_since: clock.now_ms().saturating_sub(running_ms) / 1000,
        stats_collected_records_total: total,
        records: records.collect(),
    })
}

fn number(parameters: &Parameters, name: &str) -> Result<Option<i64>, ApiError> {
    let text = parameters.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    let number = parse_integer(text).ok().filter(|number| *number >= 0);
    let message = format!("{name} must be a number that is not negative");
    number.map(Some).ok_or_else(|| ApiError::bad_data(message))
}
