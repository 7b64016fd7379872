//! `_msearch`: several searches in one request.

use std::collections::BTreeMap;

use serde_json::Value;
use vigie_query::search::SearchRequest;

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::search;
use super::state::Api;

/// Searches of one request.
const SEARCHES_MAX: usize = 1_000;

pub(super) fn multi_search(api: &Api, call: &Call, default_index: &str) -> Result<Reply, ApiError> {
    let started = api.state.world.clock.monotonic();
    let mut lines = call
        .body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    let mut answers: Vec<Vec<u8>> = Vec::new();
    // Headers may be empty lines; those of two lines are told apart by counting.
    while let Some(header) = lines.next() {
        if answers.len() >= SEARCHES_MAX {
            return Err(ApiError::argument(format!("more than {SEARCHES_MAX} searches")));
        }
        let Some(body) = lines.next() else {
            let reason = "The msearch request must be terminated by a newline [\\n]";
            return Err(ApiError::argument(reason));
        };
        let header: Value =
            serde_json::from_slice(header).map_err(|error| ApiError::json(&error))?;
        answers.push(match one(api, call, &header, body, default_index) {
            Ok(answer) => answer,
            Err(error) => {
                let error = error.located(body);
                serde_json::json!({"error": error.to_json(), "status": error.status})
                    .to_string()
                    .into_bytes()
            }
        });
    }
    if answers.is_empty() {
        let reason = "Validation Failed: 1: no requests added;";
        return Err(ApiError::new("action_request_validation_exception", reason, 400));
    }
    let took_ms = api.state.world.clock.monotonic().checked_sub(started).unwrap().as_millis();
    let mut out = format!("{{\"took\":{took_ms},\"responses\":[").into_bytes();
    out.extend_from_slice(&answers.join(&b','));
    out.extend_from_slice(b"]}");
    Ok(Reply::written(out))
}

fn one(
    api: &Api,
    call: &Call,
    header: &Value,
    body: &[u8],
    default_index: &str,
) -> Result<Vec<u8>, ApiError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| ApiError::json(&error))?;
    let index = match header.get("index").or(header.get("indices")) {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        _ => default_index.to_owned(),
    };
    let mut parameters: BTreeMap<String, String> = call.parameters.clone();
    for name in ["ignore_unavailable", "allow_no_indices"] {
        if let Some(value) = header.get(name) {
            parameters.insert(
                name.to_owned(),
                value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            );
        }
    }
    let own = call.with_parameters(parameters);
    let started = api.state.world.clock.monotonic();
    let request = SearchRequest::parse(&body, &vigie_query::search::SearchParameters::default())?;
    let searched = search::run(api, &own, &index, request)?;
    let took_ms =
        api.state.world.clock.monotonic().checked_sub(started).unwrap().as_millis() as u64;
    let mut written = searched.write(took_ms, &own);
    written.pop();
    written.extend_from_slice(b",\"status\":200}");
    Ok(written)
}
