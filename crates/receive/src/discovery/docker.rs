//! Targets from the containers of a Docker daemon.
//!
//! `GET /containers/json` and `GET /networks` of the Docker Engine API, over its Unix socket or
//! TCP. A container becomes one target for each of its TCP ports and networks.

mod api;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use url::Url;
use vigie_world::World;

use super::retry::Retry;
use super::{Discoverer, DiscoveryState, TargetGroup};
use crate::config::{DockerFilter, DockerSdConfig, HttpConfig};
use api::{Container, Network, Refusal};
use vigie_dial::{HttpClient, HttpEnvironment, RequestLimits};

/// The largest answer of the daemon.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// How long an answer may take when the daemon is asked rarely.
const TIMEOUT_MAX: Duration = Duration::from_mins(1);

/// Targets from a Docker daemon.
#[derive(Debug)]
pub(super) struct DockerDiscovery {
    config: DockerSdConfig,
    environment: HttpEnvironment,
    world: World,
}

/// A client with the address that it is for.
#[derive(Debug)]
struct Daemon {
    client: HttpClient,
    base: Url,
}

impl DockerDiscovery {
    /// Targets of `config`.
    pub(super) fn new(
        config: DockerSdConfig,
        environment: &HttpEnvironment,
        world: &World,
    ) -> Self {
        Self { config, environment: environment.clone(), world: world.clone() }
    }

    /// Prepares to talk to the daemon. As in Prometheus, the HTTP settings are those of `http`
    /// and `https` hosts only.
    fn connect(&self) -> Result<Daemon, String> {
        let host = &self.config.host;
        let plain = HttpConfig::default();
        let unusable = || format!("{host:?} is not the address of a Docker daemon");
        let (scheme, rest) = host.split_once("://").ok_or_else(unusable)?;
        let (base, client) = match scheme {
            "unix" => {
                let socket = Path::new(rest);
                let client =
                    HttpClient::over_unix_socket(&plain, &self.environment, &self.world, socket);
                ("http://docker".to_owned(), client)
            }
            "tcp" => {
                let client = HttpClient::new(&plain, &self.environment, &self.world);
                (format!("http://{rest}"), client)
            }
            "http" | "https" => {
                let client = HttpClient::new(&self.config.http, &self.environment, &self.world);
                (host.clone(), client)
            }
            _ => return Err(unusable()),
        };
        let base = Url::parse(&base).map_err(|_| unusable())?;
        Ok(Daemon { client: client.map_err(|error| error.to_string())?, base })
    }

    async fn refresh(&self) -> Result<TargetGroup, String> {
        // Made anew each time, as the certificates may have changed.
        let daemon = self.connect()?;
        let timeout = self.config.refresh_interval.duration();
        let limits = RequestLimits {
            body_bytes: BODY_BYTES_MAX,
            timeout: timeout.clamp(super::RETRY_MIN, TIMEOUT_MAX),
        };
        let query = filters_query(&self.config.filters);
        let containers: Option<Vec<Container>> = daemon
            .ask(&["containers", "json"], query.as_deref(), limits)
            .await
            .map_err(|error| format!("error while listing containers: {error}"))?;
        let networks: Option<Vec<Network>> = daemon
            .ask(&["networks"], None, limits)
            .await
            .map_err(|error| format!("error while computing network labels: {error}"))?;
        let (containers, networks) = (containers.unwrap_or_default(), networks.unwrap_or_default());
        targets::group(&self.config, &containers, &networks)
    }
}

impl Daemon {
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &[&str],
        filters: Option<&str>,
        limits: RequestLimits,
    ) -> Result<T, String> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if let Some(filters) = filters {
            url.query_pairs_mut().append_pair("filters", filters);
        }
        let answer = self.client.get(url.as_str(), HeaderMap::new(), limits).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let refusal: Option<Refusal> = serde_json::from_slice(&answer.body).ok();
        let answer = answer.success().map_err(|error| match &refusal {
            Some(refusal) if !refusal.message.is_empty() => format!("{error}: {}", refusal.message),
            _ => error.to_string(),
        })?;
        serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
    }
}

/// What the API takes as `filters`: a JSON object of lists. `None` if there is nothing to say.
fn filters_query(filters: &[DockerFilter]) -> Option<String> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for filter in filters {
        for value in &filter.values {
            values.entry(&filter.name).or_default().push(value);
        }
    }
    if values.is_empty() { None } else { serde_json::to_string(&values).ok() }
}

#[async_trait]
impl Discoverer for DockerDiscovery {
    async fn run(self: Box<Self>, state: DiscoveryState) {
        let interval = self.config.refresh_interval.duration();
        let mut retry = Retry::up_to(interval);
        loop {
            let wait = match self.refresh().await {
                Ok(group) => {
                    state.replace([group]);
                    retry.worked();
                    interval
                }
                Err(error) => {
                    state.fail(error);
                    retry.failed()
                }
            };
            self.world.clock.sleep(wait).await;
        }
    }
}
