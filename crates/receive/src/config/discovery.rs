//! How targets are found: the `*_sd_configs` of a job.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::yaml::ConfigError;
use vigie_language::yaml::{DurationMs, Secret};
use vigie_language::yaml::{Field, Fields, Opaque, Out, Section, push_field, section};

/// Mechanisms that Prometheus has and Vigie does not serve yet.
pub(super) const NOT_YET_SERVED: [&str; 33] = [
    "aws",
    "ec2",
    "ecs",
    "elasticache",
    "lightsail",
    "msk",
    "rds",
    "azure",
    "digitalocean",
    "dockerswarm",
    "eureka",
    "gce",
    "hetzner",
    "ionos",
    "kuma",
    "linode",
    "marathon",
    "nerve",
    "nomad",
    "oci",
    "openstack",
    "outscale",
    "ovhcloud",
    "puppetdb",
    "scaleway",
    "serverset",
    "stackit",
    "triton",
    "uyuni",
    "vultr",
    "azure_vm",
    "xds",
    "yandexcloud",
];

section! {
    /// Targets that are written down, with labels in common.
    pub struct StaticConfig("targetgroup.Group") {
        /// Addresses, `host:port`.
        targets: Vec<String> = Vec::new(),
        /// Labels of all of them.
        labels: BTreeMap<String, String> = BTreeMap::new(),
    }
}

section! {
    /// Targets in files of JSON or YAML, read again when they change.
    pub struct FileSdConfig("file.plain", check = check_file) {
        /// Paths; the last part may hold `*`.
        files: Vec<PathBuf> = Vec::new(),
        /// How often to look even when nothing seems to have changed.
        refresh_interval: DurationMs = DurationMs::seconds(300),
    }
}

section! {
    /// Targets from a web server.
    pub struct HttpSdConfig("http.plain", check = check_http) {
        /// Where to ask.
        url: String = String::new(),
        /// How often.
        refresh_interval: DurationMs = DurationMs::seconds(60),
    }
    inline {
        /// How to talk to it.
        http: HttpConfig,
    }
}

section! {
    /// Targets from DNS.
    pub struct DnsSdConfig("dns.plain", check = check_dns) {
        /// Names to look up.
        names: Vec<String> = Vec::new(),
        /// How often.
        refresh_interval: DurationMs = DurationMs::seconds(30),
        /// `SRV`, `A`, `AAAA`, `MX` or `NS`.
        kind as "type": String = "SRV".to_owned(),
        /// The port, for records that have none.
        port: u16 = 0,
    }
}

section! {
    /// Which namespaces to watch.
    pub struct KubernetesNamespaces("kubernetes.plain") {
        /// The one that this process runs in.
        own_namespace: bool = false,
        /// Those of these names.
        names: Vec<String> = Vec::new(),
    }
}

section! {
    /// Which objects of a role to watch.
    pub struct KubernetesSelector("kubernetes.SelectorConfig") {
        /// The role it is for.
        role: String = String::new(),
        /// A label selector.
        label: String = String::new(),
        /// A field selector.
        field: String = String::new(),
    }
}

section! {
    /// What else to look up for a target.
    pub struct KubernetesAttachMetadata("kubernetes.plain") {
        /// Labels and annotations of the node.
        node: bool = false,
        /// Labels and annotations of the namespace.
        namespace: bool = false,
        /// The deployment above a pod's replica set.
        deployment: bool = false,
        /// The job that runs a pod.
        job: bool = false,
        /// The cron job above a pod's job.
        cronjob: bool = false,
    }
}

section! {
    /// Targets from the Kubernetes API.
    pub struct KubernetesSdConfig("kubernetes.plain", check = check_kubernetes) {
        /// The API server; this cluster's when empty.
        api_server: String = String::new(),
        /// `node`, `service`, `pod`, `endpoints`, `endpointslice` or `ingress`.
        role: String = String::new(),
        /// A kubeconfig file instead.
        kubeconfig_file: PathBuf = PathBuf::new(),
        /// Which namespaces; all when empty.
        namespaces: KubernetesNamespaces = KubernetesNamespaces::default(),
        /// Which objects.
        selectors: Vec<KubernetesSelector> = Vec::new(),
        /// What else to look up.
        attach_metadata: KubernetesAttachMetadata = KubernetesAttachMetadata::default(),
    }
    inline {
        /// How to talk to the API server.
        http: HttpConfig,
    }
}

section! {
    /// A filter of the Docker API.
    pub struct DockerFilter("moby.Filter") {
        /// Its name.
        name: String = String::new(),
        /// Values of which one must match.
        values: Vec<String> = Vec::new(),
    }
}

section! {
    /// Targets from the containers of a Docker daemon.
    pub struct DockerSdConfig("moby.plain", check = check_docker) {
        /// The daemon: `unix:///var/run/docker.sock`, `tcp://...` or `http://...`.
        host: String = String::new(),
        /// The port of containers that publish none.
        port: u16 = 80,
        /// Which containers.
        filters: Vec<DockerFilter> = Vec::new(),
        /// The host of containers in host networking.
        host_networking_host: String = "localhost".to_owned(),
        /// How often to ask.
        refresh_interval: DurationMs = DurationMs::seconds(60),
        /// Whether only a container's first network counts.
        match_first_network: bool = true,
    }
    inline {
        /// How to talk to the daemon.
        http: HttpConfig,
    }
}

section! {
    /// Targets from a Consul catalog.
    pub struct ConsulSdConfig("consul.plain", check = check_consul) {
        /// The server, `host:port`.
        server: String = "localhost:8500".to_owned(),
        /// What stands before `/v1`.
        path_prefix: String = String::new(),
        /// The access token.
        token: Secret = Secret::default(),
        /// The data centre; the agent's when empty.
        datacenter: String = String::new(),
        /// Enterprise: the namespace.
        namespace: String = String::new(),
        /// Enterprise: the partition.
        partition: String = String::new(),
        /// What stands between tags in `__meta_consul_tags`.
        tag_separator: String = ",".to_owned(),
        /// `http` or `https`.
        scheme: String = "http".to_owned(),
        /// A user.
        username: String = String::new(),
        /// The user's password.
        password: Secret = Secret::default(),
        /// Whether any server may answer.
        allow_stale: bool = true,
        /// Services; all when empty.
        services: Vec<String> = Vec::new(),
        /// Tags that a service must have, all of them.
        tags: Vec<String> = Vec::new(),
        /// Metadata that the node must have.
        node_meta: BTreeMap<String, String> = BTreeMap::new(),
        /// A filter expression for the catalog.
        filter: String = String::new(),
        /// A filter expression for the health endpoint.
        health_filter: String = String::new(),
        /// How long to wait between asking.
        refresh_interval: DurationMs = DurationMs::seconds(30),
    }
    inline {
        /// How to talk to the server.
        http: HttpConfig,
    }
}

/// A discovery that is understood but not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedDiscovery {
    /// The key, `ec2_sd_configs`.
    pub name: String,
    /// Where it stands.
    pub line: u32,
    /// What was written.
    pub written: Opaque,
}

/// All discoveries of a job.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DiscoveryConfigs {
    /// Written down.
    pub static_configs: Vec<StaticConfig>,
    /// From files.
    pub file: Vec<FileSdConfig>,
    /// From web servers.
    pub http: Vec<HttpSdConfig>,
    /// From DNS.
    pub dns: Vec<DnsSdConfig>,
    /// From Kubernetes.
    pub kubernetes: Vec<KubernetesSdConfig>,
    /// From Docker.
    pub docker: Vec<DockerSdConfig>,
    /// From Consul.
    pub consul: Vec<ConsulSdConfig>,
    /// Not served.
    pub unserved: Vec<UnservedDiscovery>,
}

impl Section for DiscoveryConfigs {
    fn read_fields(fields: &mut Fields<'_>) -> Result<Self, ConfigError> {
        let mut unserved = Vec::new();
        for name in NOT_YET_SERVED {
            let name = format!("{name}_sd_configs");
            if let Some((key, node)) = fields.take(&name) {
                let written = Opaque(node.clone());
                unserved.push(UnservedDiscovery { name, line: key.line, written });
            }
        }
        Ok(Self {
            static_configs: fields.read_or("static_configs", Vec::new())?,
            file: fields.read_or("file_sd_configs", Vec::new())?,
            http: fields.read_or("http_sd_configs", Vec::new())?,
            dns: fields.read_or("dns_sd_configs", Vec::new())?,
            kubernetes: fields.read_or("kubernetes_sd_configs", Vec::new())?,
            docker: fields.read_or("docker_sd_configs", Vec::new())?,
            consul: fields.read_or("consul_sd_configs", Vec::new())?,
            unserved,
        })
    }

    fn write_fields(&self, out: &mut Vec<(String, Out)>) {
        push_field(out, "static_configs", &self.static_configs, &Vec::new());
        push_field(out, "file_sd_configs", &self.file, &Vec::new());
        push_field(out, "http_sd_configs", &self.http, &Vec::new());
        push_field(out, "dns_sd_configs", &self.dns, &Vec::new());
        push_field(out, "kubernetes_sd_configs", &self.kubernetes, &Vec::new());
        push_field(out, "docker_sd_configs", &self.docker, &Vec::new());
        push_field(out, "consul_sd_configs", &self.consul, &Vec::new());
        for unserved in &self.unserved {
            out.push((unserved.name.clone(), unserved.written.write_always()));
        }
    }
}

fn check_file(config: &mut FileSdConfig) -> Result<(), String> {
    if config.files.is_empty() {
        return Err("file service discovery config must contain at least one path name".into());
    }
    for path in &config.files {
        let text = path.display().to_string();
        let allowed = ["json", "yml", "yaml", "JSON", "YML", "YAML"];
        let extension = path.extension().and_then(|extension| extension.to_str());
        let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        if !extension.is_some_and(|extension| allowed.contains(&extension)) || folder.contains('*')
        {
            return Err(format!(
                "path name {text:?} is not valid for file discovery; it must end in .json, .yml or .yaml, with `*` only in its last part"
            ));
        }
    }
    Ok(())
}

fn check_http(config: &mut HttpSdConfig) -> Result<(), String> {
    if config.url.is_empty() {
        return Err("URL is missing".into());
    }
    let url = url::Url::parse(&config.url).map_err(|error| format!("{:?}: {error}", config.url))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("URL scheme must be 'http' or 'https'".into());
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("host is missing in URL".into());
    }
    config.http.check()
}

fn check_dns(config: &mut DnsSdConfig) -> Result<(), String> {
    if config.names.is_empty() {
        return Err("DNS-SD config must contain at least one SRV record name".into());
    }
    config.kind.make_ascii_uppercase();
    match config.kind.as_str() {
        "A" | "AAAA" | "MX" | "NS" if config.port == 0 => {
            Err("a port is required in DNS-SD configs for all record types except SRV".into())
        }
        "SRV" | "A" | "AAAA" | "MX" | "NS" => Ok(()),
        kind => Err(format!("invalid DNS-SD records type {kind}")),
    }
}

const KUBERNETES_ROLES: [&str; 6] =
    ["node", "pod", "service", "endpoints", "endpointslice", "ingress"];

fn check_kubernetes(config: &mut KubernetesSdConfig) -> Result<(), String> {
    if config.role.is_empty() {
        return Err(
            "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)".into()
        );
    }
    if !KUBERNETES_ROLES.contains(&config.role.as_str()) {
        return Err(format!("unknown Kubernetes SD role {:?}", config.role));
    }
    config.http.check()?;
    let has_kubeconfig = !config.kubeconfig_file.as_os_str().is_empty();
    let has_server = !config.api_server.is_empty();
    let has_http = config.http != HttpConfig::default();
    let problem = if has_kubeconfig && has_server {
        "cannot use 'kubeconfig_file' and 'api_server' simultaneously"
    } else if has_kubeconfig && has_http {
        "cannot use a custom HTTP client configuration together with 'kubeconfig_file'"
    } else if !has_server && has_http {
        "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"
    } else if has_server && config.namespaces.own_namespace {
        "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously"
    } else if has_kubeconfig && config.namespaces.own_namespace {
        "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously"
    } else {
        return check_kubernetes_selectors(config);
    };
    Err(problem.to_owned())
}

fn check_kubernetes_selectors(config: &KubernetesSdConfig) -> Result<(), String> {
    let allowed: &[&str] = match config.role.as_str() {
        "endpoints" => &["pod", "service", "endpoints"],
        "endpointslice" => &["pod", "service", "endpointslice"],
        "pod" => &["pod", "node"],
        role => &[role],
    };
    for (index, selector) in config.selectors.iter().enumerate() {
        if !KUBERNETES_ROLES.contains(&selector.role.as_str()) {
            return Err(format!("unknown Kubernetes SD role {:?}", selector.role));
        }
        if config.selectors.iter().take(index).any(|before| before.role == selector.role) {
            return Err(format!("duplicated selector role: {}", selector.role));
        }
        if !allowed.contains(&selector.role.as_str()) {
            let allowed = allowed.join(", ");
            return Err(format!("{} role supports only {allowed} selectors", config.role));
        }
    }
    Ok(())
}

fn check_docker(config: &mut DockerSdConfig) -> Result<(), String> {
    if config.host.is_empty() {
        return Err("host missing".into());
    }
    url::Url::parse(&config.host).map_err(|error| format!("{:?}: {error}", config.host))?;
    config.http.check()
}

fn check_consul(config: &mut ConsulSdConfig) -> Result<(), String> {
    if config.server.trim().is_empty() {
        return Err("consul SD configuration requires a server address".into());
    }
    if !config.username.is_empty() || !config.password.is_empty() {
        if config.http.basic_auth.is_some() {
            return Err("at most one of consul SD configuration username and password and basic auth can be configured".into());
        }
        config.http.basic_auth = Some(vigie_dial::BasicAuth {
            username: std::mem::take(&mut config.username),
            password: std::mem::take(&mut config.password),
            ..vigie_dial::BasicAuth::default()
        });
    }
    if !config.token.is_empty()
        && (config.http.authorization.is_some() || config.http.oauth2.is_some())
    {
        return Err(
            "at most one of consul SD token, authorization, or oauth2 can be configured".into()
        );
    }
    config.http.check()
}
