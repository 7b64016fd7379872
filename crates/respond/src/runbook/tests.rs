//! What tries to get past the rules of safety.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vigie_language::yaml::Source;

use super::*;

const BOOK: &str = "
runbook:
  name: Restart
  inputs: {service: {label: service}, free: {label: free, default: x, pattern: '(?s).*'}}
  remediation:
  - {name: a, action: 'kubectl restart ${inputs.service}'}
  - {name: b, action: 'kubectl restart ${inputs.free}'}
";

fn options() -> RunbookOptions {
    let mut options = RunbookOptions::default();
    options.allow.programs.push(AllowedProgram {
        program: PathBuf::from("/usr/bin/kubectl"),
        arguments: vec![anchored("restart").unwrap(), anchored("[a-z-]+").unwrap()],
        rest: None,
        scripts: Vec::new(),
    });
    options
}

#[test]
fn labels_made_to_inject_are_refused() {
    let runbook = vigie_language::runbook::parse(BOOK, &Source::default()).unwrap().remove(0);
    let huge = "a".repeat(1 << 20);
    let attacks =
        ["; rm -rf /", "$(id)", "`id`", "--all", "-A", "a\nb", "a\0b", "{{ . }}", "", &huge];
    for attack in attacks {
        let labels = BTreeMap::from([("service".to_owned(), attack.to_owned())]);
        inputs_of(&runbook, &labels, &BTreeMap::new()).expect_err(attack);
        // With a pattern that takes anything the later rules hold.
        let inputs = BTreeMap::from([
            ("service".to_owned(), "web".to_owned()),
            ("free".to_owned(), attack.to_owned()),
        ]);
        let none = BTreeMap::new();
        let values = Values { inputs: &inputs, variables: &none, item: None, labels: &labels };
        let step = &runbook.steps[1];
        let prepared = prepare(step, &step.action, values, &options());
        let is_refused = prepared.as_ref().map_or(true, |p| p.refusal.is_some());
        assert!(is_refused, "{attack:?}: {prepared:?}");
    }
}

#[test]
fn secrets_are_taken_out() {
    let redactor = Redactor::new(&[], vec!["known-one".to_owned()]).unwrap();
    for (text, hidden) in [
        ("PASSWORD=hunter2 x", "hunter2"),
        ("\"api_key\": \"abc123\"", "abc123"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("postgres://user:pw1234@host/db", "pw1234"),
        ("a known-one b", "known-one"),
    ] {
        let clean = redactor.clean(text);
        assert!(!clean.contains(hidden), "{text}: {clean}");
    }
    assert_eq!(redactor.clean("3 pods restarted"), "3 pods restarted");
}
