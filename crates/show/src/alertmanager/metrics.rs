//! Numbers under the names that Alertmanager's dashboards and rules use, and Vigie's own.

use std::collections::BTreeMap;

use vigie_respond::{
    AlertFilter, DeliveryStats, Engine, LATENCY_BOUNDS_SECONDS, Now, Silence, SilenceState,
};

use super::AlertmanagerState;
use crate::ExpositionText;

/// What is summed over tenants.
#[derive(Debug, Default)]
struct Sums {
    active: u64,
    suppressed: u64,
    firing: u64,
    resolved: u64,
    invalid: u64,
    groups: u64,
    groups_limited: u64,
    queue: u64,
    log_entries: u64,
    silences: BTreeMap<&'static str, u64>,
    muted: BTreeMap<&'static str, u64>,
    deliveries: BTreeMap<(String, String), DeliveryStats>,
}

impl Sums {
    fn add(&mut self, engine: &Engine, now: Now) {
        for view in engine.alerts(&AlertFilter::default(), now) {
            if view.status.is_active() {
                self.active += 1;
            } else {
                self.suppressed += 1;
            }
        }
        let stats = engine.stats();
        self.firing += stats.received_firing;
        self.resolved += stats.received_resolved;
        self.invalid += stats.alerts_invalid;
        self.groups += engine.group_count() as u64;
        self.groups_limited += stats.groups_limited;
        self.queue += engine.queue_length() as u64;
        self.log_entries += engine.log_length() as u64;
        for state in [SilenceState::Active, SilenceState::Pending, SilenceState::Expired] {
            let is_in = |silence: &&Silence| silence.state(now.wall_ms) == state;
            let count = engine.silences(now.wall_ms).iter().filter(is_in).count();
            *self.silences.entry(state.as_str()).or_default() += count as u64;
        }
        for (reason, count) in &stats.suppressed {
            *self.muted.entry(reason).or_default() += count;
        }
        for ((receiver, kind, _), stats) in &stats.deliveries {
            let sum = self.deliveries.entry((kind.to_string(), receiver.to_string())).or_default();
            add_delivery(sum, stats);
        }
    }
}

fn add_delivery(sum: &mut DeliveryStats, stats: &DeliveryStats) {
    sum.notifications += stats.notifications;
    sum.attempts += stats.attempts;
    sum.attempts_failed += stats.attempts_failed;
    sum.latency_sum_seconds += stats.latency_sum_seconds;
    for (sum, count) in sum.latency.iter_mut().zip(stats.latency) {
        *sum += count;
    }
    for (failure, count) in &stats.failed {
        *sum.failed.entry(*failure).or_default() += count;
    }
    sum.last_success_ms = sum.last_success_ms.max(stats.last_success_ms);
}

/// Writes all numbers of reacting.
pub fn expose(state: &AlertmanagerState, text: &mut ExpositionText) {
    let mut sums = Sums::default();
    for (_, tenant) in state.responder.tenants() {
        tenant.ask(|engine, now| sums.add(engine, now));
    }
    let version = state.version.as_str();
    text.family("alertmanager_build_info", "gauge", "The version whose behaviour is served.");
    text.sample("alertmanager_build_info", &[("version", version)], 1.0);
    counts(&sums, text);
    configuration(state, text);
    deliveries(&sums, text);
}

fn counts(sums: &Sums, text: &mut ExpositionText) {
    text.family("alertmanager_alerts", "gauge", "How many alerts by state.");
    for (state, value) in
        [("active", sums.active), ("suppressed", sums.suppressed), ("unprocessed", 0)]
    {
        text.sample("alertmanager_alerts", &[("state", state)], value as f64);
    }
    let name = "alertmanager_alerts_received_total";
    text.family(name, "counter", "The total number of received alerts.");
    for (status, value) in [("firing", sums.firing), ("resolved", sums.resolved)] {
        text.sample(name, &[("status", status), ("version", "v2")], value as f64);
    }
    let name = "alertmanager_alerts_invalid_total";
    text.family(name, "counter", "The total number of received alerts that were invalid.");
    text.sample(name, &[("version", "v2")], sums.invalid as f64);
    text.family("alertmanager_silences", "gauge", "How many silences by state.");
    for (state, value) in &sums.silences {
        text.sample("alertmanager_silences", &[("state", state)], *value as f64);
    }
    for (name, kind, help, value) in [
        (
            "alertmanager_dispatcher_aggregation_groups",
            "gauge",
            "Number of active aggregation groups.",
            sums.groups,
        ),
        (
            "alertmanager_dispatcher_aggregation_group_limit_reached_total",
            "counter",
            "Number of times when an alert found no group because there are too many.",
            sums.groups_limited,
        ),
        (
            "vigie_respond_queue_length",
            "gauge",
            "Notifications under way or waiting for another attempt.",
            sums.queue,
        ),
        (
            "vigie_respond_log_entries",
            "gauge",
            "Entries of the notification log.",
            sums.log_entries,
        ),
        ("alertmanager_cluster_enabled", "gauge", "Whether there is a cluster.", 0),
    ] {
        text.single(name, kind, help, value as f64);
    }
    let name = "alertmanager_notifications_suppressed_total";
    text.family(name, "counter", "Alerts of which nobody was told at a flush, by what kept them.");
    for reason in ["active_time_interval", "inhibition", "mute_time_interval", "silence"] {
        let value = sums.muted.get(reason).copied().unwrap_or(0);
        text.sample(name, &[("reason", reason)], value as f64);
    }
}

fn configuration(state: &AlertmanagerState, text: &mut ExpositionText) {
    let reload = state.operator.last_reload();
    let running = state.responder.running();
    let integrations = running.integrations.values().map(Vec::len).sum::<usize>();
    for (name, help, value) in [
        (
            "alertmanager_config_last_reload_successful",
            "Whether the last configuration reload attempt was successful.",
            f64::from(u8::from(reload.is_success)),
        ),
        (
            "alertmanager_config_last_reload_success_timestamp_seconds",
            "Timestamp of the last successful configuration reload.",
            reload.at_ms as f64 / 1_000.0,
        ),
        (
            "alertmanager_receivers",
            "Number of configured receivers.",
            running.config.receivers.len() as f64,
        ),
        ("alertmanager_integrations", "Number of configured integrations.", integrations as f64),
    ] {
        text.single(name, "gauge", help, value);
    }
}

fn deliveries(sums: &Sums, text: &mut ExpositionText) {
    let each = |text: &mut ExpositionText, name, help, value: fn(&DeliveryStats) -> u64| {
        text.family(name, "counter", help);
        for ((kind, receiver), stats) in &sums.deliveries {
            let labels = [("integration", kind.as_str()), ("receiver_name", receiver.as_str())];
            text.sample(name, &labels, value(stats) as f64);
        }
    };
    each(text, "alertmanager_notifications_total", "Notifications that were begun.", |stats| {
        stats.notifications
    });
    each(text, "alertmanager_notification_requests_total", "Attempts to notify.", |stats| {
        stats.attempts
    });
    let help = "Attempts to notify that failed.";
    each(text, "alertmanager_notification_requests_failed_total", help, |stats| {
        stats.attempts_failed
    });
    let name = "alertmanager_notifications_failed_total";
    text.family(name, "counter", "Notifications that were given up, by reason.");
    for ((kind, receiver), stats) in &sums.deliveries {
        for (failure, count) in &stats.failed {
            let labels = [
                ("integration", kind.as_str()),
                ("reason", failure.as_str()),
                ("receiver_name", receiver.as_str()),
            ];
            text.sample(name, &labels, *count as f64);
        }
    }
    latencies(sums, text);
    let name = "vigie_respond_last_success_timestamp_seconds";
    text.family(name, "gauge", "When a receiver was told last.");
    for ((kind, receiver), stats) in &sums.deliveries {
        let labels = [("integration", kind.as_str()), ("receiver_name", receiver.as_str())];
        text.sample(name, &labels, stats.last_success_ms.unwrap_or(0) as f64 / 1_000.0);
    }
}

fn latencies(sums: &Sums, text: &mut ExpositionText) {
    text.family(
        "alertmanager_notification_latency_seconds",
        "histogram",
        "The latency of notifications in seconds.",
    );
    for ((kind, receiver), stats) in &sums.deliveries {
        let labels = [("integration", kind.as_str()), ("receiver_name", receiver.as_str())];
        let mut below = 0;
        for (bound, count) in LATENCY_BOUNDS_SECONDS.iter().zip(stats.latency) {
            below += count;
            let bound = bound.to_string();
            let with_bound = [labels[0], labels[1], ("le", bound.as_str())];
            text.sample(
                "alertmanager_notification_latency_seconds_bucket",
                &with_bound,
                below as f64,
            );
        }
        let with_bound = [labels[0], labels[1], ("le", "+Inf")];
        let all = stats.attempts as f64;
        text.sample("alertmanager_notification_latency_seconds_bucket", &with_bound, all);
        let sum = stats.latency_sum_seconds;
        text.sample("alertmanager_notification_latency_seconds_sum", &labels, sum);
        text.sample("alertmanager_notification_latency_seconds_count", &labels, all);
    }
}
