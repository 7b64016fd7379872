//! A `filebeat.yml`, read and compiled: for what runs it and for what only checks it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use vigie_dial::HttpEnvironment;
use vigie_language::filebeat::{self, Filebeat, Warning};
use vigie_language::yaml::Source;
use vigie_process::{ProcessorContext, Processors};
use vigie_world::World;

use crate::config::environment;
use crate::log::say;

/// A configuration whose processors are compiled.
pub(crate) struct Shipping {
    pub(crate) config: Filebeat,
    /// For each input, its own processors.
    pub(crate) processors: Vec<Arc<Processors>>,
    /// Those of all inputs.
    pub(crate) all: Arc<Processors>,
}

/// Reads and compiles the file at `path`.
pub(crate) fn read(path: &Path, world: &World) -> Result<Shipping> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_else(PathBuf::new);
    let source = Source { file: Some(path.to_path_buf()), folder };
    let mut config = filebeat::parse(&text, &source, &environment)?;
    let context = ProcessorContext {
        world: world.clone(),
        http: HttpEnvironment { variable: Arc::new(environment), ..HttpEnvironment::default() },
    };
    let mut warnings: Vec<Warning> = Vec::new();
    let mut processors = Vec::with_capacity(config.inputs.len());
    for input in &config.inputs {
        let built = Processors::build(&input.processors, &source, &context, &mut warnings)?;
        processors.push(Arc::new(built));
    }
    let all = Processors::build(&config.processors, &source, &context, &mut warnings)?;
    config.warnings.extend(warnings);
    config.warnings.sort_by_key(|warning| warning.line);
    Ok(Shipping { config, processors, all: Arc::new(all) })
}

/// What is in the file, and what its writer should know.
pub(crate) fn check(path: &Path, world: &World) -> Result<(String, Vec<String>)> {
    let Shipping { config, .. } = read(path, world)?;
    let on = config.inputs.iter().filter(|input| input.is_enabled).count();
    let summary = format!("{} inputs, {on} of them on", config.inputs.len());
    let warnings = config.warnings.into_iter();
    let warnings = warnings.map(|Warning { line, message }| format!("line {line}: {message}"));
    Ok((summary, warnings.collect()))
}

/// `filebeat test config`
pub(crate) fn test(path: &Path, world: &World) -> Result<()> {
    let (_, warnings) = check(path, world)?;
    warnings.iter().for_each(|warning| crate::log::warn(warning));
    say("Config OK");
    Ok(())
}
