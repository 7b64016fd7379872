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

/// Templates cut, joined and changed at random: nothing panics, everything ends.
#[test]
fn broken_templates_fail_and_never_panic() {
    let data = notification().to_value();
    let templates = Templates::new(&[FUNCTIONS, prometheus::FUNCTIONS]);
    let limits = Limits { steps: 2_000, depth: 60, output_bytes: 1 << 14 };
    let texts: Vec<String> =
        cases("text.txt").into_iter().chain(cases("html.txt")).map(|case| case.template).collect();
    // xorshift: the same changes each time.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let signs: Vec<char> = "{}()|.$\"`'\\-/*<>=&%#\0é\u{2028} \n09aZ:,[]".chars().collect();
    for _ in 0..4_000 {
        let mut chars: Vec<char> = texts[random(texts.len())].chars().collect();
        let other: Vec<char> = texts[random(texts.len())].chars().collect();
        chars.truncate(random(chars.len() + 1));
        chars.extend(&other[random(other.len() + 1)..]);
        for _ in 0..random(4) {
            let at = random(chars.len() + 1);
            chars.insert(at, signs[random(signs.len())]);
        }
        let text: String = chars.into_iter().collect();
        templates.render(&text, &data, &NoHost, limits).ok();
        templates.render_html(&text, &data, &NoHost, limits).ok();
    }
}

/// Names, an expression and the result, with the rule's functions; the results are those that
/// Prometheus' documentation and its tests of these functions give.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_functions_of_rules() {
    struct Server;
    impl Host for Server {
        fn now(&self) -> Time {
            Time::from_unix_ms(1_435_065_584_128)
        }
        fn query(&self, expression: &str) -> Result<Vec<QueriedSample>, String> {
            let sample = |instance: &str, value| QueriedSample {
                labels: vec![
                    ("__name__".into(), "metric".into()),
                    ("instance".into(), instance.into()),
                ],
                value,
            };
            match expression {
                "metric" => Ok(vec![sample("b", 21.0), sample("a", 11.0)]),
                "empty" => Ok(Vec::new()),
                other => Err(format!("unknown: {other}")),
            }
        }
        fn external_url(&self) -> String {
            "http://testhost:9090/path/prefix".to_owned()
        }
    }
    let labels = [("instance", "host.example.com:9100"), ("device", "<sda>")];
    let data =
        RuleData::new(labels, [("region", "eu")], "http://testhost:9090/path/prefix", 1_234_567.0);
    for (text, expected) in [
        (
            "{{ $labels.instance }} {{ $labels.none }}|{{ $value }}",
            "host.example.com:9100 |1.234567e+06",
        ),
        ("{{ $externalLabels.region }} {{ $externalURL }}", "eu http://testhost:9090/path/prefix"),
        ("{{ humanize $value }} {{ humanize 0.00123 }} {{ humanize 0.0 }}", "1.235M 1.23m 0"),
        ("{{ humanize1024 1048576.0 }} {{ humanize1024 \"2048\" }}", "1Mi 2ki"),
        (
            "{{ humanizeDuration 3661 }} {{ humanizeDuration 0.0042 }} {{ humanizeDuration -90 }}",
            "1h 1m 1s 4.2ms -1m 30s",
        ),
        ("{{ humanizeDuration 899.99 }} {{ humanizeDuration 59.5 }}", "14m 59s 59.5s"),
        ("{{ humanizePercentage 0.1234567 }} {{ humanizePercentage \"1\" }}", "12.35% 100%"),
        ("{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        (
            "{{ (1435065584.128 | toTime).Year }} {{ toDuration 1.5 }} {{ now }}",
            "2015 1.5s 1.435065584128e+09",
        ),
        (
            "{{ query \"metric\" | first | value }} {{ query \"metric\" | first | label \"instance\" }}",
            "21 b",
        ),
        (
            "{{ range query \"metric\" | sortByLabel \"instance\" }}{{ .Labels.instance }}={{ .Value }};{{ end }}",
            "a=11;b=21;",
        ),
        ("{{ with query \"empty\" }}{{ . | first | value }}{{ else }}none{{ end }}", "none"),
        (
            "{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }} {{ stripDomain \"[::1]:80\" }}",
            "host.example.com host:9100 [::1]:80",
        ),
        (
            "{{ graphLink \"up == 0\" }} {{ tableLink \"up\" }}",
            "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
        ),
        (
            "{{ pathPrefix }} {{ externalURL }} {{ parseDuration \"1h30m\" }} {{ urlQueryEscape \"a b&c\" }}",
            "/path/prefix http://testhost:9090/path/prefix 5400 a+b%26c",
        ),
        (
            "{{ title \"aa bB CC\" }} {{ toUpper \"a\" }} {{ reReplaceAll \"(a)b\" \"x$1\" \"ab\" }}",
            "Aa BB CC A xa",
        ),
        (
            "{{ define \"t\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template \"t\" (args 1 \"b\") }}",
            "1-b",
        ),
    ] {
        let template = RuleTemplate::parse("__alert_T", text).unwrap();
        let got = template.expand(&data, &Server, Limits::default());
        assert_eq!(got.as_deref(), Ok(expected), "{text}");
    }
    let failed = |text: &str| {
        let template = RuleTemplate::parse("__alert_T", text).unwrap();
        template.expand(&data, &Server, Limits::default()).unwrap_err().to_string()
    };
    assert!(
        failed("{{ query \"empty\" | first }}")
            .ends_with("error calling first: first() called on vector with no elements")
    );
    assert!(failed("{{ query \"bad\" }}").ends_with("error calling query: unknown: bad"));
    let error = RuleTemplate::parse("__alert_T", "{{ nosuch }}").unwrap_err().to_string();
    assert_eq!(error, "template: __alert_T:1: function \"nosuch\" not defined");
}

/// A server with two series, for the comparison with promtool.
struct TwoSeries;

impl Host for TwoSeries {
    fn now(&self) -> Time {
        Time::from_unix_ms(0)
    }
    fn query(&self, expression: &str) -> Result<Vec<QueriedSample>, String> {
        let labels = |instance: &str| {
            vec![("__name__".into(), "metric".into()), ("instance".into(), instance.into())]
        };
        Ok(match expression {
            "metric" => vec![
                QueriedSample { labels: labels("a"), value: 11.0 },
                QueriedSample { labels: labels("b"), value: 21.5 },
            ],
            _ => Vec::new(),
        })
    }
    fn external_url(&self) -> String {
        String::new()
    }
}

/// What Prometheus' rules make of templates: Vigie's answers are the expectations of promtool.
#[test]
#[expect(clippy::too_many_lines, reason = "a table, and two files to write")]
fn promtool_expects_what_vigie_expands() {
    let test = "promtool_expects_what_vigie_expands";
    let Some(promtool) = vigie_testkit::program(test, "promtool") else { return };
    let mut texts: Vec<String> = [
        "{{ $labels.instance }} {{ $labels.none }}|{{ $value }}|{{ $externalLabels.region }}",
        "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
        "{{ with query \"metric\" }}{{ range . | sortByLabel \"instance\" }}{{ .Labels.instance }}={{ .Value | humanize }} {{ end }}{{ end }}",
        "{{ query \"metric\" | sortByLabel \"instance\" | first | value }} {{ query \"metric{x='y'}\" | len }}",
        "{{ query \"metric\" | sortByLabel \"instance\" | first | label \"instance\" }}",
        "{{ query \"none\" | first | value }}",
        "{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }} {{ stripDomain \"10.0.0.1:80\" }}",
        "{{ graphLink \"up == 0\" }} {{ tableLink \"a{b=\\\"c\\\"}\" }}",
        "{{ parseDuration \"1h30m\" }} {{ parseDuration \"1d\" }} {{ parseDuration \"x\" }}",
        "{{ toUpper \"a\" }}{{ toLower \"B\" }} {{ reReplaceAll \"(a)b\" \"x$1\" \"ab\" }} {{ match \"a.*\" \"abc\" }}",
        "{{ define \"t\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template \"t\" (args 1 \"b\") }}",
        "{{ $value | printf \"%.2f\" }} {{ printf \"%s is %g\" $labels.device $value }}",
        "{{ .Labels.device }} {{ .Value }} {{ safeHtml \"<b>\" }} {{ $labels.device | html }}",
        "{{ if gt $value 100.0 }}high{{ else }}low{{ end }} {{ if eq $labels.device \"x\" }}{{ else }}n{{ end }}",
        "{{ $value.foo }}",
        "{{ humanize \"x\" }}",
        "{{ (1435065584.128 | toTime).Year }}",
    ]
    .map(str::to_owned)
    .to_vec();
    for function in
        ["humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp"]
    {
        for number in [
            "0",
            "1",
            "-1",
            "0.5",
            "999.99",
            "1000",
            "12345.678",
            "1e9",
            "-5e-7",
            "61",
            "3600",
            "90061",
            "1.5e300",
            "\"NaN\"",
            "\"+Inf\"",
            "\"12\"",
        ] {
            // Beyond 64 bits Go's answer depends on the processor.
            if (function, number) != ("humanizeDuration", "1.5e300") {
                texts.push(format!("{{{{ {function} {number} }}}}"));
            }
        }
    }
    let labels = [("instance", "host.example.com:9100"), ("device", "<sda>")];
    let with_name = labels.into_iter().chain([("__name__", "src")]);
    let data = RuleData::new(with_name, [("region", "eu")], "", 1_234_567.0);
    let mut annotations = serde_json::Map::new();
    let mut expected = serde_json::Map::new();
    for (index, text) in texts.iter().enumerate() {
        let name = "__alert_T";
        let template = RuleTemplate::parse(name, text).unwrap();
        let got = template.expand(&data, &TwoSeries, Limits::default()).unwrap_or_else(|error| {
            format!("<error expanding template: error executing template {name}: {error}>")
        });
        annotations.insert(format!("a{index:03}"), text.clone().into());
        expected.insert(format!("a{index:03}"), got.into());
    }
    let rules = serde_json::json!({"groups": [{"name": "g", "rules": [
        {"alert": "T", "expr": "src", "annotations": annotations}
    ]}]});
    let series =
        |series: &str, values: &str| serde_json::json!({"series": series, "values": values});
    let tests = serde_json::json!({
        "rule_files": ["rules.yml"],
        "tests": [{
            "interval": "1m",
            "external_labels": {"region": "eu"},
            "input_series": [
                series("src{instance=\"host.example.com:9100\",device=\"<sda>\"}", "1234567"),
                series("metric{instance=\"a\"}", "11"),
                series("metric{instance=\"b\"}", "21.5"),
            ],
            "alert_rule_test": [{"eval_time": "0m", "alertname": "T", "exp_alerts": [{
                "exp_labels": {"instance": "host.example.com:9100", "device": "<sda>"},
                "exp_annotations": expected,
            }]}],
        }],
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), rules.to_string()).unwrap();
    std::fs::write(folder.path().join("test.yml"), tests.to_string()).unwrap();
    let output = Command::new(promtool)
        .args(["test", "rules", "test.yml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The seed's own template files, as amtool renders them.
#[test]
fn the_seeds_templates_render_as_amtool_renders_them() {
    let test = "the_seeds_templates_render_as_amtool_renders_them";
    let Some(seed) = vigie_testkit::shared(test, "seed/templates") else { return };
    let Some(amtool) = vigie_testkit::program(test, "amtool") else { return };
    let mut templates = Templates::new(&[FUNCTIONS]);
    for name in ["email.tmpl", "slack.tmpl"] {
        let text = std::fs::read_to_string(seed.join(name)).unwrap();
        templates.parse(name, &text).unwrap();
    }
    let data = notification().to_value();
    for name in ["email.subject", "email.body", "slack.title", "slack.text"] {
        let text = format!("{{{{ template \"{name}\" . }}}}");
        let output = Command::new(&amtool)
            .args(["template", "render"])
            .arg(format!("--template.glob={}/*.tmpl", seed.display()))
            .arg(format!("--template.data={}", folder().join("data.json").display()))
            .arg(format!("--template.text={text}"))
            .output()
            .unwrap();
        let got = templates.render(&text, &data, &NoHost, Limits::default()).unwrap();
        assert_eq!(got, String::from_utf8(output.stdout).unwrap(), "{name}");
        assert!(!got.trim().is_empty(), "{name}");
    }
}
