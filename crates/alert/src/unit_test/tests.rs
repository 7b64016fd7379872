//! Tests of unit tests of rules: what passes, and what is said of what does not.

use std::sync::Arc;

use super::*;
use crate::template::tests::Plain;

async fn run(rules: &str, tests: &str) -> UnitTestReport {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let path = folder.path().join("test.yml");
    std::fs::write(&path, tests).unwrap();
    let world = World::real();
    let options = UnitTestOptions {
        run: None,
        ignore_unknown_fields: false,
        expander: Arc::new(Plain),
        world: &world,
    };
    run_unit_tests(&path, &options).await
}

const RULES: &str = "groups:
- name: one
  rules:
  - record: job:x:sum
    expr: sum by (job) (x)
  - alert: High
    expr: job:x:sum > 5
    for: 2m
    labels: {severity: page}
    annotations: {summary: '{{label job}} has {{value}}'}
";

fn tests(alert: &str, value: &str) -> String {
    format!(
        "rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  name: first
  input_series:
  - {{series: 'x{{job=\"a\", i=\"1\"}}', values: '1+1x10'}}
  - {{series: 'x{{job=\"a\", i=\"2\"}}', values: '1x3 _ stale 1'}}
  alert_rule_test:
  - eval_time: 4m
    alertname: High
    exp_alerts: []
  - eval_time: 9m30s
    alertname: High
    exp_alerts: [{alert}]
  promql_expr_test:
  - expr: job:x:sum
    eval_time: 3m
    exp_samples: [{{labels: 'job:x:sum{{job=\"a\"}}', value: {value}}}]
  - expr: count(x)
    eval_time: 5m
    exp_samples: [{{labels: '{{}}', value: 1}}]
"
    )
}

#[tokio::test]
async fn what_is_as_expected_passes() {
    let alert = "{exp_labels: {severity: page, job: a}, exp_annotations: {summary: a has 11}}";
    let report = run(RULES, &tests(alert, "5")).await;
    assert_eq!(report.failures().collect::<Vec<_>>(), [""; 0]);
    assert_eq!(report.cases[0].name, "first");
}

#[tokio::test]
async fn what_is_not_is_told_as_promtool_tells_it() {
    let report = run(RULES, &tests("{exp_labels: {severity: page, job: b}}", "7")).await;
    assert_eq!(
        report.failures().collect::<Vec<_>>(),
        [
            "    name: first,
    alertname: High, time: 9m30s, \n        exp:[
            0:
              Labels:{alertname=\"High\", job=\"b\", severity=\"page\"}
              Annotations:{}
            ], \n        got:[
            0:
              Labels:{alertname=\"High\", job=\"a\", severity=\"page\"}
              Annotations:{summary=\"a has 11\"}
            ]",
            "    expr: \"job:x:sum\", time: 3m,
        exp: {__name__=\"job:x:sum\", job=\"a\"} 7E+00
        got: {__name__=\"job:x:sum\", job=\"a\"} 5E+00",
        ]
    );
}

#[tokio::test]
async fn histograms_are_compared_as_they_are_written() {
    let rules = "groups: [{name: g, rules: [{record: r, expr: 'sum(rate(h[2m])) * 120'}]}]";
    let tests = "rule_files: [rules.yml]
tests:
- interval: 1m
  input_series:
  - {series: h, values: '{{schema:1 sum:1 count:2 buckets:[1 1]}}+{{sum:1 count:2 schema:1 buckets:[1 1]}}x5'}
  promql_expr_test:
  - expr: h
    eval_time: 1m
    exp_samples: [{labels: h, histogram: '{{schema:1 sum:2 count:4 buckets:[2 2]}}'}]
  - expr: h
    eval_time: 2m
    exp_samples: [{labels: h, histogram: '{{schema:1 sum:2 count:4 buckets:[2 2]}}'}]
";
    let report = run(rules, tests).await;
    assert_eq!(
        report.failures().collect::<Vec<_>>(),
        ["    expr: \"h\", time: 2m,
        exp: {__name__=\"h\"} {{schema:1 count:4 sum:2 buckets:[2 2]}}
        got: {__name__=\"h\"} {{schema:1 count:6 sum:3 buckets:[3 3]}}"]
    );
}

#[tokio::test]
async fn times_and_orders_can_be_set() {
    let rules = "groups:
- {name: late, rules: [{record: b, expr: a + 1}]}
- {name: early, rules: [{record: a, expr: 'time()'}]}
";
    let tests = "rule_files: ['*ules.yml']
group_eval_order: [early, late]
fuzzy_compare: true
tests:
- start_timestamp: 2024-01-01T00:00:00Z
  promql_expr_test:
  - {expr: b, eval_time: 1m, exp_samples: [{labels: b, value: 1704067261}]}
  - {expr: vector(0.1 + 0.2), eval_time: 0m, exp_samples: [{labels: '{}', value: 0.3}]}
";
    assert_eq!(run(rules, tests).await.failures().collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_run_is_an_error() {
    let cases = [
        (
            "tests: [{inputs: 1}]",
            "yaml: unmarshal errors:\n  line 1: field inputs not found in type main.testGroup",
        ),
        ("group_eval_order: [a, a]", "group name repeated in evaluation order: a"),
        (
            "tests: [{name: n, alert_rule_test: [{eval_time: 5m}]}]",
            "an item under alert_rule_test misses required attribute alertname at eval_time 5m (in TestGroup n)",
        ),
        (
            "tests: [{promql_expr_test: [{expr: 'sum(', eval_time: 1m}]}]",
            "    expr: \"sum(\", time: 1m, err: 1:5: parse error: unclosed left parenthesis",
        ),
    ];
    for (tests, expected) in cases {
        assert_eq!(run(RULES, tests).await.failures().collect::<Vec<_>>(), [expected]);
    }
    let rules = "groups: [{name: g, rules: [{record: r, expr: 'x / on() y'}]}]";
    let tests = "rule_files: [rules.yml, nothing.yml]
tests:
- interval: 1m
  input_series: [{series: 'x{a=\"1\"}', values: 1x9}, {series: 'x{a=\"2\"}', values: 1x9}, {series: y, values: 1x9}]
  promql_expr_test: [{expr: r, eval_time: 1m}]
";
    let report = run(rules, tests).await;
    let failures: Vec<&str> = report.failures().collect();
    assert!(failures[0].starts_with("    rule: r, time: 0s, err: "), "{failures:?}");
    assert!(report.warnings[0].starts_with("no file match pattern "), "{:?}", report.warnings);
}
