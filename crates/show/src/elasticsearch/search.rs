//! `_search`, `_count` and scrolls.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use vigie_query::search::{Query, SearchParameters, SearchRequest, SearchResponse, Searcher};

use super::answer::Reply;
use super::call::Call;
use super::contexts::keep_alive;
use super::error::ApiError;
use super::resolve::Missing;
use super::state::Api;

/// A parameter that lists names.
pub(super) fn list(call: &Call, name: &str) -> Vec<String> {
    let names = call.parameter(name).into_iter().flat_map(|text| text.split(','));
    names.map(str::to_owned).filter(|name| !name.is_empty()).collect()
}

pub(super) fn parameters(call: &Call) -> Result<SearchParameters, ApiError> {
    let text = |name: &str| call.parameter(name).map(str::to_owned);
    Ok(SearchParameters {
        q: text("q"),
        default_field: text("df"),
        default_operator: text("default_operator"),
        from: call.number("from")?,
        size: call.number("size")?,
        sort: text("sort"),
        track_total_hits: text("track_total_hits"),
        source: text("_source"),
        source_includes: list(call, "_source_includes"),
        source_excludes: list(call, "_source_excludes"),
        is_scroll: call.parameter("scroll").is_some(),
    })
}

/// Ends a search after its time: a task sets the flag that the search looks at.
fn stop_in_time(api: &Api, call: &Call) {
    let (stop, clock) = (call.stop(), Arc::clone(&api.state.world.clock));
    let timeout = api.state.options.search_timeout;
    api.runtime.spawn(async move {
        // The flag is also set when the answer is there, which ends the wait early.
        let step = timeout / 20;
        for _ in 0..20 {
            clock.sleep(step).await;
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

pub(super) fn search(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let request = SearchRequest::parse(&body, &parameters(call)?);
    let request = request.map_err(|error| ApiError::from(error).located(&call.body))?;
    let started = api.state.world.clock.monotonic();
    stop_in_time(api, call);
    let searched = run(api, call, index, request).map_err(|error| error.located(&call.body))?;
    let took_ms =
        api.state.world.clock.monotonic().checked_sub(started).unwrap().as_millis() as u64;
    Ok(Reply::written(searched.write(took_ms, call)))
}

/// An answer and the ids that come with it.
#[derive(Debug)]
pub(super) struct Searched {
    response: SearchResponse,
    scroll_id: Option<String>,
    point_in_time: Option<String>,
    shards: usize,
}

/// Searches the indices of an expression, or the point in time that the request names.
pub(super) fn run(
    api: &Api,
    call: &Call,
    index: &str,
    request: SearchRequest,
) -> Result<Searched, ApiError> {
    let (mut searcher, shards) = if let Some((id, life)) = &request.point_in_time {
        let life = life.as_deref().map(keep_alive).transpose()?;
        let context = api.context(call, id, life)?;
        (Searcher { stop: call.stop(), ..context.searcher }, 1)
    } else {
        let resolved = api.resolve(call, index, Missing::of(call))?;
        let shards = resolved.names.len();
        (api.searcher(&resolved, call.stop())?, shards)
    };
    searcher.compiler.now_ms = api.now_ms();
    let response = searcher.search(&request, None)?;
    let point_in_time = request.point_in_time.as_ref().map(|(id, _)| id.clone());
    let scroll_id = match call.parameter("scroll") {
        None => None,
        Some(life) => {
            let total = response.total.map_or(0, |total| total.value);
            searcher.stop = Arc::default();
            let scroll = (Arc::new(request), response.cursor.clone(), total);
            Some(api.open(call, searcher, Some(scroll), keep_alive(life)?)?)
        }
    };
    Ok(Searched { response, scroll_id, point_in_time, shards })
}

/// `_search/scroll`: the next page.
pub(super) fn scroll(api: &Api, call: &Call, in_path: Option<&str>) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).or(call.parameter(name));
    let id = in_path.or(text("scroll_id")).ok_or_else(|| {
        ApiError::new(
            "action_request_validation_exception",
            "Validation Failed: 1: scrollId is missing;",
            400,
        )
    })?;
    let life = text("scroll").map(keep_alive).transpose()?;
    let context = api.context(call, id, life)?;
    let Some((request, cursor, total)) = context.scroll else {
        return Err(ApiError::argument(format!("[{id}] is no scroll")));
    };
    let started = api.state.world.clock.monotonic();
    stop_in_time(api, call);
    let mut page = SearchRequest::clone(&request).without_aggregations();
    // What there is was counted for the first page.
    page.tracked = Some(0);
    let searcher = Searcher { stop: call.stop(), ..context.searcher };
    let mut response = match cursor {
        Some(cursor) => searcher.search(&page, Some(&cursor))?,
        None => SearchResponse::empty(),
    };
    response.total = Some(vigie_query::search::Total { value: total, is_exact: true });
    api.advance(id, response.cursor.clone());
    let took_ms =
        api.state.world.clock.monotonic().checked_sub(started).unwrap().as_millis() as u64;
    let searched =
        Searched { response, scroll_id: Some(id.to_owned()), point_in_time: None, shards: 1 };
    Ok(Reply::written(searched.write(took_ms, call)))
}

impl Searched {
    /// The answer as JSON, written without a tree of the documents.
    pub(super) fn write(&self, took_ms: u64, call: &Call) -> Vec<u8> {
        let response = &self.response;
        let mut out = Vec::with_capacity(1_024 + response.hits.len() * 600);
        out.push(b'{');
        if let Some(id) = &self.scroll_id {
            out.extend_from_slice(
                format!("\"_scroll_id\":{},", Value::from(id.as_str())).as_bytes(),
            );
        }
        if let Some(id) = &self.point_in_time {
            out.extend_from_slice(format!("\"pit_id\":{},", Value::from(id.as_str())).as_bytes());
        }
        let shards = self.shards;
        out.extend_from_slice(
            format!(
                "\"took\":{took_ms},\"timed_out\":false,\"_shards\":{{\"total\":{shards},\
                 \"successful\":{shards},\"skipped\":0,\"failed\":0}},\"hits\":{{"
            )
            .as_bytes(),
        );
        if let Some(total) = response.total {
            let relation = if total.is_exact { "eq" } else { "gte" };
            if call.flag("rest_total_hits_as_int") {
                out.extend_from_slice(format!("\"total\":{},", total.value).as_bytes());
            } else {
                let total =
                    format!("\"total\":{{\"value\":{},\"relation\":\"{relation}\"}},", total.value);
                out.extend_from_slice(total.as_bytes());
            }
        } else if call.flag("rest_total_hits_as_int") {
            out.extend_from_slice(b"\"total\":-1,");
        }
        let max = response.max_score.map_or(Value::Null, Value::from);
        out.extend_from_slice(format!("\"max_score\":{max},\"hits\":[").as_bytes());
        for (at, hit) in response.hits.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_hit(hit, &mut out);
        }
        out.extend_from_slice(b"]}");
        if let Some(aggregations) = &response.aggregations {
            out.extend_from_slice(format!(",\"aggregations\":{aggregations}").as_bytes());
        }
        out.push(b'}');
        out
    }
}

fn write_hit(hit: &vigie_query::search::Hit, out: &mut Vec<u8>) {
    let text = |text: &str| Value::from(text).to_string();
    out.extend_from_slice(format!("{{\"_index\":{}", text(&hit.index)).as_bytes());
    if !hit.id.is_empty() {
        out.extend_from_slice(format!(",\"_id\":{}", text(&hit.id)).as_bytes());
    }
    let score = hit.score.map_or(Value::Null, Value::from);
    out.extend_from_slice(format!(",\"_score\":{score}").as_bytes());
    if let Some(source) = &hit.source {
        out.extend_from_slice(b",\"_source\":");
        out.extend_from_slice(source.get().as_bytes());
    }
    for (key, value) in &hit.rest {
        out.extend_from_slice(format!(",{}:{value}", text(key)).as_bytes());
    }
    out.push(b'}');
}

/// `_count`
pub(super) fn count(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let body = call.json()?;
    if let Some(key) = body.as_object().and_then(|map| map.keys().find(|key| *key != "query")) {
        let reason = format!("request does not support [{key}]");
        return Err(ApiError::new("parsing_exception", reason, 400));
    }
    let query = match (body.get("query"), call.parameter("q")) {
        (Some(query), _) => Query::parse(query),
        (None, Some(text)) => Query::parse(&json!({"query_string": {"query": text}})),
        (None, None) => Ok(Query::match_all()),
    };
    let query = query.map_err(|error| ApiError::from(error).located(&call.body))?;
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let count = api.searcher(&resolved, call.stop())?.count(&query)?;
    let shards = resolved.names.len();
    let shards = json!({"total": shards, "successful": shards, "skipped": 0, "failed": 0});
    Ok(Reply::json(json!({"count": count, "_shards": shards})))
}
