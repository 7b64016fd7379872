//! Reacts: alerts enter through an [`AlertSink`](vigie_model::AlertSink), notifications leave.
//!
//! Grouping, silences, inhibition, routing and notifying follow Alertmanager; every decision is
//! kept, so that for each notification, sent or not, Vigie can say why.

mod alert;
pub mod config;
pub mod desk;
mod engine;
mod fingerprint;
pub mod incident;
mod inhibit;
mod interval;
mod limits;
pub mod link;
mod log;
mod matcher;
pub mod notify;
pub mod oncall;
mod responder;
mod route;
pub mod runbook;
mod silence;
mod templates;
pub mod why;

pub use alert::{AlertError, Now, StoredAlert};
pub use engine::{
    Acknowledgement, AlertFilter, AlertStatus, AlertView, Delivery, DeliveryStats, Engine,
    EngineStats, EngineTimes, GroupView, LATENCY_BOUNDS_SECONDS, PutOutcome, Record, Restored,
    Running, Told,
};
pub use fingerprint::Fingerprint;
pub use inhibit::InhibitRule;
pub use interval::{MinuteSpan, NamedIntervals, Span, TimeInterval};
pub use limits::Limits;
pub use log::{LogEntry, LogKey, Verdict};
pub use matcher::{AlertMatcher, AlertMatchers, MatcherError, MatcherSyntax, ParsedMatchers};
pub use responder::{
    AccessError, Preview, RenderedIntegration, RespondError, RespondErrorKind, Responder,
    ResponderOptions, Tenant, preview,
};
pub use route::{Grouping, Route, RouteTree};
pub use silence::{Silence, SilenceError, SilenceRequest, SilenceState};
pub use templates::template_files;
