//! How promtool talks to a server: `--http.config.file`, headers, the API's envelope.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use vigie_dial::{
    HeaderMap, HeaderName, HeaderValue, HttpAnswer, HttpClient, HttpConfig, HttpEnvironment,
    RequestLimits,
};
use vigie_language::yaml::{Field, Node, Source};
use vigie_world::World;

use crate::config::environment;
use crate::log::warn;

/// As Prometheus' own client: two minutes for a query, and some for the way.
const TIMEOUT: Duration = Duration::from_secs(150);

/// A client with its `http_config`.
#[derive(Debug)]
pub(super) struct Connection {
    client: HttpClient,
}

impl Connection {
    pub(super) fn new(file: Option<&Path>, world: &World) -> Result<Self> {
        let config = match file {
            None => HttpConfig::default(),
            Some(file) => read_config(file, world)
                .with_context(|| format!("failed to load HTTP config file {}", file.display()))?,
        };
        let environment = HttpEnvironment {
            variable: std::sync::Arc::new(|name| environment(name)),
            user_agent: concat!("promtool/", env!("CARGO_PKG_VERSION"), " (Vigie)").to_owned(),
        };
        Ok(Self { client: HttpClient::new(&config, &environment, world)? })
    }

    pub(super) async fn get(&self, url: &str, headers: HeaderMap) -> Result<HttpAnswer> {
        let limits = RequestLimits { body_bytes: 0, timeout: TIMEOUT };
        Ok(self.client.get(url, headers, limits).await?)
    }

    pub(super) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<HttpAnswer> {
        let limits = RequestLimits { body_bytes: 64 << 20, timeout };
        Ok(self.client.post(url, headers, body.into(), limits).await?)
    }

    /// The `data` of an answer of the API; its warnings are said.
    pub(super) async fn ask(
        &self,
        server: &str,
        path: &str,
        parameters: &[(&str, String)],
        headers: HeaderMap,
    ) -> Result<Value> {
        let query = serde_urlencoded::to_string(parameters)?;
        let url = format!("{}{path}?{query}", base(server)?);
        let answer = self.get(&url, headers).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let Ok(mut body) = serde_json::from_str::<Value>(&text) else {
            let first: String = text.chars().take(200).collect();
            bail!("server_error: server error: {}: {first}", answer.status.as_u16());
        };
        if body.get("status").and_then(Value::as_str) != Some("success") {
            let part = |name| body.get(name).and_then(Value::as_str).unwrap_or("unknown");
            bail!("{}: {}", part("errorType"), part("error"));
        }
        for kind in ["warnings", "infos"] {
            for note in body.get(kind).and_then(Value::as_array).into_iter().flatten() {
                warn(&format!("{kind}: {}", note.as_str().unwrap_or_default()));
            }
        }
        Ok(body.get_mut("data").map(Value::take).unwrap_or_default())
    }
}

/// The address without a trailing slash; `http` when it names no scheme.
pub(super) fn base(server: &str) -> Result<String> {
    let full = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    let full = full.trim_end_matches('/');
    if full.ends_with(':') || full.len() < "http://a".len() {
        bail!("{server:?} is no address of a server; write http://localhost:9090");
    }
    Ok(full.to_owned())
}

/// Headers from `NAME=VALUE`.
pub(super) fn headers(pairs: &[String]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in pairs {
        let (name, value) =
            pair.split_once('=').with_context(|| format!("header {pair:?} is not NAME=VALUE"))?;
        let name: HeaderName = name.trim().parse().with_context(|| format!("header {name:?}"))?;
        headers.append(name, HeaderValue::from_str(value.trim())?);
    }
    Ok(headers)
}

fn read_config(file: &Path, world: &World) -> Result<HttpConfig> {
    let text = String::from_utf8(world.disk.read(file)?)?;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_else(PathBuf::new);
    let source = Source { file: Some(file.to_path_buf()), folder };
    let node = Node::parse(&text, &source)?;
    Ok(HttpConfig::read(&node, &source)?)
}
