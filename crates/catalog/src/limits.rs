//! How much there may be of everything.

use crate::{CatalogError, Change, State};

/// As many as there may be, and as large.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Users.
    pub users_max: usize,
    /// Sessions; the oldest ends for a new one.
    pub sessions_max: usize,
    /// Accounts of programs.
    pub accounts_max: usize,
    /// Tokens.
    pub tokens_max: usize,
    /// Dashboards.
    pub dashboards_max: usize,
    /// Versions of one dashboard; the oldest is forgotten for a new one.
    pub versions_max: usize,
    /// Bytes of one dashboard.
    pub dashboard_bytes_max: usize,
    /// Folders.
    pub folders_max: usize,
    /// Annotations; the oldest is forgotten for a new one.
    pub annotations_max: usize,
    /// Data sources.
    pub data_sources_max: usize,
    /// Things that were provisioned.
    pub provisioned_max: usize,
    /// Bytes of anything else.
    pub record_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            users_max: 10_000,
            sessions_max: 10_000,
            accounts_max: 2_000,
            tokens_max: 10_000,
            dashboards_max: 10_000,
            // As in Grafana (`versions_to_keep`).
            versions_max: 20,
            dashboard_bytes_max: 8 << 20,
            folders_max: 2_000,
            annotations_max: 100_000,
            data_sources_max: 500,
            provisioned_max: 10_000,
            record_bytes_max: 1 << 20,
        }
    }
}

impl Limits {
    /// Whether `change` may follow `state`, whose JSON has `bytes`.
    pub(crate) fn check(
        &self,
        state: &State,
        change: &Change,
        bytes: usize,
    ) -> Result<(), CatalogError> {
        let (what, count, max) = match change {
            Change::User(user) if state.user(user.id).is_none() => {
                ("users", state.users().len(), self.users_max)
            }
            Change::Account(account) if state.account(account.id).is_none() => {
                ("service accounts", state.accounts().len(), self.accounts_max)
            }
            Change::Token(_) => ("tokens", state.tokens().len(), self.tokens_max),
            Change::Dashboard(dashboard) if state.dashboard(&dashboard.uid).is_none() => {
                ("dashboards", state.dashboards().len(), self.dashboards_max)
            }
            Change::Folder(folder) if state.folder(&folder.uid).is_none() => {
                ("folders", state.folders().len(), self.folders_max)
            }
            Change::DataSource(source) if state.data_source(&source.uid).is_none() => {
                ("data sources", state.data_sources().len(), self.data_sources_max)
            }
            Change::Provisioned { kind, name, value }
                if !value.is_null() && state.provisioned(*kind, name).is_none() =>
            {
                ("provisioned resources", state.provisioned_count(), self.provisioned_max)
            }
            _ => ("", 0, 1),
        };
        if count >= max {
            return Err(CatalogError::TooMany { what, max });
        }
        let (what, bytes_max) = match change {
            Change::Dashboard(_) | Change::Version(_) => {
                ("the dashboard", self.dashboard_bytes_max.saturating_add(4096))
            }
            _ => ("the record", self.record_bytes_max),
        };
        if bytes > bytes_max { Err(CatalogError::TooLarge { what, bytes_max }) } else { Ok(()) }
    }

    /// What has to go so that there are not too many.
    pub(crate) fn outdated(&self, state: &State) -> Vec<Change> {
        let mut gone = Vec::new();
        let excess = state.sessions().len().saturating_sub(self.sessions_max);
        if excess > 0 {
            let mut sessions: Vec<_> = state.sessions().values().collect();
            sessions.sort_by_key(|session| (session.seen_ms, session.id));
            gone.extend(sessions.iter().take(excess).map(|s| Change::SessionGone(s.id)));
        }
        let excess = state.annotations().len().saturating_sub(self.annotations_max);
        gone.extend(state.annotations().keys().take(excess).map(|id| Change::AnnotationGone(*id)));
        gone
    }
}
