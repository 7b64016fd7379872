//! The things that are kept, as they are kept.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What somebody may do; each role may what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing that is not public.
    None,
    /// Look at everything that is no secret.
    Viewer,
    /// Also write data, dashboards, annotations, rules and silences.
    Editor,
    /// Everything.
    Administrator,
}

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Number, never used twice.
    pub id: u64,
    /// Name that tells users apart in addresses.
    pub uid: String,
    /// Name with which they sign in; unique whatever its capitals.
    pub login: String,
    /// Address; unique where there is one.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// Hash of the password; empty: nobody can sign in with one.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// Whether they are kept out.
    pub is_disabled: bool,
    /// When they were made, milliseconds since the epoch.
    pub created_ms: i64,
    /// When they were changed last.
    pub updated_ms: i64,
}

/// A browser in which somebody has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Number, never used twice.
    pub id: u64,
    /// Whose.
    pub user_id: u64,
    /// Hash of the secret in the cookie.
    pub secret_hash: String,
    /// Where it was opened from.
    pub client_address: String,
    /// The browser, as it calls itself.
    pub user_agent: String,
    /// When it was opened.
    pub created_ms: i64,
    /// When it was used last, to within an hour.
    pub seen_ms: i64,
}

/// A program that asks with tokens (Grafana's service account).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Number, never used twice.
    pub id: u64,
    /// Name that tells accounts apart in addresses.
    pub uid: String,
    /// Name for people, unique.
    pub name: String,
    /// Login that is shown.
    pub login: String,
    /// What it may do.
    pub role: Role,
    /// Whether it is kept out.
    pub is_disabled: bool,
    /// When it was made.
    pub created_ms: i64,
    /// When it was changed last.
    pub updated_ms: i64,
}

/// A secret with which a program asks. Only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Number, never used twice.
    pub id: u64,
    /// Of which account.
    pub account_id: u64,
    /// Name, unique in its account.
    pub name: String,
    /// Hash of the secret.
    pub secret_hash: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it stops to count.
    pub expires_ms: Option<i64>,
}

/// A dashboard as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dashboard {
    /// Number, never used twice.
    pub id: u64,
    /// Name that tells dashboards apart in addresses.
    pub uid: String,
    /// Title.
    pub title: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// The folder's uid; empty: none.
    pub folder_uid: String,
    /// Number of the version, from 1.
    pub version: u64,
    /// The whole of it as Grafana's JSON.
    pub json: Value,
    /// When it was made.
    pub created_ms: i64,
    /// When it was changed last.
    pub updated_ms: i64,
    /// Login of who made it.
    pub created_by: String,
    /// Login of who changed it last.
    pub updated_by: String,
    /// The file that it comes from; such a one is changed there.
    pub provisioned_from: Option<String>,
}

/// A dashboard as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DashboardVersion {
    /// Which dashboard.
    pub dashboard_uid: String,
    /// Number of the version.
    pub version: u64,
    /// The version that it was made of.
    pub parent_version: u64,
    /// The version whose content was brought back; 0: none.
    pub restored_from: u64,
    /// When it was saved.
    pub created_ms: i64,
    /// Login of who saved it.
    pub created_by: String,
    /// What they said about it.
    pub message: String,
    /// The whole of it.
    pub json: Value,
}

/// A folder of dashboards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Number, never used twice.
    pub id: u64,
    /// Name that tells folders apart in addresses.
    pub uid: String,
    /// Title.
    pub title: String,
    /// The folder that it lies in; empty: none.
    pub parent_uid: String,
    /// What it is for.
    pub description: String,
    /// Number of the version, from 1.
    pub version: u64,
    /// When it was made.
    pub created_ms: i64,
    /// When it was changed last.
    pub updated_ms: i64,
    /// Login of who made it.
    pub created_by: String,
    /// Login of who changed it last.
    pub updated_by: String,
}

/// A note at a time or a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// Number, never used twice.
    pub id: u64,
    /// The dashboard that it belongs to; empty: to all.
    pub dashboard_uid: String,
    /// The panel that it belongs to; 0: to all.
    pub panel_id: i64,
    /// From when.
    pub time_ms: i64,
    /// Until when; the same as `time_ms` for a moment.
    pub time_end_ms: i64,
    /// The note.
    pub text: String,
    /// Tags.
    pub tags: Vec<String>,
    /// What programs put there.
    pub data: Value,
    /// When it was made.
    pub created_ms: i64,
    /// When it was changed last.
    pub updated_ms: i64,
    /// Login of who made it.
    pub login: String,
    /// Number of who made it.
    pub user_id: u64,
}

/// Where else data can be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSource {
    /// Number, never used twice.
    pub id: u64,
    /// Name that tells data sources apart in addresses.
    pub uid: String,
    /// Name for people, unique.
    pub name: String,
    /// Kind, as Grafana's plugins are called: `prometheus`, `loki`, ...
    pub kind: String,
    /// Address.
    pub url: String,
    /// `proxy` or `direct`.
    pub access: String,
    /// User at the data source itself.
    pub user: String,
    /// Name of the database, where the kind has some.
    pub database: String,
    /// Whether basic authentication is used.
    pub basic_auth: bool,
    /// User for basic authentication.
    pub basic_auth_user: String,
    /// Whether cookies and client certificates are sent (a setting of browsers).
    pub with_credentials: bool,
    /// Whether it is the one that is meant when none is named.
    pub is_default: bool,
    /// What the kind needs to know besides.
    pub json_data: Value,
    /// The secrets among it, by name. Never shown.
    pub secrets: std::collections::BTreeMap<String, String>,
    /// Number of the version, from 1.
    pub version: u64,
    /// Whether it may not be changed over HTTP.
    pub is_read_only: bool,
    /// When it was made.
    pub created_ms: i64,
    /// When it was changed last.
    pub updated_ms: i64,
}

/// How somebody likes it: theme, time zone, home, language, and what they marked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// `light`, `dark`, `system` or nothing.
    pub theme: String,
    /// Time zone, `browser` or nothing.
    pub timezone: String,
    /// First day of the week, or nothing.
    pub week_start: String,
    /// Language, or nothing.
    pub language: String,
    /// The dashboard that opens first.
    pub home_dashboard_uid: String,
    /// Dashboards with a star.
    pub starred: std::collections::BTreeSet<String>,
    /// What pages keep besides.
    pub other: Value,
}
