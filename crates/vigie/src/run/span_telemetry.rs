//! What the doors for traces and the stages behind them tell of themselves.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigie_process::{SpanMetrics, TailSampler};
use vigie_receive::agent::AgentCounters;
use vigie_show::Telemetry;

pub(super) fn register_agent(telemetry: &Telemetry, counters: &Arc<AgentCounters>) {
    let counters = Arc::clone(counters);
    telemetry.register(Box::new(move |text| {
        let values = [
            (
                "vigie_receive_agent_packets_total",
                "Datagrams of Jaeger clients.",
                &counters.packets,
            ),
            (
                "vigie_receive_agent_malformed_total",
                "Datagrams of Jaeger clients that were malformed.",
                &counters.malformed,
            ),
            (
                "vigie_receive_agent_dropped_total",
                "Datagrams of Jaeger clients that were dropped, as too many waited.",
                &counters.dropped,
            ),
            ("vigie_receive_agent_spans_total", "Spans taken from datagrams.", &counters.spans),
            (
                "vigie_receive_agent_refused_total",
                "Spans of datagrams that the store did not take.",
                &counters.refused,
            ),
        ];
        for (name, help, value) in values {
            text.family(name, "counter", help);
            text.sample(name, &[], value.load(Ordering::Relaxed) as f64);
        }
    }));
}

pub(super) fn register_metrics(telemetry: &Telemetry, counted: &Arc<SpanMetrics>) {
    let counted = Arc::clone(counted);
    telemetry.register(Box::new(move |text| {
        let now = counted.statistics();
        for (name, kind, help, value) in [
            (
                "vigie_process_span_metrics_keys",
                "gauge",
                "Combinations of service, operation, kind and status that are counted.",
                now.keys,
            ),
            (
                "vigie_process_span_metrics_edges",
                "gauge",
                "Pairs of services in the service graph.",
                now.edges,
            ),
            (
                "vigie_process_span_metrics_waiting",
                "gauge",
                "Spans that wait for the other end of their call.",
                now.waiting,
            ),
            (
                "vigie_process_span_metrics_overflowed_total",
                "counter",
                "Spans counted as _other, as there were too many operations.",
                now.overflowed,
            ),
            (
                "vigie_process_span_metrics_late_total",
                "counter",
                "Spans not counted, as they ended too long ago.",
                now.late,
            ),
            (
                "vigie_process_span_metrics_failed_writes_total",
                "counter",
                "Writes of span metrics that the store refused.",
                now.failed_writes,
            ),
        ] {
            text.family(name, kind, help);
            text.sample(name, &[], value as f64);
        }
    }));
}

pub(super) fn register_sampling(telemetry: &Telemetry, sampler: &Arc<TailSampler>) {
    let sampler = Arc::clone(sampler);
    telemetry.register(Box::new(move |text| {
        let now = sampler.statistics();
        for (name, kind, help, value) in [
            (
                "vigie_process_tail_sampling_waiting",
                "gauge",
                "Traces that wait for their decision.",
                now.waiting,
            ),
            (
                "vigie_process_tail_sampling_kept_total",
                "counter",
                "Traces that were kept.",
                now.kept,
            ),
            (
                "vigie_process_tail_sampling_away_total",
                "counter",
                "Traces that were sampled away.",
                now.away,
            ),
            (
                "vigie_process_tail_sampling_early_total",
                "counter",
                "Traces that were decided before their time, as too many waited.",
                now.early,
            ),
            (
                "vigie_process_tail_sampling_late_spans_total",
                "counter",
                "Spans that came after their trace was decided.",
                now.late,
            ),
            (
                "vigie_process_tail_sampling_removed_spans_total",
                "counter",
                "Spans removed from the store.",
                now.removed,
            ),
            (
                "vigie_process_tail_sampling_to_remove_spans",
                "gauge",
                "Spans that wait to be removed from the store.",
                now.to_remove,
            ),
            (
                "vigie_process_tail_sampling_failed_total",
                "counter",
                "Changes that the store refused; they are tried again.",
                now.failed,
            ),
        ] {
            text.family(name, kind, help);
            text.sample(name, &[], value as f64);
        }
        let name = "vigie_process_tail_sampling_policy_kept_total";
        text.family(name, "counter", "Traces that each policy kept.");
        for (policy, kept) in sampler.policy_names().zip(&now.by_policy) {
            text.sample(name, &[("policy", policy)], *kept as f64);
        }
    }));
}
