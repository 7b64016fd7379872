//! `vigie query promql`: asks a running server and prints what it answers.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::chart::Chart;
use crate::args::{Output, PromqlArgs};
use crate::config::duration;

/// The server's answer to `/api/v1/query` and `/api/v1/query_range`.
#[derive(Debug, Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Value,
}

/// Asks and prints. Ends early, and tells the server so, when interrupted.
pub(crate) async fn ask(args: PromqlArgs, now_ms: i64) -> Result<()> {
    let (path, parameters) = question(&args, now_ms)?;
    let url = format!("{}{path}", args.server.address());
    let client = reqwest::Client::builder().timeout(Duration::from_secs(300)).build()?;
    let mut request = client.post(&url).form(&parameters);
    if let Some(tenant) = &args.server.tenant {
        request = request.header("X-Scope-OrgID", tenant);
    }
    let answered = async { anyhow::Ok(request.send().await?.text().await?) };
    // Dropping the request closes the connection, upon which the server cancels the query.
    let body = tokio::select! {
        body = with_progress(answered) => body.with_context(|| format!("asking {url}"))?,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; the query was cancelled"),
    };
    if args.output == Output::Json {
        return print(&body);
    }
    let answer: Answer = serde_json::from_str(&body)
        .with_context(|| format!("{url} did not answer as Prometheus does: {body:.200}"))?;
    if answer.status != "success" {
        bail!("{}", answer.error.unwrap_or_else(|| "the server gave no reason".into()));
    }
    let data = answer.data.context("the answer has no data")?;
    let width = terminal_width();
    let text = match (data.kind.as_str(), args.output) {
        ("matrix", Output::Auto | Output::Chart) => {
            Chart::from_matrix(&data.result).draw(width, 18)
        }
        _ => table(&data),
    };
    print(&text)?;
    for note in answer.warnings.iter().chain(&answer.infos) {
        report(note);
    }
    Ok(())
}

/// Path and parameters of what was asked.
fn question(args: &PromqlArgs, now_ms: i64) -> Result<(&'static str, Vec<(&'static str, String)>)> {
    let mut parameters = vec![("query", args.expression.clone())];
    let seconds = |ms: i64| format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000));
    let start_ms = match &args.since {
        Some(since) => Some(now_ms - i64::try_from(duration(since)?.as_millis())?),
        None => None,
    };
    if start_ms.is_none() && args.start.is_none() {
        parameters.extend(args.time.clone().map(|time| ("time", time)));
        return Ok(("/api/v1/query", parameters));
    }
    let step = match (&args.step, start_ms) {
        (Some(step), _) => step.clone(),
        // About as many points as the chart has columns.
        (None, Some(start)) => (((now_ms - start) / 1_000) / 120).max(1).to_string(),
        (None, None) => "60".to_owned(),
    };
    parameters
        .push(("start", args.start.clone().unwrap_or_else(|| seconds(start_ms.unwrap_or(now_ms)))));
    parameters.push(("end", args.end.clone().unwrap_or_else(|| seconds(now_ms))));
    parameters.push(("step", step));
    Ok(("/api/v1/query_range", parameters))
}

/// Says every second that the answer is awaited, when a person may be watching.
async fn with_progress<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let watched = std::io::stderr().is_terminal();
    let mut waited_s = 0_u32;
    loop {
        match tokio::time::timeout(Duration::from_secs(1), &mut work).await {
            Ok(done) => {
                if watched && waited_s > 0 {
                    status("\r\x1b[K");
                }
                return done;
            }
            Err(_) if watched => {
                waited_s += 1;
                status(&format!("\rwaiting for the answer: {waited_s} s (Ctrl-C cancels)"));
            }
            Err(_) => waited_s += 1,
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress is for the person at the terminal")]
fn status(text: &str) {
    eprint!("{text}");
}

#[expect(clippy::print_stderr, reason = "annotations belong beside the answer, not into it")]
fn report(note: &str) {
    eprintln!("{note}");
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| if text.ends_with('\n') { out.flush() } else { out.write_all(b"\n") });
    match written {
        // Whoever reads has seen enough (`| head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn terminal_width() -> usize {
    // `COLUMNS` is set by interactive shells only when exported; 100 suits most terminals.
    let columns = std::env::var_os("COLUMNS").and_then(|c| c.to_str()?.parse().ok());
    columns.unwrap_or(100).clamp(40, 400)
}

/// A line for each series: labels, then the value or values.
fn table(data: &Data) -> String {
    let pair = |value: &Value| value.get(1).and_then(Value::as_str).unwrap_or("").to_owned();
    let ("vector" | "matrix", Some(series)) = (data.kind.as_str(), data.result.as_array()) else {
        return format!("{}\n", pair(&data.result));
    };
    if series.is_empty() {
        return "no data\n".to_owned();
    }
    let mut rows = Vec::new();
    for one in series {
        let name = super::series_name(one.get("metric").unwrap_or(&Value::Null));
        let values = match (one.get("value"), one.get("histogram"), one.get("values")) {
            (Some(value), ..) => pair(value),
            (_, Some(histogram), _) => histogram_text(histogram.get(1).unwrap_or(&Value::Null)),
            (.., Some(values)) => {
                let values = values.as_array().map_or(&[][..], Vec::as_slice);
                values.iter().map(pair).collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        };
        rows.push((name, values));
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, values)| format!("{name:<width$}  {values}\n")).collect()
}

fn histogram_text(histogram: &Value) -> String {
    let text = |key: &str| histogram.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    format!("count {} sum {}", text("count"), text("sum"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_a_table_of_labels_and_values() {
        let result = serde_json::json!([
            {"metric": {"__name__": "up", "job": "a"}, "value": [1, "1"]},
            {"metric": {"job": "longer"}, "value": [1, "0"]},
        ]);
        let data = Data { kind: "vector".into(), result };
        assert_eq!(table(&data), "up{job=\"a\"}     1\n{job=\"longer\"}  0\n");
    }
}
