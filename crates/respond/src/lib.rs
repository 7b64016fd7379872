//! Reacts: alerts enter through an [`AlertSink`](vigie_model::AlertSink), notifications leave.
//!
//! Grouping, silences, inhibition, routing and notifying follow Alertmanager; every decision is
//! kept, so that for each notification, sent or not, Vigie can say why.
