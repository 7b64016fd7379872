//! What can change, as the journal keeps it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Account, Annotation, Dashboard, DashboardVersion, DataSource, Folder, Preferences, Session,
    Token, User,
};

/// What was provisioned over HTTP and is kept as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionedKind {
    /// A rule of Grafana's alerting.
    AlertRule,
    /// A receiver of Grafana's alerting.
    ContactPoint,
    /// The tree of routes (one, under an empty name).
    Policies,
    /// Times at which nobody is told.
    MuteTiming,
    /// A message template.
    Template,
    /// A setting of the server's own, such as the organisation's name.
    Setting,
}

/// One change. Names are part of the format on disk (`docs/formats/catalog-journal.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Numbers up to this one are taken, also those of what is gone.
    NumbersTaken(u64),
    /// A user is new or different.
    User(User),
    /// A user is gone, with sessions and preferences.
    UserGone(u64),
    /// A session is new or was used.
    Session(Session),
    /// A session is over.
    SessionGone(u64),
    /// An account is new or different.
    Account(Account),
    /// An account is gone, with its tokens.
    AccountGone(u64),
    /// A token is new.
    Token(Token),
    /// A token counts no longer.
    TokenGone(u64),
    /// A dashboard is new or different.
    Dashboard(Box<Dashboard>),
    /// A version of a dashboard.
    Version(Box<DashboardVersion>),
    /// A version is forgotten.
    VersionGone {
        /// Of which dashboard.
        uid: String,
        /// Which one.
        version: u64,
    },
    /// A dashboard is gone, with its versions and annotations.
    DashboardGone(String),
    /// A folder is new or different.
    Folder(Folder),
    /// A folder is gone.
    FolderGone(String),
    /// An annotation is new or different.
    Annotation(Annotation),
    /// An annotation is gone.
    AnnotationGone(u64),
    /// A data source is new or different.
    DataSource(Box<DataSource>),
    /// A data source is gone.
    DataSourceGone(String),
    /// Somebody likes it differently.
    Preferences {
        /// `org`, `user:1`, `account:1`.
        owner: String,
        /// How.
        preferences: Preferences,
    },
    /// Something was provisioned.
    Provisioned {
        /// What.
        kind: ProvisionedKind,
        /// Under which name.
        name: String,
        /// As it came; null: it is gone.
        value: Value,
    },
}
