//! Flags of `prometheus`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::LogArgs;

/// Flags of Prometheus 3 that have an effect.
#[derive(Debug, Args)]
pub(crate) struct PrometheusArgs {
    /// Prometheus configuration file
    #[arg(long = "config.file", default_value = "prometheus.yml")]
    pub(crate) config_file: PathBuf,
    /// Look for changes of the configuration's files, and reload when there are some
    #[arg(long = "config.auto-reload")]
    pub(crate) auto_reload: bool,
    /// How often to look
    #[arg(long = "config.auto-reload-interval", default_value = "30s")]
    pub(crate) auto_reload_interval: String,
    /// Folder in which everything is kept
    #[arg(long = "storage.tsdb.path", default_value = "data/")]
    pub(crate) data: PathBuf,
    /// Keep samples only until they are sent on: a small store, no rules, no Alertmanagers
    #[arg(long)]
    pub(crate) agent: bool,
    /// Folder of an agent
    #[arg(long = "storage.agent.path", default_value = "data-agent/")]
    pub(crate) agent_data: PathBuf,
    /// How long an agent keeps samples
    #[arg(long = "storage.agent.retention.max-time", default_value = "4h")]
    pub(crate) agent_retention: String,
    /// How long samples are kept (15d, 1y); 0d keeps all
    #[arg(long = "storage.tsdb.retention.time", alias = "storage.tsdb.retention")]
    pub(crate) retention_time: Option<String>,
    /// How many bytes of parts are kept (512MB, 10GB)
    #[arg(long = "storage.tsdb.retention.size")]
    pub(crate) retention_size: Option<String>,
    /// Address to listen on; may be repeated
    #[arg(long = "web.listen-address", default_value = "0.0.0.0:9090")]
    pub(crate) listen_address: Vec<String>,
    /// File that enables TLS or basic authentication
    #[arg(long = "web.config.file")]
    pub(crate) web_config: Option<PathBuf>,
    /// Serve /-/reload and /-/quit
    #[arg(long = "web.enable-lifecycle")]
    pub(crate) enable_lifecycle: bool,
    /// Serve deletion and snapshots
    #[arg(long = "web.enable-admin-api")]
    pub(crate) enable_admin_api: bool,
    /// The address under which users reach this server
    #[arg(long = "web.external-url")]
    pub(crate) external_url: Option<String>,
    /// Prefix of every address that is served [default: the path of --web.external-url]
    #[arg(long = "web.route-prefix")]
    pub(crate) route_prefix: Option<String>,
    /// How long a request may take to arrive
    #[arg(long = "web.read-timeout")]
    pub(crate) read_timeout: Option<String>,
    /// Connections that a port serves at once; more wait [default: 512]
    #[arg(long = "web.max-connections")]
    pub(crate) connections_max: Option<usize>,
    /// Origins that browsers may ask from, as a regular expression
    #[arg(long = "web.cors.origin", default_value = ".*")]
    pub(crate) cors_origin: String,
    /// How long a value stays valid after its sample
    #[arg(long = "query.lookback-delta", default_value = "5m")]
    pub(crate) lookback_delta: String,
    /// How long a query may take
    #[arg(long = "query.timeout", default_value = "2m")]
    pub(crate) query_timeout: String,
    /// How many queries run at once; more wait
    #[arg(long = "query.max-concurrency", default_value_t = 20)]
    pub(crate) query_concurrency_max: usize,
    /// How many samples one query may load
    #[arg(long = "query.max-samples", default_value_t = 50_000_000)]
    pub(crate) query_samples_max: u64,
    /// How many samples an answer to remote read may have; 0: any number
    #[arg(long = "storage.remote.read-sample-limit", default_value = "5e7")]
    pub(crate) remote_read_samples_max: f64,
    /// How large a frame of streamed remote read may be
    #[arg(long = "storage.remote.read-max-bytes-in-frame", default_value_t = 1 << 20)]
    pub(crate) remote_read_frame_bytes_max: usize,
    /// Feature names, comma separated. st-storage takes _created series as start timestamps; what
    /// others switch on is served anyway
    #[arg(long = "enable-feature")]
    pub(crate) features: Vec<String>,
    /// How long Prometheus may be off and still know since when alerts have been active
    #[arg(long = "rules.alert.for-outage-tolerance", default_value = "1h")]
    pub(crate) for_outage_tolerance: String,
    /// How long an alert waits at least after Prometheus was off
    #[arg(long = "rules.alert.for-grace-period", default_value = "10m")]
    pub(crate) for_grace_period: String,
    /// How often a firing alert is sent again
    #[arg(long = "rules.alert.resend-delay", default_value = "1m")]
    pub(crate) resend_delay: String,
    /// How many rules are evaluated beside each other, with the feature concurrent-rule-eval
    #[arg(long = "rules.max-concurrent-evals", default_value_t = 4)]
    pub(crate) rule_evaluations_max: usize,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// Switches that tune what Vigie does not have, or that switch on what is always on.
const SWITCHES_WITHOUT_EFFECT: [&str; 12] = [
    "alertmanager.drain-notification-queue-on-shutdown",
    "auto-gomaxprocs",
    "auto-gomemlimit",
    "scrape.adjust-timestamps",
    "storage.agent.checkpoint-from-in-memory-series",
    "storage.agent.no-lockfile",
    "storage.agent.wal-compression",
    "storage.tsdb.allow-overlapping-blocks",
    "storage.tsdb.no-lockfile",
    "storage.tsdb.wal-compression",
    "web.enable-otlp-receiver",
    "web.enable-remote-write-receiver",
];

/// Flags with a value that tune what Vigie does not have.
const VALUES_WITHOUT_EFFECT: [&str; 28] = [
    "alertmanager.notification-batch-size",
    "alertmanager.notification-queue-capacity",
    "auto-gomemlimit.ratio",
    "auto-gomemlimit.refresh-interval",
    "scrape.timestamp-tolerance",
    "storage.agent.checkpoint-batch-size",
    "storage.agent.retention.min-time",
    "storage.agent.wal-compression-type",
    "storage.agent.wal-segment-size",
    "storage.agent.wal-truncate-frequency",
    "storage.remote.flush-deadline",
    "storage.remote.read-concurrent-limit",
    "storage.tsdb.delay-compact-file.path",
    "storage.tsdb.head-chunks-write-queue-size",
    "storage.tsdb.max-block-chunk-segment-size",
    "storage.tsdb.max-block-duration",
    "storage.tsdb.min-block-duration",
    "storage.tsdb.samples-per-chunk",
    "storage.tsdb.wal-compression-type",
    "storage.tsdb.wal-segment-size",
    "web.console.libraries",
    "web.console.templates",
    "web.max-notifications-subscribers",
    "web.page-title",
    "web.remote-write-receiver.accepted-protobuf-messages",
    "web.search.max-limit",
    "web.ui-dir",
    "web.user-assets",
];

/// Switches that are off by default, whose `--no-NAME` says so.
const SWITCHES: [&str; 4] =
    ["agent", "config.auto-reload", "web.enable-admin-api", "web.enable-lifecycle"];

/// `args` without the flags that have no effect, which is so that unit files and containers'
/// command lines of Prometheus keep working.
pub(super) fn without_ignored(args: Vec<OsString>) -> Vec<OsString> {
    let mut kept = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.to_str().and_then(|text| text.strip_prefix("--")) else {
            kept.push(arg);
            continue;
        };
        let (name, has_value) = match flag.split_once('=') {
            Some((name, _)) => (name, true),
            None => (flag, false),
        };
        let positive = name.strip_prefix("no-").unwrap_or(name);
        if SWITCHES_WITHOUT_EFFECT.contains(&positive)
            || (positive != name && SWITCHES.contains(&positive))
        {
            continue;
        }
        if VALUES_WITHOUT_EFFECT.contains(&name) {
            if !has_value {
                args.next();
            }
            continue;
        }
        kept.push(arg);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_without_effect_are_left_out_with_their_values() {
        let args = [
            "vigie",
            "prometheus",
            "--config.file=a.yml",
            "--storage.tsdb.wal-segment-size",
            "10MB",
            "--web.console.templates=/etc/consoles",
            "--no-storage.tsdb.wal-compression",
            "--no-web.enable-lifecycle",
            "--web.enable-admin-api",
            "--storage.tsdb.path",
            "data",
        ];
        let kept = without_ignored(args.map(OsString::from).to_vec());
        let wanted = [
            "vigie",
            "prometheus",
            "--config.file=a.yml",
            "--web.enable-admin-api",
            "--storage.tsdb.path",
            "data",
        ];
        assert_eq!(kept, wanted.map(OsString::from));
    }
}
