//! `vigie query sql`.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::args::{ServerArgs, SqlArgs, SqlOutput};
use crate::log::say;

/// A cell of a table is cut here.
const CELL_CHARS_MAX: usize = 100;

/// Asks and prints.
pub(crate) async fn ask(args: SqlArgs) -> Result<()> {
    let format = match args.output {
        SqlOutput::Csv => "csv",
        SqlOutput::Ndjson => "ndjson",
        SqlOutput::Json | SqlOutput::Table => "json",
    };
    let url = format!("{}/api/v1/sql?format={format}", args.server.address());
    let client = reqwest::Client::builder().timeout(Duration::from_secs(300)).build()?;
    let request = client.post(&url).json(&json!({"query": args.statement}));
    let text = answered(request, &args.server).await?.text().await?;
    if !matches!(args.output, SqlOutput::Table) {
        say(text.trim_end());
        return Ok(());
    }
    let body: Value = serde_json::from_str(&text).context("the answer is no JSON")?;
    print_table(body.get("data").context("the answer has no data")?);
    Ok(())
}

/// The answer to a question in SQL; what is refused is an error that says why and where.
pub(super) async fn answered(
    mut request: reqwest::RequestBuilder,
    server: &ServerArgs,
) -> Result<reqwest::Response> {
    if let Some(tenant) = &server.tenant {
        request = request.header("X-Scope-OrgID", tenant);
    }
    let answer = request.send().await.with_context(|| format!("asking {}", server.address()))?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let text = answer.text().await?;
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let message = body.get("error").and_then(Value::as_str).unwrap_or(&text);
    match body.get("position") {
        Some(place) => bail!("{message} (line {}, column {})", place["line"], place["column"]),
        None => bail!("{}", message.trim()),
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut line: String = text.replace(['\n', '\r', '\t'], " ");
    if line.chars().count() > CELL_CHARS_MAX {
        line = line.chars().take(CELL_CHARS_MAX - 1).collect::<String>() + "…";
    }
    line
}

fn print_table(data: &Value) {
    let list = |name: &str| data.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let header: Vec<String> = list("columns").iter().map(|column| cell(&column["name"])).collect();
    let rows: Vec<Vec<String>> = list("rows")
        .iter()
        .map(|row| row.as_array().into_iter().flatten().map(cell).collect())
        .collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).chain(header.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in std::iter::once(&header).chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        say(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
