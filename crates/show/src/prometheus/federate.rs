//! `/federate`: the latest sample of selected series, for another Prometheus to scrape.
//!
//! Native histograms with exponential buckets have no form in the text format and are left out of
//! it, as Prometheus does; an asker that takes protobuf gets them. Custom buckets are given as
//! classic histograms in both.

mod expose;
mod negotiate;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_model::{Histogram, Labels, Points, TimeRange, is_stale_nan};
use vigie_store::{Budget, Select, SeriesSet, StoreError, StoreErrorKind};

use super::manage::check_ready;
use super::parameters::Parameters;
use super::{Shared, selector};
use crate::Identity;

pub(super) async fn federate(
    State(state): State<Shared>,
    identity: Identity,
    headers: HeaderMap,
    parameters: Parameters,
) -> Response {
    if let Err(refusal) = check_ready(&state) {
        return *refusal;
    }
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let answer = negotiate::answer_for(accept);
    let selectors: Result<Vec<_>, _> = parameters.all("match[]").map(selector::parse).collect();
    let sets = match selectors {
        Ok(sets) => sets,
        Err(detail) => return (StatusCode::BAD_REQUEST, format!("{detail}\n")).into_response(),
    };
    let now_ms = state.world.clock.now_ms();
    let lookback_ms = i64::try_from(state.options.lookback.as_millis()).unwrap_or(i64::MAX);
    let range = TimeRange::new(now_ms.saturating_sub(lookback_ms), now_ms);
    let snapshot = state.store.snapshot(&identity.tenant).local();
    let budget = Budget::new(state.options.query_samples_max);
    let mut found = Vec::new();
    for matchers in &sets {
        match snapshot.select(Select { matchers, range }, &budget).await {
            Ok(set) => found.push(set),
            Err(error) => return failed(&error),
        }
    }
    let external = state.operator.external_labels();
    let written = tokio::task::spawn_blocking(move || {
        latest(&found, range, &budget).map(|latest| expose::expose(&latest, &external, answer))
    });
    match written.await {
        Ok(Ok(body)) => ([(header::CONTENT_TYPE, answer.content_type())], body).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

fn failed(error: &StoreError) -> Response {
    let status = match error.kind() {
        StoreErrorKind::Invalid => StatusCode::BAD_REQUEST,
        StoreErrorKind::OverBudget => StatusCode::UNPROCESSABLE_ENTITY,
        StoreErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{error}\n")).into_response()
}

/// What a series had last.
#[derive(Debug, Clone, PartialEq)]
enum Latest {
    Float(f64),
    Histogram(Arc<Histogram>),
}

impl Latest {
    fn is_stale(&self) -> bool {
        match self {
            Self::Float(value) => is_stale_nan(*value),
            Self::Histogram(histogram) => is_stale_nan(histogram.sum),
        }
    }
}

type LatestByLabels = BTreeMap<Labels, (i64, Latest)>;

/// The latest point of every series that has one and has not ended, by labels.
fn latest(
    found: &[SeriesSet],
    range: TimeRange,
    budget: &Budget,
) -> Result<LatestByLabels, StoreError> {
    let mut latest = BTreeMap::new();
    let mut points = Points::default();
    for set in found {
        for index in 0..set.len() {
            let labels = set.labels(index);
            if labels.metric_name().is_none() || latest.contains_key(labels) {
                continue;
            }
            set.read(index, range, &mut points, budget)?;
            let (Some(time), Some(value)) = (points.timestamps_ms.last(), points.values.last())
            else {
                continue;
            };
            let point = match points.histogram_at(points.len() - 1) {
                Some(histogram) => Latest::Histogram(Arc::clone(histogram)),
                None => Latest::Float(*value),
            };
            if !point.is_stale() {
                latest.insert(labels.clone(), (*time, point));
            }
        }
    }
    Ok(latest)
}
