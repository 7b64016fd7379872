//! Grafana's HTTP API: what people script against port 3000, and what the page asks.
//!
//! Everything that is decided here is kept in the catalog. What is served and where it differs is
//! in `docs/use/grafana-api.md`.

mod accounts;
mod annotations;
mod answer;
mod dashboards;
mod folders;
mod home;
mod import;
mod keys;
mod login;
mod organisation;
mod people;
mod permission;
mod preferences;
mod save;
mod search;
mod user;
mod versions;

use std::sync::Arc;

use axum::Router;
use vigie_catalog::{Catalog, Change, State};
use vigie_world::World;

use crate::Users;
use answer::Refusal;

/// What Grafana's API serves from.
#[derive(Debug)]
pub struct GrafanaState {
    /// What people decided.
    pub catalog: Arc<Catalog>,
    /// Who they are.
    pub users: Arc<Users>,
    /// Clock and randomness.
    pub world: World,
    /// What is told and allowed.
    pub options: GrafanaOptions,
}

/// What is told and allowed.
#[derive(Debug, Clone)]
pub struct GrafanaOptions {
    /// The version that clients are told: Grafana's whose API is served.
    pub version: String,
    /// Name of the one organisation, until somebody changes it.
    pub organisation: String,
    /// The address under which people reach this server, with a slash at its end.
    pub root_url: String,
    /// Whether the session's cookie goes over TLS alone.
    pub cookie_secure: bool,
}

impl Default for GrafanaOptions {
    fn default() -> Self {
        Self {
            version: "12.4.0".to_owned(),
            organisation: "Main Org.".to_owned(),
            root_url: "http://localhost:3000/".to_owned(),
            cookie_secure: false,
        }
    }
}

type Shared = Arc<GrafanaState>;

/// What is open to whoever reaches the page's port: the form's addresses and the health.
pub fn public_router(state: Shared) -> Router {
    login::public_routes().with_state(state)
}

/// Everything else. Each request is held against the roles here; the front door has said who
/// asks.
pub fn router(state: Shared) -> Router {
    let routes = Router::new()
        .merge(login::routes())
        .merge(user::routes())
        .merge(preferences::routes())
        .merge(people::routes())
        .merge(organisation::routes())
        .merge(accounts::routes())
        .merge(keys::routes())
        .merge(dashboards::routes())
        .merge(import::routes())
        .merge(versions::routes())
        .merge(home::routes())
        .merge(search::routes())
        .merge(folders::routes())
        .merge(annotations::routes());
    routes.route_layer(axum::middleware::from_fn(permission::check)).with_state(state)
}

impl GrafanaState {
    /// Makes a change where waiting for the disk is allowed.
    async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&State) -> Result<(Vec<Change>, T), Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let catalog = Arc::clone(&self.catalog);
        let changing = tokio::task::spawn_blocking(move || catalog.change(decide));
        changing.await.map_err(|error| Refusal::internal(&error.to_string()))?
    }

    fn now_ms(&self) -> i64 {
        self.world.clock.now_ms()
    }

    fn new_uid(&self) -> String {
        crate::users::uid(&self.world.random)
    }
}
