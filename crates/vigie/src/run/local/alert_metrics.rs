//! Numbers of rules and of the delivery of alerts, under Prometheus' names.

use std::sync::atomic::{AtomicU64, Ordering};

use vigie_alert::{DurationSummary, GroupNumbers, RuleManager};
use vigie_receive::alertmanagers::{AlertmanagerMetrics, Destination};
use vigie_show::ExpositionText;

type Number<T> = fn(&T) -> f64;

/// Name, type, help and value of what is told of each group.
const GROUP: [(&str, &str, &str, Number<GroupNumbers>); 11] = [
    (
        "prometheus_rule_group_iterations_total",
        "counter",
        "The total number of scheduled rule group evaluations, whether executed or missed.",
        |n| get(&n.scheduled),
    ),
    (
        "prometheus_rule_group_iterations_missed_total",
        "counter",
        "The total number of rule group evaluations missed due to slow rule group evaluation.",
        |n| get(&n.missed),
    ),
    (
        "prometheus_rule_evaluations_total",
        "counter",
        "The total number of rule evaluations.",
        |n| get(&n.evaluations),
    ),
    (
        "prometheus_rule_evaluation_failures_total",
        "counter",
        "The total number of rule evaluation failures.",
        |n| get(&n.failures),
    ),
    ("prometheus_rule_group_rules", "gauge", "The number of rules.", |n| get(&n.rules)),
    ("prometheus_rule_group_interval_seconds", "gauge", "The interval of a rule group.", |n| {
        get(&n.interval_ms) / 1e3
    }),
    (
        "prometheus_rule_group_last_evaluation_timestamp_seconds",
        "gauge",
        "The timestamp of the last rule group evaluation in seconds.",
        |n| get(&n.last_evaluation_ms) / 1e3,
    ),
    (
        "prometheus_rule_group_last_duration_seconds",
        "gauge",
        "The duration of the last rule group evaluation.",
        |n| get(&n.last_duration_us) / 1e6,
    ),
    (
        "prometheus_rule_group_last_rule_duration_sum_seconds",
        "gauge",
        "The sum of time in seconds it took to evaluate each rule in the group.",
        |n| get(&n.last_rule_duration_sum_us) / 1e6,
    ),
    (
        "prometheus_rule_group_last_restore_duration_seconds",
        "gauge",
        "The duration of the last restoration of alerts from ALERTS_FOR_STATE.",
        |n| get(&n.last_restore_duration_us) / 1e6,
    ),
    (
        "prometheus_rule_group_last_evaluation_samples",
        "gauge",
        "The number of samples returned during the last rule group evaluation.",
        |n| get(&n.last_samples),
    ),
];

/// The same of each Alertmanager elsewhere.
const DESTINATION: [(&str, &str, &str, Number<Destination>); 3] = [
    ("prometheus_notifications_sent_total", "counter", "Total number of alerts sent.", |n| {
        get(&n.sent)
    }),
    (
        "prometheus_notifications_errors_total",
        "counter",
        "Total number of sent alerts affected by errors.",
        |n| get(&n.errors),
    ),
    ("vigie_alert_notifications_waiting", "gauge", "Alerts that wait for an Alertmanager.", |n| {
        get(&n.queue_length)
    }),
];

fn get(number: &AtomicU64) -> f64 {
    number.load(Ordering::Relaxed) as f64
}

/// Writes all of it.
pub(super) fn write(
    text: &mut ExpositionText,
    manager: &RuleManager,
    alertmanagers: &AlertmanagerMetrics,
) {
    let groups = manager.metrics().groups();
    for (name, kind, help, value) in GROUP {
        text.family(name, kind, help);
        for (key, numbers) in &groups {
            text.sample(name, &[("rule_group", key)], value(numbers));
        }
    }
    summary(
        text,
        "prometheus_rule_evaluation_duration_seconds",
        "The duration for a rule to execute.",
        &manager.metrics().rule_durations(),
    );
    summary(
        text,
        "prometheus_rule_group_duration_seconds",
        "The duration of rule group evaluations.",
        &manager.metrics().iteration_durations(),
    );
    let sent = get(&manager.metrics().alerts_sent);
    let help = "Alerts that rules handed on, repetitions included.";
    text.single("vigie_alert_handed_on_total", "counter", help, sent);
    notifications(text, alertmanagers);
}

fn notifications(text: &mut ExpositionText, alertmanagers: &AlertmanagerMetrics) {
    let destinations = alertmanagers.destinations();
    for (name, kind, help, value) in DESTINATION {
        text.family(name, kind, help);
        for (url, numbers) in &destinations {
            text.sample(name, &[("alertmanager", url)], value(numbers));
        }
    }
    let name = "prometheus_notifications_latency_seconds";
    text.family(name, "summary", "Latency quantiles for sending alert notifications.");
    for (url, numbers) in &destinations {
        let labels = [("alertmanager", url.as_str())];
        let seconds = get(&numbers.request_duration_us) / 1e6;
        text.sample(&format!("{name}_sum"), &labels, seconds);
        text.sample(&format!("{name}_count"), &labels, get(&numbers.requests));
    }
    let sum = |value: Number<Destination>| destinations.iter().map(|(_, n)| value(n)).sum();
    let dropped: f64 = sum(|n| get(&n.dropped));
    let help = "Total number of alerts dropped due to errors when sending to Alertmanager.";
    text.single("prometheus_notifications_dropped_total", "counter", help, dropped);
    let help = "The number of alert notifications in the queue.";
    text.single(
        "prometheus_notifications_queue_length",
        "gauge",
        help,
        sum(|n| get(&n.queue_length)),
    );
    let help = "The number of alertmanagers discovered and active.";
    let name = "prometheus_notifications_alertmanagers_discovered";
    text.single(name, "gauge", help, destinations.len() as f64);
}

fn summary(text: &mut ExpositionText, name: &str, help: &str, durations: &DurationSummary) {
    text.family(name, "summary", help);
    for (q, label) in [(0.01, "0.01"), (0.05, "0.05"), (0.5, "0.5"), (0.9, "0.9"), (0.99, "0.99")] {
        text.sample(name, &[("quantile", label)], durations.quantile(q));
    }
    text.sample(&format!("{name}_sum"), &[], durations.sum_seconds);
    text.sample(&format!("{name}_count"), &[], durations.count as f64);
}
