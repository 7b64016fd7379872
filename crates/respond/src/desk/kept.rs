//! What has to survive a restart, as it is written to disk.

use serde::{Deserialize, Serialize};
use vigie_journal::{Durable, Unknown};

use crate::incident::{Incident, Moment};
use crate::runbook::{Breaker, Run};

/// One line of the journal of incidents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Kept {
    /// An incident as it is now, without its timeline.
    Incident(Box<Incident>),
    /// One more moment of a timeline.
    Moment {
        /// Of which incident.
        incident: u64,
        /// What.
        moment: Moment,
    },
    /// An incident is forgotten.
    IncidentGone {
        /// Which.
        incident: u64,
    },
    /// Something was deployed.
    Deployment {
        /// Of which service.
        service: String,
        /// What.
        moment: Moment,
    },
    /// A run as it is now.
    Run(Box<Run>),
    /// A run is forgotten.
    RunGone {
        /// Which.
        run: u64,
    },
    /// A breaker as it is now.
    Breaker {
        /// Of which runbook.
        runbook: String,
        /// The breaker.
        breaker: Breaker,
    },
    /// The switch that stops all.
    Switch(Switch),
    /// Somebody did something.
    Audit(Audit),
    /// Somebody takes a shift.
    Override(Override),
    /// Nobody takes that shift any more.
    OverrideGone {
        /// Which.
        id: u64,
    },
    /// A message of a provider was taken.
    Event {
        /// The provider and its identity there.
        event: String,
    },
}

impl Durable for Kept {
    const HEADER: &'static str = "vigie-incidents 1";
    const UNKNOWN: Unknown = Unknown::LeftOut;

    fn is_urgent(&self) -> bool {
        true
    }
}

/// The switch that stops all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Switch {
    /// Whether nothing may run.
    pub is_stopped: bool,
    /// Who said so.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When; milliseconds since the epoch.
    pub at_ms: i64,
}

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When; milliseconds since the epoch.
    pub at_ms: i64,
    /// Who: a user who logged in, or what somebody says to be.
    pub by: String,
    /// Whether that user logged in.
    pub is_user: bool,
    /// What.
    pub action: String,
    /// To what.
    pub detail: String,
    /// Which run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
}

/// Somebody takes a shift of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Its number.
    pub id: u64,
    /// Which schedule.
    pub schedule: String,
    /// Who.
    pub person: String,
    /// From when; milliseconds since the epoch.
    pub from_ms: i64,
    /// Until when.
    pub to_ms: i64,
    /// Who said so.
    pub by: String,
}
