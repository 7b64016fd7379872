//! Tests of rule files: what is read, and what is said of what is wrong.

use super::*;
use crate::template::tests::Plain;

fn options() -> ReadOptions<'static> {
    ReadOptions { default_interval_ms: 60_000, ignore_unknown_fields: false, expander: &Plain }
}

fn errors(text: &str) -> Vec<String> {
    let result = parse_rule_file(text, "f.yml", options());
    result.map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn every_field_is_read() {
    let text = "groups:
  - name: g
    interval: 30s
    query_offset: 1m
    limit: 7
    labels: {team: a, env: prod}
    rules:
      - record: job:x:sum
        expr: sum by (job) (x)
        labels: {team: b}
      - alert: Up
        expr: |
          up
            == 0
        for: 5m
        keep_firing_for: 2m
        labels: {severity: 1}
        annotations: {summary: gone}
  - name: h
    rules:
";
    let groups = parse_rule_file(text, "f.yml", options()).unwrap();
    let [one, two] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!((one.interval_ms, one.query_offset_ms, one.limit), (30_000, Some(60_000), 7));
    assert_eq!((two.interval_ms, two.query_offset_ms, two.rules.len()), (60_000, None, 0));
    assert_eq!(one.key(), "f.yml;g");
    let [record, alert] = one.rules.as_slice() else { panic!("{one:?}") };
    assert_eq!(record.kind, RuleKind::Recording);
    assert_eq!(record.labels["team"], "b");
    assert_eq!(record.labels["env"], "prod");
    assert_eq!(alert.kind, RuleKind::Alerting { for_ms: 300_000, keep_firing_for_ms: 120_000 });
    assert_eq!(alert.expression.text, "up == 0");
    assert_eq!((alert.labels["severity"].as_str(), &*alert.annotations["summary"]), ("1", "gone"));
    assert_eq!((alert.place.line, alert.expression_place.line), (11, 13));
}

#[test]
fn names_may_be_any_text_but_not_have_braces() {
    let text = "groups: [{name: g, rules: [{record: 'a.b c', expr: '1', labels: {'é 1': x}}]}]";
    assert_eq!(errors(text), [""; 0]);
    let text = "groups: [{name: g, rules: [{record: 'a{b}', expr: '1'}]}]";
    assert_eq!(
        errors(text),
        ["1:37: group \"g\", rule 1, \"a{b}\": braces present in the recording rule name; \
          should it be in expr?: a{b}"]
    );
}

#[test]
fn what_is_wrong_is_said_in_prometheus_words_with_its_place() {
    let cases = [
        (
            "groups:\n- name: g\n  partial_response_strategy: abort\n  rules:\n  - exp: 1\n",
            "yaml: unmarshal errors:\n  line 3: field partial_response_strategy not found in type \
             rulefmt.RuleGroup\n  line 5: field exp not found in type rulefmt.Rule",
        ),
        (
            "groups: 5\n",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `5` into []rulefmt.RuleGroup",
        ),
        ("groups:\n- name: g\n  interval: soon\n", "3:13: not a valid duration string: \"soon\""),
        ("groups:\n- name: ''\n", "2:3: Groupname must not be empty"),
        ("groups:\n- name: g\n- name: g\n", "3:3: groupname: \"g\" is repeated in the same file"),
        (
            "groups:\n- name: g\n  rules:\n  - expr: up\n",
            "4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - record: r\n    alert: a\n    expr: up\n",
            "4:13: 5:12: group \"g\", rule 1, \"a\": only one of 'record' and 'alert' must be set",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - record: r\n",
            "4:5: group \"g\", rule 1, \"r\": field 'expr' must be set in rule",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - record: r\n    expr: sum(\n",
            "5:11: group \"g\", rule 1, \"r\": could not parse expression: 1:5: parse error: \
             unclosed left parenthesis",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - record: r\n    expr: up\n    for: 1m\n",
            "4:13: group \"g\", rule 1, \"r\": invalid field 'for' in recording rule",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: up\n    labels: {__name__: x}\n",
            "4:5: group \"g\", rule 1, \"a\": invalid label name: __name__",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), [expected], "{text}");
    }
    assert_eq!(errors("groups: [\n").len(), 1);
    assert_eq!(errors(""), [""; 0]);
}

#[test]
fn unknown_fields_can_be_left_out() {
    let text = "extra: 1\ngroups:\n- {name: g, note: x, rules: [{record: r, expr: '1', why: y}]}\n";
    let options = ReadOptions { ignore_unknown_fields: true, ..options() };
    assert_eq!(parse_rule_file(text, "f", options).unwrap().len(), 1);
}
