//! `promtool push metrics`: exposition text to a server by remote write.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use vigie_dial::{HeaderMap, HeaderValue};
use vigie_formats::compression::compress_snappy;
use vigie_formats::exposition::{Entry, Format, LabelPairs, Parser};
use vigie_formats::remote_write::{encode_v1, encode_v2};
use vigie_model::{LabelsBuilder, MetricBatch};
use vigie_world::World;

use super::INPUT_BYTES_MAX;
use super::connection::{Connection, base, headers};
use super::lint::OPTIONS;
use crate::args::PushMetricsArgs;
use crate::config::duration;
use crate::log::{say, warn};

pub(super) async fn push(
    args: &PushMetricsArgs,
    connection: &Connection,
    world: &World,
) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    if args.files.is_empty() {
        say("Parsing standard input");
        let mut text = Vec::new();
        let read = std::io::stdin().take(INPUT_BYTES_MAX).read_to_end(&mut text);
        let pushed = match read {
            Ok(_) => one(&text, args, connection, world).await,
            Err(error) => Err(error.into()),
        };
        tell(pushed, &mut code);
    }
    for file in &args.files {
        say(&format!("Parsing metrics file {}", file.display()));
        let pushed = match world.disk.read(file) {
            Ok(text) => one(&text, args, connection, world).await,
            Err(error) => Err(error.into()),
        };
        tell(pushed, &mut code);
    }
    code
}

fn tell(pushed: Result<()>, code: &mut ExitCode) {
    match pushed {
        Ok(()) => say("  SUCCESS: metrics pushed to remote write."),
        Err(error) => {
            warn(&format!("  FAILED: {error:#}"));
            *code = ExitCode::FAILURE;
        }
    }
}

async fn one(
    text: &[u8],
    args: &PushMetricsArgs,
    connection: &Connection,
    world: &World,
) -> Result<()> {
    let batch = read(text, &args.label, world.clock.now_ms())?;
    let mut message = Vec::new();
    let (content_type, version) = match args.protobuf_message.as_str() {
        "prometheus.WriteRequest" => {
            encode_v1(&batch, &mut message);
            ("application/x-protobuf", "0.1.0")
        }
        "io.prometheus.write.v2.Request" => {
            encode_v2(&batch, &mut message);
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0")
        }
        other => bail!("unknown remote write protobuf message {other}"),
    };
    let mut head: HeaderMap = headers(&args.header)?;
    head.insert("content-type", HeaderValue::from_static(content_type));
    head.insert("content-encoding", HeaderValue::from_static("snappy"));
    head.insert("x-prometheus-remote-write-version", HeaderValue::from_static(version));
    let url = address(&args.url, &args.path)?;
    let timeout = duration(&args.timeout).context("--timeout")?;
    let answer = connection.post(&url, head, compress_snappy(&message)?, timeout).await?;
    if !answer.status.is_success() {
        let said = String::from_utf8_lossy(&answer.body);
        bail!("server returned HTTP status {}: {}", answer.status, said.trim());
    }
    Ok(())
}

/// The server with the path of remote write, unless the address has one already.
fn address(server: &str, path: &str) -> Result<String> {
    let server = base(server)?;
    let has_path = server.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    Ok(if has_path { server } else { format!("{server}/{}", path.trim_start_matches('/')) })
}

fn read(text: &[u8], labels: &[String], now_ms: i64) -> Result<MetricBatch> {
    let mut extra = Vec::new();
    for pair in labels {
        extra.push(
            pair.split_once('=').with_context(|| format!("label {pair:?} is not NAME=VALUE"))?,
        );
    }
    let mut batch = MetricBatch::new();
    let mut parser = Parser::new(Format::PrometheusText, text, OPTIONS)?;
    while let Some(entry) = parser.next()? {
        let Entry::Series(series) = entry else { continue };
        let mut pairs = LabelPairs::new();
        series.labels(&mut pairs)?;
        let mut builder = LabelsBuilder::new();
        for (name, value) in &pairs {
            builder.set(name, value);
        }
        for (name, value) in &extra {
            builder.set(name, value);
        }
        let time = series.timestamp_ms.unwrap_or(now_ms);
        batch.push_series(&builder.build()).sample(time, series.value);
    }
    if batch.is_empty() {
        bail!("no metrics found in input");
    }
    Ok(batch)
}
