//! Functions of labels: `label_replace`, `label_join`, and the order of `sort_by_label`.

use std::cmp::Ordering;

use vigie_model::pattern::compile_anchored;
use vigie_model::{Labels, LabelsBuilder, METRIC_NAME};

use super::call::{first, text_of};
use super::row::{Grid, Row};
use super::{Evaluator, Sink, merge};
use crate::QueryError;
use crate::plan::CallNode;

impl Evaluator<'_> {
    pub(super) fn stream_label_replace(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let text = |at: usize| call.args.get(at).and_then(text_of).unwrap_or("");
        let (target, replacement, source, pattern) = (text(1), text(2), text(3), text(4));
        let Ok(regex) = compile_anchored(pattern) else {
            return Err(QueryError::Execution(format!(
                "invalid regular expression in label_replace(): {pattern}"
            )));
        };
        if target.is_empty() {
            return Err(QueryError::Execution(format!(
                "invalid destination label name in label_replace(): {target}"
            )));
        }
        let change = |row: &mut Row| {
            let value = row.labels.get(source).unwrap_or("");
            let Some(captures) = regex.captures(value) else { return };
            let mut expanded = String::new();
            captures.expand(&rust_template(replacement), &mut expanded);
            set_label(row, target, &expanded);
        };
        self.stream_relabelled(call, grid, change, sink)
    }

    pub(super) fn stream_label_join(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let texts: Vec<&str> = call.args.iter().skip(1).filter_map(text_of).collect();
        let Some(([target, separator], sources)) = texts.split_first_chunk() else {
            return Err(QueryError::Internal("label_join without arguments".to_owned()));
        };
        let which = if sources.contains(&"") {
            Some("source")
        } else {
            target.is_empty().then_some("destination")
        };
        if let Some(which) = which {
            let text = format!("invalid {which} label name in label_join(): ");
            return Err(QueryError::Execution(text));
        }
        let change = |row: &mut Row| {
            let values = sources.iter().map(|name| row.labels.get(name).unwrap_or(""));
            let joined = values.collect::<Vec<_>>().join(separator);
            set_label(row, target, &joined);
        };
        self.stream_relabelled(call, grid, change, sink)
    }

    fn stream_relabelled(
        &self,
        call: &CallNode,
        grid: Grid,
        change: impl Fn(&mut Row),
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let mut rows = self.rows(first(call)?, grid)?;
        rows.iter_mut().for_each(change);
        let mut rows = merge::same_labels(rows, |row| row.labels.clone())?;
        rows.iter_mut().try_for_each(sink)
    }
}

fn set_label(row: &mut Row, name: &str, value: &str) {
    row.labels = LabelsBuilder::from_labels(&row.labels).set(name, value).build();
    if name == METRIC_NAME {
        row.drop_name = false;
    }
}

/// A template in Go's syntax in that of the `regex` crate. In both, `$1x` is group `1x`; Go's
/// names are letters, digits and underscores, and a `$` that begins no name stays as it is.
fn rust_template(template: &str) -> String {
    let mut rest = template;
    let mut out = String::with_capacity(template.len());
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push_str("$$");
            rest = after;
            continue;
        }
        let (name, after) = if let Some(braced) = rest.strip_prefix('{') {
            match braced.split_once('}') {
                Some((name, after)) if is_name(name) => (name, after),
                _ => {
                    out.push_str("$$");
                    continue;
                }
            }
        } else {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            rest.split_at(end)
        };
        if name.is_empty() {
            out.push_str("$$");
            continue;
        }
        out.push_str("${");
        out.push_str(name);
        out.push('}');
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The order of `sort_by_label`: natural by the listed labels, then by all labels.
pub(super) fn compare_by_labels(a: &Labels, b: &Labels, names: &[&str]) -> Ordering {
    for name in names {
        let (left, right) = (a.get(name).unwrap_or(""), b.get(name).unwrap_or(""));
        if left != right {
            return if natural_less(left, right) { Ordering::Less } else { Ordering::Greater };
        }
    }
    a.cmp(b)
}

/// Whether `a` comes before `b` in natural order: runs of digits compare as numbers.
fn natural_less(a: &str, b: &str) -> bool {
    let (a_runs, b_runs) = (runs(a), runs(b));
    for (at, a_run) in a_runs.iter().enumerate() {
        let Some(b_run) = b_runs.get(at) else { return false };
        if a_run == b_run {
            continue;
        }
        let digits = |run: &str| run.bytes().all(|byte| byte.is_ascii_digit());
        if digits(a_run) && digits(b_run) {
            let (a_number, b_number) =
                (a_run.trim_start_matches('0'), b_run.trim_start_matches('0'));
            let order = a_number.len().cmp(&b_number.len()).then(a_number.cmp(b_number));
            if order.is_ne() {
                return order.is_lt();
            }
            if a_run.len() != b_run.len() {
                return a_run.len() < b_run.len();
            }
            continue;
        }
        return a_run < b_run;
    }
    a_runs.len() < b_runs.len()
}

/// `text` cut where digits begin and end.
fn runs(text: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for at in 1..bytes.len() {
        if bytes[at].is_ascii_digit() != bytes[at - 1].is_ascii_digit() {
            runs.push(&text[start..at]);
            start = at;
        }
    }
    if start < text.len() {
        runs.push(&text[start..]);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::{natural_less, rust_template};

    #[test]
    fn digits_compare_as_numbers() {
        assert!(natural_less("cpu2", "cpu10"));
        assert!(!natural_less("cpu10", "cpu2"));
        assert!(natural_less("cpu", "cpu0"));
        assert!(natural_less("a1b", "a1c"));
    }

    #[test]
    fn templates_are_read_as_in_go() {
        assert_eq!(rust_template("$1-${name}x"), "${1}-${name}x");
        assert_eq!(rust_template("$1x"), "${1x}");
        assert_eq!(rust_template("a$$b"), "a$$b");
        assert_eq!(rust_template("cost: $"), "cost: $$");
    }
}
