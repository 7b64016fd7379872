//! Targets from a web server that answers with groups as JSON.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use vigie_world::World;

use super::{Discoverer, DiscoveryState, groups};
use crate::config::{HttpSdConfig, Source};
use vigie_dial::{HttpClient, HttpEnvironment, RequestLimits};

const LIMITS: RequestLimits =
    RequestLimits { body_bytes: 64 << 20, timeout: Duration::from_mins(1) };

/// Targets from a web server.
#[derive(Debug)]
pub(super) struct HttpDiscovery {
    config: HttpSdConfig,
    environment: HttpEnvironment,
    world: World,
}

impl HttpDiscovery {
    /// Targets of `config`.
    pub(super) fn new(config: HttpSdConfig, environment: &HttpEnvironment, world: &World) -> Self {
        Self { config, environment: environment.clone(), world: world.clone() }
    }

    async fn ask(&self, client: &HttpClient) -> Result<Vec<super::TargetGroup>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let seconds = (self.config.refresh_interval.0 as f64 / 1_000.0).to_string();
        if let Ok(value) = HeaderValue::from_str(&seconds) {
            let name = HeaderName::from_static("x-prometheus-refresh-interval-seconds");
            headers.insert(name, value);
        }
        let url = &self.config.url;
        let answer = client
            .get(url, headers, LIMITS)
            .await
            .and_then(vigie_dial::HttpAnswer::success)
            .map_err(|error| error.to_string())?;
        let content_type = answer.header("content-type").to_ascii_lowercase();
        if !content_type.trim_start().starts_with("application/json") {
            return Err(format!("unsupported content type {content_type:?}"));
        }
        let text = std::str::from_utf8(&answer.body).map_err(|error| error.to_string())?;
        let source = Source { file: Some(PathBuf::from(url)), folder: PathBuf::new() };
        groups::parse(text, &source, url, ("__meta_url", url)).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Discoverer for HttpDiscovery {
    async fn run(self: Box<Self>, state: DiscoveryState) {
        loop {
            let client = HttpClient::new(&self.config.http, &self.environment, &self.world);
            match client {
                Err(error) => state.fail(error),
                Ok(client) => loop {
                    match self.ask(&client).await {
                        Ok(groups) => state.replace(groups),
                        Err(error) => state.fail(error),
                    }
                    self.world.clock.sleep(self.config.refresh_interval.duration()).await;
                },
            }
            self.world.clock.sleep(super::RETRY_MIN).await;
        }
    }
}
