//! Which tool a file belongs to, told by its content and not by its name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// Larger files are no configuration.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What a configuration file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `prometheus.yml`
    Prometheus,
    /// `web-config.yml` of Prometheus' exporter toolkit
    WebConfig,
    /// `vigie.toml`
    Settings,
    /// Recording and alerting rules
    Rules,
    /// `alertmanager.yml`
    Alertmanager,
    /// Go templates
    Template,
    /// `logstash.conf`
    Logstash,
    /// `filebeat.yml`
    Filebeat,
    /// `runbook.yml`
    Runbook,
    /// A configuration of OpenTelemetry's collector
    Collector,
    /// A Grafana dashboard
    Dashboard,
    /// None of these
    Other,
}

impl Kind {
    /// What people call such a file.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus configuration",
            Self::WebConfig => "web configuration (TLS, users)",
            Self::Settings => "Vigie's settings",
            Self::Rules => "rules",
            Self::Alertmanager => "Alertmanager configuration",
            Self::Template => "notification templates",
            Self::Logstash => "Logstash pipeline",
            Self::Filebeat => "Filebeat configuration",
            Self::Runbook => "runbook",
            Self::Collector => "OpenTelemetry collector configuration (tail sampling)",
            Self::Dashboard => "Grafana dashboard",
            Self::Other => "not a configuration that Vigie knows",
        }
    }

    /// Whether this version does something with such a file.
    pub(crate) const fn is_served(self) -> bool {
        matches!(
            self,
            Self::Prometheus
                | Self::WebConfig
                | Self::Settings
                | Self::Rules
                | Self::Alertmanager
                | Self::Logstash
                | Self::Filebeat
                | Self::Runbook
                // Of which the policies of tail sampling count.
                | Self::Collector
                // Which of them count is written in the Alertmanager configuration.
                | Self::Template
        )
    }
}

/// A file and what it is.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// All files of `paths`, folders searched one level deep (and `templates/` in them), by name.
pub(crate) fn recognise(paths: &[PathBuf]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path).with_context(|| format!("{}", path.display()))?;
        if !metadata.is_dir() {
            found.push(Found { path: path.clone(), kind: kind_of(path)? });
            continue;
        }
        let mut files = files_of(path)?;
        let templates = path.join("templates");
        if templates.is_dir() {
            files.extend(files_of(&templates)?);
        }
        for path in files {
            let kind = kind_of(&path)?;
            found.push(Found { path, kind });
        }
    }
    Ok(found)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_file() && !hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn kind_of(path: &Path) -> Result<Kind> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !["yml", "yaml", "json", "toml", "conf", "tmpl"].contains(&extension) {
        return Ok(Kind::Other);
    }
    let length = std::fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        return Ok(Kind::Other);
    }
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(kind_of_text(extension, &String::from_utf8_lossy(&bytes)))
}

fn kind_of_text(extension: &str, text: &str) -> Kind {
    match extension {
        "tmpl" => return Kind::Template,
        "toml" => return Kind::Settings,
        "conf" => {
            let sections = ["input", "filter", "output"];
            let mut words = text.lines().map(str::trim_start);
            let pipeline = words.any(|line| {
                sections.iter().any(|section| {
                    line.strip_prefix(section)
                        .is_some_and(|rest| rest.trim_start().starts_with('{'))
                })
            });
            return if pipeline { Kind::Logstash } else { Kind::Other };
        }
        _ => {}
    }
    let value: Option<Value> = if extension == "json" {
        serde_json::from_str(text).ok()
    } else {
        serde_saphyr::from_str(text).ok()
    };
    match value {
        Some(value) => kind_of_value(&value),
        // A file that does not parse is told by the keys at the beginning of its lines, so that
        // the right part says what is wrong in it.
        None => kind_of_keys(&|key| {
            text.lines().any(|line| line.strip_prefix(key).is_some_and(|l| l.starts_with(':')))
        }),
    }
}

fn kind_of_value(value: &Value) -> Kind {
    let kind = kind_of_keys(&|key| value.get(key).is_some());
    if kind != Kind::Other {
        return kind;
    }
    let has_prefix = |prefix: &str| {
        value.as_object().is_some_and(|object| object.keys().any(|key| key.starts_with(prefix)))
    };
    if has_prefix("filebeat") {
        return Kind::Filebeat;
    }
    if has_key(value, "symptoms", 3) { Kind::Runbook } else { Kind::Other }
}

/// Whether the value, or one up to `depth` levels within, has that key.
fn has_key(value: &Value, key: &str, depth: usize) -> bool {
    let inner: Vec<&Value> = match value {
        Value::Object(object) => object.values().collect(),
        Value::Array(array) => array.iter().collect(),
        _ => return false,
    };
    value.get(key).is_some()
        || (depth > 0 && inner.iter().any(|value| has_key(value, key, depth - 1)))
}

fn kind_of_keys(has: &dyn Fn(&str) -> bool) -> Kind {
    if has("scrape_configs")
        || has("scrape_config_files")
        || has("remote_write")
        || has("rule_files")
    {
        Kind::Prometheus
    } else if has("route") && has("receivers") {
        Kind::Alertmanager
    } else if has("processors") && has("service") {
        Kind::Collector
    } else if has("groups") {
        Kind::Rules
    } else if has("tls_server_config") || has("basic_auth_users") || has("http_server_config") {
        Kind::WebConfig
    } else if has("panels") || has("dashboard") {
        Kind::Dashboard
    } else if has("filebeat") || has("filebeat.inputs") {
        Kind::Filebeat
    } else if has("runbook") || has("runbooks") {
        Kind::Runbook
    } else if has("global") {
        Kind::Prometheus
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_content() {
        let cases = [
            ("yml", "scrape_configs: []", Kind::Prometheus),
            ("yml", "global:\n  scrape_interval: 5s\n", Kind::Prometheus),
            ("yml", "global: {}\nroute: {}\nreceivers: []", Kind::Alertmanager),
            ("yml", "groups:\n- name: a\n", Kind::Rules),
            ("yml", "basic_auth_users: {}", Kind::WebConfig),
            ("yml", "filebeat.inputs: []", Kind::Filebeat),
            ("yml", "incidents:\n  slow:\n    symptoms: []\n", Kind::Runbook),
            ("yml", "scrape_configs: [\n  broken", Kind::Prometheus),
            ("yml", "services: {}", Kind::Other),
            ("yaml", "receivers: {}\nprocessors: {}\nservice: {}", Kind::Collector),
            ("json", "{\"panels\": []}", Kind::Dashboard),
            ("conf", "# x\ninput {\n}", Kind::Logstash),
            ("conf", "server { }", Kind::Other),
        ];
        for (extension, text, kind) in cases {
            assert_eq!(kind_of_text(extension, text), kind, "{text}");
        }
    }

    #[test]
    fn the_seed_is_recognised() {
        let seed =
            std::env::var_os("VIGIE_SHARED").map(|shared| PathBuf::from(shared).join("seed"));
        let Some(seed) = seed.filter(|seed| seed.is_dir()) else {
            eprintln!("skipped: the_seed_is_recognised needs shared/seed");
            return;
        };
        let found = recognise(&[seed]).unwrap();
        let kind = |name: &str| found.iter().find(|f| f.path.ends_with(name)).map(|f| f.kind);
        assert_eq!(kind("prometheus.yml"), Some(Kind::Prometheus));
        assert_eq!(kind("alert_rules.yml"), Some(Kind::Rules));
        assert_eq!(kind("alertmanager.yml"), Some(Kind::Alertmanager));
        assert_eq!(kind("logstash.conf"), Some(Kind::Logstash));
        assert_eq!(kind("filebeat.yml"), Some(Kind::Filebeat));
        assert_eq!(kind("runbook.yml"), Some(Kind::Runbook));
        assert_eq!(kind("slack.tmpl"), Some(Kind::Template));
    }
}
