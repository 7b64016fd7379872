//! `vigie incident`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct IncidentArgs {
    #[command(subcommand)]
    pub(crate) command: IncidentCommand,
    /// Where Vigie is
    #[arg(long, env = "VIGIE_SERVER", default_value = "http://127.0.0.1:9090", global = true)]
    pub(crate) server: String,
    /// As with `run`: added to the port of the default server
    #[arg(long, default_value_t = 0, global = true)]
    pub(crate) port_offset: u16,
    /// Whose incidents (X-Scope-OrgID)
    #[arg(long, global = true)]
    pub(crate) tenant: Option<String>,
    /// Who you are [default: $USER]
    #[arg(long, env = "USER", hide_env_values = true, default_value = "", global = true)]
    pub(crate) by: String,
    /// Print the server's answer as it is
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl IncidentArgs {
    /// The server's address without a trailing slash.
    pub(crate) fn address(&self) -> String {
        if self.port_offset != 0 && self.server == "http://127.0.0.1:9090" {
            return format!("http://127.0.0.1:{}", 9090_u16.saturating_add(self.port_offset));
        }
        self.server.trim_end_matches('/').to_owned()
    }
}

/// An incident and what is said of it.
#[derive(Debug, Args)]
pub(crate) struct IncidentChange {
    /// Its number
    pub(crate) id: u64,
    /// Why
    #[arg(long, default_value = "")]
    pub(crate) comment: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Incidents, the newest first
    List {
        /// open, triggered, acknowledged, mitigated, resolved; all: whatever the state
        #[arg(long, default_value = "open")]
        state: String,
        /// Only those as bad as this
        #[arg(long)]
        severity: Option<String>,
        /// Only those that this person takes care of
        #[arg(long)]
        owner: Option<String>,
    },
    /// One incident and everything that happened
    Show {
        /// Its number
        id: u64,
    },
    /// Take care of it
    Ack(IncidentChange),
    /// The harm is over, the cause is not
    Mitigate(IncidentChange),
    /// It is over
    Resolve(IncidentChange),
    /// It is not over
    Reopen(IncidentChange),
    /// Say something
    Comment {
        /// Its number
        id: u64,
        /// What
        text: String,
    },
    /// Give it to somebody
    Assign {
        /// Its number
        id: u64,
        /// To whom
        owner: String,
    },
    /// Make other incidents a part of it
    Merge {
        /// Its number
        id: u64,
        /// The others
        #[arg(required = true)]
        from: Vec<u64>,
    },
    /// Make an incident of its own of some alerts
    Split {
        /// Its number
        id: u64,
        /// Fingerprints of the alerts
        #[arg(required = true)]
        alerts: Vec<String>,
    },
    /// What happened, as a document
    Postmortem {
        /// Its number
        id: u64,
    },
}
