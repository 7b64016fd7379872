//! Which series, labels, values and metadata there are.

use axum::extract::{Path, State};
use serde::Serialize;
use std::collections::BTreeMap;
use vigie_model::Metadata;

use super::Shared;
use super::answer::{Answer, Answered, ApiError};
use super::parameters::{Parameters, parse_integer, unescape_label_name};
use crate::Identity;
use crate::json::{push_array, push_labels, push_strings};

pub(super) async fn series(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    if parameters.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = parameters.limit()?;
    let range = parameters.range()?;
    let sets = parameters.matcher_sets().map_err(|e| ApiError::parameter("match[]", e))?;
    let snapshot = state.store.snapshot(&identity.tenant);
    let mut found = snapshot.series(&sets, range, one_more(limit)).await?;
    let is_truncated = truncate(&mut found, limit);
    let answer = Answer::written(|out| push_array(out, &found, push_labels));
    Ok(answer.truncated(is_truncated))
}

pub(super) async fn labels(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let limit = parameters.limit()?;
    let range = parameters.range()?;
    let sets = parameters.matcher_sets().map_err(ApiError::bad_data)?;
    let snapshot = state.store.snapshot(&identity.tenant);
    let mut names = snapshot.label_names(&sets, range, one_more(limit)).await?;
    let is_truncated = truncate(&mut names, limit);
    Ok(Answer::written(|out| push_strings(out, &names)).truncated(is_truncated))
}

pub(super) async fn label_values(
    State(state): State<Shared>,
    identity: Identity,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Answered {
    let name = unescape_label_name(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let limit = parameters.limit()?;
    let range = parameters.range()?;
    let sets = parameters.matcher_sets().map_err(ApiError::bad_data)?;
    let snapshot = state.store.snapshot(&identity.tenant);
    let mut values = snapshot.label_values(&name, &sets, range, one_more(limit)).await?;
    let is_truncated = truncate(&mut values, limit);
    Ok(Answer::written(|out| push_strings(out, &values)).truncated(is_truncated))
}

#[derive(Serialize)]
struct MetadataEntry<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'a str,
    help: &'a str,
}

impl<'a> From<&'a Metadata> for MetadataEntry<'a> {
    fn from(metadata: &'a Metadata) -> Self {
        let Metadata { kind, help, unit } = metadata;
        Self { kind: kind.as_str(), unit, help }
    }
}

pub(super) async fn metadata(
    State(state): State<Shared>,
    identity: Identity,
    parameters: Parameters,
) -> Answered {
    let limit = metadata_limit(&parameters, "limit")?.unwrap_or(usize::MAX);
    let per_metric = metadata_limit(&parameters, "limit_per_metric")?;
    let per_metric = per_metric.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let metric = Some(parameters.get("metric")).filter(|metric| !metric.is_empty());
    let all = state.store.snapshot(&identity.tenant).metadata(metric).await?;
    let shown: BTreeMap<&str, Vec<MetadataEntry<'_>>> = all
        .iter()
        .take(limit)
        .map(|(name, entries)| {
            (name.as_str(), entries.iter().take(per_metric).map(MetadataEntry::from).collect())
        })
        .collect();
    Answer::data(&shown)
}

/// A limit of the metadata endpoints: negative or missing means all.
pub(super) fn metadata_limit(
    parameters: &Parameters,
    name: &str,
) -> Result<Option<usize>, ApiError> {
    let text = parameters.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    let number = parse_integer(text);
    let number = number.map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
    Ok(usize::try_from(number).ok())
}

/// One more than is shown, to know whether something was left out; 0 stays "all".
pub(super) const fn one_more(limit: usize) -> usize {
    if limit == 0 { 0 } else { limit.saturating_add(1) }
}

pub(super) fn truncate<T>(items: &mut Vec<T>, limit: usize) -> bool {
    let is_truncated = limit > 0 && items.len() > limit;
    if is_truncated {
        items.truncate(limit);
    }
    is_truncated
}
