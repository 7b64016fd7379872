//! Inputs: what is read, and how lines become events.

use std::time::Duration;

use regex::bytes::Regex;
use vigie_model::event::Object;

use super::parsers::{self, Parser};
use super::{Processor, Section, Warning, processors};
use crate::yaml::{ConfigError, Node, Source};

/// Longest message, Filebeat's default of `max_bytes`.
const MESSAGE_BYTES_MAX: u64 = 10 << 20;
/// And the longest that is taken from a configuration.
const MESSAGE_BYTES_LIMIT: u64 = 256 << 20;

/// What an input reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// `log`
    Log,
    /// `filestream`
    FileStream,
    /// `container`, `docker`
    Container,
    /// `journald`
    Journald,
    /// `syslog`
    Syslog,
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
    /// `stdin`
    Stdin,
}

impl InputKind {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::FileStream => "filestream",
            Self::Container => "container",
            Self::Journald => "journald",
            Self::Syslog => "syslog",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Stdin => "stdin",
        }
    }

    /// Whether it follows files.
    pub const fn is_files(self) -> bool {
        matches!(self, Self::Log | Self::FileStream | Self::Container)
    }
}

/// An input.
#[derive(Debug, Clone)]
pub struct Input {
    /// What it reads.
    pub kind: InputKind,
    /// Its name.
    pub id: Option<String>,
    /// Whether it is on.
    pub is_enabled: bool,
    /// Line from 1.
    pub line: u32,
    /// Which files, for those that follow files.
    pub files: FileRules,
    /// Where it listens, for those that listen.
    pub network: Network,
    /// What makes events of lines, in order.
    pub parsers: Vec<Parser>,
    /// Only lines that match one of these; empty: all.
    pub include_lines: Vec<Regex>,
    /// No lines that match one of these.
    pub exclude_lines: Vec<Regex>,
    /// The longest message; what is longer is cut.
    pub message_bytes_max: u64,
    /// How files are encoded: `plain` (bytes as they are), `utf-8`, `utf-16le`, ...
    pub encoding: String,
    /// Tags of its events.
    pub tags: Vec<String>,
    /// Fields of its events.
    pub fields: Object,
    /// Whether those stand at the root.
    pub fields_under_root: bool,
    /// The index of its events, where the output has one.
    pub index: Option<String>,
    /// What is done to its events before what is done to all.
    pub processors: Vec<Processor>,
}

/// Which files are followed, and for how long.
#[derive(Debug, Clone)]
pub struct FileRules {
    /// Patterns of paths; `**` is any number of folders.
    pub paths: Vec<String>,
    /// Files that are left out.
    pub exclude: Vec<Regex>,
    /// Files that are taken, of those that the patterns name; empty: all.
    pub include: Vec<Regex>,
    /// Whether symbolic links are followed.
    pub symlinks: bool,
    /// How often patterns are looked at.
    pub scan: Duration,
    /// Files that did not change for so long are left alone.
    pub ignore_older: Option<Duration>,
    /// A file that did not grow for so long is closed until it grows.
    pub close_inactive: Duration,
    /// Whether a file is closed at its end.
    pub close_at_end: bool,
    /// Whether a file is closed when it is renamed.
    pub close_renamed: bool,
    /// Whether a file is closed when it is removed.
    pub close_removed: bool,
    /// Whether what is known of a file is forgotten when it is gone.
    pub clean_removed: bool,
    /// What is known of a file that did not change for so long is forgotten.
    pub clean_inactive: Option<Duration>,
    /// Whether files that are new to the input are read from their end.
    pub from_end: bool,
    /// Files that are open at once; 0: any number.
    pub open_max: u64,
}

/// Where an input listens.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// `host:port`
    pub host: Option<String>,
    /// Whether it is UDP, for syslog.
    pub is_udp: bool,
    /// The longest message.
    pub message_bytes_max: u64,
    /// Whether messages begin with their length (RFC 6587).
    pub is_counted: bool,
}

/// Reads one input.
pub(super) fn read(
    node: &Node,
    source: &Source,
    warnings: &mut Vec<Warning>,
) -> Result<Input, ConfigError> {
    let mut section = Section::of(node, source)?;
    let kind = kind(&mut section, warnings)?;
    let parsers = parsers::read(&mut section, kind, source, warnings)?;
    let size = section.size("max_bytes", MESSAGE_BYTES_MAX)?;
    let message_bytes_max = section.size("message_max_bytes", size)?;
    let input = Input {
        kind,
        id: section.text("id")?,
        is_enabled: section.boolean("enabled", true)?,
        line: section.line(),
        files: files(&mut section, kind, source)?,
        network: network(&mut section, kind, source)?,
        parsers,
        include_lines: patterns(&mut section, "include_lines")?,
        exclude_lines: patterns(&mut section, "exclude_lines")?,
        message_bytes_max: message_bytes_max.clamp(1, MESSAGE_BYTES_LIMIT),
        encoding: section.text("encoding")?.unwrap_or_else(|| "plain".to_owned()),
        tags: section.texts("tags")?,
        fields: section.object("fields")?,
        fields_under_root: section.boolean("fields_under_root", false)?,
        index: section.text("index")?,
        processors: processors(section.list("processors")?, source, 0)?,
    };
    if kind.is_files() && input.files.paths.is_empty() {
        return Err(section.error(format!("an input {} needs `paths`", kind.as_str())));
    }
    section.ignore(&[
        "backoff",
        "buffer_size",
        "harvester_buffer_size",
        "keep_null",
        "line_terminator",
        "max_backoff",
        "backoff_factor",
        "pipeline",
        "publisher_pipeline",
        "recursive_glob",
        "scan",
        "allow_deprecated_use",
        "allow_deprecated_id_duplication",
        "take_over",
        "legacy_clean_inactive",
        "read_buffer",
        "timeout",
        "timezone",
        "format",
    ]);
    section.finish("", warnings);
    Ok(input)
}

fn kind(section: &mut Section<'_>, warnings: &mut Vec<Warning>) -> Result<InputKind, ConfigError> {
    let line = section.line();
    Ok(match section.required("type")?.as_str() {
        "log" => InputKind::Log,
        "filestream" => InputKind::FileStream,
        "container" => InputKind::Container,
        "docker" => {
            let message = "input `docker` is read as `container`".to_owned();
            warnings.push(Warning { line, message });
            InputKind::Container
        }
        "journald" => InputKind::Journald,
        "syslog" => InputKind::Syslog,
        "tcp" => InputKind::Tcp,
        "udp" => InputKind::Udp,
        "stdin" => InputKind::Stdin,
        other => {
            return Err(section.error(format!("input `{other}` is not there yet")).advise(
                "there are log, filestream, container, journald, syslog, tcp, udp, stdin",
            ));
        }
    })
}

fn files(
    section: &mut Section<'_>,
    kind: InputKind,
    source: &Source,
) -> Result<FileRules, ConfigError> {
    let is_stream = kind == InputKind::FileStream;
    let empty = Node { value: crate::yaml::Value::Null, line: 0, column: 0 };
    let scanner = section.take("prospector").unwrap_or(&empty);
    let mut prospector = Section::of(scanner, source)?;
    let mut scanner = Section::of(prospector.take("scanner").unwrap_or(&empty), source)?;
    let mut close = Section::of(section.take("close").unwrap_or(&empty), source)?;
    let mut on_change = Section::of(close.take("on_state_change").unwrap_or(&empty), source)?;
    let mut reader = Section::of(close.take("reader").unwrap_or(&empty), source)?;
    let seconds = Duration::from_secs;
    let scan = match scanner.duration("check_interval")? {
        Some(interval) => interval,
        None => section.duration("scan_frequency")?.unwrap_or(seconds(10)),
    };
    let inactive = match on_change.duration("inactive")? {
        Some(inactive) => Some(inactive),
        None => section.duration("close_inactive")?,
    };
    let mut exclude = patterns(&mut scanner, "exclude_files")?;
    exclude.extend(patterns(section, "exclude_files")?);
    let removed = on_change.boolean("removed", section.boolean("close_removed", true)?)?;
    Ok(FileRules {
        paths: section.texts("paths")?,
        exclude,
        include: patterns(&mut scanner, "include_files")?,
        // Kubelets and Docker link to what they write.
        symlinks: scanner
            .boolean("symlinks", section.boolean("symlinks", kind == InputKind::Container)?)?,
        scan: scan.max(Duration::from_millis(100)),
        ignore_older: section.duration("ignore_older")?.filter(|age| !age.is_zero()),
        close_inactive: inactive.filter(|age| !age.is_zero()).unwrap_or(seconds(300)),
        close_at_end: reader.boolean("on_eof", section.boolean("close_eof", false)?)?,
        close_renamed: on_change.boolean("renamed", section.boolean("close_renamed", false)?)?,
        close_removed: removed,
        clean_removed: section.boolean("clean_removed", true)?,
        clean_inactive: section.duration("clean_inactive")?.filter(|age| !age.is_zero()),
        from_end: !is_stream && section.boolean("tail_files", false)?,
        open_max: section.number("harvester_limit", 0)?,
    })
}

fn network(
    section: &mut Section<'_>,
    kind: InputKind,
    source: &Source,
) -> Result<Network, ConfigError> {
    let default = if kind == InputKind::Udp { 10 << 10 } else { 20 << 20 };
    if kind == InputKind::Syslog {
        let protocol = section.take("protocol");
        let empty = Node { value: crate::yaml::Value::Null, line: 0, column: 0 };
        let mut protocol = Section::of(protocol.unwrap_or(&empty), source)?;
        let (tcp, udp) = (protocol.take("tcp"), protocol.take("udp"));
        let is_udp = udp.is_some();
        let mut inner = Section::of(udp.or(tcp).unwrap_or(&empty), source)?;
        return Ok(Network {
            host: inner.text("host")?,
            is_udp,
            message_bytes_max: inner.size("max_message_size", default)?,
            is_counted: inner.text("framing")?.as_deref() == Some("rfc6587"),
        });
    }
    Ok(Network {
        host: section.text("host")?,
        is_udp: kind == InputKind::Udp,
        message_bytes_max: section.size("max_message_size", default)?,
        is_counted: section.text("framing")?.as_deref() == Some("rfc6587"),
    })
}

pub(super) fn patterns(section: &mut Section<'_>, name: &str) -> Result<Vec<Regex>, ConfigError> {
    let texts = section.texts(name)?;
    let patterns = texts.iter().map(|text| {
        Regex::new(text).map_err(|error| section.error(format!("{name}: `{text}`: {error}")))
    });
    patterns.collect()
}
