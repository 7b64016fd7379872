//! `promtool query` and the probes.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use vigie_dial::HeaderMap;
use vigie_world::World;

use super::connection::{Connection, base, headers};
use crate::args::{ProbeArgs, PromtoolQuery, PromtoolQueryArgs, ToolOutput};
use crate::log::{say, warn};

/// Asks and prints.
pub(super) async fn query(args: PromtoolQueryArgs, world: &World) -> Result<()> {
    let connection = Connection::new(args.http_config.as_deref(), world)?;
    let format = args.format;
    match args.what {
        PromtoolQuery::Instant { time, header, server, expression } => {
            let mut parameters = vec![("query", expression)];
            parameters.extend(time.map(|time| ("time", time)));
            let data =
                connection.ask(&server, "/api/v1/query", &parameters, headers(&header)?).await?;
            print_result(&data, format)
        }
        PromtoolQuery::Range { header, start, end, step, server, expression } => {
            let parameters = range(expression, (start, end, step), world.clock.now_ms())?;
            let data = connection
                .ask(&server, "/api/v1/query_range", &parameters, headers(&header)?)
                .await?;
            print_result(&data, format)
        }
        PromtoolQuery::Series { matches, start, end, server } => {
            let parameters = selection(matches, start, end);
            let data =
                connection.ask(&server, "/api/v1/series", &parameters, HeaderMap::new()).await?;
            print_list(&data, format, label_set)
        }
        PromtoolQuery::Labels { start, end, matches, server, name } => {
            let parameters = selection(matches, start, end);
            let path = format!("/api/v1/label/{}/values", path_escape(&name));
            let data = connection.ask(&server, &path, &parameters, HeaderMap::new()).await?;
            print_list(&data, format, |value| value.as_str().unwrap_or_default().to_owned())
        }
    }
}

/// Whether a server answers 200 at `path`.
pub(super) async fn probe(args: &ProbeArgs, path: &str, world: &World) -> Result<ExitCode> {
    let connection = Connection::new(args.http_config.as_deref(), world)?;
    let url = format!("{}{path}", base(&args.url)?);
    let asked = async {
        let answer = connection.get(&url, HeaderMap::new()).await?;
        if answer.status.as_u16() != 200 {
            bail!("check failed: URL={url}, status={}", answer.status.as_u16());
        }
        let said = String::from_utf8_lossy(&answer.body);
        warn(&format!("  SUCCESS:  {}", said.trim_end()));
        anyhow::Ok(())
    };
    Ok(super::failed_with("  FAILED", asked.await))
}

fn selection(
    matches: Vec<String>,
    start: Option<String>,
    end: Option<String>,
) -> Vec<(&'static str, String)> {
    let mut parameters: Vec<_> = matches.into_iter().map(|text| ("match[]", text)).collect();
    parameters.extend(start.map(|start| ("start", start)));
    parameters.extend(end.map(|end| ("end", end)));
    parameters
}

/// A label's name as one step of a path.
fn path_escape(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// promtool's defaults: five minutes until now, 250 steps of a second at least.
fn range(
    expression: String,
    (start, end, step): (Option<String>, Option<String>, Option<String>),
    now_ms: i64,
) -> Result<Vec<(&'static str, String)>> {
    let end_s = match &end {
        Some(text) => seconds(text).context("end time")?,
        None => now_ms as f64 / 1_000.0,
    };
    let start_s = match &start {
        Some(text) => seconds(text).context("start time")?,
        None => end_s - 300.0,
    };
    if start_s >= end_s {
        bail!("start time is not before end time");
    }
    let step = step.unwrap_or_else(|| ((end_s - start_s) / 250.0).floor().max(1.0).to_string());
    Ok(vec![
        ("query", expression),
        ("start", start_s.to_string()),
        ("end", end_s.to_string()),
        ("step", step),
    ])
}

/// Unix seconds or RFC 3339.
fn seconds(text: &str) -> Result<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Ok(number);
    }
    let time: jiff::Timestamp =
        text.parse().with_context(|| format!("cannot parse {text:?} to a valid timestamp"))?;
    Ok(time.as_millisecond() as f64 / 1_000.0)
}

fn print_result(data: &Value, format: ToolOutput) -> Result<()> {
    let result = data.get("result").unwrap_or(&Value::Null);
    match format {
        ToolOutput::Json => say(&serde_json::to_string(result)?),
        ToolOutput::Promql => {
            let kind = data.get("resultType").and_then(Value::as_str).unwrap_or_default();
            say(&text_of(kind, result)?);
        }
    }
    Ok(())
}

fn print_list(data: &Value, format: ToolOutput, text: impl Fn(&Value) -> String) -> Result<()> {
    match format {
        ToolOutput::Json => say(&serde_json::to_string(data)?),
        ToolOutput::Promql => {
            for value in data.as_array().into_iter().flatten() {
                say(&text(value));
            }
        }
    }
    Ok(())
}

/// An answer as the Go client of Prometheus writes it.
fn text_of(kind: &str, result: &Value) -> Result<String> {
    let point = |pair: &Value| {
        let time = pair.get(0).and_then(Value::as_f64).unwrap_or_default();
        let value = match pair.get(1) {
            Some(Value::String(text)) => text.clone(),
            Some(histogram) => histogram_text(histogram),
            None => String::new(),
        };
        format!("{value} @[{time}]")
    };
    Ok(match kind {
        "scalar" => format!("scalar: {}", point(result)),
        "string" => result.get(1).and_then(Value::as_str).unwrap_or_default().to_owned(),
        "vector" | "matrix" => {
            let series = result.as_array().map_or(&[][..], Vec::as_slice);
            let lines = series.iter().map(|one| {
                let name = crate::ask::series_name(one.get("metric").unwrap_or(&Value::Null));
                if let Some(value) = one.get("value").or_else(|| one.get("histogram")) {
                    return format!("{name} => {}", point(value));
                }
                let mut text = format!("{name} =>");
                for list in ["values", "histograms"] {
                    for pair in one.get(list).and_then(Value::as_array).into_iter().flatten() {
                        text.push('\n');
                        text.push_str(&point(pair));
                    }
                }
                text
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        other => bail!("unexpected value type {other:?}"),
    })
}

fn histogram_text(histogram: &Value) -> String {
    let number = |name: &str| -> f64 {
        histogram.get(name).and_then(Value::as_str).and_then(|t| t.parse().ok()).unwrap_or(0.0)
    };
    let buckets = histogram.get("buckets").and_then(Value::as_array);
    let buckets = buckets.into_iter().flatten().map(|bucket| {
        let text = |at: usize| bucket.get(at).and_then(Value::as_str).unwrap_or_default();
        let (opens, closes) = match bucket.get(0).and_then(Value::as_u64) {
            Some(0) => ('(', ']'),
            Some(1) => ('[', ')'),
            Some(3) => ('[', ']'),
            _ => ('(', ')'),
        };
        format!("{opens}{},{}{closes}:{}", text(1), text(2), text(3))
    });
    let buckets: Vec<String> = buckets.collect();
    format!(
        "Count: {:.6}, Sum: {:.6}, Buckets: [{}]",
        number("count"),
        number("sum"),
        buckets.join(" ")
    )
}

/// `{__name__="up", job="a"}`
fn label_set(labels: &Value) -> String {
    let pairs: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={:?}", value.as_str().unwrap_or_default()))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_read_as_the_go_client_writes_them() {
        let up = json!({"__name__": "up", "job": "a"});
        let vector = json!([{"metric": up, "value": [1.5, "1"]}]);
        assert_eq!(text_of("vector", &vector).unwrap(), "up{job=\"a\"} => 1 @[1.5]");
        let matrix = json!([{"metric": up, "values": [[1, "1"], [2, "+Inf"]]}]);
        assert_eq!(text_of("matrix", &matrix).unwrap(), "up{job=\"a\"} =>\n1 @[1]\n+Inf @[2]");
        assert_eq!(text_of("scalar", &json!([1, "2"])).unwrap(), "scalar: 2 @[1]");
        assert_eq!(label_set(&up), "{__name__=\"up\", job=\"a\"}");
    }

    #[test]
    fn a_range_has_promtools_defaults() {
        let asked = range("up".into(), (None, None, None), 1_000_000).unwrap();
        let texts: Vec<&str> = asked.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(texts, ["up", "700", "1000", "1"]);
        let swapped = (Some("2".into()), Some("1".into()), None);
        assert!(range("up".into(), swapped, 0).is_err());
    }
}
