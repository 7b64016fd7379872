//! Rules as they are written, and what they make of labels.

use vigie_model::{Labels, LabelsBuilder};

use super::*;

fn rule(
    action: &str,
    source: &[&str],
    regex: &str,
    target: &str,
    replacement: &str,
) -> RelabelConfig {
    RelabelConfig {
        action: action.to_owned(),
        source_labels: source.iter().map(|s| (*s).to_owned()).collect(),
        regex: regex.to_owned(),
        target_label: target.to_owned(),
        replacement: replacement.to_owned(),
        ..RelabelConfig::default()
    }
}

/// The labels afterwards, or "dropped".
fn check(config: RelabelConfig, labels: &[(&str, &str)], expected: &str) {
    let rule = RelabelRule::new(config).unwrap();
    let mut builder = LabelsBuilder::from_labels(&Labels::from_pairs(labels.iter().copied()));
    let text = if relabel(&[rule], &mut builder) {
        builder.build().to_string()
    } else {
        "dropped".to_owned()
    };
    assert_eq!(text, expected);
}

#[test]
fn every_action() {
    let labels = &[("a", "foo"), ("b", "bar"), ("c", "Baz")];
    check(
        rule("replace", &["a", "b"], "f(.*);(.*)r", "d", "ch${1}-$2"),
        labels,
        r#"{a="foo", b="bar", c="Baz", d="choo-ba"}"#,
    );
    check(rule("replace", &["a"], "no", "a", "x"), labels, r#"{a="foo", b="bar", c="Baz"}"#);
    check(
        rule("replace", &["a"], "(f).*", "$1", "x"),
        labels,
        r#"{a="foo", b="bar", c="Baz", f="x"}"#,
    );
    check(rule("replace", &["a"], ".*", "b", ""), labels, r#"{a="foo", c="Baz"}"#);
    check(rule("keep", &["a"], "fo", "", "$1"), labels, "dropped");
    check(rule("drop", &["a"], "fo", "", "$1"), labels, r#"{a="foo", b="bar", c="Baz"}"#);
    check(rule("KeepEqual", &["a"], "(.*)", "b", "$1"), labels, "dropped");
    check(rule("dropequal", &["a"], "(.*)", "b", "$1"), labels, r#"{a="foo", b="bar", c="Baz"}"#);
    check(
        rule("labelmap", &[], "([ab])", "", "x_$1"),
        labels,
        r#"{a="foo", b="bar", c="Baz", x_a="foo", x_b="bar"}"#,
    );
    check(rule("labeldrop", &[], "[ab]", "", "$1"), labels, r#"{c="Baz"}"#);
    check(rule("labelkeep", &[], "[ab]", "", "$1"), labels, r#"{a="foo", b="bar"}"#);
    check(rule("lowercase", &["c"], "(.*)", "c", "$1"), labels, r#"{a="foo", b="bar", c="baz"}"#);
    check(rule("uppercase", &["a"], "(.*)", "a", "$1"), labels, r#"{a="FOO", b="bar", c="Baz"}"#);
    // md5("bar") = 37b51d194a7513e45b56f6524f2d51f2; its last eight bytes modulo 1000.
    let hashmod = RelabelConfig { modulus: 1_000, ..rule("hashmod", &["b"], "(.*)", "d", "$1") };
    check(
        hashmod,
        &[("b", "bar")],
        &format!("{{b=\"bar\", d=\"{}\"}}", 0x5b56_f652_4f2d_51f2_u64 % 1_000),
    );
}

#[test]
fn references_expand_as_in_go() {
    let labels = &[("a", "xyz")];
    let expanded = |replacement: &str| {
        let rule = RelabelRule::new(rule("replace", &["a"], "(?P<first>x)(y)z", "b", replacement))
            .unwrap();
        let mut builder = LabelsBuilder::from_labels(&Labels::from_pairs(labels.iter().copied()));
        rule.apply(&mut builder);
        builder.get("b").unwrap_or("").to_owned()
    };
    assert_eq!(expanded("$2-${1}_$first"), "y-x_x");
    assert_eq!(expanded("$1x"), "", "the name is 1x, which no group has");
    assert_eq!(expanded("$$1"), "$1");
    assert_eq!(expanded("a$"), "a$");
    assert_eq!(expanded("${1"), "${1");
    assert_eq!(expanded("$0!"), "xyz!");
}

#[test]
fn what_cannot_work_is_refused() {
    for (config, message) in [
        (rule("explode", &[], "(.*)", "", "$1"), "unknown relabel action \"explode\""),
        (
            rule("replace", &[], "(.*)", "", "$1"),
            "relabel configuration for replace action requires 'target_label' value",
        ),
        (
            rule("hashmod", &[], "(.*)", "a", "$1"),
            "relabel configuration for hashmod requires non-zero modulus",
        ),
        (
            rule("labeldrop", &["a"], "(.*)", "", "$1"),
            "labeldrop action requires only 'regex', and no other fields",
        ),
        (
            rule("lowercase", &["a"], "(.*)", "a", "x"),
            "'replacement' can not be set for lowercase action",
        ),
    ] {
        assert_eq!(RelabelRule::new(config).unwrap_err().to_string(), message);
    }
    assert!(RelabelRule::new(rule("keep", &["a"], "(", "", "$1")).is_err());
}
