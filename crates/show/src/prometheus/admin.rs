//! Deletion and snapshots, behind `--web.enable-admin-api`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use super::answer::{Answer, Answered, ApiError, ApiErrorKind};
use super::parameters::Parameters;
use crate::Identity;

fn check_enabled(state: &Shared) -> Result<(), ApiError> {
    if state.options.enable_admin_api {
        return Ok(());
    }
    Err(ApiError::new(ApiErrorKind::Unavailable, "admin APIs disabled"))
}

pub(super) async fn delete_series(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    check_enabled(&state)?;
    if parameters.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = parameters.range()?;
    let sets = parameters.matcher_sets().map_err(|e| ApiError::parameter("match[]", e))?;
    let touched = state.store.delete_series(&identity.tenant, &sets, range).await?;
    let user = identity.user.as_deref().unwrap_or_default();
    tracing::info!(tenant = %identity.tenant, user, touched, "series deleted");
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn clean_tombstones(State(state): State<Shared>) -> Result<Response, ApiError> {
    check_enabled(&state)?;
    state.store.clean_tombstones().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize)]
struct SnapshotView {
    name: String,
}

pub(super) async fn snapshot(State(state): State<Shared>, parameters: Parameters) -> Answered {
    check_enabled(&state)?;
    let skip_head = match parameters.get("skip_head") {
        "" => false,
        text => parse_bool(text).ok_or_else(|| {
            let why = format!("strconv.ParseBool: parsing {text:?}: invalid syntax");
            ApiError::parameter("skip_head", format!("unable to parse boolean: {why}"))
        })?,
    };
    let name = state.store.create_snapshot(skip_head).await?;
    tracing::info!(name, "snapshot made");
    Answer::data(&SnapshotView { name })
}

/// What Go's `strconv.ParseBool` takes.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
