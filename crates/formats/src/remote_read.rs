//! Remote read: `prometheus.ReadRequest` and both kinds of answers.
//!
//! Chunks are only made of floats. Series with native histograms are answered in samples: ask
//! [`ReadRequest::wants_chunks`] and then [`chunkable`] for each series.

mod xor;

#[cfg(test)]
mod tests;

use vigie_model::{HistogramPoint, Labels, MatchOp, Matcher, MetricBatch, Points, TimeRange};

use crate::protobuf::{Reader, WireError, Writer};
use crate::remote_write::{RemoteWriteError, decode_v1, encode_histogram};

/// Queries and matchers in one request; each costs work that its few bytes do not show.
const QUERIES_MAX: usize = 1_000;
/// Samples in one chunk, as in Prometheus' own chunks.
const CHUNK_SAMPLES_MAX: usize = 120;
/// The media type of an answer in chunks.
pub const CHUNKED_CONTENT_TYPE: &str =
    "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadRequest {
    /// Queries, answered in this order.
    pub queries: Vec<ReadQuery>,
    /// Accepted answers, the best first: 0 samples, 1 chunks.
    pub accepted_response_types: Vec<u64>,
}

/// One query.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadQuery {
    /// From when to when.
    pub range: TimeRange,
    /// Which series. Regular expressions are not compiled yet.
    pub matchers: Vec<Matcher>,
    /// What the asker will do with the answer.
    pub hints: Option<ReadHints>,
}

/// Hints, which may be used to answer less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadHints {
    /// Step of the query, milliseconds.
    pub step_ms: i64,
    /// Function or aggregation around the selector.
    pub function: String,
    /// From when the selector needs points, milliseconds since the epoch.
    pub start_ms: i64,
    /// Until when.
    pub end_ms: i64,
    /// Labels of the aggregation.
    pub grouping: Vec<String>,
    /// Whether it is `by` and not `without`.
    pub by: bool,
    /// Range of the selector, milliseconds.
    pub range_ms: i64,
}

impl ReadRequest {
    /// Whether the first answer type that we know is chunks; without any it is samples.
    pub fn wants_chunks(&self) -> bool {
        self.accepted_response_types.iter().find(|kind| **kind <= 1) == Some(&1)
    }
}

/// Decodes the (decompressed) `message`.
pub fn decode_read_request(message: &[u8]) -> Result<ReadRequest, WireError> {
    let mut request = ReadRequest::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 if request.queries.len() == QUERIES_MAX => return Err(WireError::NumberTooLong),
            1 => request.queries.push(decode_query(field.message()?)?),
            2 => field.each_varint(|kind| {
                if request.accepted_response_types.len() < 16 {
                    request.accepted_response_types.push(kind);
                }
            })?,
            _ => {}
        }
    }
    Ok(request)
}

fn decode_query(mut message: Reader<'_>) -> Result<ReadQuery, WireError> {
    let mut query = ReadQuery { range: TimeRange::new(0, 0), matchers: Vec::new(), hints: None };
    while let Some(field) = message.field()? {
        match field.number {
            1 => query.range.start_ms = field.int64()?,
            2 => query.range.end_ms = field.int64()?,
            3 if query.matchers.len() == QUERIES_MAX => return Err(WireError::NumberTooLong),
            3 => query.matchers.push(decode_matcher(field.message()?)?),
            4 => query.hints = Some(decode_hints(field.message()?)?),
            _ => {}
        }
    }
    Ok(query)
}

fn decode_matcher(mut message: Reader<'_>) -> Result<Matcher, WireError> {
    let mut matcher = Matcher::equal("", "");
    while let Some(field) = message.field()? {
        match field.number {
            1 => {
                matcher.op = match field.uint64()? {
                    0 => MatchOp::Equal,
                    1 => MatchOp::NotEqual,
                    2 => MatchOp::Regex,
                    3 => MatchOp::NotRegex,
                    _ => return Err(WireError::WrongType { field: 1 }),
                }
            }
            2 => field.text()?.clone_into(&mut matcher.name),
            3 => field.text()?.clone_into(&mut matcher.value),
            _ => {}
        }
    }
    Ok(matcher)
}

fn decode_hints(mut message: Reader<'_>) -> Result<ReadHints, WireError> {
    let mut hints = ReadHints::default();
    while let Some(field) = message.field()? {
        match field.number {
            1 => hints.step_ms = field.int64()?,
            2 => field.text()?.clone_into(&mut hints.function),
            3 => hints.start_ms = field.int64()?,
            4 => hints.end_ms = field.int64()?,
            5 if hints.grouping.len() < QUERIES_MAX => {
                hints.grouping.push(field.text()?.to_owned());
            }
            6 => hints.by = field.uint64()? != 0,
            7 => hints.range_ms = field.int64()?,
            _ => {}
        }
    }
    Ok(hints)
}

/// Encodes `request`, for reading from others and for tests.
pub fn encode_read_request(request: &ReadRequest, out: &mut Vec<u8>) {
    for query in &request.queries {
        out.put_message(1, |out| {
            out.put_uint_unless_default(1, query.range.start_ms as u64);
            out.put_uint_unless_default(2, query.range.end_ms as u64);
            for matcher in &query.matchers {
                out.put_message(3, |out| {
                    out.put_uint_unless_default(1, number_of(matcher.op));
                    out.put_text_unless_default(2, &matcher.name);
                    out.put_text_unless_default(3, &matcher.value);
                });
            }
        });
    }
    for kind in &request.accepted_response_types {
        out.put_uint(2, *kind);
    }
}

const fn number_of(op: MatchOp) -> u64 {
    match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    }
}

/// Decodes an answer in samples (decompressed): the series of all queries.
pub fn decode_read_results(message: &[u8]) -> Result<MetricBatch, RemoteWriteError> {
    let mut batch = MetricBatch::new();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            // A `QueryResult` is a list of series under the number that a write request has for
            // them.
            decode_v1(field.bytes()?, &mut batch)?;
        }
    }
    Ok(batch)
}

/// Appends a series to the `QueryResult` of one query.
pub fn put_series(result: &mut Vec<u8>, labels: &Labels, points: &Points) {
    result.put_message(1, |out| {
        put_labels(out, labels);
        for (at, (&timestamp_ms, &value)) in
            points.timestamps_ms.iter().zip(&points.values).enumerate()
        {
            if points.histogram_at(at).is_some() {
                continue;
            }
            out.put_message(2, |out| {
                out.put_double(1, value);
                out.put_uint_unless_default(2, timestamp_ms as u64);
            });
        }
        for (at, histogram) in &points.histograms {
            let Some(&timestamp_ms) = points.timestamps_ms.get(*at as usize) else { continue };
            let histogram = std::sync::Arc::clone(histogram);
            let point = HistogramPoint { timestamp_ms, start_timestamp_ms: 0, histogram };
            out.put_message(4, |out| encode_histogram(out, &point, false));
        }
    });
}

/// Appends the finished `result` of a query to a `ReadResponse`, which is then compressed whole.
pub fn put_query_result(response: &mut Vec<u8>, result: &[u8]) {
    response.put_bytes(1, result);
}

fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    for (name, value) in labels {
        out.put_message(1, |out| {
            out.put_bytes(1, name.as_bytes());
            out.put_bytes(2, value.as_bytes());
        });
    }
}

/// Whether a series can be answered in chunks: it has no native histogram.
pub const fn chunkable(points: &Points) -> bool {
    points.histograms.is_empty()
}

/// Appends the frames of one series of query `query_index`, each with as many chunks as fit
/// `frame_bytes_max` (at least one). Series must come in the order of their labels.
pub fn put_chunked_series(
    out: &mut Vec<u8>,
    query_index: usize,
    labels: &Labels,
    points: &Points,
    frame_bytes_max: usize,
) {
    let mut series = Vec::new();
    put_labels(&mut series, labels);
    let labels_end = series.len();
    let times = points.timestamps_ms.chunks(CHUNK_SAMPLES_MAX);
    for (times, values) in times.zip(points.values.chunks(CHUNK_SAMPLES_MAX)) {
        let data = xor::encode(times, values);
        if series.len() > labels_end && series.len() + data.len() > frame_bytes_max {
            put_frame(out, query_index, &series);
            series.truncate(labels_end);
        }
        series.put_message(2, |chunk| {
            chunk.put_uint_unless_default(1, times.first().copied().unwrap_or(0) as u64);
            chunk.put_uint_unless_default(2, times.last().copied().unwrap_or(0) as u64);
            chunk.put_uint(3, 1);
            chunk.put_bytes(4, &data);
        });
    }
    if series.len() > labels_end {
        put_frame(out, query_index, &series);
    }
}

/// Length, checksum and a `ChunkedReadResponse`.
fn put_frame(out: &mut Vec<u8>, query_index: usize, series: &[u8]) {
    let mut message = Vec::with_capacity(series.len() + 16);
    message.put_bytes(1, series);
    message.put_uint_unless_default(2, query_index as u64);
    out.put_varint(message.len() as u64);
    out.extend_from_slice(&crc32c::crc32c(&message).to_be_bytes());
    out.extend_from_slice(&message);
}
