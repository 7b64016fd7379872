//! Flags of `logstash`, and of `vigie process`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::LogArgs;

/// Flags of Logstash 8. Those in `ignored` are taken so that unit files keep working; what they
/// tune does not exist here.
#[derive(Debug, Args)]
pub(crate) struct LogstashArgs {
    /// Configuration: a file, or a folder whose files make one pipeline
    #[arg(short = 'f', long = "path.config")]
    pub(crate) config: Option<PathBuf>,
    /// Configuration as text
    #[arg(short = 'e', long = "config.string", conflicts_with = "config")]
    pub(crate) text: Option<String>,
    /// Check the configuration and end
    #[arg(short = 't', long = "config.test_and_exit")]
    pub(crate) tests: bool,
    /// Folder in which everything is kept
    #[arg(long = "path.data", default_value = "data")]
    pub(crate) data: PathBuf,
    /// The pipeline's name
    #[arg(long = "pipeline.id", default_value = "main")]
    pub(crate) id: String,
    /// How plugins name fields: disabled, v1, v8
    #[arg(long = "pipeline.ecs_compatibility", default_value = "v8")]
    pub(crate) ecs_compatibility: String,
    /// Let a backslash in texts mean something
    #[arg(long = "config.support_escapes")]
    pub(crate) support_escapes: bool,
    /// Port of the monitoring API; 0 switches it off
    #[arg(long = "api.http.port", default_value_t = 9600)]
    pub(crate) api_port: u16,
    /// Ignored: workers, batches, queues, reloads, logs of the original
    #[arg(short = 'w', long = "pipeline.workers", hide = true)]
    pub(crate) workers: Option<String>,
    #[arg(short = 'b', long = "pipeline.batch.size", hide = true)]
    pub(crate) batch_size: Option<String>,
    #[arg(short = 'u', long = "pipeline.batch.delay", hide = true)]
    pub(crate) batch_delay: Option<String>,
    #[arg(long = "path.settings", hide = true)]
    pub(crate) settings: Option<String>,
    #[arg(short = 'l', long = "path.logs", hide = true)]
    pub(crate) logs: Option<String>,
    #[arg(short = 'r', long = "config.reload.automatic", hide = true)]
    pub(crate) reload: bool,
    #[arg(short = 'n', long = "node.name", hide = true)]
    pub(crate) node_name: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProcessArgs {
    /// The `logstash.conf`
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Show each event before and after each filter that changes it
    #[arg(long)]
    pub(crate) steps: bool,
    /// How lines of the standard input are read
    #[arg(long, value_enum, default_value_t)]
    pub(crate) codec: ProcessCodec,
    /// How events are written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ProcessOutput,
    /// How plugins name fields: disabled, v1, v8
    #[arg(long, default_value = "v8")]
    pub(crate) ecs_compatibility: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum ProcessCodec {
    /// JSON where a line is an object, else text
    #[default]
    Auto,
    /// One event of JSON a line
    Json,
    /// One message a line
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum ProcessOutput {
    /// One event of JSON a line
    #[default]
    Json,
    /// As Logstash's rubydebug
    Rubydebug,
}
