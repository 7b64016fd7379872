//! Flags of `prometheus` and `promtool`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CheckRulesArgs, LogArgs, ServerArgs, TestWhat};

/// Flags of Prometheus 3. Those in `ignored` are taken so that unit files keep working; what they
/// tune does not exist here.
#[derive(Debug, Args)]
pub(crate) struct PrometheusArgs {
    /// Prometheus configuration file
    #[arg(long = "config.file", default_value = "prometheus.yml")]
    pub(crate) config_file: PathBuf,
    /// Folder in which everything is kept
    #[arg(long = "storage.tsdb.path", default_value = "data/")]
    pub(crate) data: PathBuf,
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
    /// Origins that browsers may ask from, as a regular expression
    #[arg(long = "web.cors.origin", default_value = ".*")]
    pub(crate) cors_origin: String,
    /// How long a value stays valid after its sample
    #[arg(long = "query.lookback-delta", default_value = "5m")]
    pub(crate) lookback_delta: String,
    /// How long a query may take
    #[arg(long = "query.timeout", default_value = "2m")]
    pub(crate) query_timeout: String,
    /// How many samples one query may load
    #[arg(long = "query.max-samples", default_value_t = 50_000_000)]
    pub(crate) query_samples_max: u64,
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
    #[command(flatten)]
    pub(crate) ignored: IgnoredArgs,
}

/// Flags that tune what Vigie does not have.
#[derive(Debug, Args)]
pub(crate) struct IgnoredArgs {
    #[arg(long = "web.enable-remote-write-receiver", hide = true)]
    remote_write_receiver: bool,
    #[arg(long = "web.enable-otlp-receiver", hide = true)]
    otlp_receiver: bool,
    #[arg(long = "web.route-prefix", hide = true)]
    route_prefix: Option<String>,
    #[arg(long = "web.user-assets", hide = true)]
    user_assets: Option<String>,
    #[arg(long = "web.console.templates", hide = true)]
    console_templates: Option<String>,
    #[arg(long = "web.console.libraries", hide = true)]
    console_libraries: Option<String>,
    #[arg(long = "web.page-title", hide = true)]
    page_title: Option<String>,
    #[arg(long = "web.read-timeout", hide = true)]
    read_timeout: Option<String>,
    #[arg(long = "web.max-connections", hide = true)]
    connections_max: Option<u64>,
    #[arg(long = "web.max-notifications-subscribers", hide = true)]
    notifications_subscribers_max: Option<u64>,
    #[arg(long = "storage.tsdb.min-block-duration", hide = true)]
    block_duration_min: Option<String>,
    #[arg(long = "storage.tsdb.max-block-duration", hide = true)]
    block_duration_max: Option<String>,
    #[arg(long = "storage.tsdb.wal-segment-size", hide = true)]
    wal_segment_size: Option<String>,
    #[arg(
        long = "storage.tsdb.wal-compression",
        overrides_with = "no_wal_compression",
        hide = true
    )]
    wal_compression: bool,
    #[arg(long = "no-storage.tsdb.wal-compression", hide = true)]
    no_wal_compression: bool,
    #[arg(long = "storage.tsdb.no-lockfile", hide = true)]
    no_lockfile: bool,
    #[arg(long = "storage.tsdb.head-chunks-write-queue-size", hide = true)]
    head_chunks_write_queue_size: Option<u64>,
    #[arg(long = "storage.tsdb.allow-overlapping-blocks", hide = true)]
    allow_overlapping_blocks: bool,
    #[arg(long = "storage.remote.flush-deadline", hide = true)]
    remote_flush_deadline: Option<String>,
    #[arg(long = "storage.remote.read-sample-limit", hide = true)]
    remote_read_sample_limit: Option<u64>,
    #[arg(long = "storage.remote.read-concurrent-limit", hide = true)]
    remote_read_concurrent_limit: Option<u64>,
    #[arg(long = "storage.remote.read-max-bytes-in-frame", hide = true)]
    remote_read_frame_bytes_max: Option<u64>,
    #[arg(long = "alertmanager.notification-queue-capacity", hide = true)]
    notification_queue: Option<u64>,
    #[arg(long = "alertmanager.drain-notification-queue-on-shutdown", hide = true)]
    drain_notifications: bool,
    #[arg(long = "query.max-concurrency", hide = true)]
    query_concurrency_max: Option<u64>,
    #[arg(long = "scrape.adjust-timestamps", hide = true)]
    adjust_timestamps: bool,
    #[arg(long = "auto-gomemlimit", hide = true)]
    auto_gomemlimit: bool,
    #[arg(long = "auto-gomaxprocs", hide = true)]
    auto_gomaxprocs: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PromtoolArgs {
    #[command(subcommand)]
    pub(crate) command: PromtoolCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolCommand {
    /// Check files and servers
    Check {
        #[command(subcommand)]
        what: PromtoolCheck,
    },
    /// Ask a server
    Query {
        #[command(subcommand)]
        what: PromtoolQuery,
    },
    /// Unit tests
    Test {
        #[command(subcommand)]
        what: TestWhat,
    },
    /// Prometheus' storage
    Tsdb {
        #[command(subcommand)]
        what: PromtoolTsdb,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolTsdb {
    /// Import of samples as blocks
    CreateBlocksFrom {
        #[command(subcommand)]
        what: PromtoolBlocks,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolBlocks {
    /// Not served: `vigie rules replay` writes to the server itself
    Rules {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolCheck {
    /// Check rule files
    Rules(CheckRulesArgs),
    /// Check Prometheus configuration files
    Config {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Whether a server answers
    Healthy {
        #[arg(long, default_value = "http://localhost:9090")]
        url: String,
    },
    /// Whether a server is ready to serve
    Ready {
        #[arg(long, default_value = "http://localhost:9090")]
        url: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolQuery {
    /// An expression at one time
    Instant {
        /// The server
        url: String,
        /// The expression
        expression: String,
        /// When: RFC 3339 or Unix seconds
        #[arg(long)]
        time: Option<String>,
    },
    /// An expression over a range
    Range {
        /// The server
        url: String,
        /// The expression
        expression: String,
        /// Start: RFC 3339 or Unix seconds
        #[arg(long)]
        start: Option<String>,
        /// End: RFC 3339 or Unix seconds
        #[arg(long)]
        end: Option<String>,
        /// Step
        #[arg(long)]
        step: Option<String>,
    },
}

impl PromtoolQuery {
    /// The same question as `vigie query promql`.
    pub(crate) fn into_promql(self) -> super::PromqlArgs {
        let server = |url| ServerArgs { server: url, port_offset: 0, tenant: None };
        match self {
            Self::Instant { url, expression, time } => super::PromqlArgs {
                expression,
                server: server(url),
                time,
                since: None,
                start: None,
                end: None,
                step: None,
                output: super::Output::Table,
            },
            Self::Range { url, expression, start, end, step } => super::PromqlArgs {
                expression,
                server: server(url),
                time: None,
                since: start.is_none().then(|| "5m".to_owned()),
                start,
                end,
                step,
                output: super::Output::Table,
            },
        }
    }
}
