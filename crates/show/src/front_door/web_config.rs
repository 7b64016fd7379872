//! Prometheus' `web-config.yml`: TLS, users and headers of all listeners.
//!
//! The file and the certificates it names are looked at again at most once a second; a change
//! holds for new connections and requests. When the new state is wrong the old one stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use serde::Deserialize;
use vigie_world::World;

use super::authentication::Users;
use super::tls;
use crate::ShowError;

const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
const FILE_BYTES_MAX: usize = 1 << 20;

/// Headers that `http_server_config.headers` may set, as in Prometheus' exporter toolkit.
const HEADERS: &[&str] = &[
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
];

/// What the file says now.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) users: Users,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) http2: bool,
}

/// The file, followed.
#[derive(Debug)]
pub(super) struct WebConfigFile {
    path: Option<PathBuf>,
    world: World,
    loaded: RwLock<Arc<Loaded>>,
    state: Mutex<Looked>,
}

#[derive(Debug, Default)]
struct Looked {
    at: Duration,
    /// The content of the file and of the files that it names, to see a change.
    content: Vec<(PathBuf, Vec<u8>)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WebConfig {
    tls_server_config: Option<TlsServerConfig>,
    http_server_config: HttpServerConfig,
    basic_auth_users: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpServerConfig {
    http2: bool,
    headers: BTreeMap<String, String>,
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self { http2: true, headers: BTreeMap::new() }
    }
}

/// `tls_server_config`, with the names that it has in Prometheus.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsServerConfig {
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
    pub(super) client_auth_type: String,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_ca: Option<String>,
    client_allowed_sans: Vec<String>,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
    pub(super) min_version: String,
    pub(super) max_version: String,
    // rustls always prefers the server's order; accepted so that existing files load.
    #[serde(rename = "prefer_server_cipher_suites")]
    _prefer_server_cipher_suites: bool,
}

impl WebConfigFile {
    pub(super) fn open(path: Option<PathBuf>, world: World) -> Result<Self, ShowError> {
        let mut loaded = Loaded { http2: true, ..Loaded::default() };
        let mut state = Looked::default();
        if let Some(path) = &path {
            state.at = world.clock.monotonic();
            loaded = load(&world, path, &mut state.content)?;
        }
        let (loaded, state) = (RwLock::new(Arc::new(loaded)), Mutex::new(state));
        Ok(Self { path, world, loaded, state })
    }

    /// What holds now.
    pub(super) fn current(&self) -> Arc<Loaded> {
        if let Some(path) = &self.path {
            self.look_again(path);
        }
        Arc::clone(&self.loaded.read())
    }

    fn look_again(&self, path: &Path) {
        // Whoever comes while another looks takes what is there.
        let Some(mut state) = self.state.try_lock() else { return };
        let now = self.world.clock.monotonic();
        if now.saturating_sub(state.at) < LOOK_AGAIN_AFTER {
            return;
        }
        state.at = now;
        let same = |(path, content): &(PathBuf, Vec<u8>)| {
            self.world.disk.read(path).is_ok_and(|now| now == *content)
        };
        if state.content.iter().all(same) {
            return;
        }
        let mut content = Vec::new();
        match load(&self.world, path, &mut content) {
            Ok(loaded) => {
                *self.loaded.write() = Arc::new(loaded);
                tracing::info!(path = %path.display(), "web configuration loaded again");
            }
            Err(error) => {
                tracing::warn!(%error, "web configuration is wrong, the previous one stays");
            }
        }
        // Also after an error, so that the same wrong content is reported once.
        if !content.is_empty() {
            state.content = content;
        }
    }
}

/// Reads everything; every file that was read is put into `content`.
fn load(
    world: &World,
    path: &Path,
    content: &mut Vec<(PathBuf, Vec<u8>)>,
) -> Result<Loaded, ShowError> {
    let bytes = read(world, path, content)?;
    let wrong = |detail: String| ShowError::File { path: path.display().to_string(), detail };
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
    let config = if text.trim().is_empty() {
        WebConfig::default()
    } else {
        serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?
    };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut read_file = |file: &Path| read(world, &folder.join(file), content);
    let tls = match &config.tls_server_config {
        Some(config) if !config.client_allowed_sans.is_empty() => {
            return Err(wrong(format!(
                "client_allowed_sans is not served ({} names given)",
                config.client_allowed_sans.len()
            )));
        }
        Some(tls) => {
            let http2 = config.http_server_config.http2;
            Some(tls::server_config(tls, http2, &mut read_file).map_err(|error| match error {
                tls::TlsError::Read(error) => error,
                tls::TlsError::Wrong(detail) => wrong(detail),
            })?)
        }
        None => None,
    };
    Ok(Loaded {
        tls,
        users: users(config.basic_auth_users).map_err(&wrong)?,
        headers: headers(&config.http_server_config.headers).map_err(&wrong)?,
        http2: config.http_server_config.http2,
    })
}

fn read(
    world: &World,
    path: &Path,
    content: &mut Vec<(PathBuf, Vec<u8>)>,
) -> Result<Vec<u8>, ShowError> {
    let shown = || path.display().to_string();
    let bytes =
        world.disk.read(path).map_err(|source| ShowError::Read { path: shown(), source })?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ShowError::File { path: shown(), detail: "is too large".to_owned() });
    }
    content.push((path.to_owned(), bytes.clone()));
    Ok(bytes)
}

fn users(given: BTreeMap<String, String>) -> Result<Users, String> {
    let mut users = BTreeMap::new();
    for (name, hash) in given {
        if !hash.starts_with("$2") || hash.len() != 60 {
            return Err(format!("basic_auth_users: the value of {name:?} is not a bcrypt hash"));
        }
        users.insert(Arc::from(name), Arc::from(hash));
    }
    Ok(Arc::new(users))
}

fn headers(given: &BTreeMap<String, String>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let mut headers = Vec::new();
    for (name, value) in given {
        if !HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(format!("http_server_config: HTTP header {name:?} can not be configured"));
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        headers.push((name, HeaderValue::from_str(value).map_err(|error| error.to_string())?));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> Result<WebConfigFile, ShowError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, text).unwrap();
        WebConfigFile::open(Some(path), World::real())
    }

    #[test]
    fn files_say_what_is_wrong_with_them() {
        for (text, expected) in [
            ("basic_auth_users:\n  ada: secret\n", "not a bcrypt hash"),
            ("basic_auth: {}\n", "basic_auth"),
            ("http_server_config:\n  headers:\n    X-Other: a\n", "can not be configured"),
            ("tls_server_config:\n  cert_file: a.pem\n", "key_file"),
            ("tls_server_config:\n  cert_file: a.pem\n  key_file: b.pem\n", "a.pem"),
            ("tls_server_config:\n  client_allowed_sans: [a]\n", "client_allowed_sans"),
        ] {
            let error = opened(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn an_empty_file_opens_the_door() {
        let file = opened("").unwrap();
        let loaded = file.current();
        assert!(loaded.tls.is_none() && loaded.users.is_empty() && loaded.http2);
    }
}
