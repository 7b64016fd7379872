//! Tells: the HTTP APIs, the front door of every listener, the embedded page.
//!
//! A request enters by the [`FrontDoor`], which knows who asks and what limits hold, and is
//! answered by the router of a part: the Prometheus API ([`prometheus::router`]), Elasticsearch's
//! ([`elasticsearch::router`]), Alertmanager's ([`alertmanager::router`]), OTLP
//! ([`otlp::router`]), Jaeger's ([`jaeger::router`]), Tempo's ([`tempo::router`]), Grafana's
//! ([`grafana::router`]), the page.
//! Data itself is decided elsewhere: nothing here stores, evaluates or scrapes.

pub mod alertmanager;
pub mod collector;
pub mod elasticsearch;
mod error;
mod front_door;
pub mod grafana;
mod grpc;
pub mod http_input;
pub mod incidents;
pub mod jaeger;
mod json;
pub mod logstash;
pub mod loki;
mod number;
pub mod otlp;
pub mod page;
mod passwords;
pub mod postgres;
pub mod prometheus;
mod span_form;
pub mod sql;
mod telemetry;
pub mod tempo;
pub mod traces;
mod users;

pub use error::{ShowError, ShowErrorKind};
pub use front_door::{
    BodyError, Caller, Denied, Entry, FrontDoor, FrontDoorOptions, Identity, RequestBody,
    TENANT_HEADER, TextService, WireService, behind_sign_in,
};
pub use telemetry::{
    Collector, Counter, DURATION_BOUNDS_SECONDS, ExpositionText, Gauge, Histogram, Telemetry,
};
pub use users::{Users, UsersOptions};
