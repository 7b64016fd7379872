//! Differences that are known, each by its reason. A rule is as narrow as it can be told from the
//! query and the two answers.

use super::generate::Query;
use super::peer::{Answer, Level};

/// Why the answers to `query` differ, as `difference` says, when it is known.
pub(super) fn reason(
    query: &Query,
    theirs: &Answer,
    ours: &Answer,
    difference: &str,
    level: Level,
) -> Option<&'static str> {
    let text = query.text.as_str();
    let has = |names: &[&str]| names.iter().any(|name| text.contains(name));
    let error = |answer: &Answer| answer.body["error"].as_str().unwrap_or("").to_owned();
    let duplicate = "found duplicate series for the match group ";
    if error(theirs).starts_with(duplicate) && error(ours).starts_with(duplicate) {
        return Some("of several duplicates, which is named depends on the order of series");
    }
    if has(&["topk", "bottomk", "limitk", "limit_ratio"]) && theirs.status == 200 {
        return Some("which of equal values is kept depends on the order of series");
    }
    if text.contains('%') && difference.contains("value") {
        return Some("a remainder magnifies the last digit of what is divided");
    }
    if has(&["timestamp("]) && has(&["@"]) && has(&["offset"]) {
        return Some("there, timestamp(x @ t offset d) reads its data too late by d");
    }
    if difference.contains("\"buckets\"") && difference.contains("NaN") {
        return Some("there, empty buckets are kept, and become NaN when divided by it");
    }
    if difference.starts_with("infos") && difference.contains("incompatible sample types") {
        return Some("there, of several such pairs at one step only the last is told");
    }
    match level {
        Level::New => None,
        Level::Old => since_version_2(text, theirs, ours, difference),
    }
}

/// What changed between Prometheus 2.42 and 3.14, where Vigie is with the latter.
fn since_version_2(
    text: &str,
    theirs: &Answer,
    ours: &Answer,
    difference: &str,
) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().any(|name| text.contains(name));
    if ours.body["data"].to_string().contains("__name__") && difference.contains("missing here") {
        return Some("here names are removed at the end (promql-delayed-name-removal)");
    }
    if ours.body["error"]
        .as_str()
        .is_some_and(|error| error.contains("multiple matches for labels"))
    {
        return Some("several matches are an error since, also when a comparison takes none");
    }
    if has(&["atan2"]) && ours.body.to_string().contains("__name__") {
        return Some("atan2 drops the name since");
    }
    let has_nan = |answer: &Answer| answer.body.to_string().contains("NaN");
    if has(&["stddev", "stdvar"]) && (has(&["count_values"]) || has_nan(theirs) || has_nan(ours)) {
        return Some("the deviation of infinities is NaN since");
    }
    if has(&["rate(", "increase("]) && difference.contains("value") {
        return Some("growth near zero is extrapolated differently since");
    }
    if has(&["predict_linear"]) && has(&["@"]) {
        return Some("predict_linear with @ is told at every step since");
    }
    None
}
