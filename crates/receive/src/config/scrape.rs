//! `global` and `scrape_configs`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::discovery::DiscoveryConfigs;
use super::relabel::RelabelRule;
use vigie_dial::HttpConfig;
use vigie_language::yaml::section;
use vigie_language::yaml::{ByteSize, DurationMs};

/// Names of the formats that can be asked for, with their media types.
pub const SCRAPE_PROTOCOLS: [(&str, &str); 5] = [
    (
        "PrometheusProto",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
    ("PrometheusText0.0.4", "text/plain;version=0.0.4"),
    ("PrometheusText1.0.0", "text/plain;version=1.0.0"),
    ("OpenMetricsText0.0.1", "application/openmetrics-text;version=0.0.1"),
    ("OpenMetricsText1.0.0", "application/openmetrics-text;version=1.0.0"),
];

const DEFAULT_PROTOCOLS: [&str; 4] =
    ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"];

section! {
    /// What counts for all jobs.
    pub struct GlobalConfig("config.plain", check = check_global) {
        /// How often to scrape.
        scrape_interval: DurationMs = DurationMs::default(),
        /// How long a scrape may take.
        scrape_timeout: DurationMs = DurationMs::default(),
        /// Formats to ask for, best first; empty for the default.
        scrape_protocols: Vec<String> = Vec::new(),
        /// How often to evaluate rules.
        evaluation_interval: DurationMs = DurationMs::default(),
        /// How far rules look into the past.
        rule_query_offset: DurationMs = DurationMs::default(),
        /// Where queries are logged.
        query_log_file: PathBuf = PathBuf::new(),
        /// Where failed scrapes are logged.
        scrape_failure_log_file: PathBuf = PathBuf::new(),
        /// Labels for whatever leaves this server.
        external_labels: BTreeMap<String, String> = BTreeMap::new(),
        /// Largest body, 0 for any.
        body_size_limit: ByteSize = ByteSize::default(),
        /// Most samples of a scrape, 0 for any.
        sample_limit: u64 = 0,
        /// Most targets of a job, 0 for any.
        target_limit: u64 = 0,
        /// Most labels of a sample, 0 for any.
        label_limit: u64 = 0,
        /// Longest label name, 0 for any.
        label_name_length_limit: u64 = 0,
        /// Longest label value, 0 for any.
        label_value_length_limit: u64 = 0,
        /// Most dropped targets to remember, 0 for all.
        keep_dropped_targets: u64 = 0,
        /// `utf8` or `legacy`.
        metric_name_validation_scheme: String = String::new(),
        /// `allow-utf-8`, `underscores`, `dots` or `values`.
        metric_name_escaping_scheme: String = String::new(),
        /// Whether native histograms are kept.
        scrape_native_histograms: Option<bool> = None,
        /// Whether classic histograms become native ones with custom buckets.
        convert_classic_histograms_to_nhcb: bool = false,
        /// Whether classic buckets are kept beside native ones.
        always_scrape_classic_histograms: bool = false,
        /// Whether `scrape_timeout_seconds` and the like are written.
        extra_scrape_metrics: bool = false,
    }
}

section! {
    /// A job.
    pub struct ScrapeConfig("config.ScrapeConfig", check = check_scrape) {
        /// Its name, the label `job` of its targets.
        job_name: String = String::new(),
        /// Whether labels of the target's own win over ours.
        honor_labels: bool = false,
        /// Whether timestamps of the target's own count.
        honor_timestamps: bool = true,
        /// Whether series with timestamps of their own go stale when they vanish.
        track_timestamps_staleness: bool = false,
        /// Query parameters.
        params: BTreeMap<String, Vec<String>> = BTreeMap::new(),
        /// How often to scrape.
        scrape_interval: DurationMs = DurationMs::default(),
        /// How long a scrape may take.
        scrape_timeout: DurationMs = DurationMs::default(),
        /// Formats to ask for, best first.
        scrape_protocols: Vec<String> = Vec::new(),
        /// The format of answers that do not say theirs.
        fallback_scrape_protocol: String = String::new(),
        /// Whether native histograms are kept.
        scrape_native_histograms: Option<bool> = None,
        /// Whether classic buckets are kept beside native ones.
        always_scrape_classic_histograms: Option<bool> = None,
        /// Whether classic histograms become native ones with custom buckets.
        convert_classic_histograms_to_nhcb: Option<bool> = None,
        /// Where failed scrapes are logged.
        scrape_failure_log_file: PathBuf = PathBuf::new(),
        /// The path of metrics.
        metrics_path: String = "/metrics".to_owned(),
        /// `http` or `https`.
        scheme: String = "http".to_owned(),
        /// Whether to ask for compressed answers.
        enable_compression: bool = true,
        /// Largest body, 0 for any.
        body_size_limit: ByteSize = ByteSize::default(),
        /// Most samples of a scrape, 0 for any.
        sample_limit: u64 = 0,
        /// Most targets of a job, 0 for any.
        target_limit: u64 = 0,
        /// Most labels of a sample, 0 for any.
        label_limit: u64 = 0,
        /// Longest label name, 0 for any.
        label_name_length_limit: u64 = 0,
        /// Longest label value, 0 for any.
        label_value_length_limit: u64 = 0,
        /// Most buckets of a native histogram; more are merged.
        native_histogram_bucket_limit: u64 = 0,
        /// Smallest growth from bucket to bucket; finer ones are merged.
        native_histogram_min_bucket_factor: f64 = 0.0,
        /// Most dropped targets to remember, 0 for all.
        keep_dropped_targets: u64 = 0,
        /// `utf8` or `legacy`.
        metric_name_validation_scheme: String = String::new(),
        /// `allow-utf-8`, `underscores`, `dots` or `values`.
        metric_name_escaping_scheme: String = String::new(),
        /// Whether `scrape_timeout_seconds` and the like are written.
        extra_scrape_metrics: Option<bool> = None,
        /// What happens to targets.
        relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// What happens to samples.
        metric_relabel_configs: Vec<RelabelRule> = Vec::new(),
    }
    inline {
        /// How to talk to targets.
        http: HttpConfig,
        /// Where targets come from.
        discovery: DiscoveryConfigs,
    }
}

fn check_protocols(protocols: &[String]) -> Result<(), String> {
    for (at, protocol) in protocols.iter().enumerate() {
        if protocols.iter().take(at).any(|other| other.eq_ignore_ascii_case(protocol)) {
            return Err(format!(
                "duplicated protocol in scrape_protocols, got [{}]",
                protocols.join(" ")
            ));
        }
        check_protocol(protocol).map_err(|message| format!("scrape_protocols: {message}"))?;
    }
    Ok(())
}

fn check_protocol(protocol: &str) -> Result<(), String> {
    if SCRAPE_PROTOCOLS.iter().any(|(name, _)| *name == protocol) {
        return Ok(());
    }
    let mut names: Vec<&str> = SCRAPE_PROTOCOLS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    Err(format!("unknown scrape protocol {protocol}, supported: [{}]", names.join(" ")))
}

fn check_global(global: &mut GlobalConfig) -> Result<(), String> {
    if global.metric_name_validation_scheme.is_empty() {
        "utf8".clone_into(&mut global.metric_name_validation_scheme);
    }
    let legacy = match global.metric_name_validation_scheme.as_str() {
        "utf8" => false,
        "legacy" => true,
        other => return Err(format!("unrecognized ValidationScheme: {other:?}")),
    };
    for name in global.external_labels.keys() {
        if name.is_empty() || (legacy && !is_legacy_label_name(name)) {
            return Err(format!("{name:?} is not a valid label name"));
        }
    }
    if global.scrape_interval.0 == 0 {
        global.scrape_interval = DurationMs::seconds(60);
    }
    if global.scrape_timeout > global.scrape_interval {
        return Err("global scrape timeout greater than scrape interval".into());
    }
    if global.scrape_timeout.0 == 0 {
        global.scrape_timeout = DurationMs::seconds(10).min(global.scrape_interval);
    }
    if global.evaluation_interval.0 == 0 {
        global.evaluation_interval = DurationMs::seconds(60);
    }
    check_protocols(&global.scrape_protocols)
        .map_err(|message| format!("{message} for global config"))
}

/// Whether `name` is a label name that Prometheus 2 would have accepted.
pub fn is_legacy_label_name(name: &str) -> bool {
    name.bytes().enumerate().all(|(at, byte)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit())
    }) && !name.is_empty()
}

fn check_scrape(scrape: &mut ScrapeConfig) -> Result<(), String> {
    if scrape.job_name.is_empty() {
        return Err("job_name is empty".into());
    }
    scrape.http.check()?;
    if !matches!(scrape.scheme.as_str(), "http" | "https") {
        return Err(format!("invalid scheme: {:?}, write http or https", scrape.scheme));
    }
    if scrape.relabel_configs.is_empty() {
        let addresses =
            scrape.discovery.static_configs.iter().flat_map(|group| group.targets.iter());
        for address in addresses {
            if address.contains('/') {
                return Err(format!("{address:?} is not a valid hostname"));
            }
        }
    }
    Ok(())
}

impl ScrapeConfig {
    /// Takes from `global` what the job leaves open, and checks the result.
    pub fn inherit(&mut self, global: &GlobalConfig) -> Result<(), String> {
        let job = self.job_name.clone();
        if self.scrape_interval.0 == 0 {
            self.scrape_interval = global.scrape_interval;
        }
        if self.scrape_timeout > self.scrape_interval {
            return Err(format!(
                "scrape timeout greater than scrape interval for scrape config with job name {job:?}"
            ));
        }
        if self.scrape_timeout.0 == 0 {
            self.scrape_timeout = global.scrape_timeout.min(self.scrape_interval);
        }
        self.inherit_limits(global);
        if self.scrape_failure_log_file.as_os_str().is_empty() {
            self.scrape_failure_log_file.clone_from(&global.scrape_failure_log_file);
        }
        let inherit = |own: &mut Option<bool>, global: bool| *own = Some(own.unwrap_or(global));
        let native = global.scrape_native_histograms.unwrap_or(false);
        inherit(&mut self.scrape_native_histograms, native);
        inherit(&mut self.extra_scrape_metrics, global.extra_scrape_metrics);
        inherit(
            &mut self.convert_classic_histograms_to_nhcb,
            global.convert_classic_histograms_to_nhcb,
        );
        inherit(
            &mut self.always_scrape_classic_histograms,
            global.always_scrape_classic_histograms,
        );
        self.inherit_protocols(global)
            .map_err(|message| format!("{message} for scrape config with job name {job:?}"))?;
        self.inherit_schemes(global)
    }

    fn inherit_limits(&mut self, global: &GlobalConfig) {
        if self.body_size_limit.0 == 0 {
            self.body_size_limit = global.body_size_limit;
        }
        let pairs = [
            (&mut self.sample_limit, global.sample_limit),
            (&mut self.target_limit, global.target_limit),
            (&mut self.label_limit, global.label_limit),
            (&mut self.label_name_length_limit, global.label_name_length_limit),
            (&mut self.label_value_length_limit, global.label_value_length_limit),
            (&mut self.keep_dropped_targets, global.keep_dropped_targets),
        ];
        for (own, global) in pairs {
            if *own == 0 {
                *own = global;
            }
        }
    }

    fn inherit_protocols(&mut self, global: &GlobalConfig) -> Result<(), String> {
        if self.scrape_protocols.is_empty() {
            self.scrape_protocols = if global.scrape_protocols.is_empty() {
                let native = self.scrape_native_histograms == Some(true);
                native
                    .then_some("PrometheusProto")
                    .into_iter()
                    .chain(DEFAULT_PROTOCOLS)
                    .map(str::to_owned)
                    .collect()
            } else {
                global.scrape_protocols.clone()
            };
        }
        check_protocols(&self.scrape_protocols)?;
        if !self.fallback_scrape_protocol.is_empty() {
            check_protocol(&self.fallback_scrape_protocol)
                .map_err(|message| format!("invalid fallback_scrape_protocol: {message}"))?;
        }
        Ok(())
    }

    fn inherit_schemes(&mut self, global: &GlobalConfig) -> Result<(), String> {
        const ESCAPING: [&str; 4] = ["allow-utf-8", "underscores", "dots", "values"];
        let default_escaping =
            |validation: &str| if validation == "legacy" { "underscores" } else { "allow-utf-8" };
        let global_escaping = match global.metric_name_escaping_scheme.as_str() {
            "" => default_escaping(&global.metric_name_validation_scheme),
            scheme if ESCAPING.contains(&scheme) => scheme,
            other => {
                return Err(format!(
                    "unknown global name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', or 'values', got {other:?}"
                ));
            }
        };
        let unset = self.metric_name_validation_scheme.is_empty();
        if unset {
            self.metric_name_validation_scheme.clone_from(&global.metric_name_validation_scheme);
        }
        if !matches!(self.metric_name_validation_scheme.as_str(), "utf8" | "legacy") {
            return Err(format!(
                "unknown scrape config name validation method specified, must be either '', 'legacy' or 'utf8', got {}",
                self.metric_name_validation_scheme
            ));
        }
        if self.metric_name_escaping_scheme.is_empty() {
            self.metric_name_escaping_scheme = if unset {
                global_escaping.to_owned()
            } else {
                default_escaping(&self.metric_name_validation_scheme).to_owned()
            };
        }
        match self.metric_name_escaping_scheme.as_str() {
            "allow-utf-8" if self.metric_name_validation_scheme != "utf8" => {
                Err("utf8 metric names requested but validation scheme is not set to UTF8"
                    .to_owned())
            }
            scheme if ESCAPING.contains(&scheme) => Ok(()),
            other => Err(format!(
                "unknown scrape config name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', or 'values', got {other:?}"
            )),
        }
    }
}
