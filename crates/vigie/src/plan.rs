//! What a process will do, whatever command line asked for it.

mod filebeat;
mod incidents;
mod logstash;
mod people;
mod prometheus;
mod respond;
mod rules;
mod spans;
mod store;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use vigie_alert::ManagerOptions;
use vigie_process::{SpanMetricsOptions, TailSamplingOptions};
use vigie_receive::aggregate::Inputs;
use vigie_receive::lines::LineProtocol;
use vigie_respond::desk::DeskPlan;
use vigie_store::StoreOptions;

use self::store::store_options;
use crate::args::{AlertmanagerArgs, FilebeatArgs, LogstashArgs, NodeExporterArgs, RunArgs};
use crate::config::{Found, Kind, Settings, duration, recognise};

pub(crate) use filebeat::FilebeatPlan;
pub(crate) use incidents::read_runbooks;
pub(crate) use logstash::{LogstashPlan, Source, ecs};
pub(crate) use people::{PeoplePlan, SignIn};
pub(crate) use prometheus::WebPlan;
pub(crate) use respond::{RespondPlan, SERVED_VERSION};
pub(crate) use spans::collector_policies;

/// A port that a part listens on.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    /// Whether somebody asked for this very port: then it is an error when it is taken, else the
    /// part is left out with a warning.
    pub(crate) is_explicit: bool,
}

/// Ports of other systems' protocols; `None` for one that nobody asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct DoorPorts {
    pub(crate) lines: Vec<(LineProtocol, Option<Port>)>,
    pub(crate) influx: Option<Port>,
}

/// A door for logs that leads straight to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogDoor {
    Syslog,
    Gelf,
    /// Of Fluentd and Fluent Bit.
    Forward,
}

impl LogDoor {
    /// The kind of input of a pipeline that takes the same.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Gelf => "gelf",
            Self::Forward => "forward",
        }
    }
}

/// A door for traces, or the API that tells of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TraceDoor {
    OtlpGrpc,
    OtlpHttp,
    JaegerThrift,
    JaegerGrpc,
    JaegerCompact,
    JaegerBinary,
    JaegerSampling,
    JaegerQuery,
    JaegerQueryGrpc,
    Tempo,
    Zipkin,
    /// Whether the process is up, as Jaeger's and the collector's ports for that tell it.
    Health,
}

/// What will run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) store: Option<StoreOptions>,
    /// `prometheus.yml`; none: built-in defaults, which watch this host and Vigie itself.
    pub(crate) prometheus: Option<PathBuf>,
    /// Rule files besides those that `prometheus.yml` names.
    pub(crate) rule_files: Vec<PathBuf>,
    /// How rules are evaluated.
    pub(crate) rules: ManagerOptions,
    /// Users, and what they decide; `None`: nobody is known.
    pub(crate) people: Option<PeoplePlan>,
    /// How alerts are reacted to; `None`: not at all.
    pub(crate) respond: Option<RespondPlan>,
    /// How alerts become incidents, and where those are kept; `None`: they do not.
    pub(crate) incidents: Option<(PathBuf, DeskPlan)>,
    /// Files that were found and do nothing yet.
    pub(crate) not_yet_served: Vec<Found>,
    pub(crate) prometheus_ports: Vec<Port>,
    pub(crate) page_port: Option<Port>,
    /// Kibana's port, which leads to the page.
    pub(crate) logs_page_port: Option<Port>,
    pub(crate) elasticsearch_port: Option<Port>,
    /// Port of Loki's API.
    pub(crate) loki_port: Option<Port>,
    /// Port of PostgreSQL's protocol.
    pub(crate) postgres_port: Option<Port>,
    /// The version that clients of Elasticsearch are told.
    pub(crate) elasticsearch_version: String,
    pub(crate) host_port: Option<Port>,
    /// Doors for traces.
    pub(crate) trace_ports: Vec<(TraceDoor, Port)>,
    /// Flags as Node Exporter takes them.
    pub(crate) host_flags: Vec<String>,
    /// Whether `_created` series become start timestamps.
    pub(crate) created_as_start: bool,
    /// File of rules of stream aggregation, and what becomes of their inputs.
    pub(crate) aggregation: Option<(PathBuf, Inputs)>,
    /// Ports of other systems' protocols that were asked for.
    pub(crate) doors: DoorPorts,
    /// Port of the door for Beats that no pipeline has.
    pub(crate) beats_port: Option<Port>,
    /// Other doors for logs that no pipeline has.
    pub(crate) log_ports: Vec<(LogDoor, Port)>,
    /// File of sampling strategies for SDKs.
    pub(crate) sampling_strategies: Option<PathBuf>,
    /// Metrics that are made from spans; `None`: none.
    pub(crate) span_metrics: Option<SpanMetricsOptions>,
    /// Which traces are kept; `None`: all.
    pub(crate) tail_sampling: Option<TailSamplingOptions>,
    /// Pipelines of `logstash.conf`.
    pub(crate) logstash: Option<LogstashPlan>,
    /// Configurations of Filebeat.
    pub(crate) filebeat: Vec<FilebeatPlan>,
    pub(crate) web: WebPlan,
    /// How often the configuration's files are looked at for changes; `None`: never.
    pub(crate) auto_reload: Option<Duration>,
    pub(crate) web_config: Option<PathBuf>,
    pub(crate) enable_lifecycle: bool,
    pub(crate) enable_admin_api: bool,
    pub(crate) cors_origin: Option<String>,
    pub(crate) external_url: Option<String>,
    pub(crate) lookback: Duration,
    pub(crate) query_timeout: Duration,
    pub(crate) query_samples_max: u64,
    /// How many queries run at once; `None`: as many as Prometheus' default allows.
    pub(crate) query_concurrency_max: Option<usize>,
    /// Samples of an answer to remote read and bytes of a frame; `None`: Prometheus' defaults.
    pub(crate) remote_read_limits: Option<(u64, usize)>,
    /// Whether rules and Alertmanagers in the configuration are an error.
    pub(crate) is_agent: bool,
    pub(crate) retention_text: String,
}

impl Plan {
    /// `vigie run`
    pub(crate) fn from_run(args: RunArgs) -> Result<Self> {
        let mut paths = args.paths.clone();
        let default_folder = PathBuf::from("vigie.d");
        if paths.is_empty() && default_folder.is_dir() {
            paths.push(default_folder);
        }
        let found = recognise(&paths)?;
        let of_kind = |kind| found.iter().filter(move |f| f.kind == kind).map(|f| f.path.clone());
        let beside = Some(PathBuf::from("vigie.toml")).filter(|path| path.is_file());
        let settings_path = args.settings.clone().or(of_kind(Kind::Settings).next()).or(beside);
        let settings = match &settings_path {
            Some(path) => Settings::read(path)?,
            None => Settings::default(),
        };
        let mut prometheus: Vec<PathBuf> = of_kind(Kind::Prometheus).collect();
        if prometheus.len() > 1 {
            let names: Vec<String> = prometheus.iter().map(|p| p.display().to_string()).collect();
            bail!("more than one Prometheus configuration: {}; name one of them", names.join(", "));
        }
        let web_config = settings.show.web_config.clone().or(of_kind(Kind::WebConfig).next());
        let listen = args.listen.or(settings.listen).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let offset = args.port_offset.or(settings.port_offset).unwrap_or(0);
        let port =
            |number: u16, default: u16| Self::port(listen, number, offset, number != default);
        let data = args.data.or(settings.data.clone()).unwrap_or_else(|| PathBuf::from("data"));
        let (store, retention_text) = store_options(&data, &settings)?;
        let aggregation = aggregation(&settings)?;
        Ok(Self {
            store: Some(store),
            prometheus: prometheus.pop(),
            rule_files: of_kind(Kind::Rules).collect(),
            rules: rules::from_settings(&settings)?,
            incidents: incidents::plan(
                (&settings.incidents, &settings.runbooks),
                of_kind(Kind::Runbook).collect(),
                settings.show.external_url.as_deref(),
            )?
            .map(|plan| (data.join("incidents"), plan)),
            people: Some(PeoplePlan::from_settings(&settings, &data, listen)?),
            respond: Some(RespondPlan::from_settings(
                &settings.respond,
                of_kind(Kind::Alertmanager).collect(),
                port(settings.respond.port, 9093)?.into_iter().collect(),
                &data,
                settings.show.external_url.clone(),
            )?),
            not_yet_served: found
                .iter()
                .filter(|f| !f.kind.is_served() && f.kind != Kind::Other)
                .cloned()
                .collect(),
            prometheus_ports: port(settings.show.prometheus_port, 9090)?.into_iter().collect(),
            page_port: port(settings.show.page_port, 3000)?,
            logs_page_port: port(settings.show.logs_page_port, 5601)?,
            elasticsearch_port: port(settings.show.elasticsearch_port, 9200)?,
            loki_port: port(settings.show.loki_port, 3100)?,
            postgres_port: port(settings.show.postgres_port, 15432)?,
            elasticsearch_version: settings.show.elasticsearch_version.clone(),
            host_port: port(settings.receive.host_port, 9100)?,
            trace_ports: trace_ports(&settings, port)?,
            host_flags: settings.receive.host_flags.clone(),
            created_as_start: settings.receive.created_as_start,
            aggregation,
            beats_port: port(settings.receive.beats_port, 5044)?,
            log_ports: log_ports(&settings, port)?,
            sampling_strategies: settings.process.head_sampling.strategies.clone(),
            span_metrics: spans::metrics(&settings.process.span_metrics)?,
            tail_sampling: spans::tail_sampling(
                settings.process.tail_sampling.as_ref(),
                of_kind(Kind::Collector),
            )?,
            doors: DoorPorts {
                lines: vec![
                    (LineProtocol::Graphite, port(settings.receive.graphite_port, 0)?),
                    (LineProtocol::GraphitePickle, port(settings.receive.graphite_pickle_port, 0)?),
                    (LineProtocol::OpenTsdb, port(settings.receive.opentsdb_port, 0)?),
                    (LineProtocol::Influx, port(settings.receive.influx_lines_port, 0)?),
                ],
                influx: port(settings.receive.influx_port, 0)?,
            },
            logstash: LogstashPlan::from_settings(
                (&settings.logstash, &settings.process),
                of_kind(Kind::Logstash).collect(),
                (listen, offset),
                port(settings.logstash.port, 9600)?,
            )?,
            filebeat: of_kind(Kind::Filebeat)
                .map(|path| FilebeatPlan::of(path, (listen, offset)))
                .collect(),
            web: WebPlan::default(),
            auto_reload: None,
            web_config,
            enable_lifecycle: args.enable_lifecycle || settings.show.enable_lifecycle,
            enable_admin_api: args.enable_admin_api || settings.show.enable_admin_api,
            cors_origin: settings.show.cors_origin,
            external_url: settings.show.external_url,
            lookback: duration(&settings.query.lookback).context("[query] lookback")?,
            query_timeout: duration(&settings.query.timeout).context("[query] timeout")?,
            query_samples_max: settings.query.samples_max,
            query_concurrency_max: None,
            remote_read_limits: None,
            is_agent: false,
            retention_text,
        })
    }

    /// `node_exporter`
    pub(crate) fn from_node_exporter(args: NodeExporterArgs) -> Result<Self> {
        let mut listen = ":9100".to_owned();
        let mut web_config = None;
        let mut flags = Vec::new();
        let mut rest = args.args.into_iter();
        while let Some(flag) = rest.next() {
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag.as_str(), None),
            };
            let mut value = || {
                value
                    .clone()
                    .or_else(|| rest.next())
                    .with_context(|| format!("{name} needs a value"))
            };
            match name {
                "--web.listen-address" => listen = value()?,
                "--web.config.file" => web_config = Some(PathBuf::from(value()?)),
                _ => flags.push(flag),
            }
        }
        Ok(Self {
            host_port: Some(listen_address(&listen)?),
            host_flags: flags,
            web_config,
            ..Self::nothing()
        })
    }

    /// `alertmanager`
    pub(crate) fn from_alertmanager(args: &AlertmanagerArgs) -> Result<Self> {
        Ok(Self {
            web_config: args.web_config.clone(),
            external_url: args.external_url.clone(),
            respond: Some(RespondPlan::from_alertmanager(args)?),
            ..Self::nothing()
        })
    }

    /// `logstash`
    pub(crate) fn from_logstash(args: &LogstashArgs) -> Result<Self> {
        let settings = Settings::default();
        let (store, retention_text) = store_options(&args.data, &settings)?;
        let listen = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Ok(Self {
            store: Some(store),
            elasticsearch_port: Self::port(listen, 9200, 0, false)?,
            loki_port: None,
            postgres_port: None,
            elasticsearch_version: settings.show.elasticsearch_version.clone(),
            logstash: LogstashPlan::from_arguments(args, listen)?,
            retention_text,
            ..Self::nothing()
        })
    }

    /// `filebeat`
    pub(crate) fn from_filebeat(args: &FilebeatArgs) -> Result<Self> {
        let settings = Settings::default();
        let (store, retention_text) = store_options(&args.data(), &settings)?;
        let listen = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Ok(Self {
            store: Some(store),
            filebeat: vec![FilebeatPlan::of(args.config(), (listen, 0))],
            retention_text,
            ..Self::nothing()
        })
    }

    /// A process that does nothing yet.
    fn nothing() -> Self {
        Self {
            store: None,
            prometheus: None,
            rule_files: Vec::new(),
            rules: ManagerOptions::default(),
            people: None,
            incidents: None,
            respond: None,
            not_yet_served: Vec::new(),
            prometheus_ports: Vec::new(),
            page_port: None,
            logs_page_port: None,
            elasticsearch_port: None,
            loki_port: None,
            postgres_port: None,
            elasticsearch_version: String::new(),
            host_port: None,
            trace_ports: Vec::new(),
            host_flags: Vec::new(),
            created_as_start: false,
            aggregation: None,
            doors: DoorPorts::default(),
            beats_port: None,
            log_ports: Vec::new(),
            sampling_strategies: None,
            tail_sampling: None,
            span_metrics: None,
            logstash: None,
            filebeat: Vec::new(),
            web: WebPlan::default(),
            auto_reload: None,
            web_config: None,
            enable_lifecycle: false,
            enable_admin_api: false,
            cors_origin: None,
            external_url: None,
            lookback: Duration::from_mins(5),
            query_timeout: Duration::from_mins(2),
            query_samples_max: 0,
            query_concurrency_max: None,
            remote_read_limits: None,
            is_agent: false,
            retention_text: String::new(),
        }
    }

    fn port(listen: IpAddr, number: u16, offset: u16, chosen: bool) -> Result<Option<Port>> {
        if number == 0 {
            return Ok(None);
        }
        let Some(shifted) = number.checked_add(offset) else {
            bail!("port {number} and the offset {offset} are more than 65535 together");
        };
        let address = SocketAddr::new(listen, shifted);
        Ok(Some(Port { address, is_explicit: chosen || offset != 0 }))
    }
}

/// The rules of stream aggregation, if there are some.
fn aggregation(settings: &Settings) -> Result<Option<(PathBuf, Inputs)>> {
    let receive = &settings.receive;
    let inputs =
        match (receive.stream_aggregation_keep_input, receive.stream_aggregation_drop_input) {
            (true, true) => bail!("stream_aggregation: inputs are either kept or dropped"),
            (true, false) => Inputs::KeepAll,
            (false, true) => Inputs::DropAll,
            (false, false) => Inputs::DropMatched,
        };
    Ok(receive.stream_aggregation.clone().map(|path| (path, inputs)))
}

/// The doors for logs that are not switched off.
fn log_ports(
    settings: &Settings,
    port: impl Fn(u16, u16) -> Result<Option<Port>>,
) -> Result<Vec<(LogDoor, Port)>> {
    let receive = &settings.receive;
    let doors = [
        (LogDoor::Syslog, receive.syslog_port, 5514),
        (LogDoor::Gelf, receive.gelf_port, 12201),
        (LogDoor::Forward, receive.forward_port, 24224),
    ];
    let mut ports = Vec::new();
    for (door, number, default) in doors {
        ports.extend(port(number, default)?.map(|port| (door, port)));
    }
    Ok(ports)
}

/// The doors for traces that are not switched off.
fn trace_ports(
    settings: &Settings,
    port: impl Fn(u16, u16) -> Result<Option<Port>>,
) -> Result<Vec<(TraceDoor, Port)>> {
    let (receive, show) = (&settings.receive, &settings.show);
    let doors = [
        (TraceDoor::OtlpGrpc, receive.otlp_grpc_port, 4317),
        (TraceDoor::OtlpHttp, receive.otlp_http_port, 4318),
        (TraceDoor::JaegerThrift, receive.jaeger_thrift_port, 14268),
        (TraceDoor::JaegerGrpc, receive.jaeger_grpc_port, 14250),
        (TraceDoor::JaegerCompact, receive.jaeger_compact_port, 6831),
        (TraceDoor::JaegerBinary, receive.jaeger_binary_port, 6832),
        (TraceDoor::JaegerSampling, receive.jaeger_sampling_port, 5778),
        (TraceDoor::JaegerQuery, show.jaeger_port, 16686),
        (TraceDoor::Tempo, show.tempo_port, 3200),
        (TraceDoor::Zipkin, receive.zipkin_port, 9411),
        (TraceDoor::JaegerQueryGrpc, show.jaeger_query_grpc_port, 16685),
        (TraceDoor::Health, show.jaeger_admin_port, 16687),
        (TraceDoor::Health, receive.jaeger_collector_admin_port, 14269),
        (TraceDoor::Health, receive.otlp_health_port, 13133),
    ];
    let mut ports = Vec::new();
    for (door, number, default) in doors {
        ports.extend(port(number, default)?.map(|port| (door, port)));
    }
    Ok(ports)
}

/// `host:port` or `:port`, the latter meaning every address, as in Go.
fn listen_address(text: &str) -> Result<Port> {
    let full = match text.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => text.replacen("localhost:", "127.0.0.1:", 1),
    };
    let address = full
        .parse()
        .with_context(|| format!("{text:?} is no address to listen on; write 127.0.0.1:9090"))?;
    Ok(Port { address, is_explicit: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_in_go() {
        assert_eq!(listen_address(":9100").unwrap().address.to_string(), "0.0.0.0:9100");
        assert_eq!(listen_address("localhost:1").unwrap().address.to_string(), "127.0.0.1:1");
        assert!(listen_address("9100").is_err());
    }

    #[test]
    fn node_exporter_keeps_the_flags_of_its_collectors() {
        let args = ["--web.listen-address", "127.0.0.1:1", "--no-collector.cpu"];
        let args = NodeExporterArgs { args: args.map(str::to_owned).to_vec() };
        let plan = Plan::from_node_exporter(args).unwrap();
        assert_eq!(plan.host_flags, ["--no-collector.cpu"]);
        assert_eq!(plan.host_port.unwrap().address.port(), 1);
        assert!(plan.store.is_none());
    }

    #[test]
    fn an_offset_past_the_last_port_is_refused() {
        let args = RunArgs { port_offset: Some(60_000), ..RunArgs::default() };
        assert!(Plan::from_run(args).is_err());
    }
}
