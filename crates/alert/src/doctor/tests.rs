//! Tests of the doctor: each kind of finding with a rule that has it and one that has not.

use vigie_model::MetricType;

use super::*;
use crate::template::tests::Plain;
use crate::{ReadOptions, parse_rule_file};

/// What the tests' applications expose.
fn exposed(complete: bool) -> Exposed {
    let mut exposed = Exposed::default();
    exposed.is_complete = complete;
    let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let origin = "app.py:3";
    let mut add = |name: &str, kind, names: &[&str]| {
        exposed.add(name, Some(kind), Some(&labels(names)), origin);
    };
    add("requests_total", MetricType::Counter, &["method", "status_code"]);
    add("latency_seconds", MetricType::Histogram, &["method"]);
    add("db_seconds", MetricType::Summary, &[]);
    add("connections", MetricType::Gauge, &[]);
    exposed
}

fn examine(rule: &str, complete: bool) -> Vec<Finding> {
    let text = format!("groups:\n- name: g\n  rules:\n{rule}");
    let options =
        ReadOptions { default_interval_ms: 15_000, ignore_unknown_fields: false, expander: &Plain };
    let groups = parse_rule_file(&text, "r.yml", options).unwrap();
    let knowledge = Knowledge {
        exposed: exposed(complete),
        scrape_interval_ms: Some(60_000),
        texts: BTreeMap::from([("r.yml".to_owned(), text)]),
    };
    examine_rules(&groups, &knowledge)
}

/// The kinds that are found in an alert on this expression.
fn kinds(expression: &str) -> Vec<&'static str> {
    let rule = format!("  - alert: A\n    expr: {expression}\n");
    examine(&rule, true).iter().map(|finding| finding.kind.as_str()).collect()
}

#[test]
fn each_kind_is_found_where_it_is_and_nowhere_else() {
    let cases: [(&str, &str, &[&str]); 8] = [
        (
            "rate(requests_total{status_code=~\"5..\"}[5m]) / rate(requests_total[5m]) > 0.05",
            "sum(rate(requests_total{status_code=~\"5..\"}[5m])) / sum(rate(requests_total[5m])) > 0.05",
            &["divided-by-itself"],
        ),
        (
            "(requests_total{method=\"GET\"}) / (requests_total)",
            "requests_total{method=\"GET\"} / ignoring(method) group_left connections",
            &["divided-by-itself"],
        ),
        (
            "latency_seconds{quantile=\"0.5\"} > 1",
            "db_seconds{quantile=\"0.5\"} > 1",
            &["quantile-of-histogram"],
        ),
        (
            "rate(requests_total{status=~\"5..\"}[5m]) > 1",
            "rate(requests_total{status_code=~\"5..\", job=\"a\", nope=\"\"}[5m]) > 1",
            &["unknown-label"],
        ),
        ("nothing_total > 1", "latency_seconds_bucket{le=\"1\"} > 1", &["unknown-metric"]),
        ("rate(connections[5m]) > 1", "rate(latency_seconds_sum[5m]) > 1", &["rate-of-gauge"]),
        (
            "sum(rate(latency_seconds_sum[5m])) / sum(rate(latency_seconds_count[5m])) > 1",
            "sum(rate(db_seconds_sum[5m])) / sum(rate(db_seconds_count[5m])) > 1",
            &["average-of-histogram"],
        ),
        ("up{job=\"a\"} == 0", "up == 0", &["missing-absent"]),
    ];
    for (bad, good, expected) in cases {
        assert_eq!(kinds(bad), expected, "{bad}");
        assert_eq!(kinds(good), [""; 0], "{good}");
    }
}

#[test]
fn metrics_that_are_not_known_are_no_fault_as_long_as_not_all_are_known() {
    let rule = "  - {record: a, expr: nothing_total}\n  - {record: b, expr: a}\n";
    assert_eq!(examine(rule, false), []);
    let found = examine(rule, true);
    assert_eq!(found.len(), 1, "what is recorded is there: {found:?}");
}

#[test]
fn an_absent_rule_is_enough() {
    let rules = "  - {alert: A, expr: 'up{job=\"a\"} == 0'}\n  - {alert: B, expr: 'absent(up{job=\"a\"})'}\n";
    assert_eq!(examine(rules, true), []);
}

#[test]
fn for_must_outlast_a_scrape() {
    let found =
        |hold: &str| examine(&format!("  - {{alert: A, expr: up == 0, for: {hold}}}\n"), true);
    assert_eq!(found("30s")[0].kind, FindingKind::ForShorterThanScrape);
    assert_eq!(found("1m"), []);
    assert_eq!(found("0s"), []);
}

#[test]
fn texts_may_use_only_what_the_expression_keeps() {
    let dropped = |expression: &str| -> Vec<String> {
        let rule = format!(
            "  - alert: A\n    expr: {expression}\n    annotations:\n      summary: '{{{{ $labels.instance }}}} {{{{ $labels.job }}}}'\n"
        );
        let found = examine(&rule, false);
        found
            .iter()
            .map(|f| format!("{}:{} {}", f.place.line, f.kind.as_str(), f.message))
            .collect()
    };
    let gone = |label: &str| {
        format!(
            "7:dropped-label A: summary uses $labels.{label}, which the expression has dropped: it \
             is always empty"
        )
    };
    assert_eq!(dropped("sum by (job) (x) > 1"), [gone("instance")]);
    assert_eq!(dropped("sum without (job) (x) > 1"), [gone("job")]);
    assert_eq!(dropped("count(x) > 1"), [gone("instance"), gone("job")]);
    assert_eq!(dropped("x > on (instance) y"), [gone("job")]);
    assert_eq!(dropped("absent(x{job=\"a\"})"), [gone("instance")]);
    for kept in [
        "x > 1",
        "topk(3, x)",
        "x * on (i) group_left (job) sum by (i) (y)",
        "x and on (q) y",
        "label_replace(sum by (job) (x), \"instance\", \"\", \"\", \"\")",
        "sum by (job, instance) (x) or count(y)",
    ] {
        assert_eq!(dropped(kept), [""; 0], "{kept}");
    }
}

#[test]
fn a_finding_points_at_the_selector() {
    let rule = "  - alert: A\n    expr: |\n      sum(\n        rate(requests_total{status=\"5\"}[1m])\n      ) > 1\n";
    let found = examine(rule, true);
    let places: Vec<_> = found.iter().map(|f| (f.place.line, f.place.column)).collect();
    assert_eq!(places, [(7, 14)], "{found:?}");
    let rule = "  - alert: A\n    expr: \"1 < rate(requests_total{status='5'}[1m])\"\n";
    let found = examine(rule, true);
    assert_eq!((found[0].place.line, found[0].place.column), (5, 21), "{found:?}");
}
