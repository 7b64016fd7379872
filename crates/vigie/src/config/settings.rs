//! `vigie.toml`: what has no home in the files of the replaced tools.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::incidents::{IncidentsSettings, RunbooksSettings};
use super::process::ProcessSettings;

/// The settings. A section is named after the stage that it sets.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Folder in which everything is kept.
    pub(crate) data: Option<PathBuf>,
    /// Address on which all ports listen.
    pub(crate) listen: Option<IpAddr>,
    /// Added to every port.
    pub(crate) port_offset: Option<u16>,
    pub(crate) receive: ReceiveSettings,
    pub(crate) store: StoreSettings,
    pub(crate) query: QuerySettings,
    pub(crate) alert: AlertSettings,
    pub(crate) respond: RespondSettings,
    pub(crate) show: ShowSettings,
    pub(crate) logstash: LogstashSettings,
    pub(crate) process: ProcessSettings,
    pub(crate) users: UsersSettings,
    pub(crate) incidents: IncidentsSettings,
    pub(crate) runbooks: RunbooksSettings,
}

/// Who has to sign in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UsersSettings {
    /// `auto`: whoever asks on the page's port when it can be reached from elsewhere, else whoever
    /// changes dashboards, users and the like; `always`: whoever asks on the page's port;
    /// `everywhere`: on any port; `never`.
    pub(crate) sign_in: String,
}

impl Default for UsersSettings {
    fn default() -> Self {
        Self { sign_in: "auto".into() }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReceiveSettings {
    /// Port of this host's metrics; 0 switches it off.
    pub(crate) host_port: u16,
    /// Flags as Node Exporter takes them.
    pub(crate) host_flags: Vec<String>,
    /// Rules of stream aggregation, as VictoriaMetrics' `-streamAggr.config` has them.
    pub(crate) stream_aggregation: Option<PathBuf>,
    /// Keep also the samples that those rules match.
    pub(crate) stream_aggregation_keep_input: bool,
    /// Keep none of the samples that come in, only what the rules make of them.
    pub(crate) stream_aggregation_drop_input: bool,
    /// Port of Graphite's plaintext (TCP and UDP); 0 switches it off, as it is by default. The
    /// original's is 2003.
    pub(crate) graphite_port: u16,
    /// Port of Graphite's pickles (TCP), 2004 in the original; 0 switches it off.
    pub(crate) graphite_pickle_port: u16,
    /// Port of OpenTSDB (telnet and HTTP), 4242 in the original; 0 switches it off.
    pub(crate) opentsdb_port: u16,
    /// Port of InfluxDB's HTTP, 8086 in the original; 0 switches it off. Its paths are served on
    /// Prometheus' port too.
    pub(crate) influx_port: u16,
    /// Port of InfluxDB's lines over TCP and UDP, 8089 in the original; 0 switches it off.
    pub(crate) influx_lines_port: u16,
    /// Take `_created` series of OpenMetrics as start timestamps instead of keeping them.
    pub(crate) created_as_start: bool,
    /// OTLP over gRPC; 0 switches it off, as with every port below.
    pub(crate) otlp_grpc_port: u16,
    /// OTLP over HTTP.
    pub(crate) otlp_http_port: u16,
    /// Jaeger's collector, Thrift over HTTP; also Thrift in datagrams.
    pub(crate) jaeger_thrift_port: u16,
    /// Jaeger's collector, gRPC.
    pub(crate) jaeger_grpc_port: u16,
    /// Jaeger's agent, compact datagrams.
    pub(crate) jaeger_compact_port: u16,
    /// Jaeger's agent, binary datagrams.
    pub(crate) jaeger_binary_port: u16,
    /// Jaeger's agent, sampling strategies over HTTP.
    pub(crate) jaeger_sampling_port: u16,
    /// Zipkin.
    pub(crate) zipkin_port: u16,
    /// Beats, straight to the store; a pipeline with an input for Beats on this port has it instead.
    pub(crate) beats_port: u16,
    /// Syslog over TCP and UDP, straight to the store, unless a pipeline has an input for it.
    pub(crate) syslog_port: u16,
    /// GELF over TCP and UDP, in the same way.
    pub(crate) gelf_port: u16,
    /// The forward protocol of Fluentd and Fluent Bit.
    pub(crate) forward_port: u16,
    /// Health of Jaeger's collector.
    pub(crate) jaeger_collector_admin_port: u16,
    /// Health of OpenTelemetry's collector.
    pub(crate) otlp_health_port: u16,
}

impl Default for ReceiveSettings {
    fn default() -> Self {
        Self {
            host_port: 9100,
            host_flags: Vec::new(),
            stream_aggregation: None,
            stream_aggregation_keep_input: false,
            stream_aggregation_drop_input: false,
            graphite_port: 0,
            graphite_pickle_port: 0,
            opentsdb_port: 0,
            influx_port: 0,
            influx_lines_port: 0,
            created_as_start: false,
            otlp_grpc_port: 4317,
            otlp_http_port: 4318,
            jaeger_thrift_port: 14268,
            jaeger_grpc_port: 14250,
            jaeger_compact_port: 6831,
            jaeger_binary_port: 6832,
            jaeger_sampling_port: 5778,
            zipkin_port: 9411,
            beats_port: 5044,
            syslog_port: 5514,
            gelf_port: 12201,
            forward_port: 24224,
            jaeger_collector_admin_port: 14269,
            otlp_health_port: 13133,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSettings {
    /// How long data is kept, as Prometheus writes durations (`15d`); `0` keeps all.
    pub(crate) retention: Option<String>,
    /// How many bytes are kept (`10GB`).
    pub(crate) retention_size: Option<String>,
    /// Where parts live: `s3://`, `gs://` or `az://`.
    pub(crate) parts_url: Option<String>,
    /// Settings of the object store by its own names (`endpoint`, `region`, `access_key_id`, ...);
    /// they count before the environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`).
    pub(crate) parts_options: BTreeMap<String, String>,
    /// Where the catalog of parts lives: `postgres://`.
    pub(crate) catalog_url: Option<String>,
    /// Memory that heads and caches may take (`1GB`).
    pub(crate) memory: Option<String>,
    /// How long series with certain labels are kept; the first rule that fits counts.
    pub(crate) retention_rules: Vec<RetentionSettings>,
    /// Which samples of old data stay.
    pub(crate) downsampling: Vec<DownsamplingSettings>,
    /// One sample of a series stays for each such interval (`1m`), whatever its age.
    pub(crate) dedup_interval: Option<String>,
    /// Identical senders, of which one is listened to.
    pub(crate) replicas: Option<ReplicaSettings>,
    /// Series that one tenant may have at once.
    pub(crate) series_max: Option<u64>,
    /// Series that one metric of a tenant may have at once.
    pub(crate) series_per_metric_max: Option<u64>,
    /// Values that one label of a tenant may have at once.
    pub(crate) values_per_label_max: Option<u64>,
    /// Limits of single tenants.
    pub(crate) tenants: BTreeMap<String, LimitSettings>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionSettings {
    /// Which series (`{job="node"}`).
    #[serde(rename = "match")]
    pub(crate) selector: String,
    /// How long; `0`: for ever.
    pub(crate) keep: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DownsamplingSettings {
    /// Which series; all when there is none.
    #[serde(rename = "match")]
    pub(crate) selector: Option<String>,
    /// From which age on.
    pub(crate) after: String,
    /// One sample for each such interval stays.
    pub(crate) every: String,
    /// `last`, or `extremes`: the smallest and the largest too.
    pub(crate) keep: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplicaSettings {
    /// The label that names the group of senders.
    pub(crate) cluster_label: String,
    /// The label that names the sender.
    pub(crate) replica_label: String,
    /// Another sender's turn comes after such a silence.
    pub(crate) failover: String,
}

impl Default for ReplicaSettings {
    fn default() -> Self {
        // The names that Prometheus operators and Mimir use.
        Self {
            cluster_label: "cluster".into(),
            replica_label: "__replica__".into(),
            failover: "30s".into(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "they are the names of the settings")]
pub(crate) struct LimitSettings {
    pub(crate) series_max: Option<u64>,
    pub(crate) series_per_metric_max: Option<u64>,
    pub(crate) values_per_label_max: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QuerySettings {
    /// How long a value stays valid after its sample.
    pub(crate) lookback: String,
    /// How long a query may take.
    pub(crate) timeout: String,
    /// How many samples one query may load.
    pub(crate) samples_max: u64,
}

impl Default for QuerySettings {
    fn default() -> Self {
        Self { lookback: "5m".into(), timeout: "2m".into(), samples_max: 50_000_000 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlertSettings {
    /// How long this may be off and still know since when alerts have been active.
    pub(crate) for_outage_tolerance: String,
    /// How long an alert waits at least after this was off.
    pub(crate) for_grace_period: String,
    /// How often a firing alert is handed on again.
    pub(crate) resend_delay: String,
    /// How many rules are evaluated beside each other; 0 for one after the other.
    pub(crate) concurrent_evaluations_max: usize,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            for_outage_tolerance: "1h".into(),
            for_grace_period: "10m".into(),
            resend_delay: "1m".into(),
            concurrent_evaluations_max: 0,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RespondSettings {
    /// Port of Alertmanager's API; 0 switches it off.
    pub(crate) port: u16,
    /// The address under which people reach it, in notifications [default: that of `show`].
    pub(crate) external_url: Option<String>,
    /// How long ended silences and what was told are kept.
    pub(crate) retention: String,
    /// Syntax of matchers: `fallback`, `utf8` or `classic`.
    pub(crate) matchers: String,
    /// Refuse in alertmanager.yml what Alertmanager refuses and Vigie understands all the same.
    pub(crate) strict: bool,
    /// The version that clients are told: amtool warns when it is not its own.
    pub(crate) version: String,
    /// Whether receivers may have link-local addresses.
    pub(crate) allow_link_local: bool,
    /// Asked as long as reacting works, so that a dead man's switch elsewhere notices when not.
    pub(crate) heartbeat_url: Option<String>,
    /// How often it is asked.
    pub(crate) heartbeat_interval: String,
}

impl Default for RespondSettings {
    fn default() -> Self {
        Self {
            port: 9093,
            external_url: None,
            retention: "120h".into(),
            matchers: "fallback".into(),
            strict: false,
            version: crate::plan::SERVED_VERSION.into(),
            allow_link_local: false,
            heartbeat_url: None,
            heartbeat_interval: "1m".into(),
        }
    }
}

/// How pipelines of `logstash.conf` run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogstashSettings {
    /// Port of Logstash's monitoring API; 0 switches it off.
    pub(crate) port: u16,
    /// `pipeline.ecs_compatibility`: `disabled`, `v1`, `v8`.
    pub(crate) ecs_compatibility: String,
    /// `config.support_escapes`.
    pub(crate) support_escapes: bool,
    /// Database that `geoip` uses when it names none.
    pub(crate) geoip_database: Option<PathBuf>,
    /// Hosts in `elasticsearch` outputs that are Vigie itself, besides those that it knows.
    pub(crate) own_hosts: Vec<String>,
    /// Keep what an output refuses for ever (in `DATA/dead_letters`).
    pub(crate) dead_letters: bool,
    /// Most bytes of dead letters.
    pub(crate) dead_letters_size: String,
    /// The version that clients of the monitoring API are told.
    pub(crate) version: String,
}

impl Default for LogstashSettings {
    fn default() -> Self {
        Self {
            port: 9600,
            ecs_compatibility: "v8".to_owned(),
            support_escapes: false,
            geoip_database: None,
            own_hosts: Vec::new(),
            dead_letters: true,
            dead_letters_size: "1GB".to_owned(),
            version: "8.19.0".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ShowSettings {
    /// Port of Prometheus' API and page; 0 switches it off.
    pub(crate) prometheus_port: u16,
    /// Port of the page; 0 switches it off.
    pub(crate) page_port: u16,
    /// Kibana's port, from which browsers are led to the page; 0 switches it off.
    pub(crate) logs_page_port: u16,
    /// Port of Loki's API; 0 switches it off.
    pub(crate) loki_port: u16,
    /// Port of PostgreSQL's protocol; 0 switches it off.
    pub(crate) postgres_port: u16,
    /// Port of Elasticsearch's API; 0 switches it off.
    pub(crate) elasticsearch_port: u16,
    /// The version that clients of Elasticsearch are told.
    pub(crate) elasticsearch_version: String,
    /// Port of Jaeger's query API; 0 switches it off.
    pub(crate) jaeger_port: u16,
    /// Jaeger's query API, gRPC.
    pub(crate) jaeger_query_grpc_port: u16,
    /// Health of Jaeger's query.
    pub(crate) jaeger_admin_port: u16,
    /// Port of Tempo's API; 0 switches it off.
    pub(crate) tempo_port: u16,
    /// Prometheus' `web-config.yml`: TLS and basic authentication for every port.
    pub(crate) web_config: Option<PathBuf>,
    /// The version that clients of Grafana's API are told.
    pub(crate) grafana_version: String,
    /// Serve /-/reload and /-/quit to whoever reaches the port.
    pub(crate) enable_lifecycle: bool,
    /// Serve deletion and snapshots to whoever reaches the port.
    pub(crate) enable_admin_api: bool,
    /// Origins that browsers may ask from, as a regular expression.
    pub(crate) cors_origin: Option<String>,
    /// The address under which users reach this server.
    pub(crate) external_url: Option<String>,
}

impl Default for ShowSettings {
    fn default() -> Self {
        Self {
            prometheus_port: 9090,
            page_port: 3000,
            logs_page_port: 5601,
            loki_port: 3100,
            // Not 5432: whoever has PostgreSQL on this host needs it.
            postgres_port: 15432,
            elasticsearch_port: 9200,
            elasticsearch_version: "8.5.3".to_owned(),
            jaeger_port: 16686,
            jaeger_query_grpc_port: 16685,
            jaeger_admin_port: 16687,
            tempo_port: 3200,
            web_config: None,
            grafana_version: "12.4.0".into(),
            enable_lifecycle: false,
            enable_admin_api: false,
            cors_origin: None,
            external_url: None,
        }
    }
}

impl Settings {
    /// Reads `path`. An error says where in the file, and what was expected.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("in {}", path.display()))
    }
}

/// A duration as Prometheus writes it; `0` and `0d` are no time at all.
pub(crate) fn duration(text: &str) -> Result<Duration> {
    let units = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
        ("y", 31_536_000_000_u64),
    ];
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total_ms = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let letters =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| digits + i);
        let unit = units.iter().find(|(name, _)| *name == &rest[digits..letters]);
        let (Ok(number), Some((_, unit_ms))) = (rest[..digits].parse::<u64>(), unit) else {
            bail!("{text:?} is not a duration; write it as 15d, 12h, 1h30m or 500ms");
        };
        total_ms = number
            .checked_mul(*unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .with_context(|| format!("{text:?} is too long a duration"))?;
        rest = &rest[letters..];
    }
    Ok(Duration::from_millis(total_ms))
}

/// A number of bytes: `512MB`, `10GB`, `1GiB`; as in Prometheus all units are powers of 1,024.
pub(crate) fn bytes(text: &str) -> Result<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" | "B" => 0,
        "KB" | "KiB" => 1,
        "MB" | "MiB" => 2,
        "GB" | "GiB" => 3,
        "TB" | "TiB" => 4,
        "PB" | "PiB" => 5,
        _ => bail!("{text:?} is not a size; write it as 512MB or 10GB"),
    };
    let number = text[..digits].parse::<u64>();
    let number = number.with_context(|| format!("{text:?} is not a size; write it as 10GB"))?;
    number.checked_mul(1 << (10 * unit)).with_context(|| format!("{text:?} is too large a size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_as_prometheus_writes_them() {
        assert_eq!(duration("1h30m").unwrap(), Duration::from_secs(5_400));
        assert_eq!(duration("15d").unwrap(), Duration::from_secs(15 * 86_400));
        assert_eq!(duration("0").unwrap(), Duration::ZERO);
        assert!(duration("15 days").is_err());
        assert!(duration("99999999999999y").is_err());
        assert_eq!(bytes("512MB").unwrap(), 512 << 20);
        assert!(bytes("ten").is_err());
        assert!(bytes("99999999999PB").is_err());
    }

    #[test]
    fn an_unknown_setting_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vigie.toml");
        std::fs::write(&path, "[store]\nretenton = '1d'\n").unwrap();
        let error = format!("{:#}", Settings::read(&path).unwrap_err());
        assert!(error.contains("line 2") && error.contains("retention"), "{error}");
    }
}
