//! Cardinality of a part of the series: of those that match, or that had samples on one day.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vigie_model::{Labels, METRIC_NAME, TimeRange};

use super::Shared;
use super::answer::{Answer, Answered, ApiError};
use super::parameters::Parameters;
use crate::Identity;

const DAY_MS: i64 = 86_400_000;
/// More series are not gone through for one question.
const SERIES_MAX: usize = 2_000_000;

#[derive(Debug, Serialize, PartialEq, Eq)]
struct Entry {
    name: String,
    value: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    total_series: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_series_by_prev_day: Option<u64>,
    total_label_value_pairs: u64,
    series_count_by_metric_name: Vec<Entry>,
    series_count_by_label_name: Vec<Entry>,
    series_count_by_focus_label_value: Vec<Entry>,
    label_value_count_by_label_name: Vec<Entry>,
    series_count_by_label_value_pair: Vec<Entry>,
}

/// Whether the question is about a part of the series.
pub(super) fn is_wanted(parameters: &Parameters) -> bool {
    ["match[]", "date", "focusLabel"].iter().any(|name| !parameters.get(name).is_empty())
}

/// Counts what `match[]`, `date` and `focusLabel` ask for, the `top` largest of each list.
pub(super) async fn answer(
    state: &Shared,
    identity: &Identity,
    parameters: &Parameters,
    top: usize,
) -> Answered {
    let sets = parameters.matcher_sets().map_err(|e| ApiError::parameter("match[]", e))?;
    let day = day(parameters.get("date"))?;
    let range = day.unwrap_or(TimeRange { start_ms: i64::MIN, end_ms: i64::MAX });
    let snapshot = state.store.snapshot(&identity.tenant);
    let found = snapshot.series(&sets, range, SERIES_MAX).await?;
    let mut view = count(&found, parameters.get("focusLabel"), top);
    if let Some(day) = day {
        let before = TimeRange { start_ms: day.start_ms - DAY_MS, end_ms: day.end_ms - DAY_MS };
        let found = snapshot.series(&sets, before, SERIES_MAX).await?;
        view.total_series_by_prev_day = Some(found.len() as u64);
    }
    Answer::data(&view)
}

/// The day `YYYY-MM-DD` in UTC.
fn day(text: &str) -> Result<Option<TimeRange>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || ApiError::parameter("date", format!("cannot parse {text:?} as YYYY-MM-DD"));
    let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    let start = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| wrong())?;
    let start_ms = start.as_millisecond();
    Ok(Some(TimeRange { start_ms, end_ms: start_ms + DAY_MS - 1 }))
}

fn count(series: &[Labels], focus: &str, top: usize) -> View {
    let mut by_metric: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_label: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_focus: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_pair: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for labels in series {
        for (name, value) in labels {
            *by_label.entry(name).or_default() += 1;
            *by_pair.entry((name, value)).or_default() += 1;
            if name == METRIC_NAME {
                *by_metric.entry(value).or_default() += 1;
            }
            if name == focus {
                *by_focus.entry(value).or_default() += 1;
            }
        }
    }
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in by_pair.keys() {
        values.entry(name).or_default().insert(value);
    }
    let values = values.into_iter().map(|(name, values)| (name.to_owned(), values.len() as u64));
    let named = |counts: BTreeMap<&str, u64>| -> Vec<(String, u64)> {
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    };
    let total_label_value_pairs = by_pair.values().sum();
    let pairs =
        by_pair.into_iter().map(|((name, value), count)| (format!("{name}={value}"), count));
    View {
        total_series: series.len() as u64,
        total_series_by_prev_day: None,
        total_label_value_pairs,
        series_count_by_label_value_pair: largest(pairs.collect(), top),
        label_value_count_by_label_name: largest(values.collect(), top),
        series_count_by_metric_name: largest(named(by_metric), top),
        series_count_by_label_name: largest(named(by_label), top),
        series_count_by_focus_label_value: largest(named(by_focus), top),
    }
}

/// The `top` largest, equal ones by name.
fn largest(mut counts: Vec<(String, u64)>, top: usize) -> Vec<Entry> {
    counts.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    counts.truncate(top);
    counts.into_iter().map(|(name, value)| Entry { name, value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_counted_by_what_they_have() {
        let series = [("a", "1", "x"), ("a", "2", "x"), ("b", "1", "")].map(|(name, i, job)| {
            Labels::from_pairs([(METRIC_NAME, name), ("i", i), ("job", job)])
        });
        let view = count(&series, "i", 1);
        let entry = |name: &str, value| vec![Entry { name: name.to_owned(), value }];
        assert_eq!((view.total_series, view.total_label_value_pairs), (3, 8));
        assert_eq!(view.series_count_by_metric_name, entry("a", 2));
        assert_eq!(view.series_count_by_focus_label_value, entry("1", 2));
        assert_eq!(view.label_value_count_by_label_name, entry("__name__", 2));
        assert_eq!(view.series_count_by_label_value_pair, entry("__name__=a", 2));
        assert_eq!(view.series_count_by_label_name, entry("__name__", 3));
    }

    #[test]
    fn a_day_is_one_of_utc() {
        let found = day("2026-08-21").unwrap().unwrap();
        assert_eq!(found, TimeRange { start_ms: 1_787_270_400_000, end_ms: 1_787_356_799_999 });
        assert!(day("").unwrap().is_none());
        assert!(day("yesterday").is_err() && day("2026-13-01").is_err());
    }
}
