//! The engine against what Debian's amtool renders (`tests/golden/templates`), and its limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use super::alertmanager::{Alert, FUNCTIONS, Labels, Notification};
use super::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/templates")
}

/// A template and the output, or the error after `error: `.
struct Case {
    template: String,
    /// Newer versions of Alertmanager or Go say this, Debian's something else.
    is_newer: bool,
    expected: String,
}

fn cases(file: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let (_, cases) = text.split_once("====\n").unwrap();
    cases
        .trim_end_matches('\n')
        .split("\n====\n")
        .map(|case| {
            let (template, rest) = case.split_once("\n----").unwrap();
            let (mark, expected) = rest.split_once('\n').unwrap();
            let template = template.to_owned();
            let expected = expected.to_owned();
            Case { template, is_newer: mark == " newer", expected }
        })
        .collect()
}

fn labels(value: &serde_json::Value) -> Labels {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn notification() -> Notification {
    let text = std::fs::read_to_string(folder().join("data.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    let time = |value: &serde_json::Value| Time::from_rfc3339(value.as_str().unwrap()).unwrap();
    let alerts = json["alerts"].as_array().unwrap().iter().map(|alert| Alert {
        status: text(&alert["status"]),
        labels: labels(&alert["labels"]),
        annotations: labels(&alert["annotations"]),
        starts_at: time(&alert["startsAt"]),
        ends_at: time(&alert["endsAt"]),
        generator_url: text(&alert["generatorURL"]),
        fingerprint: text(&alert["fingerprint"]),
    });
    Notification {
        receiver: text(&json["receiver"]),
        status: text(&json["status"]),
        alerts: alerts.collect(),
        notification_reason: String::new(),
        group_labels: labels(&json["groupLabels"]),
        common_labels: labels(&json["commonLabels"]),
        common_annotations: labels(&json["commonAnnotations"]),
        route_labels: BTreeMap::new(),
        external_url: text(&json["externalURL"]),
    }
}

/// amtool hands over the data itself, Alertmanager a pointer to it, which error messages tell.
fn as_expected(result: Result<String, Error>) -> String {
    match result {
        Ok(text) => text,
        Err(error) => {
            format!("error: {}", error.to_string().replace("*template.Data", "template.Data"))
        }
    }
}

#[test]
fn templates_render_as_amtool_rendered_them() {
    let data = notification().to_value();
    let templates = Templates::new(&[FUNCTIONS]);
    let mut wrong = Vec::new();
    let cases = cases("text.txt");
    for case in &cases {
        let result = templates.render(&case.template, &data, &NoHost, Limits::default());
        let got = as_expected(result);
        if got != case.expected {
            wrong.push(format!("{}\n  want {}\n  got  {got}", case.template, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn html_is_escaped_as_amtool_escaped_it() {
    let data = notification().to_value();
    let templates = Templates::new(&[FUNCTIONS]);
    let mut wrong = Vec::new();
    let cases = cases("html.txt");
    for case in &cases {
        let result = templates.render_html(&case.template, &data, &NoHost, Limits::default());
        let got = as_expected(result);
        // What ends inside of a tag is refused by both, in words of each one's own.
        let both_refuse = case.expected.contains("ends in a non-text context")
            && got.contains("ends in a non-text context");
        if got != case.expected && !both_refuse {
            wrong.push(format!("{}\n  want {}\n  got  {got}", case.template, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The other side of the proof: what the golden files say is what amtool says.
#[test]
fn amtool_renders_what_the_golden_files_say() {
    let test = "amtool_renders_what_the_golden_files_say";
    let Some(amtool) = vigie_testkit::program(test, "amtool") else { return };
    let files = [("text.txt", "text"), ("html.txt", "html")];
    for (file, kind) in files {
        let cases: Vec<Case> = cases(file).into_iter().filter(|case| !case.is_newer).collect();
        let wrong: Vec<String> = std::thread::scope(|scope| {
            let parts = cases.chunks(cases.len().div_ceil(4)).map(|part| {
                let amtool = &amtool;
                scope.spawn(move || {
                    part.iter().filter_map(|case| compare(amtool, kind, case)).collect::<Vec<_>>()
                })
            });
            parts.collect::<Vec<_>>().into_iter().flat_map(|part| part.join().unwrap()).collect()
        });
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }
}

fn compare(amtool: &std::path::Path, kind: &str, case: &Case) -> Option<String> {
    let output = Command::new(amtool)
        .args(["template", "render", "--template.glob=nothing*.tmpl"])
        .arg(format!("--template.type={kind}"))
        .arg(format!("--template.data={}", folder().join("data.json").display()))
        .arg(format!("--template.text={}", case.template))
        .output()
        .unwrap();
    let said = if output.status.success() {
        String::from_utf8_lossy(&output.stdout).into_owned()
    } else {
        String::from_utf8_lossy(&output.stderr).replacen("amtool: error", "error", 1)
    };
    let same = said.trim_end_matches('\n') == case.expected.trim_end_matches('\n');
    (!same).then(|| format!("{}\n  golden {}\n  amtool {said}", case.template, case.expected))
}

/// Whatever a template does, it ends: by its own or by a limit.
#[test]
fn every_loop_and_growth_ends() {
    let data = notification().to_value();
    let templates = Templates::new(&[FUNCTIONS]);
    let limits = Limits { steps: 200_000, depth: 300, output_bytes: 1 << 20 };
    for template in [
        "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
        "{{range 1000000000}}x{{end}}",
        "{{range 9223372036854775807}}{{end}}",
        "{{$x := \"aaaaaaaa\"}}{{range 100}}{{$x = print $x $x}}{{end}}",
        "{{$x := list 1}}{{range 100}}{{$x = list $x $x}}{{end}}{{$x}}",
        "{{$x := list 1}}{{range 100000}}{{$x = append $x $x}}{{end}}",
        "{{$x := list 1}}{{range 100000}}{{$x = append $x 1}}{{end}}",
        "{{range 100}}{{range 100}}{{range 100}}{{range 100}}{{end}}{{end}}{{end}}{{end}}",
        "{{$x := \"a\"}}{{range 30}}{{$x = reReplaceAll \".+\" \"$0$0\" $x}}{{end}}",
        "{{range 100000}}{{printf \"%9999d\" 1}}{{end}}",
    ] {
        let error = templates.render(template, &data, &NoHost, limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{template}: {error}");
    }
    // What nests deeper than trees may be is refused by the parser.
    for (open, close) in [("(", ")"), ("{{if true}}", "{{end}}"), ("{{if 0}}{{else}}", "{{end}}")] {
        let (start, end) = if open == "(" { ("{{", "1") } else { ("", "x") };
        let template = format!(
            "{start}{}{end}{}{}",
            open.repeat(100_000),
            close.repeat(100_000),
            if open == "(" { "}}" } else { "" }
        );
        let error = templates.render(&template, &data, &NoHost, limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse, "{error}");
    }
}

/// The deepest that is allowed fits the stack of a worker thread, even without optimisation.
#[test]
fn the_deepest_template_fits_a_small_stack() {
    let nested = "{{if true}}".repeat(45) + "{{template \"a\" .}}" + &"{{end}}".repeat(45);
    let template = format!("{{{{define \"a\"}}}}{nested}{{{{end}}}}{{{{template \"a\" .}}}}");
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let templates = Templates::new(&[FUNCTIONS]);
        templates.render(&template, &Value::Nil, &NoHost, Limits::default())
    });
    let error = thread.unwrap().join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}
