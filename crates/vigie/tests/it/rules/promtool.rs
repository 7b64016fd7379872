//! The same files for Debian's `promtool` and for Vigie: the same words, the same exit codes.

use std::path::Path;
use std::process::Command;

use vigie_testkit::program;

const RULES: &str = "groups:
- name: one
  rules:
  - record: job:x:sum
    expr: sum by (job) (x)
  - alert: High
    expr: job:x:sum > 5
    for: 2m
    labels: {severity: page}
    annotations:
      summary: '{{ $labels.job }} has {{ $value | humanize }} in {{ $externalLabels.dc }}'
      link: '{{ $externalURL }} {{ query \"vector(1)\" | first | value }}'
";

/// Rule files of which promtool 2.42 says what Prometheus 3 says.
const CHECKED: [&str; 8] = [
    "groups:\n- name: g\n  rules:\n  - {record: r, expr: x}\n",
    "groups:\n- name: g\n  rules:\n  - {record: r, expr: x}\n  - {record: r, expr: y}\n",
    "groups:\n- name: g\n  rules:\n  - {record: r, expr: x, labels: {a: b}}\n  - {record: r, expr: y, labels: {a: b}}\n  - {record: r, expr: z}\n",
    "groups:\n- name: g\n  rules:\n  - record: r\n    expr: sum(x)by\n",
    "groups:\n- name: g\n  rules:\n  - record: r\n    alert: a\n    expr: up\n",
    "groups:\n- name: g\n  rules:\n  - record: r\n    expr: up\n    annotations: {a: b}\n",
    "groups:\n- name: g\n  rules: []\n- name: g\n  rules: []\n",
    "groups: []\n",
];

/// Tests, each with the rules above.
const TESTS: [&str; 5] = [
    // All as expected.
    "tests:
- interval: 1m
  external_labels: {dc: here}
  external_url: http://p:9090
  input_series:
  - {series: 'x{job=\"a\", i=\"1\"}', values: '1+1x10'}
  - {series: 'x{job=\"a\", i=\"2\"}', values: '1x3 _ stale 1'}
  alert_rule_test:
  - {eval_time: 4m, alertname: High}
  - eval_time: 9m30s
    alertname: High
    exp_alerts:
    - exp_labels: {severity: page, job: a}
      exp_annotations: {summary: a has 11 in here, link: http://p:9090 1}
  promql_expr_test:
  - expr: job:x:sum
    eval_time: 3m
    exp_samples: [{labels: 'job:x:sum{job=\"a\"}', value: 5}]
",
    // Another value, another label, an alert that is not there, one that is not expected.
    "evaluation_interval: 30s
tests:
- interval: 1m
  name: wrong
  input_series: [{series: 'x{job=\"a\"}', values: '0+3x10'}]
  alert_rule_test:
  - {eval_time: 10m, alertname: High}
  - eval_time: 1m
    alertname: High
    exp_alerts: [{exp_labels: {severity: page}}]
  promql_expr_test:
  - {expr: job:x:sum, eval_time: 3m, exp_samples: [{labels: 'job:x:sum{job=\"b\"}', value: 9}]}
  - {expr: 'x * 1e9', eval_time: 5m, exp_samples: []}
  - {expr: 'ALERTS', eval_time: 6m, exp_samples: []}
",
    // Numbers and gaps.
    "tests:
- interval: 30s
  input_series:
  - {series: a, values: '-1e2 0.5x2 10-2.5x3 _x2 stale 7'}
  - {series: '{__name__=\"b\",l=\"q\\\"uote\"}', values: '1 NaN Inf -Inf'}
  promql_expr_test:
  - {expr: 'count_over_time(a[10m])', eval_time: 5m, exp_samples: [{labels: '{}', value: 8}]}
  - {expr: 'b', eval_time: 1m30s, exp_samples: [{labels: 'b{l=\"q\\\"uote\"}', value: -.inf}]}
  - {expr: 'sum_over_time(a[3m45s])', eval_time: 4m, exp_samples: [{labels: '{}', value: 0}]}
",
    "tests: [{interval: 1m, promql_expr_test: [{expr: 'x + ', eval_time: 1m}]}]\n",
    "tests:\n- interval: 1m\n  alert_rule_test: [{eval_time: 5m, exp_alerts: []}]\n",
];

/// (exit code, output and errors without what only one version prints)
fn run(binary: &Path, tool: &[&str], folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary).args(tool).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = format!("{}\n--\n{}", text(&output.stdout), text(&output.stderr));
    let kept = all.lines().filter(|line| !line.starts_with("Unit Testing:")).map(str::trim_end);
    (output.status.code(), kept.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}

fn compare(promtool: &Path, folder: &Path, args: &[&str], what: &str) {
    let theirs = run(promtool, &[], folder, args);
    let ours = run(Path::new(env!("CARGO_BIN_EXE_vigie")), &["promtool"], folder, args);
    assert_eq!(ours, theirs, "{what}");
}

#[test]
fn rule_files_are_checked_as_promtool_checks_them() {
    let Some(promtool) = program("rule_files_are_checked_as_promtool_checks_them", "promtool")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for text in CHECKED {
        std::fs::write(folder.path().join("r.yml"), text).unwrap();
        for args in [
            &["check", "rules", "r.yml"][..],
            &["check", "rules", "--lint-fatal", "r.yml"],
            &["check", "rules", "--lint=none", "r.yml"],
        ] {
            compare(&promtool, folder.path(), args, text);
        }
    }
}

#[test]
fn unit_tests_end_as_promtool_ends_them() {
    let Some(promtool) = program("unit_tests_end_as_promtool_ends_them", "promtool") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    for text in TESTS {
        let text = format!("rule_files: [rules.yml]\n{text}");
        std::fs::write(folder.path().join("t.yml"), &text).unwrap();
        compare(&promtool, folder.path(), &["test", "rules", "t.yml"], &text);
    }
}
