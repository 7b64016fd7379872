//! Flags of `node_exporter`. They are many and each collector has its own, so that the collectors
//! read them (`vigie_receive::host`); here they are only passed on.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct NodeExporterArgs {
    /// Node Exporter's flags
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}
