//! The doctor on the seed, and on relabelling rules.

use super::*;

#[test]
fn a_keep_on_the_labels_own_name_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let rule = |regex: &str, action: &str| {
        format!("    - {{source_labels: [__meta_x], regex: {regex}, action: {action}}}\n")
    };
    let text = format!(
        "scrape_configs:\n- job_name: a\n  static_configs: [{{targets: ['a:1']}}]\n  \
         relabel_configs:\n{}{}{}{}",
        rule("__meta_x", "keep"),
        rule("'true'", "keep"),
        rule("__meta_x", "drop"),
        rule("__meta_x", "labeldrop").replace("source_labels: [__meta_x], ", ""),
    );
    let path = folder.path().join("prometheus.yml");
    std::fs::write(&path, text).unwrap();
    let found = findings(&[path], &World::real()).unwrap();
    let lines: Vec<_> = found.iter().map(|f| (f.place.line, f.kind.as_str())).collect();
    assert_eq!(lines, [(5, "regex-is-label-name"), (7, "regex-is-label-name")]);
}

#[test]
fn an_exposition_tells_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "groups: [{name: g, rules: [{alert: A, expr: 'rate(t[5m]) > 1'}, \
                 {alert: B, expr: 'gone > 1'}, {alert: C, expr: 'h_bucket{le=\"1\", x=\"1\"} > 1'}]}]";
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let exposition = "# TYPE t gauge\nt{a=\"1\"} 5\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\n";
    std::fs::write(folder.path().join("app.prom"), exposition).unwrap();
    let found = findings(&[folder.path().to_path_buf()], &World::real()).unwrap();
    let mut kinds: Vec<_> = found.iter().map(|f| f.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["rate-of-gauge", "unknown-label", "unknown-metric"], "{found:?}");
}

#[test]
fn routes_and_inhibition_that_do_nothing_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "groups: [{name: g, rules: [{alert: Known, expr: vector(1)}]}]";
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let config = "receivers: [{name: r}]
route:
  receiver: r
  routes:
  - matchers: [team=a]
    receiver: r
  - matchers: [team=a, severity=page]
    receiver: r
  - matchers: [team=b]
    continue: true
    receiver: r
  - matchers: [team=b, severity=page]
    receiver: r
  - matchers: [alertname=Gone]
    receiver: r
  - matchers: [alertname=~Kno.*]
    receiver: r
inhibit_rules:
- source_matchers: [severity=page]
  target_matchers: [severity=page, team=a]
  equal: [job]
- source_matchers: [severity=page]
  target_matchers: [severity=warning]
  equal: [job]
";
    std::fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
    let found = findings(&[folder.path().to_path_buf()], &World::real()).unwrap();
    let lines: Vec<_> = found.iter().map(|f| (f.place.line, f.kind.as_str())).collect();
    assert_eq!(
        lines,
        [(7, "unreachable-route"), (14, "unreachable-route"), (19, "inhibits-itself")],
        "{found:?}"
    );
}

#[test]
fn the_seed_has_exactly_these() {
    let Some(seed) = vigie_testkit::shared("the_seed_has_exactly_these", "seed") else { return };
    let found = findings(std::slice::from_ref(&seed), &World::real()).unwrap();
    let told: Vec<String> = found
        .iter()
        .map(|f| {
            let file = Path::new(&f.file).file_name().unwrap().to_string_lossy().into_owned();
            format!("{file}:{}:{} {}", f.place.line, f.place.column, f.kind.as_str())
        })
        .collect();
    assert_eq!(
        told,
        [
            "alert_rules.yml:6:15 quantile-of-histogram",
            "alert_rules.yml:15:15 divided-by-itself",
            "alert_rules.yml:15:20 unknown-label",
            "prometheus.yml:46:16 regex-is-label-name",
        ]
    );
    let label = &found[2].message;
    assert!(label.contains("is status_code meant"), "{label}");
    assert!(found[0].message.contains("metrics.py:") && found[0].message.contains("metrics.go:"));
}
