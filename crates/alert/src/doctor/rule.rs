//! Examines one rule.

use std::collections::BTreeSet;

use vigie_language::promql::{
    Aggregate, AggregateOp, Binary, BinaryOp, Expr, GroupSide, VectorSelector, format_duration_ms,
};
use vigie_model::{METRIC_NAME, MatchOp, Matcher, MetricType};
use vigie_store::CompiledMatcher;

use super::selectors::{Selected, bare, name_of, selected};
use super::{Exposed, Finding, FindingKind, labels, place, texts};
use crate::{Rule, RuleKind};

/// Labels that every target's series have.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

/// Functions that make sense of counters only.
const COUNTER_FUNCTIONS: [&str; 4] = ["rate", "irate", "increase", "resets"];

/// One rule and what is known around it.
pub(super) struct Examination<'a> {
    pub(super) file: &'a str,
    pub(super) text: Option<&'a str>,
    pub(super) rule: &'a Rule,
    pub(super) exposed: &'a Exposed,
    pub(super) watched: &'a BTreeSet<String>,
    pub(super) scrape_interval_ms: Option<i64>,
}

impl Examination<'_> {
    /// Adds all findings.
    pub(super) fn run(&self, findings: &mut Vec<Finding>) {
        let tree = &self.rule.expression.tree;
        self.binaries(tree, findings);
        for one in selected(tree) {
            self.selector(&one, findings);
        }
        if self.rule.is_alerting() {
            self.duration(findings);
            self.texts(findings);
        }
    }

    fn add(&self, findings: &mut Vec<Finding>, kind: FindingKind, at: usize, message: &str) {
        let place = place::of(self.rule, self.text, at);
        let message = format!("{}: {message}", self.rule.name);
        findings.push(Finding { kind, file: self.file.to_owned(), place, message });
    }

    fn selector(&self, one: &Selected<'_>, findings: &mut Vec<Finding>) {
        let Some(name) = name_of(one.selector) else { return };
        let at = one.selector.position.start;
        if !self.exposed.may_have(name) {
            let message = format!("nothing exposes {name}");
            self.add(findings, FindingKind::UnknownMetric, at, &message);
            return;
        }
        if let Some(call) = one.call
            && COUNTER_FUNCTIONS.contains(&call.function.name)
        {
            self.rate(name, call.function.name, at, findings);
        }
        self.labels(name, one.selector, findings);
        self.absence(name, one, findings);
    }

    fn rate(&self, name: &str, function: &str, at: usize, findings: &mut Vec<Finding>) {
        let Some((family, metric)) = self.exposed.family(name) else { return };
        // The parts of histograms and summaries are counters.
        if metric.kind != Some(MetricType::Gauge) || family != name {
            return;
        }
        let message = format!(
            "{name} is a gauge ({}), which {function} takes for a counter: each decrease looks \
             like a restart; use delta, deriv or avg_over_time",
            metric.origin()
        );
        self.add(findings, FindingKind::RateOfGauge, at, &message);
    }

    fn labels(&self, name: &str, selector: &VectorSelector, findings: &mut Vec<Finding>) {
        let Some((family, metric)) = self.exposed.family(name) else { return };
        let at = selector.position.start;
        for matcher in selector.matchers.iter().filter(|m| m.name != METRIC_NAME) {
            let label = matcher.name.as_str();
            if label == "quantile" && family == name && metric.kind == Some(MetricType::Histogram) {
                let q = &matcher.value;
                let message = format!(
                    "{name} is a histogram ({}) and has no label quantile; write \
                     histogram_quantile({q}, sum by (le) (rate({name}_bucket[5m])))",
                    metric.origin()
                );
                self.add(findings, FindingKind::QuantileOfHistogram, at, &message);
                continue;
            }
            let is_part = matches!(label, "le" | "quantile");
            let is_known = metric.labels.contains(label)
                || TARGET_LABELS.contains(&label)
                || self.exposed.target_labels.contains(label);
            if !metric.knows_labels || is_part || is_known || !needs_label(matcher) {
                continue;
            }
            let known: Vec<&str> = metric.labels.iter().map(String::as_str).collect();
            let message = format!(
                "{name} has no label {label} ({} exposes {}), so this selects nothing{}",
                metric.origin(),
                if known.is_empty() { "none".to_owned() } else { known.join(", ") },
                similar(label, &known).map_or_else(String::new, |s| format!("; is {s} meant?"))
            );
            self.add(findings, FindingKind::UnknownLabel, at, &message);
        }
    }

    fn absence(&self, name: &str, one: &Selected<'_>, findings: &mut Vec<Finding>) {
        let names_target = one.selector.matchers.iter().any(|matcher| {
            matcher.op == MatchOp::Equal && TARGET_LABELS.contains(&matcher.name.as_str())
        });
        let is_plain = one.call.is_none() && name == "up" && names_target;
        if !self.rule.is_alerting() || !is_plain || self.watched.contains(name) {
            return;
        }
        let matchers = selector_text(one.selector);
        let message = format!(
            "when this target is no longer found, {matchers} is gone and the alert with it, and no \
             rule asks absent({matchers})"
        );
        let at = one.selector.position.start;
        self.add(findings, FindingKind::MissingAbsent, at, &message);
    }

    fn binaries(&self, expr: &Expr, findings: &mut Vec<Finding>) {
        match expr {
            Expr::Binary(binary) => {
                self.divided_by_itself(binary, findings);
                self.average(binary, findings);
                self.binaries(&binary.lhs, findings);
                self.binaries(&binary.rhs, findings);
            }
            Expr::Aggregate(e) => self.binaries(&e.expr, findings),
            Expr::Call(e) => e.args.iter().for_each(|arg| self.binaries(arg, findings)),
            Expr::Paren(e) => self.binaries(&e.expr, findings),
            Expr::Subquery(e) => self.binaries(&e.expr, findings),
            Expr::Unary(e) => self.binaries(&e.expr, findings),
            Expr::Vector(_) | Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) => {}
        }
    }

    /// `a{x="1"} / a`: labels match exactly, so that each series finds itself.
    fn divided_by_itself(&self, binary: &Binary, findings: &mut Vec<Finding>) {
        let plain = binary.matching.as_ref().is_some_and(|matching| {
            matching.group == GroupSide::None && !matching.on && matching.labels.is_empty()
        });
        if binary.op != BinaryOp::Div || !plain {
            return;
        }
        let (Some(one), Some(two)) = (series_of(&binary.lhs), series_of(&binary.rhs)) else {
            return;
        };
        let is_same =
            one.function == two.function && name_of(one.selector) == name_of(two.selector);
        let within = |a: &VectorSelector, b: &VectorSelector| {
            a.matchers.iter().all(|matcher| b.matchers.contains(matcher))
        };
        if name_of(one.selector).is_none() || !is_same || !within(two.selector, one.selector) {
            return;
        }
        let text = |expr: &Expr| bare(expr).to_string();
        let message = format!(
            "each series is divided by itself, so the result is 1 at the first count, whatever \
             the share; sum both sides: sum by (job) ({}) / sum by (job) ({})",
            text(&binary.lhs),
            text(&binary.rhs)
        );
        let at = binary.lhs.position().start;
        self.add(findings, FindingKind::DividedByItself, at, &message);
    }

    /// `x_sum / x_count` in an alert, where x is a histogram.
    fn average(&self, binary: &Binary, findings: &mut Vec<Finding>) {
        if binary.op != BinaryOp::Div || !self.rule.is_alerting() {
            return;
        }
        let name =
            |expr: &Expr| -> Option<String> { name_of(summed(expr)?.selector).map(str::to_owned) };
        let (Some(sum), Some(count)) = (name(&binary.lhs), name(&binary.rhs)) else { return };
        let Some(base) = sum.strip_suffix("_sum").filter(|b| count == format!("{b}_count")) else {
            return;
        };
        let Some((_, metric)) = self.exposed.family(base) else { return };
        if metric.kind != Some(MetricType::Histogram) {
            return;
        }
        let message = format!(
            "an average hides the slow ones, and {base} is a histogram ({}); write \
             histogram_quantile(0.99, sum by (le) (rate({base}_bucket[5m])))",
            metric.origin()
        );
        let at = binary.lhs.position().start;
        self.add(findings, FindingKind::AverageOfHistogram, at, &message);
    }

    fn duration(&self, findings: &mut Vec<Finding>) {
        let RuleKind::Alerting { for_ms, .. } = self.rule.kind else { return };
        let Some(interval_ms) = self.scrape_interval_ms.filter(|ms| for_ms > 0 && for_ms < *ms)
        else {
            return;
        };
        let message = format!(
            "for: {} is shorter than the {} between two scrapes, so that one bad sample is enough",
            format_duration_ms(for_ms),
            format_duration_ms(interval_ms)
        );
        findings.push(Finding {
            kind: FindingKind::ForShorterThanScrape,
            file: self.file.to_owned(),
            place: self.rule.place,
            message: format!("{}: {message}", self.rule.name),
        });
    }

    fn texts(&self, findings: &mut Vec<Finding>) {
        let known = labels::of(&self.rule.expression.tree);
        let texts = self.rule.annotations.iter().chain(&self.rule.labels);
        for (name, text) in texts {
            for label in texts::labels_used(text) {
                if known.may_have(&label) {
                    continue;
                }
                let message = format!(
                    "{name} uses $labels.{label}, which the expression has dropped: it is always \
                     empty"
                );
                findings.push(Finding {
                    kind: FindingKind::DroppedLabel,
                    file: self.file.to_owned(),
                    place: self.place_of_text(name),
                    message: format!("{}: {message}", self.rule.name),
                });
            }
        }
    }

    /// The line of annotation or label `name`; the rule's place when it is not found.
    fn place_of_text(&self, name: &str) -> crate::Place {
        let first = usize::try_from(self.rule.place.line).unwrap_or(1).saturating_sub(1);
        let lines = self.text.unwrap_or_default().lines().enumerate().skip(first);
        for (at, line) in lines {
            let indent = line.len() - line.trim_start().len();
            let rest = line.trim_start().trim_start_matches("- ");
            if rest.strip_prefix(name).is_some_and(|after| after.starts_with(':')) {
                let (line, column) = (u32::try_from(at), u32::try_from(indent));
                if let (Ok(line), Ok(column)) = (line, column) {
                    return crate::Place { line: line + 1, column: column + 1 };
                }
            }
        }
        self.rule.place
    }
}

/// Whether a series without the label is refused.
fn needs_label(matcher: &Matcher) -> bool {
    CompiledMatcher::new(matcher).is_ok_and(|compiled| !compiled.matches_value(""))
}

/// A known label that the wanted one may be a slip of.
fn similar<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    known.iter().copied().find(|label| label.starts_with(wanted) || wanted.starts_with(label))
}

fn selector_text(selector: &VectorSelector) -> String {
    Expr::Vector(VectorSelector { offset: None, at: None, ..selector.clone() }).to_string()
}

/// A selector whose labels come through unchanged, and the function around it.
struct Series<'a> {
    selector: &'a VectorSelector,
    function: Option<&'static str>,
}

fn series_of(expr: &Expr) -> Option<Series<'_>> {
    match bare(expr) {
        Expr::Vector(selector) => Some(Series { selector, function: None }),
        Expr::Call(call) => match call.args.as_slice() {
            [Expr::Matrix(matrix)] => {
                Some(Series { selector: &matrix.selector, function: Some(call.function.name) })
            }
            _ => None,
        },
        _ => None,
    }
}

/// The same, also when it is summed.
fn summed(expr: &Expr) -> Option<Series<'_>> {
    match bare(expr) {
        Expr::Aggregate(Aggregate { op: AggregateOp::Sum, expr, .. }) => series_of(expr),
        other => series_of(other),
    }
}
