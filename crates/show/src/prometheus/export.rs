//! `/api/v1/export`: raw samples as VictoriaMetrics' JSON lines, which `/api/v1/import` reads.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use vigie_formats::float::format_float_api;
use vigie_model::{Points, TimeRange, is_stale_nan};
use vigie_store::{Budget, Select, SeriesSet, StoreError};

use super::Shared;
use super::answer::ApiError;
use super::parameters::Parameters;
use super::stream::{StreamWriter, streamed};
use crate::Identity;
use crate::json::{push_array, push_labels};

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
    let lines = [(header::CONTENT_TYPE, "application/stream+json; charset=utf-8")];
    let body = streamed(move |writer| write_lines(writer, &found, range, &budget));
    Ok((lines, body).into_response())
}

fn write_lines(
    writer: &mut StreamWriter,
    found: &[SeriesSet],
    range: TimeRange,
    budget: &Budget,
) -> Result<(), StoreError> {
    let mut points = Points::default();
    let mut seen = std::collections::HashSet::new();
    for set in found {
        for index in 0..set.len() {
            if found.len() > 1 && !seen.insert(set.labels(index).clone()) {
                continue;
            }
            set.read(index, range, &mut points, budget)?;
            push_line(&mut writer.out, set, index, &points);
            writer.flush_full()?;
        }
    }
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
