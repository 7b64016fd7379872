//! Tests of the states of alerts: simulated minutes, no clock.

use super::*;

const MINUTE: i64 = 60_000;

fn found(names: &[&str]) -> Vec<Found> {
    let one = |name: &&str| Found {
        labels: Labels::from_pairs([("alertname", "A"), ("instance", *name)]),
        annotations: Arc::default(),
        value: 1.0,
    };
    names.iter().map(one).collect()
}

fn times(for_minutes: i64, keep_minutes: i64) -> Times {
    Times { for_ms: for_minutes * MINUTE, keep_firing_for_ms: keep_minutes * MINUTE, limit: 0 }
}

/// One letter a minute: present (`x`) or not (`.`); the states that follow.
fn states(presence: &str, times: Times) -> String {
    let mut alerts = ActiveAlerts::default();
    let state = |(minute, c): (usize, char)| {
        let present = if c == 'x' { found(&["i"]) } else { Vec::new() };
        alerts.update(present, minute as i64 * MINUTE, times).unwrap();
        match alerts.state() {
            _ if alerts.is_empty() => '-',
            AlertState::Pending => 'p',
            AlertState::Firing => 'F',
            AlertState::Inactive => 'r',
            AlertState::Unknown => '?',
        }
    };
    presence.chars().enumerate().map(state).collect()
}

#[test]
fn an_alert_waits_fires_and_is_resolved() {
    assert_eq!(states("xxx..", times(2, 0)), "ppFrr");
    assert_eq!(states("x.x", times(2, 0)), "p-p", "pending leaves no trace");
    assert_eq!(states("x.", times(0, 0)), "Fr");
    assert_eq!(states("x.x", times(0, 0)), "FrF", "it fires anew");
}

#[test]
fn keep_firing_for_bridges_gaps() {
    assert_eq!(states("x.xx...", times(0, 2)), "FFFFFFr");
    assert_eq!(states("x...", times(0, 1)), "FFrr");
}

#[test]
fn a_resolved_alert_is_kept_for_fifteen_minutes() {
    assert_eq!(states("x.................", times(0, 0)), "Frrrrrrrrrrrrrrrr-");
}

#[test]
fn a_longer_for_makes_a_firing_alert_wait_again() {
    let mut alerts = ActiveAlerts::default();
    alerts.update(found(&["i"]), 0, times(0, 0)).unwrap();
    assert_eq!(alerts.state(), AlertState::Firing);
    alerts.update(found(&["i"]), MINUTE, times(5, 0)).unwrap();
    assert_eq!(alerts.state(), AlertState::Pending);
}

#[test]
fn firing_is_sent_again_each_minute_and_resolved_at_once() {
    let mut alerts = ActiveAlerts::default();
    let mut sent = Vec::new();
    for tick in 0..12 {
        let at_ms = tick * 15_000;
        let present = if tick < 8 { found(&["i"]) } else { Vec::new() };
        alerts.update(present, at_ms, times(0, 0)).unwrap();
        for alert in alerts.take_due(at_ms, (MINUTE, 15_000), "link") {
            sent.push((at_ms / 1000, alert.starts_at_ms, alert.ends_at_ms));
        }
    }
    let until = |at_ms: i64| Some(at_ms + 4 * MINUTE);
    // More than a minute after the last time: at 75 s, not at 60 s.
    assert_eq!(
        sent,
        [(0, Some(0), until(0)), (75, Some(0), until(75_000)), (120, Some(0), Some(120_000)),]
    );
}

#[test]
fn a_pending_alert_is_not_sent() {
    let mut alerts = ActiveAlerts::default();
    alerts.update(found(&["i"]), 0, times(1, 0)).unwrap();
    assert!(alerts.take_due(0, (MINUTE, 15_000), "").is_empty());
}

#[test]
fn too_many_alerts_are_an_error_and_none_is_kept() {
    let mut alerts = ActiveAlerts::default();
    let limited = Times { limit: 1, ..times(0, 0) };
    let error = alerts.update(found(&["a", "b"]), 0, limited).unwrap_err();
    assert_eq!(error, "exceeded limit of 1 with 2 alerts");
    assert!(alerts.is_empty());
}

#[test]
fn two_series_that_become_one_alert_are_an_error() {
    let error = ActiveAlerts::default().update(found(&["a", "a"]), 0, times(0, 0)).unwrap_err();
    assert!(error.contains("same labelset"), "{error}");
}

#[test]
fn active_alerts_are_series_with_the_rules_labels() {
    let mut alerts = ActiveAlerts::default();
    alerts.update(found(&["i"]), 90_500, times(1, 0)).unwrap();
    let labels = BTreeMap::from([("severity".to_owned(), "page".to_owned())]);
    let samples = alerts.samples("A", &labels);
    let texts: Vec<String> = samples.iter().map(|(l, v)| format!("{l} {v}")).collect();
    assert_eq!(
        texts,
        [
            "ALERTS{alertname=\"A\", alertstate=\"pending\", instance=\"i\", severity=\"page\"} 1",
            "ALERTS_FOR_STATE{alertname=\"A\", instance=\"i\", severity=\"page\"} 90",
        ]
    );
}
