//! Which queries were asked most, and which took the longest: `/status/top_queries`, in
//! VictoriaMetrics' shape.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde::Serialize;
use vigie_model::TenantId;
use vigie_query::QueryKind;

use super::Shared;
use super::answer::ApiError;
use super::parameters::{Parameters, parse_duration_ns, parse_integer};
use crate::Identity;

/// This many queries are remembered.
const QUERIES_MAX: usize = 20_000;
/// Longer texts are cut: they would take the memory of many.
const TEXT_BYTES_MAX: usize = 4_096;
/// The longest list that is given.
const TOP_MAX: i64 = 1_000;

/// A query that was answered.
#[derive(Debug)]
struct Asked {
    tenant: TenantId,
    text: Arc<str>,
    /// How long the range is that it was asked over; 0 for one time.
    range_seconds: i64,
    took: Duration,
    ended: Instant,
}

/// The queries that were answered last.
#[derive(Debug, Default)]
pub(super) struct TopQueries(Mutex<VecDeque<Asked>>);

impl TopQueries {
    /// Remembers that `text` was answered for `tenant`, and how long that took.
    pub(super) fn add(&self, tenant: &TenantId, text: &str, kind: QueryKind, took: Duration) {
        let range_seconds = match kind {
            QueryKind::Instant { .. } => 0,
            QueryKind::Range { start_ms, end_ms, .. } => end_ms.saturating_sub(start_ms) / 1_000,
        };
        let text = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text);
        let asked = Asked {
            tenant: tenant.clone(),
            text: Arc::from(text),
            range_seconds,
            took,
            ended: Instant::now(),
        };
        let mut last = self.0.lock();
        if last.len() >= QUERIES_MAX {
            last.pop_front();
        }
        last.push_back(asked);
    }

    /// The queries of `tenant` that ended within `lifetime`, equal ones together.
    fn of(&self, tenant: &TenantId, lifetime: Duration) -> Vec<TopQuery> {
        let last = self.0.lock();
        let mut found: HashMap<(Arc<str>, i64), (u64, Duration)> = HashMap::new();
        let recent = |asked: &&Asked| asked.tenant == *tenant && asked.ended.elapsed() <= lifetime;
        for asked in last.iter().filter(recent) {
            let key = (Arc::clone(&asked.text), asked.range_seconds);
            let (count, sum) = found.entry(key).or_default();
            *count += 1;
            *sum += asked.took;
        }
        drop(last);
        let found = found.into_iter().map(|((text, range_seconds), (count, sum))| TopQuery {
            query: text.to_string(),
            time_range_seconds: range_seconds,
            count,
            avg_duration_seconds: sum.as_secs_f64() / count as f64,
            sum_duration_seconds: sum.as_secs_f64(),
        });
        found.collect()
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct TopQuery {
    query: String,
    time_range_seconds: i64,
    count: u64,
    avg_duration_seconds: f64,
    sum_duration_seconds: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TopView {
    #[serde(rename = "topN")]
    top_n: String,
    max_lifetime: String,
    #[serde(rename = "search.queryStats.lastQueriesCount")]
    last_queries_count: usize,
    top_by_count: Vec<TopQuery>,
    top_by_avg_duration: Vec<TopQuery>,
    top_by_sum_duration: Vec<TopQuery>,
}

pub(super) async fn top_queries(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let top = match parameters.get("topN") {
        "" => 20,
        text => parse_integer(text).map_err(|detail| ApiError::parameter("topN", detail))?,
    };
    let top = usize::try_from(top.clamp(1, TOP_MAX)).unwrap_or(1);
    let lifetime = match parameters.get("maxLifetime") {
        "" => Duration::from_mins(10),
        text => {
            let wrong = |detail| ApiError::parameter("maxLifetime", detail);
            let nanoseconds = parse_duration_ns(text).map_err(wrong)?;
            Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
        }
    };
    let found = state.top.of(&identity.tenant, lifetime);
    let view = TopView {
        top_n: top.to_string(),
        max_lifetime: format!("{}s", lifetime.as_secs()),
        last_queries_count: QUERIES_MAX,
        top_by_count: first(&found, top, |query| query.count as f64),
        top_by_avg_duration: first(&found, top, |query| query.avg_duration_seconds),
        top_by_sum_duration: first(&found, top, |query| query.sum_duration_seconds),
    };
    let body = serde_json::to_vec(&view).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// The `top` queries by what `by` tells, largest first; equal ones by their text.
fn first(found: &[TopQuery], top: usize, by: impl Fn(&TopQuery) -> f64) -> Vec<TopQuery> {
    let mut sorted = found.to_vec();
    let key = |query: &TopQuery| by(query);
    sorted.sort_by(|a, b| key(b).total_cmp(&key(a)).then_with(|| a.query.cmp(&b.query)));
    sorted.truncate(top);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_queries_of_one_tenant_are_counted_together() {
        let top = TopQueries::default();
        let (one, other) = (TenantId::default(), TenantId::new("other").unwrap());
        let instant = QueryKind::Instant { time_ms: 0 };
        let range = QueryKind::Range { start_ms: 0, end_ms: 60_000, step_ms: 1_000 };
        top.add(&one, "up", instant, Duration::from_millis(10));
        top.add(&one, "up", instant, Duration::from_millis(30));
        top.add(&one, "up", range, Duration::from_millis(100));
        top.add(&other, "secret", instant, Duration::from_secs(1));
        let found = top.of(&one, Duration::from_secs(60));
        let by_count = first(&found, 1, |query| query.count as f64);
        assert_eq!((by_count[0].count, by_count[0].time_range_seconds), (2, 0));
        assert!((by_count[0].avg_duration_seconds - 0.02).abs() < 1e-9);
        let by_sum = first(&found, 9, |query| query.sum_duration_seconds);
        assert_eq!(by_sum.iter().map(|q| q.time_range_seconds).collect::<Vec<_>>(), [60, 0]);
        assert!(top.of(&one, Duration::ZERO).len() <= found.len());
    }

    #[test]
    fn memory_is_bounded() {
        let top = TopQueries::default();
        let instant = QueryKind::Instant { time_ms: 0 };
        let long = "é".repeat(TEXT_BYTES_MAX);
        for _ in 0..QUERIES_MAX + 5 {
            top.add(&TenantId::default(), "up", instant, Duration::ZERO);
        }
        top.add(&TenantId::default(), &long, instant, Duration::ZERO);
        let last = top.0.lock();
        assert_eq!(last.len(), QUERIES_MAX);
        assert!(last.back().unwrap().text.len() <= TEXT_BYTES_MAX);
    }
}
