//! `/api/v1/export`: raw samples as VictoriaMetrics' JSON lines, which `/api/v1/import` reads.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use vigie_formats::float::format_float_api;
use vigie_model::{Points, TimeRange, is_stale_nan};
use vigie_store::{Budget, Select, SeriesSet, StoreError};

use super::Shared;
use super::answer::ApiError;
use super::parameters::Parameters;
use crate::Identity;
use crate::json::{push_array, push_labels};

/// Bytes that are gathered before they are sent.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for a slow reader; then reading waits.
const CHUNKS_WAITING_MAX: usize = 4;

pub(super) async fn export(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    if parameters.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = parameters.range()?;
    let sets = parameters.matcher_sets().map_err(|e| ApiError::parameter("match[]", e))?;
    let snapshot = state.store.snapshot(&identity.tenant);
    // Streamed, so that its length costs no memory.
    let budget = Budget::new(u64::MAX);
    let mut found = Vec::new();
    for matchers in &sets {
        found.push(snapshot.select(Select { matchers, range }, &budget).await?);
    }
    let (sender, receiver) = tokio::sync::mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write_lines(&found, range, &budget, &sender) {
            // The answer has begun: cutting it off is the only way to say that it is not whole.
            let cut = std::io::Error::other(error.to_string());
            let _gone = sender.blocking_send(Err(cut));
        }
    });
    let chunks = futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    // Compression asks once more after the end.
    let chunks = chunks.fuse();
    let lines = [(header::CONTENT_TYPE, "application/stream+json; charset=utf-8")];
    Ok((lines, Body::from_stream(chunks)).into_response())
}

type Sender = tokio::sync::mpsc::Sender<Result<Bytes, std::io::Error>>;

fn write_lines(
    found: &[SeriesSet],
    range: TimeRange,
    budget: &Budget,
    sender: &Sender,
) -> Result<(), StoreError> {
    let mut points = Points::default();
    let mut out = Vec::with_capacity(CHUNK_BYTES);
    let mut seen = std::collections::HashSet::new();
    for set in found {
        for index in 0..set.len() {
            if found.len() > 1 && !seen.insert(set.labels(index).clone()) {
                continue;
            }
            set.read(index, range, &mut points, budget)?;
            push_line(&mut out, set, index, &points);
            if out.len() >= CHUNK_BYTES {
                let chunk = Bytes::from(std::mem::take(&mut out));
                if sender.blocking_send(Ok(chunk)).is_err() {
                    return Err(StoreError::Cancelled);
                }
            }
        }
    }
    let _gone = sender.blocking_send(Ok(Bytes::from(out)));
    Ok(())
}

/// One series; native histograms have no form in this format.
fn push_line(out: &mut Vec<u8>, set: &SeriesSet, index: usize, points: &Points) {
    let floats = || {
        let all = points.timestamps_ms.iter().zip(&points.values).enumerate();
        all.filter(|(at, _)| points.histogram_at(*at).is_none()).map(|(_, point)| point)
    };
    if floats().next().is_none() {
        return;
    }
    out.extend_from_slice(br#"{"metric":"#);
    push_labels(out, set.labels(index));
    out.extend_from_slice(br#","values":"#);
    push_array(out, floats(), |out, (_, value)| push_number(out, *value));
    out.extend_from_slice(br#","timestamps":"#);
    push_array(out, floats(), |out, (time, _)| {
        out.extend_from_slice(itoa::Buffer::new().format(*time).as_bytes());
    });
    out.extend_from_slice(b"}\n");
}

fn push_number(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        format_float_api(value, out);
    } else if is_stale_nan(value) || value.is_nan() {
        out.extend_from_slice(b"null");
    } else {
        let text = if value > 0.0 { br#""Infinity""#.as_slice() } else { br#""-Infinity""# };
        out.extend_from_slice(text);
    }
}
