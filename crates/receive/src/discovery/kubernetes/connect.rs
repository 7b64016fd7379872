//! Where the API server is and how to talk to it: named, by a kubeconfig, or from inside.

use std::path::{Path, PathBuf};

use url::Url;
use vigie_world::World;

use super::kubeconfig;
use crate::config::{Authorization, HttpConfig, KubernetesSdConfig};
use vigie_dial::{HttpClient, HttpEnvironment};

/// Where a pod finds what it may say to the API server.
const ACCOUNT_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A client with the address that it is for.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) client: HttpClient,
    pub(super) server: Url,
    /// The namespace of the pod that this runs in, if it was asked for.
    pub(super) own_namespace: Option<String>,
}

/// How to talk to a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Server {
    pub(super) address: String,
    pub(super) http: HttpConfig,
}

/// Prepares to talk to the API server; nothing is sent yet.
pub(super) fn connect(
    config: &KubernetesSdConfig,
    environment: &HttpEnvironment,
    world: &World,
) -> Result<Connection, String> {
    let mut own_namespace = None;
    let server = if !config.kubeconfig_file.as_os_str().is_empty() {
        kubeconfig::read(&config.kubeconfig_file, world)?
    } else if config.api_server.is_empty() {
        let server = in_cluster(environment, world)?;
        if config.namespaces.own_namespace {
            own_namespace = Some(read_own_namespace(world)?);
        }
        server
    } else {
        Server { address: config.api_server.clone(), http: config.http.clone() }
    };
    let url = Url::parse(&server.address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && !url.cannot_be_a_base())
        .ok_or_else(|| format!("{:?} is not the address of an API server", server.address))?;
    let client = HttpClient::new(&server.http, environment, world);
    let client = client.map_err(|error| error.to_string())?;
    Ok(Connection { client, server: url, own_namespace })
}

/// The API server of the cluster that this process runs in, as a pod sees it.
pub(super) fn in_cluster(environment: &HttpEnvironment, world: &World) -> Result<Server, String> {
    let variable = |name: &str| (environment.variable)(name).filter(|value| !value.is_empty());
    let host = variable("KUBERNETES_SERVICE_HOST");
    let port = variable("KUBERNETES_SERVICE_PORT");
    let (Some(host), Some(port)) = (host, port) else {
        return Err("unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined".to_owned());
    };
    let token = account_file("token");
    world.disk.read(&token).map_err(|error| format!("{}: {error}", token.display()))?;
    let mut http = HttpConfig {
        authorization: Some(Authorization {
            kind: "Bearer".to_owned(),
            // Read again for each request: the cluster replaces it about every hour.
            credentials_file: token,
            ..Authorization::default()
        }),
        ..HttpConfig::default()
    };
    let authority = account_file("ca.crt");
    if world.disk.exists(&authority) {
        http.tls_config.ca_file = authority;
    }
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Ok(Server { address: format!("https://{host}:{port}"), http })
}

fn read_own_namespace(world: &World) -> Result<String, String> {
    let path = account_file("namespace");
    let bytes = world.disk.read(&path);
    let bytes =
        bytes.map_err(|error| format!("could not determine the pod's namespace: {error}"))?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if text.is_empty() {
        return Err("could not read own namespace name (empty file)".to_owned());
    }
    Ok(text)
}

fn account_file(name: &str) -> PathBuf {
    Path::new(ACCOUNT_FOLDER).join(name)
}
