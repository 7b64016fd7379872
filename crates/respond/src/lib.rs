//! Reacts: alerts enter through an [`AlertSink`](vigie_model::AlertSink), notifications leave.
//!
//! Grouping, silences, inhibition, routing and notifying follow Alertmanager; every decision is
//! kept, so that for each notification, sent or not, Vigie can say why.

pub mod config;
mod fingerprint;
mod inhibit;
mod interval;
mod matcher;
pub mod notify;
mod route;

pub use fingerprint::Fingerprint;
pub use inhibit::InhibitRule;
pub use interval::{MinuteSpan, NamedIntervals, Span, TimeInterval};
pub use matcher::{AlertMatcher, AlertMatchers, MatcherError, MatcherSyntax, ParsedMatchers};
pub use route::{Grouping, Route, RouteTree};
