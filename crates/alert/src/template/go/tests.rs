//! Tests of rule templates: the engine's own tests are with it; these are of what rules add.

use std::collections::BTreeMap;

use vigie_model::Labels;
use vigie_query::InstantSample;

use super::*;

fn expand(text: &str, value: f64, answers: &Answers) -> Result<String, ExpanderError> {
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "a"), ("instance", "h:9100")]);
    let external = BTreeMap::from([("dc".to_owned(), "x".to_owned())]);
    let context = TemplateContext {
        labels: &labels,
        external_labels: &external,
        external_url: "http://v:9090/p",
        value: &SampleValue::Float(value),
        time_ms: 1_500,
    };
    GoExpander::default().expand("__alert_A", text, context, answers)
}

#[test]
fn templates_know_the_alert_and_the_server() {
    let none = Answers::new();
    let cases = [
        ("{{ $labels.job }} {{ .Labels.nope }}|", "a |"),
        ("{{ $value }} {{ $value | humanize }}", "1536 1.536k"),
        ("{{ printf \"%.1f\" $value }}", "1536.0"),
        (
            "{{ $externalLabels.dc }} {{ $externalURL }} {{ externalURL }} {{ pathPrefix }}",
            "x http://v:9090/p http://v:9090/p /p",
        ),
        ("{{ stripPort $labels.instance }} {{ now }}", "h 1.5"),
        (
            "{{ range $k, $v := $labels }}{{ $k }}={{ $v }},{{ end }}",
            "__name__=up,instance=h:9100,job=a,",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(expand(text, 1536.0, &none).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn queries_are_asked_for_and_then_answered() {
    let text = "{{ with query \"up\" }}{{ . | first | value }}{{ end }}{{ range query \"down\" }}x{{ end }}";
    let mut answers = Answers::new();
    assert_eq!(expand(text, 0.0, &answers), Err(ExpanderError::Asks("up".to_owned())));
    let sample =
        InstantSample { labels: Labels::empty(), timestamp_ms: 0, value: SampleValue::Float(4.0) };
    answers.insert("up".to_owned(), Ok(vec![sample]));
    assert_eq!(expand(text, 0.0, &answers), Err(ExpanderError::Asks("down".to_owned())));
    answers.insert("down".to_owned(), Ok(Vec::new()));
    assert_eq!(expand(text, 0.0, &answers).as_deref(), Ok("4"));
    answers.insert("down".to_owned(), Err("it broke".to_owned()));
    let Err(ExpanderError::Failed(error)) = expand(text, 0.0, &answers) else { panic!("no error") };
    assert!(error.starts_with("error executing template __alert_A: template: "), "{error}");
    assert!(error.ends_with("it broke"), "{error}");
}

#[test]
fn what_is_no_template_is_said_when_files_are_read() {
    let expander = GoExpander::default();
    assert_eq!(expander.check("__alert_A", "{{ $labels.x }}"), Ok(()));
    assert_eq!(
        expander.check("__alert_A", "{{ foo }}"),
        Err("template: __alert_A:1: function \"foo\" not defined".to_owned())
    );
}
