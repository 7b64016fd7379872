//! What is kept between requests: scrolls and points in time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use vigie_language::search::parse_fixed_interval;
use vigie_model::TenantId;
use vigie_query::search::{Cursor, SearchRequest, Searcher};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::Missing;
use super::state::Api;

/// Contexts open at once, `search.max_open_scroll_context`.
const OPEN_MAX: usize = 500;
/// Longest life without use.
const LIFE_MAX_MS: i64 = 24 * 3_600_000;

/// A scroll or a point in time. It keeps the documents of its moment from being forgotten.
#[derive(Debug, Clone)]
pub(super) struct Context {
    tenant: TenantId,
    expires: Duration,
    pub(super) searcher: Searcher,
    /// What a scroll asks, where its last page ended, and how many documents there are.
    pub(super) scroll: Option<(Arc<SearchRequest>, Option<Cursor>, u64)>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    open: Mutex<HashMap<String, Context>>,
}

/// `1m` as a duration.
pub(super) fn keep_alive(text: &str) -> Result<Duration, ApiError> {
    let span = parse_fixed_interval(text).ok_or_else(|| {
        ApiError::argument(format!(
            "failed to parse setting [keep_alive] with value [{text}] as a time value"
        ))
    })?;
    if span > LIFE_MAX_MS {
        let reason =
            format!("Keep alive for request ({text}) is too large. It must be less than (1d).");
        return Err(ApiError::argument(reason));
    }
    Ok(Duration::from_millis(span as u64))
}

impl Api {
    /// Keeps a context; gives its id.
    pub(super) fn open(
        &self,
        call: &Call,
        searcher: Searcher,
        scroll: Option<(Arc<SearchRequest>, Option<Cursor>, u64)>,
        life: Duration,
    ) -> Result<String, ApiError> {
        let now = self.state.world.clock.monotonic();
        let mut open = self.contexts.open.lock();
        open.retain(|_, context| context.expires > now);
        if open.len() >= OPEN_MAX {
            let reason = format!(
                "Trying to create too many scroll contexts. Must be less than or equal to: [{OPEN_MAX}]."
            );
            return Err(ApiError::unavailable(reason));
        }
        let random = &self.state.world.random;
        let id = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
        let context =
            Context { tenant: call.tenant.clone(), expires: now + life, searcher, scroll };
        open.insert(id.clone(), context);
        Ok(id)
    }

    /// The context `id`, which lives on for `life`.
    pub(super) fn context(
        &self,
        call: &Call,
        id: &str,
        life: Option<Duration>,
    ) -> Result<Context, ApiError> {
        let now = self.state.world.clock.monotonic();
        let mut open = self.contexts.open.lock();
        let context = open
            .get_mut(id)
            .filter(|context| context.tenant == call.tenant && context.expires > now);
        let Some(context) = context else {
            let shown: String = id.chars().take(100).collect();
            let reason = format!("No search context found for id [{shown}]");
            return Err(ApiError::new("search_context_missing_exception", reason, 404));
        };
        if let Some(life) = life {
            context.expires = now + life;
        }
        Ok(context.clone())
    }

    pub(super) fn advance(&self, id: &str, cursor: Option<Cursor>) {
        if let Some(context) = self.contexts.open.lock().get_mut(id)
            && let Some((_, last, _)) = &mut context.scroll
            && cursor.is_some()
        {
            *last = cursor;
        }
    }

    fn close(&self, call: &Call, id: &str) -> bool {
        let mut open = self.contexts.open.lock();
        if open.get(id).is_some_and(|context| context.tenant == call.tenant) {
            return open.remove(id).is_some();
        }
        false
    }
}

/// `POST {index}/_pit`
pub(super) fn open_point_in_time(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let life = call.parameter("keep_alive").ok_or_else(|| {
        ApiError::new(
            "action_request_validation_exception",
            "Validation Failed: 1: [keep_alive] is not specified;",
            400,
        )
    })?;
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let searcher = api.searcher(&resolved, Arc::default())?;
    let id = api.open(call, searcher, None, keep_alive(life)?)?;
    Ok(Reply::json(json!({"id": id})))
}

/// `DELETE _pit`
pub(super) fn close_point_in_time(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
    let is_closed = api.close(call, id);
    let told = json!({"succeeded": true, "num_freed": u8::from(is_closed)});
    Ok(Reply::json(told).with_status(if is_closed { 200 } else { 404 }))
}

/// `DELETE _search/scroll`
pub(super) fn clear_scroll(
    api: &Api,
    call: &Call,
    in_path: Option<&str>,
) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let mut ids: Vec<String> =
        in_path.into_iter().flat_map(|ids| ids.split(',')).map(str::to_owned).collect();
    match body.get("scroll_id") {
        Some(Value::String(id)) => ids.push(id.clone()),
        Some(Value::Array(items)) => {
            ids.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    let freed = if ids.iter().any(|id| id == "_all") {
        let mut open = api.contexts.open.lock();
        let before = open.len();
        open.retain(|_, context| context.scroll.is_none() || context.tenant != call.tenant);
        before - open.len()
    } else {
        ids.iter().filter(|id| api.close(call, id)).count()
    };
    let told = json!({"succeeded": true, "num_freed": freed});
    Ok(Reply::json(told).with_status(if freed > 0 || ids.is_empty() { 200 } else { 404 }))
}
