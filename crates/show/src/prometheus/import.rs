//! Data from files: exposition text and OpenMetrics (`/api/v1/import/prometheus`), and
//! VictoriaMetrics' JSON lines (`/api/v1/import`).
//!
//! A body is read as a whole before anything is written: a wrong line refuses all of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_formats::exposition::{Entry, Format, LabelPairs, ParseOptions, Parser, format_of};
use vigie_formats::victoria::ExportLine;
use vigie_model::{
    Acknowledge, HistogramPoint, Labels, LabelsBuilder, METRIC_NAME, MetricBatch, WriteErrorKind,
};

use super::Shared;
use super::parameters::Parameters;
use crate::{Identity, RequestBody};

/// A batch is handed over when it holds this many samples: bounds what one write holds.
const BATCH_SAMPLES_MAX: usize = 100_000;
const LABELS_MAX: usize = 2_048;

/// What the address asks for besides the body.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// For samples without a time.
    now_ms: i64,
    /// `extra_label=name=value`: set on every series.
    extra: Vec<(String, String)>,
}

impl Rules {
    pub(super) fn of(state: &Shared, parameters: &Parameters) -> Result<Self, String> {
        let now_ms = match parameters.get("timestamp") {
            "" => state.world.clock.now_ms(),
            text => text.parse().map_err(|_| format!("timestamp {text:?} is not a number"))?,
        };
        let pair = |text: &str| {
            let pair = text.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
            pair.ok_or_else(|| format!("extra_label {text:?} is not name=value"))
        };
        let extra: Result<_, _> = parameters.all("extra_label").map(pair).collect();
        Ok(Self { now_ms, extra: extra? })
    }

    /// The time of samples without one.
    pub(super) const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Adds the labels that the address asks for.
    pub(super) fn extend(&self, labels: &mut LabelsBuilder) {
        for (name, value) in &self.extra {
            labels.set(name, value);
        }
    }

    fn labels<'a>(
        &self,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Labels, String> {
        let mut builder = LabelsBuilder::new();
        for (count, (name, value)) in pairs.into_iter().enumerate() {
            if count == LABELS_MAX {
                return Err(format!("series has more than {LABELS_MAX} labels"));
            }
            builder.set(name, value);
        }
        self.extend(&mut builder);
        if builder.get(METRIC_NAME).is_none() {
            return Err("series has no metric name".to_owned());
        }
        Ok(builder.build())
    }
}

type Read = fn(&[u8], &HeaderMap, &Rules) -> Result<Vec<MetricBatch>, String>;

pub(super) async fn text(
    state: State<Shared>,
    identity: Identity,
    headers: HeaderMap,
    parameters: axum::extract::RawQuery,
    body: RequestBody,
) -> Response {
    import(state.0, identity, headers, parameters, body, read_text).await
}

pub(super) async fn json_lines(
    state: State<Shared>,
    identity: Identity,
    headers: HeaderMap,
    parameters: axum::extract::RawQuery,
    body: RequestBody,
) -> Response {
    import(state.0, identity, headers, parameters, body, read_json_lines).await
}

async fn import(
    state: Shared,
    identity: Identity,
    headers: HeaderMap,
    query: axum::extract::RawQuery,
    mut body: RequestBody,
    read: Read,
) -> Response {
    let bad = |detail: String| (StatusCode::BAD_REQUEST, format!("{detail}\n")).into_response();
    let rules = Parameters::of_query(query.0.as_deref().unwrap_or_default())
        .map_err(|error| error.message)
        .and_then(|parameters| Rules::of(&state, &parameters));
    let rules = match rules {
        Ok(rules) => rules,
        Err(detail) => return bad(detail),
    };
    // What is read of a body takes about as much as the body.
    if let Err(error) = body.reserve(body.bytes.len().saturating_mul(2)) {
        return error.into_response();
    }
    let body = Arc::new(body);
    let reading = {
        let body = Arc::clone(&body);
        tokio::task::spawn_blocking(move || read(&body.bytes, &headers, &rules))
    };
    let batches = match reading.await {
        Ok(Ok(batches)) => batches,
        Ok(Err(detail)) => return bad(detail),
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response();
        }
    };
    write_all(&state, &identity, batches).await
}

async fn write_all(state: &Shared, identity: &Identity, batches: Vec<MetricBatch>) -> Response {
    let mut rejected = 0;
    let mut reasons = String::new();
    for batch in batches {
        match state.sink.write(&identity.tenant, batch, Acknowledge::Durable).await {
            Ok(report) => {
                rejected += report.rejected;
                for rejection in report.rejections.iter().take(10) {
                    if reasons.len() < 4096 {
                        reasons.push_str(&rejection.message);
                        reasons.push('\n');
                    }
                }
            }
            Err(error) => {
                let status = match error.kind {
                    WriteErrorKind::Invalid => StatusCode::BAD_REQUEST,
                    WriteErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                };
                return (status, format!("{error}\n")).into_response();
            }
        }
    }
    if rejected > 0 {
        let text = format!("{rejected} samples were not taken\n{reasons}");
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    StatusCode::NO_CONTENT.into_response()
}

/// Batches that grow to a size and then begin anew.
#[derive(Debug, Default)]
pub(super) struct Batches {
    done: Vec<MetricBatch>,
    current: MetricBatch,
}

impl Batches {
    pub(super) fn next(&mut self) -> &mut MetricBatch {
        if self.current.sample_count() >= BATCH_SAMPLES_MAX {
            self.done.push(std::mem::take(&mut self.current));
        }
        &mut self.current
    }

    pub(super) fn finish(mut self) -> Vec<MetricBatch> {
        if !self.current.is_empty() {
            self.done.push(self.current);
        }
        self.done
    }
}

fn read_text(body: &[u8], headers: &HeaderMap, rules: &Rules) -> Result<Vec<MetricBatch>, String> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // Scripts that push text send any type, `curl` sends a form's.
    let format = format_of(content, None).map_or(Format::PrometheusText, |(format, _)| format);
    let options =
        ParseOptions { created_as_start: true, native_histograms: true, always_classic: false };
    let mut parser = Parser::new(format, body, options).map_err(|error| error.to_string())?;
    let mut batches = Batches::default();
    while let Some(entry) = parser.next().map_err(|error| error.to_string())? {
        let mut labels = Vec::new();
        match entry {
            Entry::Metadata(_) => {}
            Entry::Series(series) => {
                series.labels(&mut labels).map_err(|error| error.to_string())?;
                let own = pairs(&labels, rules)?;
                let time_ms = series.timestamp_ms.unwrap_or(rules.now_ms);
                let mut builder = batches.next().push_series(&own);
                builder.sample_started(time_ms, series.value, series.start_timestamp_ms);
                if let Some(mut exemplar) = series.exemplar {
                    if exemplar.timestamp_ms == 0 {
                        exemplar.timestamp_ms = time_ms;
                    }
                    builder.exemplar(exemplar);
                }
            }
            Entry::Histogram(series) => {
                series.labels(&mut labels).map_err(|error| error.to_string())?;
                vigie_formats::remote_write::check_histogram(&series.histogram)?;
                let own = pairs(&labels, rules)?;
                batches.next().push_series(&own).histogram(HistogramPoint {
                    timestamp_ms: series.timestamp_ms.unwrap_or(rules.now_ms),
                    start_timestamp_ms: series.start_timestamp_ms,
                    histogram: Arc::new(series.histogram),
                });
            }
        }
    }
    Ok(batches.finish())
}

fn pairs(labels: &LabelPairs<'_>, rules: &Rules) -> Result<Labels, String> {
    rules.labels(labels.iter().map(|(name, value)| (&**name, &**value)))
}

fn read_json_lines(
    body: &[u8],
    _headers: &HeaderMap,
    rules: &Rules,
) -> Result<Vec<MetricBatch>, String> {
    let mut batches = Batches::default();
    for (at, text) in body.split(|byte| *byte == b'\n').enumerate() {
        let text = text.trim_ascii();
        if !text.is_empty() {
            read_line(text, rules, &mut batches).map_err(|e| format!("line {}: {e}", at + 1))?;
        }
    }
    Ok(batches.finish())
}

fn read_line(text: &[u8], rules: &Rules, batches: &mut Batches) -> Result<(), String> {
    let line = ExportLine::parse(text)?;
    let labels = rules.labels(line.labels())?;
    let mut builder = batches.next().push_series(&labels);
    for point in line.points() {
        let (time_ms, value) = point?;
        builder.sample(time_ms, value);
    }
    Ok(())
}
