//! `vigie alert`, `vigie silence`, and the flags of `amtool`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Where Alertmanager's API is.
#[derive(Debug, Clone, Args)]
pub(crate) struct AlertServerArgs {
    /// Where Vigie's Alertmanager API is
    #[arg(
        long,
        env = "VIGIE_ALERTS_SERVER",
        default_value = "http://127.0.0.1:9093",
        global = true
    )]
    pub(crate) server: String,
    /// As with `run`: added to the port of the default server
    #[arg(long, default_value_t = 0, global = true)]
    pub(crate) port_offset: u16,
    /// Whose alerts (X-Scope-OrgID)
    #[arg(long, global = true)]
    pub(crate) tenant: Option<String>,
    /// Print the server's answer as it is
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl AlertServerArgs {
    /// The server's address without a trailing slash.
    pub(crate) fn address(&self) -> String {
        if self.port_offset != 0 && self.server == "http://127.0.0.1:9093" {
            return format!("http://127.0.0.1:{}", 9093_u16.saturating_add(self.port_offset));
        }
        self.server.trim_end_matches('/').to_owned()
    }
}

#[derive(Debug, Args)]
pub(crate) struct AlertArgs {
    #[command(subcommand)]
    pub(crate) command: AlertCommand,
    #[command(flatten)]
    pub(crate) server: AlertServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Alerts that fire
    List {
        /// Conditions: name=value, name=~expression, ...
        matchers: Vec<String>,
    },
    /// What was told of each group, held back, muted, tried again, and by what
    Why {
        /// Conditions on the group's labels
        matchers: Vec<String>,
        /// Only groups that mention this alert: its fingerprint or name
        #[arg(long)]
        alert: Option<String>,
        /// Only groups of this receiver
        #[arg(long)]
        receiver: Option<String>,
    },
    /// Where an alert would go, and what would be said
    Preview {
        /// Its labels: name=value
        labels: Vec<String>,
        /// Its annotations: name=value
        #[arg(long = "annotation")]
        annotations: Vec<String>,
        /// A configuration that does not run yet
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Send a test notification to a receiver
    Test {
        /// The receiver's name
        receiver: String,
    },
    /// Take care of a group: nothing is repeated until then
    Acknowledge {
        /// Key of the group, as `why` shows it
        group: String,
        /// Who takes care
        #[arg(long, default_value = "")]
        by: String,
        /// What to say
        #[arg(long, default_value = "")]
        comment: String,
        /// For how long
        #[arg(long = "for", default_value = "4h")]
        duration: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SilenceArgs {
    #[command(subcommand)]
    pub(crate) command: SilenceCommand,
    #[command(flatten)]
    pub(crate) server: AlertServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SilenceCommand {
    /// Silence alerts
    Add {
        /// Conditions: name=value, name=~expression, ...
        #[arg(required = true)]
        matchers: Vec<String>,
        /// For how long
        #[arg(long = "for", default_value = "1h")]
        duration: String,
        /// From when (RFC 3339) [default: now]; a maintenance window begins later
        #[arg(long)]
        start: Option<String>,
        /// Why
        #[arg(long)]
        comment: String,
        /// By whom [default: the user]
        #[arg(long, env = "USER", default_value = "")]
        author: String,
        /// Who answers for it
        #[arg(long)]
        owner: Option<String>,
        /// The ticket that it belongs to
        #[arg(long)]
        ticket: Option<String>,
        /// Raise the alert SilenceExpiring this long before its end
        #[arg(long)]
        remind_before: Option<String>,
        /// Only say which alerts would be silenced
        #[arg(long)]
        preview: bool,
    },
    /// Silences
    List {
        /// Also those that are over
        #[arg(long)]
        expired: bool,
    },
    /// End silences
    Expire {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Flags and commands of amtool.
#[derive(Debug, Args)]
pub(crate) struct AmtoolArgs {
    /// Alertmanager to talk to
    #[arg(
        long = "alertmanager.url",
        env = "ALERTMANAGER_URL",
        default_value = "http://localhost:9093/",
        global = true
    )]
    pub(crate) url: String,
    /// How the answer is printed
    #[arg(short = 'o', long, value_enum, default_value_t, global = true)]
    pub(crate) output: AmtoolOutput,
    /// Taken and without effect
    #[arg(long = "no-version-check", global = true, hide = true)]
    no_version_check: bool,
    /// Taken and without effect
    #[arg(short, long, global = true, hide = true)]
    verbose: bool,
    /// Taken and without effect
    #[arg(long, global = true, hide = true)]
    timeout: Option<String>,
    #[command(subcommand)]
    pub(crate) command: AmtoolCommand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum AmtoolOutput {
    /// Columns
    #[default]
    Simple,
    /// More columns
    Extended,
    /// JSON
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AmtoolCommand {
    /// Alerts
    Alert {
        #[command(subcommand)]
        what: AmtoolAlert,
    },
    /// Silences
    Silence {
        #[command(subcommand)]
        what: AmtoolSilence,
    },
    /// Check configuration files
    CheckConfig {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// The configuration that runs
    Config {
        #[command(subcommand)]
        what: AmtoolConfig,
    },
    /// The cluster
    Cluster {
        #[command(subcommand)]
        what: AmtoolCluster,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AmtoolAlert {
    /// Show alerts
    Query {
        /// Conditions; a first one without an operator is the alert's name
        matchers: Vec<String>,
        /// Show silenced alerts
        #[arg(short, long)]
        silenced: bool,
        /// Show inhibited alerts
        #[arg(short, long)]
        inhibited: bool,
        /// Show active alerts
        #[arg(short, long)]
        active: bool,
        /// Show unprocessed alerts
        #[arg(short, long)]
        unprocessed: bool,
        /// Show alerts of these receivers, by an expression
        #[arg(short, long)]
        receiver: Option<String>,
    },
    /// Add an alert
    Add {
        /// Labels; a first one without `=` is the alert's name
        labels: Vec<String>,
        /// Link to what raised it
        #[arg(long, default_value = "")]
        generator_url: String,
        /// When it began (RFC 3339)
        #[arg(long)]
        start: Option<String>,
        /// When it ends (RFC 3339)
        #[arg(long)]
        end: Option<String>,
        /// name=value
        #[arg(long)]
        annotation: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AmtoolSilence {
    /// Add a silence
    Add {
        /// Conditions; a first one without an operator is the alert's name
        matchers: Vec<String>,
        /// By whom
        #[arg(short, long, env = "USER", default_value = "")]
        author: String,
        /// For how long
        #[arg(short, long, default_value = "1h")]
        duration: String,
        /// From when (RFC 3339)
        #[arg(long)]
        start: Option<String>,
        /// Until when (RFC 3339); goes before the duration
        #[arg(long)]
        end: Option<String>,
        /// Why
        #[arg(short, long, default_value = "")]
        comment: String,
    },
    /// End silences
    Expire {
        /// Their ids
        ids: Vec<String>,
    },
    /// Add the silences of a JSON file, as `query -o json` prints them
    Import {
        /// The file [default: standard input]
        file: Option<PathBuf>,
    },
    /// Show silences
    Query {
        /// Conditions that a silence must have
        matchers: Vec<String>,
        /// Show those that are over instead
        #[arg(long)]
        expired: bool,
        /// Print ids only
        #[arg(short, long)]
        quiet: bool,
    },
    /// Change silences
    Update {
        /// Their ids
        ids: Vec<String>,
        /// From now on for how long
        #[arg(short, long)]
        duration: Option<String>,
        /// Until when (RFC 3339)
        #[arg(long)]
        end: Option<String>,
        /// Why
        #[arg(short, long)]
        comment: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AmtoolConfig {
    /// Print it
    Show,
    /// Its routes
    Routes {
        #[command(subcommand)]
        what: Option<AmtoolRoutes>,
        /// A file instead of the server's configuration
        #[arg(long = "config.file", global = true)]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AmtoolRoutes {
    /// Print the tree
    Show,
    /// Print whom an alert goes to
    Test {
        /// Its labels
        labels: Vec<String>,
        /// Fail unless these receivers are it, comma separated
        #[arg(long = "verify.receivers")]
        receivers: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AmtoolCluster {
    /// Print peers
    Show,
}
