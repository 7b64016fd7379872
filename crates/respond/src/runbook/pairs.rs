//! Which series of the two sides of a comparison belong together.

use std::collections::BTreeMap;

use super::evidence::Sample;
use super::judge::Side;

/// Two values to compare.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub(super) left: f64,
    pub(super) right: f64,
    /// Labels of the series, for people.
    pub(super) labels: String,
}

/// The series that agree with the labels of the alert, label by label: a label by which none
/// agrees says nothing, since the alert may be of another kind of thing.
pub(super) fn narrowed(mut samples: Vec<Sample>, labels: &BTreeMap<String, String>) -> Vec<Sample> {
    for (name, value) in labels {
        if matches!(name.as_str(), "alertname" | "severity") {
            continue;
        }
        let agrees = |sample: &Sample| sample.labels.get(name).is_some_and(|other| other == value);
        if samples.iter().any(agrees) {
            samples.retain(agrees);
        }
    }
    samples
}

/// Pairs by equal labels; one series alone is compared with every other.
pub(super) fn pairs(left: &Side, right: &Side) -> Result<Vec<Pair>, String> {
    let pair = |left: f64, right: f64, sample: Option<&Sample>| Pair {
        left,
        right,
        labels: sample.map_or_else(String::new, shown),
    };
    Ok(match (left, right) {
        (Side::Series(left), Side::Series(right)) => match (left.as_slice(), right.as_slice()) {
            (_, [one]) => left.iter().map(|l| pair(l.value, one.value, Some(l))).collect(),
            ([one], _) => right.iter().map(|r| pair(one.value, r.value, Some(r))).collect(),
            _ => matched(left, right)?
                .into_iter()
                .map(|(l, r)| pair(l.value, r.value, Some(l)))
                .collect(),
        },
        (Side::Series(left), other) => {
            left.iter().map(|l| pair(l.value, number(other), Some(l))).collect()
        }
        (other, Side::Series(right)) => {
            right.iter().map(|r| pair(number(other), r.value, Some(r))).collect()
        }
        (left, right) => vec![pair(number(left), number(right), None)],
    })
}

fn number(side: &Side) -> f64 {
    match side {
        Side::Number(number) | Side::Percent(number) => *number,
        Side::Series(_) => f64::NAN,
    }
}

fn matched<'a>(
    left: &'a [Sample],
    right: &'a [Sample],
) -> Result<Vec<(&'a Sample, &'a Sample)>, String> {
    let agrees = |l: &Sample, r: &Sample| {
        let named = |labels: &BTreeMap<String, String>| labels.len();
        let shared = l.labels.iter().filter(|(name, _)| *name != "__name__");
        named(&l.labels) > 0
            && shared
                .filter_map(|(name, value)| Some((value, r.labels.get(name)?)))
                .all(|(one, other)| one == other)
    };
    let mut found = Vec::new();
    for l in left {
        let mut of_it = right.iter().filter(|r| agrees(l, r));
        match (of_it.next(), of_it.next()) {
            (Some(r), None) => found.push((l, r)),
            (None, _) => {}
            (Some(_), Some(_)) => {
                return Err(format!("several series belong to {}: which is meant?", shown(l)));
            }
        }
    }
    if found.is_empty() {
        return Err("no series of the two sides belong together".to_owned());
    }
    Ok(found)
}

fn shown(sample: &Sample) -> String {
    let labels = sample.labels.iter().filter(|(name, _)| *name != "__name__");
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(", ")) }
}
