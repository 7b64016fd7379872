//! Reading of whole configurations and of what is wrong with them.

use std::time::Duration;

use vigie_model::event::Value;

use super::*;

fn read(text: &str) -> Result<Filebeat, ConfigError> {
    let variable = |name: &str| (name == "HOME_OF_LOGS").then(|| "/logs".to_owned());
    parse(text, &Source::default(), &variable)
}

#[test]
fn dotted_keys_and_nested_ones_are_the_same() {
    let dotted = "filebeat.inputs:\n- type: log\n  paths: ['${HOME_OF_LOGS}/*.log']\n  multiline.pattern: '^\\s'\n  multiline.match: after\n  json.keys_under_root: true\n  fields.a.b: 1\noutput.console: {}\n";
    let nested = "filebeat:\n  inputs:\n  - type: log\n    paths: ['/logs/*.log']\n    multiline: {pattern: '^\\s', match: after}\n    json: {keys_under_root: true}\n    fields: {a: {b: 1}}\noutput: {console: {}}\n";
    let (dotted, nested) = (read(dotted).unwrap(), read(nested).unwrap());
    assert_eq!(
        format!("{:?}", dotted.inputs[0].parsers),
        format!("{:?}", nested.inputs[0].parsers)
    );
    assert_eq!(dotted.inputs[0].files.paths, ["/logs/*.log"]);
    assert_eq!(dotted.inputs[0].fields, nested.inputs[0].fields);
    assert!(dotted.warnings.is_empty(), "{:?}", dotted.warnings);
    // Without a key for the message, lines are joined before they are JSON.
    assert!(matches!(dotted.inputs[0].parsers[..], [Parser::Multiline(_), Parser::Json(_)]));
}

#[test]
fn defaults_are_filebeats() {
    let read = read("filebeat.inputs: [{type: container, paths: [/a]}, {type: filestream, id: b, paths: [/b], close.on_state_change.inactive: 1m, prospector.scanner.check_interval: 2s}]").unwrap();
    let [container, stream] = &read.inputs[..] else { panic!() };
    assert!(container.files.symlinks && !stream.files.symlinks);
    assert_eq!(container.files.scan, Duration::from_secs(10));
    assert_eq!(container.message_bytes_max, 10 << 20);
    assert_eq!(stream.files.scan, Duration::from_secs(2));
    assert_eq!(stream.files.close_inactive, Duration::from_secs(60));
    assert!(matches!(container.parsers[..], [Parser::Container(Stream::All)]));
}

#[test]
fn processors_have_conditions_and_branches() {
    let text = "processors:\n- drop_event.when.regexp.message: '^DEBUG'\n- if:\n    and: [{equals.a.b: 1}, {not.has_fields: [c]}]\n  then:\n  - add_tags: {tags: [x]}\n  else: {drop_fields: {fields: [y]}}\n- drop_event: {when: {range: {code.gte: 400, code.lt: 500}}}\n";
    let read = read(text).unwrap();
    let Processor::Step { name, when: Some(Condition::Regexp(fields)), .. } = &read.processors[0]
    else {
        panic!("{:?}", read.processors[0])
    };
    assert_eq!((name.as_str(), fields[0].0.as_str()), ("drop_event", "message"));
    let Processor::Branch { when: Condition::And(all), then, otherwise } = &read.processors[1]
    else {
        panic!("{:?}", read.processors[1])
    };
    assert_eq!((all.len(), then.len(), otherwise.len()), (2, 1, 1));
    assert!(
        matches!(&all[0], Condition::Equals(f) if f == &[("a.b".to_owned(), Value::Integer(1))])
    );
    let Processor::Step { when: Some(Condition::Range(tests)), .. } = &read.processors[2] else {
        panic!("{:?}", read.processors[2])
    };
    assert_eq!(tests.len(), 2);
}

#[test]
fn what_cannot_work_is_said_with_its_line() {
    for (text, line, said) in [
        ("filebeat.inputs:\n- type: log\n", 2, "needs `paths`"),
        ("filebeat.inputs:\n- {paths: [a]}\n", 2, "`type` is missing"),
        ("filebeat.inputs:\n- type: aws-s3\n", 2, "not there yet"),
        ("output.kafka:\n  hosts: [a]\n", 2, "not there yet"),
        ("output.console: {}\noutput.file: {path: /a}\n", 2, "more than one output"),
        ("filebeat.inputs:\n- type: log\n  paths: ['${NOT_SET}']\n", 3, "NOT_SET is not set"),
        ("processors:\n- drop_event.when.resembles.a: b\n", 2, "is no condition"),
        ("filebeat.inputs:\n- {type: log, paths: [a], exclude_lines: ['(']}\n", 2, "exclude_lines"),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!((error.line, error.message.contains(said)), (line, true), "{text}: {error}");
    }
    let warned = read("filebeat.inputs:\n- type: log\n  paths: [a]\n  colour: red\n").unwrap();
    assert_eq!(warned.warnings[0].line, 4);
    assert!(warned.warnings[0].message.contains("colour"));
}

#[test]
fn durations_and_sizes_are_gos() {
    assert_eq!(duration_of("1h30m"), Some(Duration::from_secs(5_400)));
    assert_eq!(duration_of("1.5s"), Some(Duration::from_millis(1_500)));
    assert_eq!(duration_of("5"), Some(Duration::from_secs(5)));
    assert_eq!(duration_of("5 apples"), None);
    let read = read("filebeat.inputs: [{type: log, paths: [a], max_bytes: 20KiB}]").unwrap();
    assert_eq!(read.inputs[0].message_bytes_max, 20 << 10);
}
