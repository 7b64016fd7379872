//! Sections that other parts of Vigie serve, or will: alerting, remote write and read, storage,
//! tracing, OTLP.

use std::collections::BTreeMap;

use super::discovery::DiscoveryConfigs;
use super::relabel::RelabelRule;
use vigie_dial::{AzureAdConfig, HttpConfig, SigV4Config, TlsConfig};
use vigie_language::yaml::{ByteSize, DurationMs};
use vigie_language::yaml::{Opaque, section};

section! {
    /// Alertmanagers of one kind.
    pub struct AlertmanagerConfig("config.plain", check = check_alertmanager) {
        /// `http` or `https`.
        scheme: String = "http".to_owned(),
        /// What stands before `/api/v2`.
        path_prefix: String = String::new(),
        /// How long a push may take.
        timeout: DurationMs = DurationMs::seconds(10),
        /// Only `v2`.
        api_version: String = "v2".to_owned(),
        /// Request signing of AWS.
        sigv4: Option<SigV4Config> = None,
        /// What happens to its targets.
        relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// What happens to alerts that go there.
        alert_relabel_configs: Vec<RelabelRule> = Vec::new(),
    }
    inline {
        /// How to talk to them.
        http: HttpConfig,
        /// Where they are.
        discovery: DiscoveryConfigs,
    }
}

section! {
    /// Where alerts go.
    pub struct AlertingConfig("config.plain") {
        /// What happens to alerts.
        alert_relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// Who gets them.
        alertmanagers: Vec<AlertmanagerConfig> = Vec::new(),
    }
}

section! {
    /// The queue of a remote write.
    pub struct QueueConfig("config.QueueConfig") {
        /// Samples waiting in each shard.
        capacity: u64 = 10_000,
        /// Most senders at once.
        max_shards: u64 = 50,
        /// Fewest senders at once.
        min_shards: u64 = 1,
        /// Most samples of a request.
        max_samples_per_send: u64 = 2_000,
        /// How long a sample waits for others.
        batch_send_deadline: DurationMs = DurationMs::seconds(5),
        /// First wait after a failure.
        min_backoff: DurationMs = DurationMs(30),
        /// Longest wait after failures.
        max_backoff: DurationMs = DurationMs::seconds(5),
        /// Whether `429 Too Many Requests` is tried again.
        retry_on_http_429: bool = false,
        /// Samples older than this are dropped; 0 keeps all.
        sample_age_limit: DurationMs = DurationMs::default(),
    }
}

section! {
    /// Metadata of a remote write.
    pub struct MetadataConfig("config.MetadataConfig") {
        /// Whether it is sent.
        send: bool = true,
        /// How often.
        send_interval: DurationMs = DurationMs::seconds(60),
        /// Most entries of a request.
        max_samples_per_send: u64 = 2_000,
    }
}

section! {
    /// Somewhere that samples are copied to.
    pub struct RemoteWriteConfig("config.plain", check = check_remote_write) {
        /// Where.
        url: String = String::new(),
        /// How long a request may take.
        remote_timeout: DurationMs = DurationMs::seconds(30),
        /// More headers.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// What happens to samples.
        write_relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// Its name.
        name: String = String::new(),
        /// Whether exemplars are sent.
        send_exemplars: bool = false,
        /// Whether native histograms are sent.
        send_native_histograms: bool = false,
        /// Whether the name's addresses take turns.
        round_robin_dns: bool = false,
        /// `prometheus.WriteRequest` or `io.prometheus.write.v2.Request`.
        protobuf_message: String = "prometheus.WriteRequest".to_owned(),
        /// The queue.
        queue_config: QueueConfig = QueueConfig::default(),
        /// Metadata.
        metadata_config: MetadataConfig = MetadataConfig::default(),
        /// Request signing of AWS.
        sigv4: Option<SigV4Config> = None,
        /// Credentials of Azure.
        azuread: Option<AzureAdConfig> = None,
        /// Credentials of Google.
        google_iam: Option<Opaque> = None,
        /// Logging of refused requests.
        failed_request_logging: Option<Opaque> = None,
    }
    inline {
        /// How to talk to it.
        http: HttpConfig,
    }
}

section! {
    /// Somewhere that queries also look.
    pub struct RemoteReadConfig("config.plain", check = check_remote_read) {
        /// Where.
        url: String = String::new(),
        /// How long a request may take.
        remote_timeout: DurationMs = DurationMs::seconds(60),
        /// Most bytes of a streamed frame.
        chunked_read_limit: u64 = 50_000_000,
        /// More headers.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether it is asked also for times that are here.
        read_recent: bool = false,
        /// Its name.
        name: String = String::new(),
        /// Matchers that a query must have.
        required_matchers: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether external labels are taken from answers.
        filter_external_labels: bool = true,
    }
    inline {
        /// How to talk to it.
        http: HttpConfig,
    }
}

section! {
    /// How long samples are kept.
    pub struct RetentionConfig("config.TSDBRetentionConfig") {
        /// Oldest sample.
        time: DurationMs = DurationMs::default(),
        /// Most bytes.
        size: ByteSize = ByteSize::default(),
        /// Most of the disk, percent.
        percentage: f64 = 0.0,
    }
}

section! {
    /// Settings of the sample store.
    pub struct TsdbConfig("config.plain") {
        /// How late a sample may be (Vigie takes samples of any age).
        out_of_order_time_window: DurationMs = DurationMs::default(),
        /// Share of stale series that starts an early compaction.
        stale_series_compaction_threshold: f64 = 0.0,
        /// Chunk encodings (Vigie has its own).
        chunk_encoding: Option<Opaque> = None,
        /// How long samples are kept.
        retention: RetentionConfig = RetentionConfig::default(),
    }
}

section! {
    /// Settings of exemplars.
    pub struct ExemplarsConfig("config.ExemplarsConfig") {
        /// Most exemplars in memory.
        max_exemplars: i64 = 100_000,
    }
}

section! {
    /// Settings of the store.
    pub struct StorageConfig("config.StorageConfig") {
        /// Samples.
        tsdb: Option<TsdbConfig> = None,
        /// Exemplars.
        exemplars: Option<ExemplarsConfig> = None,
    }
}

section! {
    /// Where traces of this server itself go.
    pub struct TracingConfig("config.plain", check = check_tracing) {
        /// `http` or `grpc`.
        client_type: String = "grpc".to_owned(),
        /// Where.
        endpoint: String = String::new(),
        /// Share of traces that are sent.
        sampling_fraction: f64 = 0.0,
        /// Whether TLS is off.
        insecure: bool = false,
        /// TLS.
        tls_config: TlsConfig = TlsConfig::default(),
        /// More headers.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// `gzip` or nothing.
        compression: String = String::new(),
        /// How long a request may take.
        timeout: DurationMs = DurationMs::default(),
    }
}

section! {
    /// How OTLP metrics become series.
    pub struct OtlpConfig("config.plain", check = check_otlp) {
        /// Whether all resource attributes become labels.
        promote_all_resource_attributes: bool = false,
        /// Resource attributes that become labels.
        promote_resource_attributes: Vec<String> = Vec::new(),
        /// Resource attributes that do not, with `promote_all_resource_attributes`.
        ignore_resource_attributes: Vec<String> = Vec::new(),
        /// How names are translated.
        translation_strategy: String = "UnderscoreEscapingWithSuffixes".to_owned(),
        /// Whether identifying attributes stay in `target_info`.
        keep_identifying_resource_attributes: bool = false,
        /// Whether explicit-bucket histograms become native ones.
        convert_histograms_to_nhcb: bool = false,
        /// Whether the scope's name and version become labels.
        promote_scope_metadata: bool = false,
        /// Whether names that begin with `_` get `key` before it.
        label_name_underscore_sanitization: bool = true,
        /// Whether several `_` in a row stay.
        label_name_preserve_multiple_underscores: bool = true,
    }
}

section! {
    /// Settings of the original's runtime, without meaning here.
    pub struct RuntimeConfig("config.RuntimeConfig") {
        /// Go's garbage collection target.
        gogc: u64 = 75,
    }
}

fn check_alertmanager(config: &mut AlertmanagerConfig) -> Result<(), String> {
    if config.api_version != "v2" {
        return Err(format!(
            "expected Alertmanager api version to be one of [v2] but got {}",
            config.api_version
        ));
    }
    config.http.check()
}

fn check_url(url: &str, what: &str) -> Result<(), String> {
    if url.is_empty() {
        return Err(format!("url for {what} is empty"));
    }
    url::Url::parse(url).map(drop).map_err(|error| format!("url for {what}: {url:?}: {error}"))
}

fn check_remote_write(config: &mut RemoteWriteConfig) -> Result<(), String> {
    check_url(&config.url, "remote_write")?;
    let messages = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"];
    if !messages.contains(&config.protobuf_message.as_str()) {
        return Err(format!(
            "invalid protobuf_message value: unknown type for remote write protobuf message {}, supported: {}",
            config.protobuf_message,
            messages.join(", ")
        ));
    }
    for name in config.headers.keys() {
        let lower = name.to_ascii_lowercase();
        if lower == "authorization" {
            return Err("authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter".into());
        }
        if matches!(lower.as_str(), "host" | "content-encoding" | "content-length" | "content-type")
        {
            return Err(format!("{name} is a reserved header. It must not be changed"));
        }
    }
    // HTTP/2 multiplexes all shards over one connection; Prometheus leaves it off here.
    let others = [
        config.http.basic_auth.is_some(),
        config.http.authorization.is_some(),
        config.http.oauth2.is_some(),
        config.sigv4.is_some(),
        config.azuread.is_some(),
        config.google_iam.is_some(),
    ];
    if others.into_iter().filter(|is_set| *is_set).count() > 1 {
        return Err("at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured".into());
    }
    config.http.check()
}

fn check_remote_read(config: &mut RemoteReadConfig) -> Result<(), String> {
    check_url(&config.url, "remote_read")?;
    config.http.check()
}

fn check_tracing(config: &mut TracingConfig) -> Result<(), String> {
    if !matches!(config.client_type.as_str(), "http" | "grpc") {
        return Err(format!(
            "expected tracing client type to be to be http or grpc, but got {}",
            config.client_type
        ));
    }
    if config.endpoint.is_empty() {
        return Err("tracing endpoint must be set".into());
    }
    if !matches!(config.compression.as_str(), "" | "gzip") {
        return Err(format!(
            "invalid compression type {} provided, valid options: gzip",
            config.compression
        ));
    }
    Ok(())
}

fn check_otlp(config: &mut OtlpConfig) -> Result<(), String> {
    const STRATEGIES: [&str; 4] = [
        "UnderscoreEscapingWithSuffixes",
        "UnderscoreEscapingWithoutSuffixes",
        "NoUTF8EscapingWithSuffixes",
        "NoTranslation",
    ];
    if config.promote_all_resource_attributes && !config.promote_resource_attributes.is_empty() {
        return Err("'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously".into());
    }
    if !config.promote_all_resource_attributes && !config.ignore_resource_attributes.is_empty() {
        return Err("'ignore_resource_attributes' can only be configured when 'promote_all_resource_attributes' is true".into());
    }
    if !STRATEGIES.contains(&config.translation_strategy.as_str()) {
        return Err(format!(
            "unsupported OTLP translation strategy {:?}",
            config.translation_strategy
        ));
    }
    Ok(())
}
