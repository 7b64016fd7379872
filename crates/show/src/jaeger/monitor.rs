//! The monitor tab: latencies, calls and errors of services, from the metrics that are made of
//! spans (`traces_span_metrics_*`, see [`vigie_process::SpanMetrics`]).
//!
//! Parameters, their defaults and the form of the answer are those of jaeger-query's
//! `/api/metrics/...`; the answer is `MetricFamily` of jaeger-idl's `openmetrics.proto` as JSON.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vigie_language::promql;
use vigie_query::{QueryKind, QueryLimits, QueryRequest, QueryValue, RangeSeries};

use super::JaegerState;
use super::parameters::{Pairs, get};
use super::v1::{envelope, failure};
use crate::Identity;

const CALLS: &str = "traces_span_metrics_calls_total";
const BUCKETS: &str = "traces_span_metrics_duration_milliseconds_bucket";
/// Points of one series that an answer has at most.
const STEPS_MAX: i64 = 11_000;
/// Services that one request names at most.
const SERVICES_MAX: usize = 1_000;

/// What is asked for.
struct Wanted {
    services: Vec<String>,
    by_operation: bool,
    kinds: Vec<String>,
    end_ms: i64,
    lookback_ms: i64,
    step_ms: i64,
    rate_per_ms: i64,
}

/// The shortest step for which there are values: one millisecond, as Jaeger's answer is when it
/// asks Prometheus.
pub(super) async fn min_step() -> Response {
    envelope(&json!(1), 0)
}

pub(super) async fn family(
    State(state): State<Arc<JaegerState>>,
    identity: Identity,
    Path(kind): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let now_ms = state.world.clock.now_ms();
    let asked = wanted(&pairs, now_ms).and_then(|wanted| {
        let (name, help, expression) = expression(&kind, &pairs, &wanted)?;
        Ok((wanted, name, help, expression))
    });
    let (wanted, name, help, text) = match asked {
        Ok(asked) => asked,
        Err(message) => return failure(StatusCode::BAD_REQUEST, &message),
    };
    let series = match evaluate(&state, &identity, &wanted, &text).await {
        Ok(series) => series,
        Err(message) => return failure(StatusCode::INTERNAL_SERVER_ERROR, &message),
    };
    let metrics: Vec<Value> = series.iter().map(metric).collect();
    let body = json!({"name": name, "type": "GAUGE", "help": help, "metrics": metrics});
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

fn wanted(pairs: &Pairs, now_ms: i64) -> Result<Wanted, String> {
    let all = |wanted: &str| -> Vec<String> {
        let found = pairs.iter().filter(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| value.clone()).collect()
    };
    let services = all("service");
    if services.is_empty() {
        return Err(
            "unable to parse param 'service': please provide at least one service name".to_owned()
        );
    }
    if services.len() > SERVICES_MAX {
        return Err(format!("unable to parse param 'service': more than {SERVICES_MAX} of them"));
    }
    let milliseconds = |name: &str, default: i64| match get(pairs, &[name]) {
        None => Ok(default),
        Some(text) => match text.parse::<i64>() {
            Ok(value) if value > 0 => Ok(value),
            _ => Err(format!(
                "unable to parse param '{name}': {text:?} is no number of milliseconds"
            )),
        },
    };
    let by_operation = match get(pairs, &["groupByOperation"]) {
        None | Some("false" | "0") => false,
        Some("true" | "1") => true,
        Some(text) => {
            return Err(format!(
                "unable to parse param 'groupByOperation': {text:?} is no boolean"
            ));
        }
    };
    let mut kinds = Vec::new();
    for kind in all("spanKind") {
        if !["unspecified", "internal", "server", "client", "producer", "consumer"]
            .contains(&kind.as_str())
        {
            return Err(format!(
                "unable to parse param 'spanKind': unsupported span kind: '{kind}'"
            ));
        }
        kinds.push(format!("SPAN_KIND_{}", kind.to_ascii_uppercase()));
    }
    if kinds.is_empty() {
        kinds.push("SPAN_KIND_SERVER".to_owned());
    }
    let wanted = Wanted {
        services,
        by_operation,
        kinds,
        end_ms: milliseconds("endTs", now_ms)?,
        lookback_ms: milliseconds("lookback", 3_600_000)?,
        step_ms: milliseconds("step", 5_000)?,
        rate_per_ms: milliseconds("ratePer", 600_000)?,
    };
    if wanted.lookback_ms / wanted.step_ms > STEPS_MAX {
        return Err(format!(
            "unable to parse param 'step': more than {STEPS_MAX} points; ask for a longer step"
        ));
    }
    Ok(wanted)
}

/// Name and help of the family, and the query for it.
fn expression(
    kind: &str,
    pairs: &Pairs,
    wanted: &Wanted,
) -> Result<(String, String, String), String> {
    let mut matchers = String::from("{");
    for (label, values) in [("service_name", &wanted.services), ("span_kind", &wanted.kinds)] {
        let pattern: Vec<String> = values.iter().map(|value| literal(value)).collect();
        // Writing to a text cannot fail.
        write!(matchers, "{label}=~\"{}\",", pattern.join("|")).ok();
    }
    let by = if wanted.by_operation { "service_name,span_name" } else { "service_name" };
    let window = wanted.rate_per_ms;
    let rate = |metric: &str, more: &str, by: &str| {
        format!("sum by ({by}) (rate({metric}{matchers}{more}}}[{window}ms]))")
    };
    let (stem, what) = if wanted.by_operation {
        ("service_operation", "grouped by service & operation")
    } else {
        ("service", "grouped by service")
    };
    let calls = rate(CALLS, "", by);
    Ok(match kind {
        "calls" => (format!("{stem}_call_rate"), format!("calls/sec, {what}"), calls),
        "errors" => {
            let errors = rate(CALLS, "status_code=\"STATUS_CODE_ERROR\"", by);
            let help =
                format!("error rate, computed as a fraction of errors/sec over calls/sec, {what}");
            // Where nothing failed, the rate of errors is 0 and not unknown.
            let text = format!("({errors} or 0 * {calls}) / {calls}");
            (format!("{stem}_error_rate"), help, text)
        }
        "latencies" => {
            let quantile = get(pairs, &["quantile"]).unwrap_or_default();
            let quantile: f64 = quantile
                .parse()
                .ok()
                .filter(|value| (0.0..=1.0).contains(value))
                .ok_or_else(|| {
                format!("unable to parse param 'quantile': {quantile:?} is no number from 0 to 1")
            })?;
            let buckets = rate(BUCKETS, "", &format!("{by},le"));
            let text = format!("histogram_quantile({quantile}, {buckets})");
            (format!("{stem}_latencies"), format!("{quantile}th quantile latency, {what}"), text)
        }
        other => return Err(format!("there is no metric {other:?}: latencies, calls, errors")),
    })
}

/// A pattern, within a text of PromQL, that matches `value` and nothing else.
fn literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for c in regex::escape(value).chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out
}

async fn evaluate(
    state: &JaegerState,
    identity: &Identity,
    wanted: &Wanted,
    text: &str,
) -> Result<Vec<RangeSeries>, String> {
    let expr = promql::parse(text).map_err(|error| format!("{text}: {error}"))?;
    let snapshot = state.store.snapshot(&identity.tenant);
    let kind = QueryKind::Range {
        start_ms: wanted.end_ms.saturating_sub(wanted.lookback_ms),
        end_ms: wanted.end_ms,
        step_ms: wanted.step_ms,
    };
    let request = QueryRequest { text, expr: &expr, kind, limits: QueryLimits::default() };
    let output = state.engine.evaluate(&snapshot, request).await.map_err(|e| e.to_string())?;
    Ok(match output.value {
        QueryValue::Matrix(series) => series,
        _ => Vec::new(),
    })
}

fn metric(series: &RangeSeries) -> Value {
    let labels: Vec<Value> = series
        .labels
        .iter()
        .map(|(name, value)| {
            let name = if name == "span_name" { "operation" } else { name };
            json!({"name": name, "value": value})
        })
        .collect();
    let points: Vec<Value> = series
        .timestamps_ms
        .iter()
        .zip(&series.values)
        .map(|(time_ms, value)| {
            let time = jiff::Timestamp::from_millisecond(*time_ms).unwrap_or_default();
            // protobuf's JSON writes what no number is as text.
            let value = if value.is_finite() { json!(value) } else { json!(text_of(*value)) };
            json!({"gaugeValue": {"doubleValue": value}, "timestamp": time.to_string()})
        })
        .collect();
    json!({"labels": labels, "metricPoints": points})
}

fn text_of(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Pairs {
        serde_urlencoded::from_str(text).unwrap()
    }

    #[test]
    fn queries_are_made_of_parameters() {
        let asked =
            pairs("service=a.b&service=c%22d&quantile=0.95&groupByOperation=true&spanKind=client");
        let wanted = wanted(&asked, 1_000_000).unwrap();
        assert_eq!((wanted.end_ms, wanted.step_ms), (1_000_000, 5_000));
        let (name, help, text) = expression("latencies", &asked, &wanted).unwrap();
        assert_eq!(name, "service_operation_latencies");
        assert_eq!(help, "0.95th quantile latency, grouped by service & operation");
        assert_eq!(
            text,
            r#"histogram_quantile(0.95, sum by (service_name,span_name,le) (rate(traces_span_metrics_duration_milliseconds_bucket{service_name=~"a\\.b|c\"d",span_kind=~"SPAN_KIND_CLIENT",}[600000ms])))"#
        );
        promql::parse(&text).unwrap();
        for kind in ["calls", "errors"] {
            promql::parse(&expression(kind, &asked, &wanted).unwrap().2).unwrap();
        }
    }

    #[test]
    fn wrong_parameters_are_told() {
        for (text, expected) in [
            ("", "'service'"),
            ("service=a&step=0", "'step'"),
            ("service=a&step=1", "'step'"),
            ("service=a&spanKind=x", "unsupported span kind: 'x'"),
            ("service=a&groupByOperation=x", "'groupByOperation'"),
            ("service=a&endTs=x", "'endTs'"),
        ] {
            let error = wanted(&pairs(text), 0).err().unwrap_or_default();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let asked = pairs("service=a&quantile=2");
        assert!(expression("latencies", &asked, &wanted(&asked, 0).unwrap()).is_err());
    }
}
