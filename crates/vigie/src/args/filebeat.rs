//! Flags of `filebeat`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Filebeat's flags. Values by `-E name=value` are not taken: write them into the file.
#[derive(Debug, Args)]
pub(crate) struct FilebeatArgs {
    #[command(subcommand)]
    pub(crate) command: Option<FilebeatCommand>,
    /// The configuration
    #[arg(short = 'c', long = "c", default_value = "filebeat.yml", global = true)]
    config: PathBuf,
    /// Folder of relative paths of configurations
    #[arg(long = "path.config", global = true)]
    config_folder: Option<PathBuf>,
    /// Folder in which it is kept how far files are read
    #[arg(long = "path.data", default_value = "data", global = true)]
    data: PathBuf,
    /// Taken as Filebeat takes it; logs always go to standard error
    #[arg(short = 'e', global = true)]
    to_standard_error: bool,
    /// Taken as Filebeat takes it
    #[arg(long = "strict.perms", global = true, num_args = 0..=1)]
    strict_permissions: Option<Option<String>>,
    /// Taken as Filebeat takes it
    #[arg(long = "path.home", global = true)]
    home: Option<PathBuf>,
    /// Taken as Filebeat takes it
    #[arg(long = "path.logs", global = true)]
    logs: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FilebeatCommand {
    /// Ship, which is also what happens without a command
    Run,
    /// Test the configuration
    Test {
        #[command(subcommand)]
        what: FilebeatTest,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FilebeatTest {
    /// Whether the configuration can be read
    Config,
}

impl FilebeatCommand {
    /// Whether nothing is shipped.
    pub(crate) const fn is_test(&self) -> bool {
        matches!(self, Self::Test { .. })
    }
}

impl FilebeatArgs {
    /// The configuration's file.
    pub(crate) fn config(&self) -> PathBuf {
        match &self.config_folder {
            Some(folder) if self.config.is_relative() => folder.join(&self.config),
            _ => self.config.clone(),
        }
    }

    /// The folder in which things are kept.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }
}
