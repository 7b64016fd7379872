//! Answers that are numbers, in the form that Loki has from Prometheus.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vigie_query::logql::{MetricSeries, MetricValue, Steps};

use super::read::object;

/// The answer for one time.
pub(super) fn instant(value: &MetricValue, steps: Steps) -> Response {
    let time = seconds(steps.start_ns);
    let data = match value {
        MetricValue::Scalar(value) => {
            json!({"resultType": "scalar", "result": [time, text(*value)], "stats": {}})
        }
        MetricValue::Series(series) => {
            let sample = |series: &MetricSeries| {
                let value = series.values.first().copied().flatten()?;
                Some(json!({"metric": object(&series.labels), "value": [time, text(value)]}))
            };
            let result: Vec<Value> = series.iter().filter_map(sample).collect();
            json!({"resultType": "vector", "result": result, "stats": {}})
        }
    };
    Json(json!({"status": "success", "data": data})).into_response()
}

/// The answer for a range of times.
pub(super) fn range(value: &MetricValue, steps: Steps) -> Response {
    let result: Vec<Value> = match value {
        MetricValue::Scalar(value) => {
            let values: Vec<Value> = (0..steps.count).map(|at| point(steps, at, *value)).collect();
            vec![json!({"metric": {}, "values": values})]
        }
        MetricValue::Series(series) => series
            .iter()
            .map(|series| {
                let values: Vec<Value> = series
                    .values
                    .iter()
                    .enumerate()
                    .filter_map(|(at, value)| value.map(|value| point(steps, at, value)))
                    .collect();
                json!({"metric": object(&series.labels), "values": values})
            })
            .collect(),
    };
    let data = json!({"resultType": "matrix", "result": result, "stats": {}});
    Json(json!({"status": "success", "data": data})).into_response()
}

fn point(steps: Steps, at: usize, value: f64) -> Value {
    json!([seconds(steps.time_ns(at)), text(value)])
}

/// A time as Prometheus' JSON has it: seconds, with milliseconds where there are some.
fn seconds(time_ns: i64) -> Value {
    let ms = time_ns.div_euclid(1_000_000);
    if ms % 1_000 == 0 { json!(ms / 1_000) } else { json!(ms as f64 / 1_000.0) }
}

/// A number as Go prints it without an exponent.
fn text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
