//! Pipelines: which files, and how they run.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use vigie_language::logstash::{FieldReference, Sprintf};
use vigie_process::{Deduplicate, Ecs, SampleRule, StageConfig, ValueLimit};

use super::Port;
use crate::args::LogstashArgs;
use crate::config::{LogstashSettings, ProcessSettings, bytes, duration};

/// Pipelines that will run.
#[derive(Debug, Clone)]
pub(crate) struct LogstashPlan {
    /// Each pipeline's name and where its configuration is.
    pub(crate) pipelines: Vec<(String, Source)>,
    pub(crate) ecs: Ecs,
    pub(crate) support_escapes: bool,
    pub(crate) geoip_database: Option<PathBuf>,
    pub(crate) own_hosts: Vec<String>,
    /// Most bytes of dead letters; `None`: none are kept.
    pub(crate) dead_letters_bytes: Option<u64>,
    /// Where inputs listen that name no address, and what is added to their ports.
    pub(crate) listen: IpAddr,
    pub(crate) offset: u16,
    pub(crate) api_port: Option<Port>,
    pub(crate) version: String,
    /// What is done with lines before they are kept.
    pub(crate) stages: StageConfig,
}

/// Where a configuration is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A file, or a folder whose files are one after the other.
    Path(PathBuf),
    Text(String),
}

impl LogstashPlan {
    /// The pipelines among the files of `vigie run`: each file is one.
    pub(super) fn from_settings(
        (settings, process): (&LogstashSettings, &ProcessSettings),
        files: Vec<PathBuf>,
        (listen, offset): (IpAddr, u16),
        api_port: Option<Port>,
    ) -> Result<Option<Self>> {
        if files.is_empty() {
            return Ok(None);
        }
        let is_alone = files.len() == 1;
        let name = |path: &PathBuf| match path.file_stem() {
            Some(stem) if !is_alone => stem.to_string_lossy().into_owned(),
            _ => "main".to_owned(),
        };
        let limit = bytes(&settings.dead_letters_size).context("[logstash] dead_letters_size")?;
        Ok(Some(Self {
            pipelines: files.iter().map(|path| (name(path), Source::Path(path.clone()))).collect(),
            ecs: ecs(&settings.ecs_compatibility)?,
            support_escapes: settings.support_escapes,
            geoip_database: settings.geoip_database.clone(),
            own_hosts: settings.own_hosts.clone(),
            dead_letters_bytes: settings.dead_letters.then_some(limit),
            listen,
            offset,
            api_port,
            version: settings.version.clone(),
            stages: stages(process)?,
        }))
    }

    /// The pipeline of `logstash`'s flags.
    pub(super) fn from_arguments(args: &LogstashArgs, listen: IpAddr) -> Result<Option<Self>> {
        let source = match (&args.config, &args.text) {
            (Some(path), _) => Source::Path(path.clone()),
            (None, Some(text)) => Source::Text(text.clone()),
            (None, None) => bail!("no configuration: name one by -f PATH or -e TEXT"),
        };
        let settings = LogstashSettings::default();
        Ok(Some(Self {
            pipelines: vec![(args.id.clone(), source)],
            ecs: ecs(&args.ecs_compatibility)?,
            support_escapes: args.support_escapes,
            geoip_database: None,
            own_hosts: Vec::new(),
            dead_letters_bytes: Some(bytes(&settings.dead_letters_size)?),
            listen,
            offset: 0,
            api_port: super::Plan::port(listen, args.api_port, 0, args.api_port != 9600)?,
            version: settings.version,
            stages: StageConfig::default(),
        }))
    }
}

/// `[process]`
fn stages(settings: &ProcessSettings) -> Result<StageConfig> {
    let template = |text: &str| {
        Sprintf::parse(text).map_err(|error| anyhow::anyhow!("[process] `{text}`: {error}"))
    };
    let mut samples = Vec::new();
    for rule in &settings.sample {
        let ratio = rule.ratio.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&ratio) {
            bail!("[[process.sample]] ratio: {ratio} is not between 0 and 1");
        }
        samples.push(SampleRule {
            levels: rule.levels.clone(),
            ratio,
            key: rule.key.as_deref().map(template).transpose()?,
            per_second_max: rule.per_second_max,
        });
    }
    let deduplicate = match &settings.deduplicate {
        Some(same) => {
            let window = duration(&same.window).context("[process.deduplicate] window")?;
            let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
            Some(Deduplicate { key: template(&same.key)?, window_ms })
        }
        None => None,
    };
    let mut limits = Vec::new();
    for limit in &settings.cardinality {
        let field = FieldReference::parse(&limit.field);
        let field = field.map_err(|error| anyhow::anyhow!("[[process.cardinality]] {error}"))?;
        limits.push(ValueLimit { field, values_max: limit.values_max });
    }
    Ok(StageConfig { correlates: settings.correlation, samples, deduplicate, limits })
}

pub(crate) fn ecs(text: &str) -> Result<Ecs> {
    Ecs::parse(text)
        .with_context(|| format!("ecs_compatibility: `{text}` is none of disabled, v1, v8"))
}
