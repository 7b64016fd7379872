//! What a query did and how long that took, told along with its answer when `trace=1` asks for
//! it: a tree in VictoriaMetrics' shape.

use std::time::Duration;

use serde::Serialize;
use vigie_query::{QueryKind, QueryOutput, QueryValue};

use super::parameters::Parameters;

/// A step, and the steps that it is made of.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    duration_msec: f64,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Self>,
}

impl Trace {
    fn leaf(duration: Duration, message: String) -> Self {
        Self { duration_msec: milliseconds(duration), message, children: Vec::new() }
    }
}

/// How long was spent before the engine had the query.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    pub(super) parse: Duration,
    pub(super) wait: Duration,
}

/// Whether `trace=1` was asked for.
pub(super) fn is_wanted(parameters: &Parameters) -> bool {
    matches!(parameters.get("trace"), "1" | "true" | "yes")
}

/// The tree of a query that was answered.
pub(super) fn tree(text: &str, kind: QueryKind, before: Before, output: &QueryOutput) -> Trace {
    let (timings, stats) = (&output.stats.timings, &output.stats);
    let selectors = &stats.selectors;
    let series: usize = selectors.iter().map(|selector| selector.series).sum();
    let select = Trace {
        duration_msec: milliseconds(timings.select),
        message: format!("find series: selectors={}, series={series}", selectors.len()),
        children: selectors
            .iter()
            .map(|selector| {
                let (start, end) = (selector.range.start_ms, selector.range.end_ms);
                let message = format!(
                    "select {}: series={}, timeRange=[{start}..{end}]",
                    selector.text, selector.series
                );
                Trace::leaf(selector.took, message)
            })
            .collect(),
    };
    let evaluate =
        format!("evaluate: samples={}, peakSamples={}", stats.samples, stats.samples_peak);
    let children = vec![
        Trace::leaf(before.parse, format!("parse: bytes={}", text.len())),
        Trace::leaf(before.wait, "wait for a place in which to run".to_owned()),
        Trace::leaf(timings.prepare, "plan".to_owned()),
        select,
        Trace::leaf(timings.evaluate, evaluate),
    ];
    let asked = match kind {
        QueryKind::Instant { time_ms } => format!("/api/v1/query: time={time_ms}"),
        QueryKind::Range { start_ms, end_ms, step_ms } => {
            format!("/api/v1/query_range: start={start_ms}, end={end_ms}, step={step_ms}")
        }
    };
    Trace {
        duration_msec: milliseconds(before.parse + before.wait + timings.total),
        message: format!("vigie: {asked}, query={text:?}: series={}", answered(&output.value)),
        children,
    }
}

const fn answered(value: &QueryValue) -> usize {
    match value {
        QueryValue::Vector(samples) => samples.len(),
        QueryValue::Matrix(series) => series.len(),
        QueryValue::Scalar { .. } | QueryValue::String { .. } => 1,
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}
