//! From a configuration's tree to a pipeline that runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use vigie_language::logstash::{Config, ConfigError, Plugin, Position, Statement};
use vigie_world::World;

use crate::common::Common;
use crate::condition::Test;
use crate::error::ProcessError;
use crate::filter;
use crate::options::Options;
use crate::output::{self, OutputContext, Outputs};
use crate::pipeline::{Branch, FilterStep, Pipeline, PluginStats, Step};

/// `ecs_compatibility`: how plugins name fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ecs {
    /// As before the Elastic Common Schema.
    Disabled,
    /// Its first version.
    V1,
    /// Its eighth, the default.
    #[default]
    V8,
}

impl Ecs {
    /// `disabled`, `v1`, `v8`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "disabled" => Some(Self::Disabled),
            "v1" => Some(Self::V1),
            "v8" => Some(Self::V8),
            _ => None,
        }
    }
}

/// What a pipeline is built with.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The pipeline's name.
    pub id: String,
    /// `pipeline.ecs_compatibility`.
    pub ecs: Ecs,
    /// The database that `geoip` uses when it names none.
    pub geoip_database: Option<PathBuf>,
    /// Relative paths in the configuration begin here.
    pub folder: PathBuf,
    /// Clock, disk, randomness.
    pub world: World,
}

/// Something that works otherwise than its writer may think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub position: Position,
    /// What.
    pub message: String,
}

/// A pipeline and where its events go.
#[derive(Debug)]
pub struct Built {
    /// The filters.
    pub pipeline: Pipeline,
    /// The outputs.
    pub outputs: Outputs,
    /// What its writer should know.
    pub warnings: Vec<Warning>,
}

/// What plugins are built with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) options: &'a BuildOptions,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) stats: Vec<Arc<PluginStats>>,
}

impl Context<'_> {
    /// Tells the writer of the plugin something.
    pub(crate) fn warn(&mut self, plugin: &Plugin, message: impl Into<String>) {
        let message = format!("{}: {}", plugin.name, message.into());
        self.warnings.push(Warning { position: plugin.position, message });
    }

    /// The scheme of names for this plugin.
    pub(crate) fn ecs(&self, options: &Options<'_>) -> Result<Ecs, ConfigError> {
        let choice = options.choice("ecs_compatibility", &["disabled", "v1", "v8"])?;
        Ok(choice.and_then(Ecs::parse).unwrap_or(self.options.ecs))
    }

    /// A file that the configuration names.
    pub(crate) fn read(&self, options: &Options<'_>, path: &str) -> Result<Vec<u8>, ConfigError> {
        let path = self.options.folder.join(path);
        self.options
            .world
            .disk
            .read(&path)
            .map_err(|error| options.error(&format!("reading {}: {error}", path.display())))
    }

    /// A place to count what `plugin` does.
    pub(crate) fn stats_of(&mut self, plugin: &Plugin, id: Option<String>) -> Arc<PluginStats> {
        let Position { line, column } = plugin.position;
        let id = id.unwrap_or_else(|| format!("{}_{line}_{column}", plugin.name));
        let stats = Arc::new(PluginStats {
            name: plugin.name.clone(),
            id,
            position: plugin.position,
            ..PluginStats::default()
        });
        self.stats.push(Arc::clone(&stats));
        stats
    }
}

/// Builds the filters and outputs of `config`. Its variables are replaced already.
pub fn build(
    config: &Config,
    options: &BuildOptions,
    outputs: OutputContext,
) -> Result<Built, ProcessError> {
    let mut context = Context { options, warnings: Vec::new(), stats: Vec::new() };
    let steps = filters(&config.filters, &mut context)?;
    let stats = std::mem::take(&mut context.stats);
    let outputs = output::build(&config.outputs, outputs, &mut context)?;
    let pipeline = Pipeline {
        id: options.id.clone(),
        steps,
        stats,
        world: options.world.clone(),
        events: [AtomicU64::new(0), AtomicU64::new(0)],
        duration_us: AtomicU64::new(0),
    };
    Ok(Built { pipeline, outputs, warnings: context.warnings })
}

fn filters(statements: &[Statement], context: &mut Context<'_>) -> Result<Vec<Step>, ConfigError> {
    let mut steps = Vec::with_capacity(statements.len());
    for statement in statements {
        steps.push(match statement {
            Statement::Plugin(plugin) => Step::Filter(filter_step(plugin, context)?),
            Statement::Branch(found) => Step::Branch(branch(found, context, &filters)?),
        });
    }
    Ok(steps)
}

fn filter_step(plugin: &Plugin, context: &mut Context<'_>) -> Result<FilterStep, ConfigError> {
    let options = Options::new("filter", plugin);
    let common = Common::build(&options)?;
    let filter = filter::build(&options, context)?;
    // Since Logstash 8 every plugin takes it, and for most it changes nothing.
    options.ignore(&["ecs_compatibility"]);
    options.finish()?;
    let stats = context.stats_of(plugin, common.id.clone());
    Ok(FilterStep { filter, common, stats })
}

/// Compiles a branch whose bodies `build` builds.
pub(crate) fn branch<T>(
    found: &vigie_language::logstash::Branch,
    context: &mut Context<'_>,
    build: &dyn Fn(&[Statement], &mut Context<'_>) -> Result<Vec<T>, ConfigError>,
) -> Result<Branch<T>, ConfigError> {
    let mut arms = Vec::with_capacity(found.arms.len());
    for (condition, body) in &found.arms {
        let test =
            Test::compile(condition).map_err(|error| ConfigError::new(found.position, error))?;
        arms.push((test, build(body, context)?));
    }
    Ok(Branch { arms, otherwise: build(&found.otherwise, context)? })
}
