//! Prometheus' configuration file: read, checked, and written back with secrets hidden.
//!
//! Text enters, a [`Config`] leaves whose jobs are complete (what they leave open is taken from
//! `global`) and whose paths are absolute or relative to the file's folder. Nothing is contacted
//! here, and the only files read are those named by `scrape_config_files`.

mod discovery;
mod paths;
mod relabel;
mod remote;
mod scrape;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use discovery::{
    ConsulSdConfig, DiscoveryConfigs, DnsSdConfig, DockerFilter, DockerSdConfig, FileSdConfig,
    HttpSdConfig, KubernetesAttachMetadata, KubernetesNamespaces, KubernetesSdConfig,
    KubernetesSelector, StaticConfig, UnservedDiscovery,
};
pub use paths::expand as expand_path_pattern;
pub use relabel::RelabelRule;
pub use remote::{
    AlertingConfig, AlertmanagerConfig, ExemplarsConfig, MetadataConfig, OtlpConfig, QueueConfig,
    RemoteReadConfig, RemoteWriteConfig, RetentionConfig, RuntimeConfig, StorageConfig,
    TracingConfig, TsdbConfig,
};
pub use scrape::{GlobalConfig, SCRAPE_PROTOCOLS, ScrapeConfig, is_legacy_label_name};
pub use vigie_dial::{
    Authorization, BasicAuth, HttpConfig, HttpHeader, OAuth2, ProxyConfig, TlsConfig,
};
pub use vigie_language::yaml::{
    ByteSize, ConfigError, DurationMs, Key, Node, Opaque, Out, Secret, Source, Value,
};
use vigie_world::World;

use vigie_language::section;
use vigie_language::yaml::{Field as _, Fields};

section! {
    /// All of `prometheus.yml`.
    pub struct Config("config.plain", check = check_config) {
        /// What counts for all jobs.
        global: GlobalConfig = default_global(),
        /// Settings of the original's runtime.
        runtime: RuntimeConfig = RuntimeConfig::default(),
        /// Where alerts go.
        alerting: AlertingConfig = AlertingConfig::default(),
        /// Files of rules; the last part may hold `*`.
        rule_files: Vec<PathBuf> = Vec::new(),
        /// Files with more jobs; the last part may hold `*`.
        scrape_config_files: Vec<PathBuf> = Vec::new(),
        /// Jobs.
        scrape_configs: Vec<ScrapeConfig> = Vec::new(),
        /// Settings of the store.
        storage: StorageConfig = StorageConfig::default(),
        /// Where traces of this server itself go.
        tracing: Option<TracingConfig> = None,
        /// Where samples are copied to.
        remote_write: Vec<RemoteWriteConfig> = Vec::new(),
        /// Where queries also look.
        remote_read: Vec<RemoteReadConfig> = Vec::new(),
        /// How OTLP metrics become series.
        otlp: OtlpConfig = OtlpConfig::default(),
    }
}

/// A part of a configuration that is understood and does nothing yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotYetServed {
    /// The section, `remote_write` or `scrape_configs[ec2_sd_configs]`.
    pub section: String,
    /// Where it stands, if that is known.
    pub line: Option<u32>,
}

/// A configuration with what was noticed while it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedConfig {
    /// The main file's content, jobs complete.
    pub config: Config,
    /// All jobs: the main file's and those of `scrape_config_files`.
    pub jobs: Vec<ScrapeConfig>,
    /// What is understood and does nothing yet.
    pub not_yet_served: Vec<NotYetServed>,
    /// What deserves a word but is no error, such as an empty environment variable.
    pub warnings: Vec<String>,
}

fn default_global() -> GlobalConfig {
    GlobalConfig {
        scrape_interval: DurationMs::seconds(60),
        scrape_timeout: DurationMs::seconds(10),
        evaluation_interval: DurationMs::seconds(60),
        metric_name_validation_scheme: "utf8".to_owned(),
        ..GlobalConfig::default()
    }
}

fn check_config(config: &mut Config) -> Result<(), String> {
    for (paths, what) in
        [(&config.rule_files, "rule"), (&config.scrape_config_files, "scrape config")]
    {
        for path in paths {
            if path.parent().is_some_and(|folder| folder.to_string_lossy().contains('*')) {
                return Err(format!("invalid {what} file path {:?}", path.display().to_string()));
            }
        }
    }
    let global = config.global.clone();
    for at in 0..config.scrape_configs.len() {
        config.scrape_configs[at].inherit(&global)?;
        let name = &config.scrape_configs[at].job_name;
        if config.scrape_configs[..at].iter().any(|other| other.job_name == *name) {
            return Err(format!("found multiple scrape configs with job name {name:?}"));
        }
    }
    check_names(config.remote_write.iter().map(|remote| remote.name.as_str()), "remote write")?;
    check_names(config.remote_read.iter().map(|remote| remote.name.as_str()), "remote read")
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>, what: &str) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            return Err(format!("found multiple {what} configs with job name {name:?}"));
        }
    }
    Ok(())
}

/// Reads `text` as `prometheus.yml`. `variable` looks up environment variables for
/// `external_labels`; jobs of `scrape_config_files` are not read.
pub fn parse(
    text: &str,
    source: &Source,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<LoadedConfig, ConfigError> {
    let node = Node::parse(text, source)?;
    let not_yet_served = not_yet_served(&node);
    let mut config = if node.is_null() { Config::default() } else { Config::read(&node, source)? };
    let mut warnings = Vec::new();
    for value in config.global.external_labels.values_mut() {
        *value = expand_variables(value, variable, &mut warnings);
    }
    let jobs = config.scrape_configs.clone();
    Ok(LoadedConfig { config, jobs, not_yet_served, warnings })
}

/// Reads the file at `path`, and the files that it names by `scrape_config_files`.
pub fn load(
    path: &Path,
    world: &World,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<LoadedConfig, ConfigError> {
    let source = source_of(path);
    let mut loaded = parse(&read_text(path, world)?, &source, variable)?;
    for pattern in loaded.config.scrape_config_files.clone() {
        for file in paths::expand(&pattern, world) {
            add_jobs(&mut loaded, &file, world)?;
        }
    }
    Ok(loaded)
}

fn source_of(path: &Path) -> Source {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    Source { file: Some(path.to_path_buf()), folder }
}

fn read_text(path: &Path, world: &World) -> Result<String, ConfigError> {
    let file_error = |message: String| ConfigError {
        file: Some(path.to_path_buf()),
        ..ConfigError::new(message)
    };
    let bytes = world
        .disk
        .read(path)
        .map_err(|error| file_error(error.to_string()).advise("check the path and its rights"))?;
    String::from_utf8(bytes).map_err(|error| file_error(format!("not UTF-8: {error}")))
}

fn add_jobs(loaded: &mut LoadedConfig, file: &Path, world: &World) -> Result<(), ConfigError> {
    let source = source_of(file);
    let node = Node::parse(&read_text(file, world)?, &source)?;
    loaded.not_yet_served.extend(not_yet_served(&node));
    let mut fields = Fields::of(&node, &source)?;
    let jobs: Vec<ScrapeConfig> = fields.read_or("scrape_configs", Vec::new())?;
    fields.finish("config.ScrapeConfigs")?;
    for mut job in jobs {
        job.inherit(&loaded.config.global).map_err(|message| node.error(&source, message))?;
        if loaded.jobs.iter().any(|other| other.job_name == job.job_name) {
            let name = &job.job_name;
            let message = format!("found multiple scrape configs with job name {name:?}");
            return Err(node.error(&source, message).advise("rename one of the two"));
        }
        loaded.jobs.push(job);
    }
    Ok(())
}

/// Sections that are read and checked, and that no part of Vigie acts upon yet.
const SECTIONS_NOT_YET_SERVED: [&str; 1] = ["tracing"];

fn not_yet_served(root: &Node) -> Vec<NotYetServed> {
    let mut found = Vec::new();
    let Value::Map(pairs) = &root.value else { return found };
    for (key, node) in pairs {
        if SECTIONS_NOT_YET_SERVED.contains(&key.text.as_str()) && !node.is_null() {
            found.push(NotYetServed { section: key.text.clone(), line: Some(key.line) });
        }
        let Value::List(jobs) = &node.value else { continue };
        if key.text != "scrape_configs" {
            continue;
        }
        for job in jobs {
            let Value::Map(fields) = &job.value else { continue };
            found.extend(fields.iter().filter_map(|(field, _)| {
                let mechanism = field.text.strip_suffix("_sd_configs")?;
                let unserved = discovery::NOT_YET_SERVED.contains(&mechanism);
                unserved.then(|| NotYetServed {
                    section: format!("scrape_configs[{}]", field.text),
                    line: Some(field.line),
                })
            }));
        }
    }
    found
}

/// `${NAME}` and `$NAME`, as in the shell; `$$` is a dollar sign.
fn expand_variables(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    warnings: &mut Vec<String>,
) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let (name, tail) = variable_name(after);
        rest = tail;
        match name {
            "" | "$" => result.push('$'),
            name => match variable(name).filter(|value| !value.is_empty()) {
                Some(value) => result.push_str(&value),
                None => warnings.push(format!("environment variable {name} is empty")),
            },
        }
    }
    result.push_str(rest);
    result
}

/// The name after a dollar sign, and what follows it.
fn variable_name(after: &str) -> (&str, &str) {
    if let Some((name, tail)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        return (name, tail);
    }
    if after.starts_with('$') {
        return after.split_at(1);
    }
    let length = after.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    after.split_at(length)
}

impl Config {
    /// The configuration as YAML, complete and with secrets hidden.
    pub fn to_yaml(&self) -> String {
        out_to_yaml(&self.write_always())
    }
}

impl ScrapeConfig {
    /// The job as YAML, complete and with secrets hidden.
    pub fn to_yaml(&self) -> String {
        out_to_yaml(&self.write_always())
    }
}

fn out_to_yaml(out: &Out) -> String {
    serde_saphyr::to_string(out)
        .unwrap_or_else(|error| format!("# the configuration cannot be written: {error}\n"))
}
