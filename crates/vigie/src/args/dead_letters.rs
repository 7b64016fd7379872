//! `vigie dead-letters`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct DeadLettersArgs {
    #[command(subcommand)]
    pub(crate) command: DeadLettersCommand,
    /// Vigie's data folder
    #[arg(long, default_value = "data", global = true)]
    pub(crate) data: PathBuf,
    /// Also those that were replayed
    #[arg(long, global = true)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// When, by which output, why
    List {
        /// One event of JSON a line, with why it is there under @metadata
        #[arg(long)]
        json: bool,
    },
    /// Run them through the filters and outputs of a `logstash.conf`, whose inputs stay closed
    Replay {
        /// The `logstash.conf`: filters that mend the events, an output that takes them
        #[arg(long)]
        config: PathBuf,
        /// How plugins name fields: disabled, v1, v8
        #[arg(long, default_value = "v8")]
        ecs_compatibility: String,
    },
}
