//! Kubeconfig files: the server, certificates and credentials of the current context.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use vigie_world::World;

use super::connect::Server;
use crate::config::{Authorization, BasicAuth, HttpConfig, Secret};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct KubeConfig {
    current_context: String,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
}

#[derive(Debug, Deserialize)]
struct NamedCluster {
    name: String,
    cluster: ClusterEntry,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    name: String,
    user: UserEntry,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    context: ContextEntry,
}

#[derive(Debug, Deserialize)]
struct ContextEntry {
    cluster: String,
    user: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority: PathBuf,
    certificate_authority_data: String,
    insecure_skip_tls_verify: bool,
    tls_server_name: String,
    proxy_url: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct UserEntry {
    client_certificate: PathBuf,
    client_certificate_data: String,
    client_key: PathBuf,
    client_key_data: String,
    token: String,
    #[serde(rename = "tokenFile")]
    token_file: PathBuf,
    username: String,
    password: String,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
}

impl std::fmt::Debug for UserEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserEntry").finish_non_exhaustive()
    }
}

/// Reads the file at `path`.
pub(super) fn read(path: &Path, world: &World) -> Result<Server, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = world.disk.open_read(path).map_err(|error| named(&error))?;
    if file.length() > FILE_BYTES_MAX {
        return Err(named(&format_args!("larger than {FILE_BYTES_MAX} bytes")));
    }
    let bytes = world.disk.read(path).map_err(|error| named(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| named(&error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(text, folder).map_err(|error| named(&error))
}

/// Reads a kubeconfig; paths in it are relative to `folder`.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Server, String> {
    let file: KubeConfig = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let context = file.contexts.iter().find(|context| context.name == file.current_context);
    let context = &context
        .ok_or_else(|| format!("context {:?} does not exist", file.current_context))?
        .context;
    let cluster = file.clusters.iter().find(|cluster| cluster.name == context.cluster);
    let cluster =
        &cluster.ok_or_else(|| format!("cluster {:?} does not exist", context.cluster))?.cluster;
    if cluster.server.is_empty() {
        return Err(format!("cluster {:?} has no server", context.cluster));
    }
    let mut http = HttpConfig::default();
    apply_cluster(&mut http, cluster, folder)?;
    if !context.user.is_empty() {
        let user = file.users.iter().find(|user| user.name == context.user);
        let user = user.ok_or_else(|| format!("user {:?} does not exist", context.user))?;
        apply_user(&mut http, &user.user, folder)?;
    }
    Ok(Server { address: cluster.server.clone(), http })
}

fn apply_cluster(
    http: &mut HttpConfig,
    cluster: &ClusterEntry,
    folder: &Path,
) -> Result<(), String> {
    let tls = &mut http.tls_config;
    tls.insecure_skip_verify = cluster.insecure_skip_tls_verify;
    tls.server_name.clone_from(&cluster.tls_server_name);
    if cluster.certificate_authority_data.is_empty() {
        tls.ca_file = resolved(folder, &cluster.certificate_authority);
    } else {
        tls.ca = decoded("certificate-authority-data", &cluster.certificate_authority_data)?;
    }
    http.proxy.proxy_url.clone_from(&cluster.proxy_url);
    Ok(())
}

fn apply_user(http: &mut HttpConfig, user: &UserEntry, folder: &Path) -> Result<(), String> {
    if user.exec.is_some() || user.auth_provider.is_some() {
        return Err(
            "exec and auth-provider are not there yet: use a token or a client certificate".into(),
        );
    }
    let tls = &mut http.tls_config;
    if user.client_certificate_data.is_empty() {
        tls.cert_file = resolved(folder, &user.client_certificate);
    } else {
        tls.cert = decoded("client-certificate-data", &user.client_certificate_data)?;
    }
    if user.client_key_data.is_empty() {
        tls.key_file = resolved(folder, &user.client_key);
    } else {
        tls.key = Secret::new(decoded("client-key-data", &user.client_key_data)?);
    }
    let token_file = resolved(folder, &user.token_file);
    if !token_file.as_os_str().is_empty() || !user.token.is_empty() {
        let by_file = !token_file.as_os_str().is_empty();
        let token = if by_file { "" } else { user.token.as_str() };
        http.authorization = Some(Authorization {
            kind: "Bearer".to_owned(),
            credentials: Secret::new(token),
            credentials_file: token_file,
        });
    } else if !user.username.is_empty() {
        http.basic_auth = Some(BasicAuth {
            username: user.username.clone(),
            password: Secret::new(user.password.as_str()),
            ..BasicAuth::default()
        });
    }
    Ok(())
}

fn resolved(folder: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::new() } else { folder.join(path) }
}

fn decoded(field: &str, text: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|error| format!("{field}: {error}"))?;
    String::from_utf8(bytes).map_err(|error| format!("{field}: {error}"))
}
