//! Flags of `promtool`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{CheckRulesArgs, TestWhat};

#[derive(Debug, Args)]
pub(crate) struct PromtoolArgs {
    #[command(subcommand)]
    pub(crate) command: PromtoolCommand,
    /// Taken as promtool takes it; every command is served without it
    #[arg(long, global = true)]
    pub(crate) experimental: bool,
    /// Taken as promtool takes it; what it switches on is on
    #[arg(long = "enable-feature", global = true)]
    pub(crate) features: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolCommand {
    /// Check files and servers
    Check {
        #[command(subcommand)]
        what: PromtoolCheck,
        /// Lookback of the server, which a scrape interval should not pass
        #[arg(long = "query.lookback-delta", default_value = "5m", global = true)]
        lookback_delta: String,
    },
    /// Ask a server
    Query(PromtoolQueryArgs),
    /// Send to a server
    Push {
        #[command(subcommand)]
        what: PromtoolPush,
        /// How to talk to the server: an http_config
        #[arg(long = "http.config.file", global = true)]
        http_config: Option<PathBuf>,
    },
    /// Unit tests
    Test {
        #[command(subcommand)]
        what: TestWhat,
    },
    /// Read and change expressions
    Promql {
        #[command(subcommand)]
        what: PromtoolPromql,
    },
    /// Not served: Vigie has no profiles of Go
    Debug {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
    /// Not served: what serves the same of Vigie's store is named
    Tsdb {
        #[command(subcommand)]
        what: PromtoolTsdb,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolTsdb {
    /// Not served: `vigie rules replay` and `vigie import openmetrics` write to the server itself
    CreateBlocksFrom {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
    /// Not served: /api/v1/status/tsdb tells of cardinality
    Analyze {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
    /// Not served: /api/v1/status/tsdb/blocks lists parts
    List {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
    /// Not served: /api/v1/export and `vigie export metrics` write samples
    #[command(alias = "dump-openmetrics")]
    Dump {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
    /// Not served: docs/performance.md says how Vigie is measured
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        rest: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolCheck {
    /// Find the targets of a job and say what relabelling makes of them
    ServiceDiscovery(CheckServiceDiscoveryArgs),
    /// Check Prometheus configuration files
    Config(CheckConfigArgs),
    /// Check files of --web.config.file
    WebConfig {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Whether a server answers
    Healthy(ProbeArgs),
    /// Whether a server is ready to serve
    Ready(ProbeArgs),
    /// Check rule files
    Rules(CheckRulesArgs),
    /// Look for what is unusual in metrics from the standard input
    Metrics(CheckMetricsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckServiceDiscoveryArgs {
    /// How long to wait for discoveries
    #[arg(long, default_value = "30s")]
    pub(crate) timeout: String,
    /// The configuration
    pub(crate) config_file: PathBuf,
    /// The job
    pub(crate) job: String,
}

#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    /// Only the configuration's own text, not the files it names
    #[arg(long)]
    pub(crate) syntax_only: bool,
    /// What is looked for besides errors: all, duplicate-rules, too-long-scrape-interval, none
    #[arg(long, default_value = "duplicate-rules")]
    pub(crate) lint: String,
    /// End with exit code 3 when such a thing is found
    #[arg(long)]
    pub(crate) lint_fatal: bool,
    /// Leave out fields of rule files that Prometheus does not know
    #[arg(long)]
    pub(crate) ignore_unknown_fields: bool,
    /// The configuration is of an agent, which has no rules and no Alertmanagers
    #[arg(long)]
    pub(crate) agent: bool,
    /// Configuration files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The server
    #[arg(long, default_value = "http://localhost:9090")]
    pub(crate) url: String,
    /// How to talk to the server: an http_config
    #[arg(long = "http.config.file")]
    pub(crate) http_config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckMetricsArgs {
    /// Say how many series each metric has
    #[arg(long)]
    pub(crate) extended: bool,
    /// What is looked for: all, none
    #[arg(long, default_value = "all")]
    pub(crate) lint: String,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ToolOutput {
    /// As PromQL writes series
    #[default]
    Promql,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct PromtoolQueryArgs {
    #[command(subcommand)]
    pub(crate) what: PromtoolQuery,
    /// How the answer is printed
    #[arg(short = 'o', long, value_enum, default_value_t, global = true)]
    pub(crate) format: ToolOutput,
    /// How to talk to the server: an http_config
    #[arg(long = "http.config.file", global = true)]
    pub(crate) http_config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolQuery {
    /// An expression at one time
    Instant {
        /// When: RFC 3339 or Unix seconds
        #[arg(long)]
        time: Option<String>,
        /// A header of the request, NAME=VALUE; may be repeated
        #[arg(long)]
        header: Vec<String>,
        /// The server
        server: String,
        /// The expression
        expression: String,
    },
    /// An expression over a range
    Range {
        /// A header of the request, NAME=VALUE; may be repeated
        #[arg(long)]
        header: Vec<String>,
        /// Start: RFC 3339 or Unix seconds [default: five minutes before the end]
        #[arg(long)]
        start: Option<String>,
        /// End: RFC 3339 or Unix seconds [default: now]
        #[arg(long)]
        end: Option<String>,
        /// Step [default: a 250th of the range]
        #[arg(long)]
        step: Option<String>,
        /// The server
        server: String,
        /// The expression
        expression: String,
    },
    /// The series that match
    Series {
        /// A selector; may be repeated
        #[arg(long = "match", required = true)]
        matches: Vec<String>,
        /// Start: RFC 3339 or Unix seconds
        #[arg(long)]
        start: Option<String>,
        /// End: RFC 3339 or Unix seconds
        #[arg(long)]
        end: Option<String>,
        /// The server
        server: String,
    },
    /// The values of a label
    Labels {
        /// Start: RFC 3339 or Unix seconds
        #[arg(long)]
        start: Option<String>,
        /// End: RFC 3339 or Unix seconds
        #[arg(long)]
        end: Option<String>,
        /// A selector; may be repeated
        #[arg(long = "match")]
        matches: Vec<String>,
        /// The server
        server: String,
        /// The label
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolPush {
    /// Send exposition text by remote write
    Metrics(PushMetricsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PushMetricsArgs {
    /// A label of every series, NAME=VALUE; may be repeated
    #[arg(long, default_value = "job=promtool")]
    pub(crate) label: Vec<String>,
    /// How long to wait for the answer
    #[arg(long, default_value = "30s")]
    pub(crate) timeout: String,
    /// A header of the request, NAME=VALUE; may be repeated
    #[arg(long)]
    pub(crate) header: Vec<String>,
    /// prometheus.WriteRequest or io.prometheus.write.v2.Request
    #[arg(long = "protobuf_message", default_value = "prometheus.WriteRequest")]
    pub(crate) protobuf_message: String,
    /// Where remote write is, when the address does not say
    #[arg(long = "remote-write.path", default_value = "/api/v1/write")]
    pub(crate) path: String,
    /// The server
    pub(crate) url: String,
    /// Files; none: the standard input
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolPromql {
    /// Print an expression in its pretty form
    Format {
        /// The expression
        query: String,
    },
    /// Change the matchers of every selector
    LabelMatchers {
        #[command(subcommand)]
        what: PromtoolMatchers,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromtoolMatchers {
    /// Set one
    Set {
        /// Its operator
        #[arg(short = 't', long = "type", default_value = "=")]
        operator: String,
        /// The expression
        query: String,
        /// The label
        name: String,
        /// What it is compared with
        value: String,
    },
    /// Remove those of a label
    Delete {
        /// The expression
        query: String,
        /// The label
        name: String,
    },
}
