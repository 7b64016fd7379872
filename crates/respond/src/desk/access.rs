//! What people do: whatever is answered with success is on disk.

use super::Desk;
use super::kept::Audit;
use crate::incident::{ChangeError, Edit, Moment, MomentKind};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name.
    pub name: String,
    /// Whether it is a user who logged in, and not only what somebody says.
    pub is_user: bool,
}

impl Who {
    /// What somebody says to be.
    pub fn claimed(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_user: false }
    }
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// It cannot be changed so.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Who asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// Not in this state, or not any more.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// It could not be written, and may be lost at a restart.
    #[error("not on disk: {0}")]
    Disk(#[from] std::io::Error),
}

/// What to do about a [`DeskError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskErrorKind {
    /// The request is wrong.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// Who asks may not.
    Forbidden,
    /// Another state.
    Conflict,
    /// The machine refused.
    Failed,
}

impl DeskError {
    /// What to do about it.
    pub const fn kind(&self) -> DeskErrorKind {
        match self {
            Self::Change(ChangeError::NotFound(_)) | Self::NotFound(_) => DeskErrorKind::NotFound,
            Self::Change(ChangeError::Conflict(_)) | Self::Conflict(_) => DeskErrorKind::Conflict,
            Self::Change(ChangeError::Invalid(_)) | Self::Invalid(_) => DeskErrorKind::Invalid,
            Self::Forbidden(_) => DeskErrorKind::Forbidden,
            Self::Disk(_) => DeskErrorKind::Failed,
        }
    }
}

impl Desk {
    /// Takes care of an incident: nothing escalates any more. `source` is where that was said
    /// (`pagerduty`, `opsgenie`, ...), which is not told of it again. Gives whether it is new.
    pub async fn acknowledge(
        &self,
        id: u64,
        who: &Who,
        comment: &str,
        source: &str,
    ) -> Result<bool, DeskError> {
        let now_ms = self.now_ms();
        let is_new = self.update(|state| {
            let is_new = state.book.acknowledge(id, (&who.name, comment), now_ms)?;
            if is_new {
                let detail = format!("incident {id} by {source}");
                state.audit(audit(now_ms, who, "acknowledge", detail));
            }
            Ok::<_, DeskError>(is_new)
        })?;
        self.persist().await?;
        if is_new {
            self.mirror(id, who, source);
        }
        Ok(is_new)
    }

    /// The harm is over.
    pub async fn mitigate(&self, id: u64, who: &Who, comment: &str) -> Result<(), DeskError> {
        self.person(who, "mitigate", id, |state, now_ms| {
            state.book.mitigate(id, (&who.name, comment), now_ms)
        })
        .await
    }

    /// It is over.
    pub async fn resolve(&self, id: u64, who: &Who, comment: &str) -> Result<(), DeskError> {
        self.person(who, "resolve", id, |state, now_ms| {
            state.book.resolve(id, (&who.name, comment), now_ms)
        })
        .await
    }

    /// It is not over.
    pub async fn reopen(&self, id: u64, who: &Who, comment: &str) -> Result<(), DeskError> {
        self.person(who, "reopen", id, |state, now_ms| {
            state.book.reopen(id, (&who.name, comment), now_ms)
        })
        .await
    }

    /// Says something.
    pub async fn comment(&self, id: u64, who: &Who, text: &str) -> Result<(), DeskError> {
        self.person(who, "comment", id, |state, now_ms| {
            state.book.comment(id, (&who.name, text), now_ms)
        })
        .await
    }

    /// Changes title, severity or owner.
    pub async fn edit(&self, id: u64, who: &Who, edit: &Edit) -> Result<(), DeskError> {
        self.person(who, "edit", id, |state, now_ms| state.book.edit(id, &who.name, edit, now_ms))
            .await
    }

    /// Makes other incidents a part of this one.
    pub async fn merge(&self, id: u64, who: &Who, from: &[u64]) -> Result<(), DeskError> {
        self.person(who, "merge", id, |state, now_ms| state.book.merge(id, from, &who.name, now_ms))
            .await
    }

    /// Makes an incident of its own of some alerts; gives its number.
    pub async fn split(&self, id: u64, who: &Who, alerts: &[String]) -> Result<u64, DeskError> {
        self.person(who, "split", id, |state, now_ms| {
            state.book.split(id, alerts, &who.name, now_ms)
        })
        .await
    }

    /// Something was deployed; gives on how many timelines it is.
    pub async fn deployed(
        &self,
        who: &Who,
        (service, version): (&str, &str),
        link: Option<String>,
        at_ms: Option<i64>,
    ) -> Result<usize, DeskError> {
        if service.is_empty() || version.is_empty() || service.len() + version.len() > 1_000 {
            let message = "a deployment has a service and a version".to_owned();
            return Err(DeskError::Invalid(message));
        }
        let now_ms = self.now_ms();
        let text = format!("{service} {version} deployed");
        let at_ms = at_ms.unwrap_or(now_ms).min(now_ms);
        let mut moment = Moment::new(at_ms, MomentKind::Deployment, &who.name, text);
        moment.link = link;
        let told = self.update(|state| state.book.deployed(service, &moment));
        self.persist().await?;
        Ok(told)
    }

    /// A message of a provider counts once.
    pub fn is_new_event(&self, event: &str) -> bool {
        self.update(|state| state.is_new_event(event))
    }

    async fn person<T>(
        &self,
        who: &Who,
        action: &str,
        id: u64,
        change: impl FnOnce(&mut super::State, i64) -> Result<T, ChangeError>,
    ) -> Result<T, DeskError> {
        let now_ms = self.now_ms();
        let result = self.update(|state| {
            let result = change(state, now_ms)?;
            state.audit(audit(now_ms, who, action, format!("incident {id}")));
            Ok::<_, DeskError>(result)
        })?;
        self.persist().await?;
        self.changed.notify_one();
        Ok(result)
    }
}

pub(super) fn audit(at_ms: i64, who: &Who, action: &str, detail: impl Into<String>) -> Audit {
    Audit {
        at_ms,
        by: super::shortened(who.name.clone(), 200),
        is_user: who.is_user,
        action: action.to_owned(),
        detail: super::shortened(detail.into(), 1_000),
        run: None,
    }
}
