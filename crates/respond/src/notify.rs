//! Telling somebody: the seam between the engine, which decides what is told to whom and when,
//! and the integrations, which know how to say it.

mod build;
mod chat;
mod email;
mod jira;
mod mail;
mod message;
mod messenger;
mod opsgenie;
mod pager;
mod pagerduty;
mod payload;
mod post;
mod provider;
mod slack;
mod smtp;
mod sns;
mod teams;
mod webhook;
mod wechat;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use vigie_model::Labels;

pub use build::build_integrations;
pub use message::MessageTemplates;
pub use post::NotifyEnvironment;
pub(crate) use vigie_dial::sign::hmac;

use crate::Fingerprint;

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyReason {
    /// The group was not told of before, or was wholly resolved.
    First,
    /// Alerts joined the group.
    NewAlerts,
    /// Some of the group's alerts are resolved.
    NewResolved,
    /// All of the group's alerts are resolved.
    AllResolved,
    /// Nothing changed, and `repeat_interval` is over.
    Repeat,
    /// Somebody asked for a test.
    Test,
}

impl NotifyReason {
    /// As Alertmanager's templates see it (`.NotificationReason`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::NewResolved => "some alerts resolved",
            Self::AllResolved => "all alerts resolved",
            Self::Repeat => "repeat interval elapsed",
            Self::Test => "test",
        }
    }
}

/// One alert of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyAlert {
    /// What it is about.
    pub labels: Labels,
    /// What people are told.
    pub annotations: Arc<BTreeMap<String, String>>,
    /// Since when, in milliseconds since the epoch.
    pub starts_at_ms: i64,
    /// When it ended; `None` while it fires.
    pub ends_at_ms: Option<i64>,
    /// Link to what raised it.
    pub generator_url: Arc<str>,
    /// Its identity.
    pub fingerprint: Fingerprint,
}

impl NotifyAlert {
    /// Whether it is over.
    pub const fn is_resolved(&self) -> bool {
        self.ends_at_ms.is_some()
    }
}

/// The group that somebody is told of.
#[derive(Debug, Clone)]
pub struct NotifyContext {
    /// Key of the group: the same as long as the route and the group's labels are.
    pub group_key: String,
    /// Name of the receiver.
    pub receiver: String,
    /// Labels that the group's alerts share by `group_by`.
    pub group_labels: Labels,
    /// Labels of the route; the values are templates.
    pub route_labels: Arc<BTreeMap<String, String>>,
    /// Why.
    pub reason: NotifyReason,
    /// The moment of the flush, in milliseconds since the epoch.
    pub now_ms: i64,
    /// How long this attempt may take.
    pub timeout: Duration,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What the integration said it should be told next time: ids of messages, tickets, threads.
    /// Empty for the first notification of a group.
    pub remembered: BTreeMap<String, String>,
}

/// What an integration says after it told somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotifyReceipt {
    /// What it wants to be told next time for this group; replaces what was remembered.
    pub remember: BTreeMap<String, String>,
    /// One line for the group's timeline: the status, the id of what was made. No secrets.
    pub detail: String,
}

/// What kind of failure it was, as Alertmanager's metrics name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyFailure {
    /// The other side refused what we sent (4xx).
    ClientError,
    /// The other side failed (5xx).
    ServerError,
    /// A template or a setting is wrong.
    Configuration,
    /// It took too long.
    Timeout,
    /// It was stopped: by a reload or the end of the process.
    Cancelled,
    /// Anything else: no connection, no name.
    Other,
}

impl NotifyFailure {
    /// As Alertmanager's metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientError => "clientError",
            Self::ServerError => "serverError",
            Self::Configuration | Self::Other => "other",
            Self::Timeout => "contextDeadlineExceeded",
            Self::Cancelled => "contextCanceled",
        }
    }
}

/// Nobody was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotifyError {
    /// Whether another attempt may succeed.
    pub retry: bool,
    /// What kind of failure it was.
    pub failure: NotifyFailure,
    /// What happened. No secrets: it is logged and shown.
    pub reason: String,
}

/// A message as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// Named parts in their order (`subject`, `text`, `body`, ...). No secrets.
    pub parts: Vec<(String, String)>,
}

/// Tells one integration of a receiver.
pub trait Notifier: Send + Sync + fmt::Debug {
    /// Tells of `alerts`. The future may be dropped at any time, when the deadline has passed.
    fn notify<'a>(
        &'a self,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
    ) -> BoxFuture<'a, Result<NotifyReceipt, NotifyError>>;

    /// Tells that somebody takes care, where the other side can be told; `None` where not.
    fn acknowledge<'a>(
        &'a self,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
        by: &'a str,
    ) -> Option<BoxFuture<'a, Result<NotifyReceipt, NotifyError>>> {
        let _ = (context, alerts, by);
        None
    }

    /// The message that [`notify`](Self::notify) would send, for previews.
    fn render(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<Rendered, NotifyError>;
}

/// One way in which a receiver is told.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Kind, as in Alertmanager's metrics: `email`, `webhook`, `slack`, ...
    pub kind: &'static str,
    /// Its place among the receiver's integrations of that kind.
    pub index: u32,
    /// Whether it tells of resolved alerts.
    pub sends_resolved: bool,
    /// How.
    pub notifier: Arc<dyn Notifier>,
}

/// What every receiver of a configuration is told by, by the receiver's name.
pub type Integrations = BTreeMap<String, Vec<Integration>>;

#[cfg(test)]
mod tests;
