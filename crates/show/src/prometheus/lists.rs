//! Notifications for the page, of which there are none, and the list of features.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::Shared;
use super::answer::{Answer, Answered};

pub(super) async fn notifications() -> Answer {
    Answer::written(|out| out.extend_from_slice(b"[]"))
}

/// Nothing will ever come: what Prometheus answers when it has no room for another listener.
pub(super) async fn notifications_live() -> StatusCode {
    StatusCode::NO_CONTENT
}

#[derive(Serialize)]
struct Features(BTreeMap<&'static str, BTreeMap<&'static str, bool>>);

pub(super) async fn features(State(state): State<Shared>) -> Answered {
    let options = &state.options;
    let api = BTreeMap::from([
        ("admin", options.enable_admin_api),
        ("exclude_alerts", true),
        ("label_values_match", true),
        ("lifecycle", options.enable_lifecycle),
        ("query_stats", true),
        ("query_warnings", true),
        ("remote_write_receiver", options.enable_remote_write_receiver),
        ("search", true),
        ("time_range_labels", true),
        ("time_range_series", true),
    ]);
    let promql = BTreeMap::from([
        ("at_modifier", true),
        ("duration_expr", true),
        ("negative_offset", true),
        ("per_query_lookback_delta", true),
        ("subqueries", true),
    ]);
    let prometheus = BTreeMap::from([("agent_mode", false), ("server_mode", true)]);
    let rules = BTreeMap::from([
        ("concurrent_rule_eval", true),
        ("keep_firing_for", true),
        ("query_offset", true),
    ]);
    let tsdb = BTreeMap::from([("exemplar_storage", true), ("native_histograms", true)]);
    let all = [
        ("api", api),
        ("prometheus", prometheus),
        ("promql", promql),
        ("rules", rules),
        ("tsdb", tsdb),
    ];
    Answer::data(&Features(BTreeMap::from(all)))
}
