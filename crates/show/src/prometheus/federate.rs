//! `/federate`: the latest sample of selected series, for another Prometheus to scrape.
//!
//! Native histograms have no form in the text format and are left out, as Prometheus does when
//! the asker takes text only.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_formats::float::format_float;
use vigie_model::{Labels, METRIC_NAME, Points, TimeRange, is_stale_nan};
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
    let names = if accept.contains("allow-utf-8") { Names::Quoted } else { Names::Escaped };
    let selectors: Result<Vec<_>, _> = parameters.all("match[]").map(selector::parse).collect();
    let sets = match selectors {
        Ok(sets) => sets,
        Err(detail) => return (StatusCode::BAD_REQUEST, format!("{detail}\n")).into_response(),
    };
    let now_ms = state.world.clock.now_ms();
    let lookback_ms = i64::try_from(state.options.lookback.as_millis()).unwrap_or(i64::MAX);
    let range = TimeRange::new(now_ms.saturating_sub(lookback_ms), now_ms);
    let snapshot = state.store.snapshot(&identity.tenant);
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
        latest(&found, range, &budget).map(|latest| expose(&latest, &external, names))
    });
    match written.await {
        Ok(Ok(body)) => ([(header::CONTENT_TYPE, names.content_type())], body).into_response(),
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

/// How names that are not plain words are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// In quotes, for those who say that they read that.
    Quoted,
    /// With underscores instead.
    Escaped,
}

impl Names {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Quoted => "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            Self::Escaped => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
        }
    }

    fn label(self, name: &str, out: &mut Vec<u8>) {
        if self == Self::Escaped {
            let plain = |b: u8| if b.is_ascii_alphanumeric() || b == b'_' { b } else { b'_' };
            out.extend(name.bytes().map(plain));
        } else if is_plain(name) {
            out.extend_from_slice(name.as_bytes());
        } else {
            push_quoted(out, name);
        }
    }
}

fn is_plain(name: &str) -> bool {
    let is_digit_first = name.bytes().next().is_some_and(|b| b.is_ascii_digit());
    !is_digit_first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// The latest float of every series that has one and has not ended, by labels.
fn latest(
    found: &[SeriesSet],
    range: TimeRange,
    budget: &Budget,
) -> Result<BTreeMap<Labels, (i64, f64)>, StoreError> {
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
            let is_histogram = points.histogram_at(points.len() - 1).is_some();
            if !is_histogram && !is_stale_nan(*value) {
                latest.insert(labels.clone(), (*time, *value));
            }
        }
    }
    Ok(latest)
}

fn expose(latest: &BTreeMap<Labels, (i64, f64)>, external: &Labels, names: Names) -> Vec<u8> {
    let mut by_name: Vec<_> = latest.iter().collect();
    // Stable: within a family the order stays that of labels.
    by_name.sort_by_key(|(labels, _)| labels.metric_name());
    let mut out = Vec::with_capacity(by_name.len() * 96);
    let mut family = None;
    for (labels, (time_ms, value)) in by_name {
        let Some(name) = labels.metric_name() else { continue };
        if family != Some(name) {
            family = Some(name);
            out.extend_from_slice(b"# TYPE ");
            names.label(name, &mut out);
            out.extend_from_slice(b" untyped\n");
        }
        push_series(&mut out, name, labels, external, names);
        out.push(b' ');
        format_float(*value, &mut out);
        out.push(b' ');
        out.extend_from_slice(itoa::Buffer::new().format(*time_ms).as_bytes());
        out.push(b'\n');
    }
    out
}

fn push_series(out: &mut Vec<u8>, name: &str, labels: &Labels, external: &Labels, names: Names) {
    let is_inside = names == Names::Quoted && !is_plain(name);
    if !is_inside {
        names.label(name, out);
    }
    out.push(b'{');
    if is_inside {
        push_quoted(out, name);
    }
    let own = labels.iter().filter(|(label, _)| *label != METRIC_NAME);
    let missing = external.iter().filter(|(label, _)| labels.get(label).is_none());
    // A label `instance` would be the asker's target's; the empty one keeps it away.
    let needs_instance = labels.get("instance").is_none() && external.get("instance").is_none();
    let instance = needs_instance.then_some(("instance", ""));
    let mut first = !is_inside;
    for (label, value) in own.chain(missing).chain(instance) {
        if !first {
            out.push(b',');
        }
        first = false;
        names.label(label, out);
        out.push(b'=');
        push_quoted(out, value);
    }
    out.push(b'}');
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_grouped_and_external_labels_added() {
        let series = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        let latest = BTreeMap::from([
            (series(&[("__name__", "up"), ("instance", "i"), ("region", "us")]), (1_000, 1.0)),
            (series(&[("__name__", "b.c"), ("a", "x\"y\n")]), (2_000, 1e21)),
        ]);
        let external = series(&[("region", "eu")]);
        let text = |names| String::from_utf8(expose(&latest, &external, names)).unwrap();
        assert_eq!(
            text(Names::Escaped),
            "# TYPE b_c untyped\n\
             b_c{a=\"x\\\"y\\n\",region=\"eu\",instance=\"\"} 1e+21 2000\n\
             # TYPE up untyped\nup{instance=\"i\",region=\"us\"} 1 1000\n"
        );
        assert!(text(Names::Quoted).contains("\n{\"b.c\",a="));
    }
}
