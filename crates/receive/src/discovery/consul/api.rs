//! Parts of the Consul API: the catalog's services, their instances, the agent itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;
use vigie_world::World;

use crate::config::ConsulSdConfig;
use vigie_dial::{HttpClient, HttpEnvironment, RequestLimits};

/// How long Consul holds a question back when nothing changes.
const WAIT: &str = "120000ms";

/// Consul answers up to a sixteenth later than it was asked to.
const LIMITS: RequestLimits =
    RequestLimits { body_bytes: 64 << 20, timeout: Duration::from_secs(135) };

/// An instance of a service, as `GET /v1/health/service/NAME` lists it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Instance {
    pub(super) node: Node,
    pub(super) service: Service,
    pub(super) checks: Option<Vec<Check>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Node {
    #[serde(rename = "Node")]
    pub(super) name: String,
    pub(super) address: String,
    pub(super) meta: Option<BTreeMap<String, String>>,
    pub(super) tagged_addresses: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Service {
    #[serde(rename = "ID")]
    pub(super) id: String,
    pub(super) address: String,
    pub(super) port: i64,
    pub(super) tags: Option<Vec<String>>,
    pub(super) meta: Option<BTreeMap<String, String>>,
    pub(super) namespace: String,
    pub(super) partition: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Check {
    #[serde(rename = "CheckID")]
    pub(super) check_id: String,
    #[serde(rename = "Status")]
    pub(super) status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Agent {
    config: AgentConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AgentConfig {
    datacenter: String,
}

/// Services with their tags.
pub(super) type Services = BTreeMap<String, Option<Vec<String>>>;

/// A server with what every question to it carries.
#[derive(Debug, Clone)]
pub(super) struct Server {
    client: HttpClient,
    base: Url,
    headers: HeaderMap,
}

impl Server {
    /// Prepares to talk to the server of `config`; nothing is sent yet.
    pub(super) fn new(
        config: &ConsulSdConfig,
        environment: &HttpEnvironment,
        world: &World,
    ) -> Result<Self, String> {
        let (scheme, address) = match config.server.split_once("://") {
            Some(("https", address)) => ("https", address),
            Some(("http", address)) => (config.scheme.as_str(), address),
            Some(("unix", socket)) => ("unix", socket),
            Some((scheme, _)) => return Err(format!("unknown protocol scheme: {scheme}")),
            None => (config.scheme.as_str(), config.server.as_str()),
        };
        let (client, base) = if scheme == "unix" {
            let socket = Path::new(address);
            let client = HttpClient::over_unix_socket(&config.http, environment, world, socket);
            (client, "http://consul".to_owned())
        } else {
            let client = HttpClient::new(&config.http, environment, world);
            (client, format!("{scheme}://{address}"))
        };
        let unusable = || format!("{:?} is not the address of a Consul server", config.server);
        let mut base = Url::parse(&base).map_err(|_| unusable())?;
        let prefix = config.path_prefix.split('/').filter(|part| !part.is_empty());
        base.path_segments_mut().map_err(|()| unusable())?.pop_if_empty().extend(prefix);
        base.query_pairs_mut().extend_pairs(
            [
                ("dc", &config.datacenter),
                ("ns", &config.namespace),
                ("partition", &config.partition),
            ]
            .into_iter()
            .filter(|(_, value)| !value.is_empty()),
        );
        let mut headers = HeaderMap::new();
        if !config.token.is_empty() {
            let mut token = HeaderValue::from_str(config.token.reveal())
                .map_err(|_| "the token cannot be sent in a header".to_owned())?;
            token.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-consul-token"), token);
        }
        Ok(Self { client: client.map_err(|error| error.to_string())?, base, headers })
    }

    /// The data centre of the agent that answers.
    pub(super) async fn datacenter(&self) -> Result<String, String> {
        let agent: (Agent, u64) = self
            .ask(self.url(&["v1", "agent", "self"]))
            .await
            .map_err(|error| format!("error retrieving datacenter name: {error}"))?;
        Ok(agent.0.config.datacenter)
    }

    /// All services, once they are others than at `index`, and the next index.
    pub(super) async fn services(
        &self,
        config: &ConsulSdConfig,
        index: u64,
    ) -> Result<(Services, u64), String> {
        let mut url = self.url(&["v1", "catalog", "services"]);
        block(&mut url, config, index, &config.filter);
        let answer = self.ask(url).await;
        answer.map_err(|error| format!("error refreshing service list: {error}"))
    }

    /// The instances of a service, once they are others than at `index`, and the next index.
    pub(super) async fn instances(
        &self,
        config: &ConsulSdConfig,
        name: &str,
        index: u64,
    ) -> Result<(Vec<Instance>, u64), String> {
        let mut url = self.url(&["v1", "health", "service", name]);
        block(&mut url, config, index, &config.health_filter);
        url.query_pairs_mut().extend_pairs(config.tags.iter().map(|tag| ("tag", tag)));
        let answer: Result<(Option<Vec<Instance>>, u64), String> = self.ask(url).await;
        let (instances, next) =
            answer.map_err(|error| format!("error refreshing service {name:?}: {error}"))?;
        Ok((instances.unwrap_or_default(), next))
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn ask<T: DeserializeOwned>(&self, url: Url) -> Result<(T, u64), String> {
        let answer = self.client.get(url.as_str(), self.headers.clone(), LIMITS).await;
        let answer = answer.map_err(|error| error.to_string())?;
        // Consul says why in plain text.
        let reason: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        let answer = answer.success().map_err(|error| format!("{error}: {}", reason.trim()))?;
        let index = answer.header("x-consul-index").parse().unwrap_or(0);
        let value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        Ok((value, index))
    }
}

/// Makes a question one that waits for changes since `index`.
fn block(url: &mut Url, config: &ConsulSdConfig, index: u64, filter: &str) {
    let mut query = url.query_pairs_mut();
    if config.allow_stale {
        query.append_pair("stale", "");
    }
    if index > 0 {
        query.append_pair("index", &index.to_string());
    }
    query.append_pair("wait", WAIT);
    for (name, value) in &config.node_meta {
        query.append_pair("node-meta", &format!("{name}:{value}"));
    }
    if !filter.is_empty() {
        query.append_pair("filter", filter);
    }
}
