//! Outputs: where events go.

use std::path::PathBuf;

use super::{Section, Warning};
use crate::yaml::{ConfigError, Node, Secret, Source};

/// Where events go.
#[derive(Debug, Clone)]
pub enum EventOutput {
    /// By lumberjack.
    Logstash(LogstashOutput),
    /// By `_bulk`.
    Elasticsearch(HttpOutput),
    /// To files.
    File {
        /// The folder.
        path: PathBuf,
        /// The file's name.
        name: String,
    },
    /// To the standard output.
    Console,
}

/// A server that speaks lumberjack.
#[derive(Debug, Clone)]
pub struct LogstashOutput {
    /// `host:port`, the port being 5044 by default.
    pub hosts: Vec<String>,
    /// `@metadata.beat`, which pipelines make index names of.
    pub index: Option<String>,
    /// Whether the connection is TLS, and with which files.
    pub tls: Option<TlsFiles>,
    /// How many events are sent before the answer is awaited.
    pub batch_events_max: u64,
}

/// Files of TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsFiles {
    /// Certificates that are trusted; none: those of the system.
    pub authorities: Vec<PathBuf>,
    /// The sender's own certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Whether any certificate is taken (`verification_mode: none`).
    pub takes_any: bool,
}

/// A server that speaks Elasticsearch's API.
#[derive(Debug, Clone)]
pub struct HttpOutput {
    /// `host:port` or an address.
    pub hosts: Vec<String>,
    /// `http` or `https` for hosts that do not say.
    pub protocol: String,
    /// What stands before `_bulk`.
    pub path: String,
    /// Who sends.
    pub user: Option<(String, Secret)>,
    /// Or by key, `id:key`.
    pub api_key: Option<Secret>,
    /// Index, with `%{[field]}` and `%{+yyyy.MM.dd}`.
    pub index: Option<String>,
    /// Ingest pipeline.
    pub pipeline: Option<String>,
    /// Files of TLS.
    pub tls: Option<TlsFiles>,
}

/// Reads the section `output`, of which one is on.
pub(super) fn read(
    node: Option<&Node>,
    source: &Source,
    warnings: &mut Vec<Warning>,
) -> Result<Option<EventOutput>, ConfigError> {
    let Some(node) = node else { return Ok(None) };
    let mut outputs = Section::of(node, source)?;
    let names: Vec<&str> = outputs.names().collect();
    let mut found = None;
    for name in names {
        let Some(inner) = outputs.take(name) else { continue };
        let mut section = Section::of(inner, source)?;
        if !section.boolean("enabled", true)? {
            continue;
        }
        if found.is_some() {
            return Err(section.error("there is more than one output that is on"));
        }
        found = Some(one(name, &mut section, source)?);
        ignore_what_tunes(&mut section);
        section.finish(&format!("output.{name}."), warnings);
    }
    Ok(found)
}

fn one(name: &str, section: &mut Section<'_>, source: &Source) -> Result<EventOutput, ConfigError> {
    Ok(match name {
        "logstash" => EventOutput::Logstash(LogstashOutput {
            hosts: hosts(section)?,
            index: section.text("index")?,
            tls: tls(section, source)?,
            batch_events_max: section.number("bulk_max_size", 2_048)?.clamp(1, 10_000),
        }),
        "elasticsearch" => {
            let user = section.text("username")?;
            let password = Secret::new(section.text("password")?.unwrap_or_default());
            EventOutput::Elasticsearch(HttpOutput {
                hosts: hosts(section)?,
                protocol: section.text("protocol")?.unwrap_or_else(|| "http".to_owned()),
                path: section.text("path")?.unwrap_or_default(),
                user: user.map(|user| (user, password)),
                api_key: section.text("api_key")?.map(Secret::new),
                index: section.text("index")?,
                pipeline: section.text("pipeline")?,
                tls: tls(section, source)?,
            })
        }
        "file" => EventOutput::File {
            path: section.required("path")?.into(),
            name: section.text("filename")?.unwrap_or_else(|| "filebeat".to_owned()),
        },
        "console" => EventOutput::Console,
        other => {
            return Err(section.error(format!("output.{other} is not there yet")).advise(
                "there are logstash, elasticsearch, file, console; leave `output` out to write \
                 to Vigie itself",
            ));
        }
    })
}

fn hosts(section: &mut Section<'_>) -> Result<Vec<String>, ConfigError> {
    let hosts = section.texts("hosts")?;
    if hosts.is_empty() {
        return Err(section.error("`hosts` is missing"));
    }
    Ok(hosts)
}

fn tls(section: &mut Section<'_>, source: &Source) -> Result<Option<TlsFiles>, ConfigError> {
    let Some(node) = section.take("ssl") else { return Ok(None) };
    let mut ssl = Section::of(node, source)?;
    if !ssl.boolean("enabled", true)? {
        return Ok(None);
    }
    Ok(Some(TlsFiles {
        authorities: ssl.texts("certificate_authorities")?.into_iter().map(PathBuf::from).collect(),
        certificate: ssl.text("certificate")?.map(PathBuf::from),
        key: ssl.text("key")?.map(PathBuf::from),
        takes_any: ssl.text("verification_mode")?.as_deref() == Some("none"),
    }))
}

/// What tunes Filebeat's own queues and connections.
fn ignore_what_tunes(section: &mut Section<'_>) {
    section.ignore(&[
        "allow_older_versions",
        "backoff",
        "bulk_max_size",
        "codec",
        "compression_level",
        "data_stream",
        "escape_html",
        "headers",
        "loadbalance",
        "max_retries",
        "number_of_files",
        "parameters",
        "permissions",
        "pipelining",
        "preset",
        "pretty",
        "proxy_url",
        "queue",
        "rotate_every_kb",
        "rotate_on_startup",
        "slow_start",
        "timeout",
        "ttl",
        "worker",
        "workers",
        "indices",
        "pipelines",
    ]);
}
