//! Decides: rules on a schedule, over snapshots, become recorded series and alerts.
//!
//! Rule files enter; recorded samples leave through a `MetricSink`, alerts through an
//! [`AlertSink`](vigie_model::AlertSink). Nothing here knows who is notified, or how.
