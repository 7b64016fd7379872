//! Label filters.

use vigie_language::logql::{
    BytesFilter, DurationFilter, IpFilter, LabelFilter, NumberFilter, parse_bytes,
    parse_duration_ns,
};

use super::address::AddressRange;
use super::line_filter::invalid_address;
use crate::logql::LogqlError;
use crate::logql::labels::{CompiledMatcher, LineLabels};

/// The error of a label that cannot be compared.
const FILTER_ERROR: &str = "LabelFilterErr";

/// A label filter that is ready to run.
#[derive(Debug)]
pub(crate) enum CompiledLabelFilter {
    Matcher(CompiledMatcher),
    Number(NumberFilter),
    Duration(DurationFilter),
    Bytes(BytesFilter),
    Ip(IpFilter, AddressRange),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl CompiledLabelFilter {
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, LogqlError> {
        let boxed = |filter: &LabelFilter| Self::new(filter).map(Box::new);
        Ok(match filter {
            LabelFilter::Matcher(matcher) => {
                Self::Matcher(CompiledMatcher::new(matcher).map_err(LogqlError::BadRequest)?)
            }
            LabelFilter::Number(number) => Self::Number(number.clone()),
            LabelFilter::Duration(duration) => Self::Duration(duration.clone()),
            LabelFilter::Bytes(bytes) => Self::Bytes(bytes.clone()),
            LabelFilter::Ip(ip) => {
                let range =
                    AddressRange::parse(&ip.pattern).ok_or_else(|| invalid_address(&ip.pattern))?;
                Self::Ip(ip.clone(), range)
            }
            LabelFilter::And(left, right) => Self::And(boxed(left)?, boxed(right)?),
            LabelFilter::Or(left, right) => Self::Or(boxed(left)?, boxed(right)?),
        })
    }

    pub(crate) fn keeps(&self, labels: &mut LineLabels) -> bool {
        match self {
            Self::Matcher(matcher) => {
                matcher.matches(labels.get(&matcher.matcher.name).unwrap_or(""))
            }
            Self::Number(filter) => {
                let holds = |text: &str| {
                    let value: f64 = text.parse().ok()?;
                    Some(filter.comparison.holds(&value, &filter.value))
                };
                compare(labels, &filter.label, "a number", holds)
            }
            Self::Duration(filter) => {
                let holds = |text: &str| {
                    let value = parse_duration_ns(text)?;
                    Some(filter.comparison.holds(&value, &filter.value_ns))
                };
                compare(labels, &filter.label, "a duration", holds)
            }
            Self::Bytes(filter) => {
                let holds = |text: &str| {
                    let value = parse_bytes(text)?;
                    Some(filter.comparison.holds(&value, &filter.bytes))
                };
                compare(labels, &filter.label, "a size", holds)
            }
            Self::Ip(filter, range) => {
                let value = labels.get(&filter.label).filter(|value| !value.is_empty());
                value.is_some_and(|value| range.has(value) != filter.is_negative)
            }
            Self::And(left, right) => left.keeps(labels) && right.keeps(labels),
            Self::Or(left, right) => left.keeps(labels) || right.keeps(labels),
        }
    }
}

/// Compares a label's value. A line that failed before stays, so that somebody sees it; one whose
/// label cannot be read fails here.
fn compare(
    labels: &mut LineLabels,
    name: &str,
    what: &str,
    holds: impl Fn(&str) -> Option<bool>,
) -> bool {
    if labels.has_failed() {
        return true;
    }
    let Some(value) = labels.get(name).filter(|value| !value.is_empty()) else { return false };
    if let Some(found) = holds(value) {
        return found;
    }
    let details = format!("{value:?} is not {what}");
    labels.fail(FILTER_ERROR, &details);
    true
}
