//! The command line: `vigie run|check|query`, and the names of the tools that Vigie replaces.

mod alertmanager;
mod dead_letters;
mod filebeat;
mod incident;
mod logstash;
mod node_exporter;
mod prometheus;
mod promtool;
mod respond;
mod rules;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use alertmanager::AlertmanagerArgs;
pub(crate) use dead_letters::{DeadLettersArgs, DeadLettersCommand};
pub(crate) use filebeat::{FilebeatArgs, FilebeatCommand};
pub(crate) use incident::{IncidentArgs, IncidentChange, IncidentCommand};
pub(crate) use logstash::{LogstashArgs, ProcessArgs, ProcessCodec, ProcessOutput};
pub(crate) use node_exporter::NodeExporterArgs;
pub(crate) use prometheus::PrometheusArgs;
pub(crate) use promtool::{
    CheckConfigArgs, CheckMetricsArgs, CheckServiceDiscoveryArgs, ProbeArgs, PromtoolArgs,
    PromtoolCheck, PromtoolCommand, PromtoolMatchers, PromtoolPromql, PromtoolPush, PromtoolQuery,
    PromtoolQueryArgs, PromtoolTsdb, PushMetricsArgs, ToolOutput,
};
pub(crate) use respond::{
    AlertArgs, AlertCommand, AlertServerArgs, AmtoolAlert, AmtoolArgs, AmtoolCluster,
    AmtoolCommand, AmtoolConfig, AmtoolOutput, AmtoolRoutes, AmtoolSilence, SilenceArgs,
    SilenceCommand,
};
pub(crate) use rules::{
    CheckRulesArgs, DoctorArgs, ReplayArgs, RulesWhat, TestRulesArgs, TestWhat,
};

/// One process that watches: metrics in, answers out.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, max_term_width = 100)]
#[command(
    after_help = "Called prometheus, promtool, alertmanager, amtool, node_exporter, logstash or \
    filebeat (by \
    a link, or `vigie prometheus ...`), Vigie takes that tool's flags and runs that part alone."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start: receive, keep, answer, show
    Run(RunArgs),
    /// Read configuration files as `run` would, and say what is wrong
    Check(CheckArgs),
    /// Find what can never work, with the line and the reason
    Doctor(DoctorArgs),
    /// Evaluate rules outside of their schedule
    Rules {
        #[command(subcommand)]
        what: RulesWhat,
    },
    /// Run unit tests
    Test {
        #[command(subcommand)]
        what: TestWhat,
    },
    /// Ask a running Vigie
    Query(QueryArgs),
    /// Bring in what another system has kept
    Import(ImportArgs),
    /// Write what a running Vigie keeps to a Parquet file
    Export(ExportArgs),
    /// Run as Prometheus would, with its flags
    Prometheus(Box<PrometheusArgs>),
    /// Check configuration and ask as promtool does
    Promtool(PromtoolArgs),
    /// Alerts: which fire, why somebody was told or not, where one would go
    Alert(AlertArgs),
    /// Silences: add, list, end
    Silence(SilenceArgs),
    /// Incidents: what is open, who takes care, what happened
    Incident(IncidentArgs),
    /// Run events from the standard input through the filters of a `logstash.conf`
    Process(ProcessArgs),
    /// What outputs of pipelines refused for ever: list it, hand it on again
    DeadLetters(DeadLettersArgs),
    /// Run pipelines alone, with Logstash's flags
    Logstash(Box<LogstashArgs>),
    /// Ship files alone, with Filebeat's flags
    Filebeat(FilebeatArgs),
    /// React to alerts alone, with Alertmanager's flags
    Alertmanager(Box<AlertmanagerArgs>),
    /// Ask and change as amtool does
    Amtool(AmtoolArgs),
    /// Serve this host's metrics alone, with Node Exporter's flags
    #[command(name = "node_exporter", disable_help_flag = true)]
    NodeExporter(NodeExporterArgs),
}

#[derive(Debug, Args, Default)]
pub(crate) struct RunArgs {
    /// Configuration files or folders; none: ./vigie.d if it exists, else built-in defaults, which
    /// watch this host and Vigie itself
    pub(crate) paths: Vec<PathBuf>,
    /// Folder in which everything is kept [default: ./data]
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Address on which all ports listen [default: 127.0.0.1]
    #[arg(long)]
    pub(crate) listen: Option<IpAddr>,
    /// Added to every port, to run beside the original tools
    #[arg(long)]
    pub(crate) port_offset: Option<u16>,
    /// Settings that have no home in the files above [default: vigie.toml among PATHS or here]
    #[arg(long)]
    pub(crate) settings: Option<PathBuf>,
    /// Serve /-/reload and /-/quit to whoever reaches the port
    #[arg(long)]
    pub(crate) enable_lifecycle: bool,
    /// Serve deletion and snapshots to whoever reaches the port
    #[arg(long)]
    pub(crate) enable_admin_api: bool,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Debug, Args, Default)]
pub(crate) struct LogArgs {
    /// Least severe level that is logged
    #[arg(long = "log.level", value_enum, default_value_t, global = true)]
    pub(crate) level: LogLevel,
    /// How log lines look
    #[arg(long = "log.format", value_enum, default_value_t, global = true)]
    pub(crate) format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum, Default)]
pub(crate) enum LogLevel {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, Copy, ValueEnum, Default)]
pub(crate) enum LogFormat {
    #[default]
    Logfmt,
    Json,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CheckArgs {
    #[command(subcommand)]
    pub(crate) what: Option<CheckWhat>,
    /// Configuration files or folders
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckWhat {
    /// Rule files alone, as promtool checks them
    Rules(CheckRulesArgs),
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(subcommand)]
    pub(crate) language: QueryLanguage,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueryLanguage {
    /// Ask in PromQL: a table at one time, a chart over a range
    Promql(PromqlArgs),
    /// Ask in SQL, over the tables logs, spans and metrics
    Sql(SqlArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The statement
    pub(crate) statement: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: SqlOutput,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What to write: logs, spans, metrics, or a statement in SQL
    pub(crate) what: String,
    /// The file
    #[arg(long, short)]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum, Default)]
pub(crate) enum SqlOutput {
    /// Columns in line
    #[default]
    Table,
    Csv,
    /// A JSON object a line
    Ndjson,
    /// The server's answer as it is
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct PromqlArgs {
    /// The expression
    pub(crate) expression: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// When: RFC 3339 or Unix seconds [default: now]
    #[arg(long)]
    pub(crate) time: Option<String>,
    /// Ask over a range that ends now: 1h, 30m, 7d
    #[arg(long, conflicts_with = "time")]
    pub(crate) since: Option<String>,
    /// Start of a range: RFC 3339 or Unix seconds
    #[arg(long, conflicts_with_all = ["time", "since"])]
    pub(crate) start: Option<String>,
    /// End of a range [default: now]
    #[arg(long, requires = "start")]
    pub(crate) end: Option<String>,
    /// Step of a range [default: what fits the terminal's width]
    #[arg(long)]
    pub(crate) step: Option<String>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(crate) source: ImportSource,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportSource {
    /// Blocks of a Prometheus: its data folder, a snapshot, or one block
    Prometheus(ImportPath),
    /// A file of OpenMetrics or exposition text with timestamps
    Openmetrics(ImportPath),
    /// A file of JSON lines, as VictoriaMetrics' /api/v1/export writes it
    Victoriametrics(ImportPath),
}

#[derive(Debug, Args)]
pub(crate) struct ImportPath {
    /// What to read
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// File that remembers how far the import is [default: vigie-import-....json here]
    #[arg(long)]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where Vigie is
    #[arg(long, env = "VIGIE_SERVER", default_value = "http://127.0.0.1:9090")]
    pub(crate) server: String,
    /// As with `run`: added to the port of the default server
    #[arg(long, default_value_t = 0)]
    pub(crate) port_offset: u16,
    /// Whose data (X-Scope-OrgID)
    #[arg(long)]
    pub(crate) tenant: Option<String>,
}

impl ServerArgs {
    /// The server's address without a trailing slash.
    pub(crate) fn address(&self) -> String {
        if self.port_offset != 0 && self.server == "http://127.0.0.1:9090" {
            return format!("http://127.0.0.1:{}", 9090_u16.saturating_add(self.port_offset));
        }
        self.server.trim_end_matches('/').to_owned()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Output {
    /// A table at one time, a chart over a range
    #[default]
    Auto,
    /// Labels and values in columns
    Table,
    /// The server's answer as it is
    Json,
    /// Lines drawn with characters
    Chart,
}

/// Names by which Vigie may be called in place of a tool.
const TOOLS: [&str; 8] = [
    "prometheus",
    "promtool",
    "alertmanager",
    "amtool",
    "node_exporter",
    "node-exporter",
    "logstash",
    "filebeat",
];

/// The arguments with the tool's name as the subcommand when Vigie was called by that name.
pub(crate) fn with_tool_name(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let called = args.first().map(PathBuf::from);
    let name = called.as_deref().and_then(|path| path.file_name()).and_then(|name| name.to_str());
    let name = name.map(|name| name.strip_prefix("prometheus-").unwrap_or(name));
    if let Some(tool) = TOOLS.iter().find(|tool| Some(**tool) == name) {
        args.insert(1, OsString::from(tool.replace('-', "_")));
    }
    if args.get(1).is_some_and(|tool| tool == "prometheus") {
        return prometheus::without_ignored(args);
    }
    args
}

/// What `prometheus --version` and its like print: the version whose behaviour is served, in the
/// form that scripts cut out of it.
pub(crate) fn tool_version(args: &[OsString]) -> Option<String> {
    let tool = args.get(1)?.to_str()?;
    let served = match tool {
        "prometheus" | "promtool" => "3.14.0",
        "alertmanager" | "amtool" => crate::plan::SERVED_VERSION,
        "node_exporter" => "1.12.1",
        _ => return None,
    };
    let asks = args.get(2).is_some_and(|arg| arg == "--version");
    asks.then(|| format!("{tool}, version {served} (Vigie {})", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(with_tool_name(line.split(' ').map(OsString::from)))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn called_as_prometheus_it_takes_prometheus_flags() {
        let line = "/usr/bin/prometheus --config.file=/etc/p.yml --storage.tsdb.path /data \
                    --web.listen-address=0.0.0.0:9095 --storage.tsdb.retention.time=30d \
                    --no-storage.tsdb.wal-compression --web.enable-lifecycle";
        let Command::Prometheus(args) = parse(line).unwrap().command else {
            panic!("not prometheus")
        };
        assert_eq!(args.config_file, PathBuf::from("/etc/p.yml"));
        assert_eq!(args.listen_address, ["0.0.0.0:9095"]);
        assert_eq!(args.retention_time.as_deref(), Some("30d"));
        assert!(args.enable_lifecycle);
    }

    #[test]
    fn tools_tell_the_version_they_serve() {
        let version =
            |line: &str| tool_version(&with_tool_name(line.split(' ').map(OsString::from)));
        let told = version("/opt/prometheus --version").unwrap();
        assert!(told.starts_with("prometheus, version 3."), "{told}");
        assert_eq!(version("/opt/prometheus --config.file=x"), None);
        assert_eq!(version("vigie --version"), None);
    }

    #[test]
    fn called_as_node_exporter_its_flags_are_left_to_it() {
        let cli =
            parse("prometheus-node-exporter --no-collector.cpu --path.procfs=/host/proc").unwrap();
        let Command::NodeExporter(args) = cli.command else { panic!("not node_exporter") };
        assert_eq!(args.args, ["--no-collector.cpu", "--path.procfs=/host/proc"]);
    }

    #[test]
    fn the_port_offset_moves_the_default_server_only() {
        let args = |line: &str| match parse(line).unwrap().command {
            Command::Query(QueryArgs { language: QueryLanguage::Promql(args) }) => args.server,
            _ => panic!("not a query"),
        };
        assert_eq!(
            args("vigie query promql up --port-offset 10").address(),
            "http://127.0.0.1:9100"
        );
        assert_eq!(
            args("vigie query promql up --server http://a:1/ --port-offset 10").address(),
            "http://a:1"
        );
    }
}
