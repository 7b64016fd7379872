//! `_async_search`: answered at once, since searches here are short.

use serde_json::{Value, json};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::search;
use super::state::Api;
use vigie_query::search::SearchRequest;

/// `POST {index}/_async_search`
pub(super) fn submit(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let request = SearchRequest::parse(&call.json()?, &search::parameters(call)?);
    let request = request.map_err(|error| ApiError::from(error).located(&call.body))?;
    let (now, started) = (api.now_ms(), api.state.world.clock.monotonic());
    let searched = search::run(api, call, index, request)?;
    let took_ms =
        api.state.world.clock.monotonic().checked_sub(started).unwrap().as_millis() as u64;
    let response: Value =
        serde_json::from_slice(&searched.write(took_ms, call)).unwrap_or(Value::Null);
    Ok(Reply::json(json!({
        "is_partial": false,
        "is_running": false,
        "start_time_in_millis": now,
        "expiration_time_in_millis": now,
        "completion_time_in_millis": now + took_ms as i64,
        "response": response,
    })))
}

/// Nothing is kept: whoever asks again is told so.
pub(super) fn missing(id: &str) -> ApiError {
    ApiError::new("resource_not_found_exception", id.to_owned(), 404)
}
