//! What of a query the store's indexes can answer: never less than what the query selects.

use vigie_language::logql::{LineFilter, LineOp, LogExpr};
use vigie_model::{LINE_FIELD, MatchOp, Matcher};
use vigie_store::logs::{LogFilter, LogQuery, LogTest};

use super::pipeline::first_line_filters;
use super::streams::{DERIVED, INDEX_LABEL};

/// The documents among which those are that `log` selects from `start_ns` to `end_ns`, both
/// included.
pub(super) fn push_down(log: &LogExpr, start_ns: i64, end_ns: i64) -> LogQuery {
    let mut filters: Vec<LogFilter> = log.matchers.iter().filter_map(matcher).collect();
    filters.extend(first_line_filters(log).filter_map(line));
    let filter = if filters.is_empty() { LogFilter::All } else { LogFilter::And(filters) };
    LogQuery { start_ns, end_ns, ..LogQuery::new(filter) }
}

/// A label of a stream is a field of that name, or one of those it is derived from.
fn matcher(matcher: &Matcher) -> Option<LogFilter> {
    let name = matcher.name.as_str();
    let says_nothing = matcher.op != MatchOp::Equal
        || matcher.value.is_empty()
        || matcher.value == "unknown_service"
        || [INDEX_LABEL, LINE_FIELD].contains(&name);
    if says_nothing {
        return None;
    }
    let mut paths = vec![name];
    if let Some((_, more)) = DERIVED.iter().find(|(label, _)| *label == name) {
        paths.extend(more.iter().filter(|path| **path != name));
    }
    let test = |path: &str| LogFilter::field(path, LogTest::Equals(vec![matcher.value.clone()]));
    Some(LogFilter::Or(paths.into_iter().map(test).collect()))
}

fn line(filter: &LineFilter) -> Option<LogFilter> {
    if filter.alternatives.iter().any(|alternative| alternative.is_ip) {
        return None;
    }
    let tests: Option<Vec<LogFilter>> = filter
        .alternatives
        .iter()
        .map(|alternative| {
            let test = match filter.op {
                LineOp::Contains | LineOp::NotContains => {
                    LogTest::Contains(alternative.text.clone())
                }
                LineOp::Matches | LineOp::NotMatches => {
                    LogTest::Finds(vigie_model::pattern::translate(&alternative.text).ok()?)
                }
                LineOp::Pattern | LineOp::NotPattern => return None,
            };
            Some(LogFilter::field(LINE_FIELD, test))
        })
        .collect();
    let any = LogFilter::Or(tests?);
    if filter.op.is_negative() {
        return Some(LogFilter::Not(Box::new(any)));
    }
    // Of a document without a line, all of it is the line.
    let has_line = LogFilter::field(LINE_FIELD, LogTest::Exists);
    Some(LogFilter::Or(vec![any, LogFilter::Not(Box::new(has_line))]))
}
