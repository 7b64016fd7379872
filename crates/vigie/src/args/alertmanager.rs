//! Flags of `alertmanager`.

use std::path::PathBuf;

use clap::Args;

use super::LogArgs;

/// Flags of Alertmanager 0.34. Those in `ignored` are taken so that unit files keep working; what
/// they tune does not exist here.
#[derive(Debug, Args)]
pub(crate) struct AlertmanagerArgs {
    /// Alertmanager configuration file
    #[arg(long = "config.file", default_value = "alertmanager.yml")]
    pub(crate) config_file: PathBuf,
    /// Folder in which silences, the notification log and timelines are kept
    #[arg(long = "storage.path", default_value = "data/")]
    pub(crate) data: PathBuf,
    /// How long ended silences and log entries are kept
    #[arg(long = "data.retention", default_value = "120h")]
    pub(crate) retention: String,
    /// How many silences there may be, ended ones included
    #[arg(long = "silences.max-silences")]
    pub(crate) silences_max: Option<usize>,
    /// How many bytes a silence may have
    #[arg(long = "silences.max-silence-size-bytes")]
    pub(crate) silence_bytes_max: Option<usize>,
    /// How often resolved alerts are forgotten
    #[arg(long = "alerts.gc-interval", default_value = "30m")]
    pub(crate) gc_interval: String,
    /// How long groups wait after the start before they notify
    #[arg(long = "dispatch.start-delay", default_value = "0s")]
    pub(crate) start_delay: String,
    /// File that enables TLS or basic authentication
    #[arg(long = "web.config.file")]
    pub(crate) web_config: Option<PathBuf>,
    /// The address under which users reach this server
    #[arg(long = "web.external-url")]
    pub(crate) external_url: Option<String>,
    /// Prefix of all routes [default: the path of --web.external-url]
    #[arg(long = "web.route-prefix")]
    pub(crate) route_prefix: Option<String>,
    /// Address to listen on; may be repeated
    #[arg(long = "web.listen-address", default_value = ":9093")]
    pub(crate) listen_address: Vec<String>,
    /// Feature names, comma separated: classic-mode, utf8-strict-mode
    #[arg(long = "enable-feature", default_value = "")]
    pub(crate) features: String,
    /// Refuse what Alertmanager refuses and Vigie understands all the same
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) ignored: IgnoredArgs,
}

/// Flags of Alertmanager's gossip, which is not there: one process, or others beside it that know
/// nothing of each other.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[arg(long = "cluster.peer", hide = true)]
    pub(crate) peers: Vec<String>,
    #[arg(long = "cluster.listen-address", hide = true)]
    cluster_listen_address: Option<String>,
    #[arg(long = "cluster.advertise-address", hide = true)]
    advertise_address: Option<String>,
    #[arg(long = "cluster.peer-timeout", hide = true)]
    peer_timeout: Option<String>,
    #[arg(long = "cluster.peers-resolve-timeout", hide = true)]
    peers_resolve_timeout: Option<String>,
    #[arg(long = "cluster.gossip-interval", hide = true)]
    gossip_interval: Option<String>,
    #[arg(long = "cluster.pushpull-interval", hide = true)]
    pushpull_interval: Option<String>,
    #[arg(long = "cluster.tcp-timeout", hide = true)]
    tcp_timeout: Option<String>,
    #[arg(long = "cluster.probe-timeout", hide = true)]
    probe_timeout: Option<String>,
    #[arg(long = "cluster.probe-interval", hide = true)]
    probe_interval: Option<String>,
    #[arg(long = "cluster.settle-timeout", hide = true)]
    settle_timeout: Option<String>,
    #[arg(long = "cluster.reconnect-interval", hide = true)]
    reconnect_interval: Option<String>,
    #[arg(long = "cluster.reconnect-timeout", hide = true)]
    reconnect_timeout: Option<String>,
    #[arg(long = "cluster.tls-config", hide = true)]
    tls_config: Option<String>,
    #[arg(long = "cluster.allow-insecure-public-advertise-address-discovery", hide = true)]
    insecure_advertise: bool,
    #[arg(long = "cluster.label", hide = true)]
    cluster_label: Option<String>,
    #[arg(long = "cluster.name", hide = true)]
    cluster_name: Option<String>,
}

/// Flags that tune what Vigie does not have.
#[derive(Debug, Args)]
pub(crate) struct IgnoredArgs {
    #[arg(long = "config.auto-reload-interval", hide = true)]
    auto_reload_interval: Option<String>,
    #[arg(long = "data.maintenance-interval", hide = true)]
    data_maintenance_interval: Option<String>,
    #[arg(long = "silences.logging", hide = true)]
    silences_logging: bool,
    #[arg(long = "alerts.per-alertname-limit", hide = true)]
    per_alertname_limit: Option<u64>,
    #[arg(long = "dispatch.maintenance-interval", hide = true)]
    dispatch_maintenance_interval: Option<String>,
    #[arg(long = "web.get-concurrency", hide = true)]
    get_concurrency: Option<u64>,
    #[arg(long = "web.timeout", hide = true)]
    timeout: Option<String>,
    #[arg(long = "auto-gomemlimit", hide = true)]
    auto_gomemlimit: bool,
    #[arg(long = "auto-gomemlimit.ratio", hide = true)]
    auto_gomemlimit_ratio: Option<String>,
}
