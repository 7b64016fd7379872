//! The HTTP API of Alertmanager 0.34 (v2), of 0.25 (v1 alerts), and Vigie's own beside them.
//!
//! What is served and where it differs is in `docs/use/alertmanager.md`. Handlers ask the
//! responder's [`Tenant`] of the front door's [`Identity`](crate::Identity).

mod alerts;
mod manage;
mod metrics;
mod native;
mod parameters;
mod silences;
mod status;
mod version_one;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::future::BoxFuture;
use serde::Serialize;
use vigie_respond::{AccessError, Responder, Running, SilenceError, Tenant};
use vigie_world::World;

pub use metrics::expose;

use crate::prometheus::ReloadOutcome;
use crate::{Identity, Telemetry};

/// What the binary does when somebody asks for it over HTTP.
pub trait RespondOperator: Send + Sync + fmt::Debug {
    /// Reads the configuration again; all or nothing. The error says what is wrong with it.
    fn reload(&self) -> BoxFuture<'_, Result<(), String>>;
    /// How the last reload (or the start) went.
    fn last_reload(&self) -> ReloadOutcome;
    /// A configuration given as text, ready for previews: with the running one's templates, so
    /// that no request can have files read. The error says what is wrong with it.
    fn preview(&self, text: &str) -> Result<Running, String>;
}

/// Everything that Alertmanager's API serves from.
#[derive(Debug)]
pub struct AlertmanagerState {
    /// What reacts.
    pub responder: Arc<Responder>,
    /// Who runs the process.
    pub operator: Arc<dyn RespondOperator>,
    /// Own telemetry, shown by `/metrics`.
    pub telemetry: Arc<Telemetry>,
    /// Clock.
    pub world: World,
    /// `--web.route-prefix`
    pub route_prefix: String,
    /// The version that clients are told; amtool warns when it is not its own.
    pub version: String,
    /// When the process started; milliseconds since the epoch.
    pub started_at_ms: i64,
    /// The address that is told as the only peer.
    pub address: String,
}

type Shared = Arc<AlertmanagerState>;

/// The routes of Alertmanager's port.
pub fn router(state: Shared) -> Router {
    let prefix = state.route_prefix.trim_matches('/').to_owned();
    let routes = Router::new()
        .nest("/api/v2", version_two())
        .route("/api/v1/alerts", get(version_one::list).post(version_one::put))
        .nest("/api/v1/respond", own_routes())
        .merge(manage::routes())
        .with_state(state);
    if prefix.is_empty() { routes } else { Router::new().nest(&format!("/{prefix}"), routes) }
}

/// Vigie's own routes alone, for other ports: `/api/v1/respond/...`.
pub fn native_router(state: Shared) -> Router {
    Router::new().nest("/api/v1/respond", own_routes()).with_state(state)
}

/// Alertmanager's API alone, for other ports, without its prefix.
pub fn version_two_router(state: &Shared) -> Router {
    version_two().with_state(Arc::clone(state))
}

fn version_two() -> Router<Shared> {
    Router::new()
        .route("/status", get(status::status))
        .route("/receivers", get(status::receivers))
        .route("/alerts", get(alerts::list).post(alerts::put))
        .route("/alerts/groups", get(alerts::groups))
        .route("/silences", get(silences::list).post(silences::set))
        .route("/silence/{id}", get(silences::get).delete(silences::expire))
}

fn own_routes() -> Router<Shared> {
    Router::new()
        .route("/why", get(native::why))
        .route("/deliveries", get(native::deliveries))
        .route("/preview", post(native::preview))
        .route("/silences/preview", post(native::silence_preview))
        .route("/receivers/{name}/test", post(native::test_receiver))
        .route("/acknowledge", post(native::acknowledge))
}

/// The part of who asks.
fn tenant(state: &AlertmanagerState, identity: &Identity) -> Result<Arc<Tenant>, Refusal> {
    state
        .responder
        .tenant(&identity.tenant)
        .map_err(|error| Refusal(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
}

/// A request that is not answered with what was asked for: a JSON text, as in Alertmanager.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json(self.0, &self.1)
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        let status = match &error {
            AccessError::Silence(SilenceError::NotFound) | AccessError::NotFound(_) => {
                StatusCode::NOT_FOUND
            }
            AccessError::Silence(SilenceError::Invalid(_)) => StatusCode::BAD_REQUEST,
            AccessError::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl From<crate::BodyError> for Refusal {
    fn from(error: crate::BodyError) -> Self {
        Self(error.status(), error.to_string())
    }
}

fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (status, headers, body).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn ok<T: Serialize + ?Sized>(value: &T) -> Response {
    json(StatusCode::OK, value)
}

/// `2026-01-02T03:04:05.678Z`
fn date(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms).map_or_else(
        |_| "0001-01-01T00:00:00.000Z".to_owned(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}

/// Milliseconds since the epoch of an RFC 3339 date. Go's zero time is no time.
fn read_date(text: Option<&str>) -> Result<Option<i64>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty() && !text.starts_with("0001-01-01")) else {
        return Ok(None);
    };
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| Some(time.as_millisecond()))
        .map_err(|_| Refusal::bad(format!("invalid date-time: {text:?}")))
}
