//! `/api/v2/status` and `/api/v2/receivers`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::parameters::{Parameters, syntax};
use super::{Refusal, Shared, date, ok};
use crate::Identity;

pub(super) async fn status(State(state): State<Shared>, _identity: Identity) -> Response {
    let running = state.responder.running();
    ok(&json!({
        // Harnesses wait until there is a peer; the only one is this process.
        "cluster": {
            "name": "vigie",
            "peers": [{"address": state.address, "name": "vigie"}],
            "status": "ready",
        },
        "config": {"original": running.config.to_yaml()},
        "uptime": date(state.started_at_ms),
        "versionInfo": {
            "branch": "",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": concat!("vigie-", env!("CARGO_PKG_VERSION")),
            "version": state.version,
        },
    }))
}

pub(super) async fn receivers(
    State(state): State<Shared>,
    _identity: Identity,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let matchers =
        Parameters::of(query.as_deref()).matchers("receiver_matchers", syntax(&state))?;
    let running = state.responder.running();
    let shown: Vec<Value> = running
        .config
        .receivers
        .iter()
        .filter(|receiver| {
            matchers.iter().all(|matcher| {
                let value = receiver.labels.get(matcher.name());
                matcher.matches_value(value.map_or("", String::as_str))
            })
        })
        .map(|receiver| json!({"name": receiver.name.value, "labels": receiver.labels}))
        .collect();
    Ok(ok(&shown))
}
