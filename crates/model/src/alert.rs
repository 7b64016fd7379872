//! An alert on its way from the rule that found it to the people who are told.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Labels, TenantId};

/// One alert as a sender sees it at one moment: the same labels are the same alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is about; its identity.
    pub labels: Labels,
    /// What people are told. Not part of the identity.
    pub annotations: BTreeMap<String, String>,
    /// Since when, in milliseconds since the epoch. `None`: since it is first heard of.
    pub starts_at_ms: Option<i64>,
    /// When it ended, or will be taken as ended unless it is sent again; milliseconds since the
    /// epoch. `None`: the receiver's `resolve_timeout` decides.
    pub ends_at_ms: Option<i64>,
    /// Link to what raised it.
    pub generator_url: String,
}

/// Takes alerts: Vigie's own dispatcher is one, senders to other Alertmanagers are others.
///
/// Must not block: an implementation queues, within a limit, and counts what it drops.
pub trait AlertSink: Send + Sync + fmt::Debug {
    /// Takes what is firing or has just been resolved. Repeated by the sender while it fires.
    fn send(&self, tenant: &TenantId, alerts: Vec<Alert>);
}
