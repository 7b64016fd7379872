//! Debian's `promtool` and Vigie's ask the same server and check the same files: the same words,
//! the same exit codes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use vigie_testkit::program;

use crate::vigie;

/// Runs either promtool with `input` as its standard input.
fn promtool(is_ours: bool, args: &[&str], folder: &Path, input: &str) -> Output {
    let mut command = if is_ours {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.arg("promtool");
        command
    } else {
        Command::new("promtool")
    };
    let mut child = command
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Standard output, standard error, exit code.
fn told(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

/// One family with the parts that its type has.
fn family(text: &mut String, name: &str, kind: &str, labels: &str) {
    text.push_str(&format!("# HELP {name} h\n# TYPE {name} {kind}\n"));
    text.push_str(&match kind {
        "histogram" => format!(
            "{name}_bucket{{le=\"1\"}} 1\n{name}_bucket{{le=\"+Inf\"}} 1\n{name}_sum 1\n{name}_count 1\n"
        ),
        "summary" => format!("{name}{{quantile=\"0.5\"}} 1\n{name}_sum 1\n{name}_count 1\n"),
        _ => format!("{name}{labels} 1\n"),
    });
}

#[test]
fn unusual_metrics_are_named_as_by_promtool() {
    const NAME: &str = "unusual_metrics_are_named_as_by_promtool";
    if program(NAME, "promtool").is_none() {
        return;
    }
    let mut text = String::from("no_help 1\n");
    for unit in ["bytes", "hours", "kelvins", "miles", "calories", "ratio", "fahrenheit", "metres"]
    {
        for prefix in ["", "milli", "kibi", "pebi", "exa"] {
            family(&mut text, &format!("x_{prefix}{unit}"), "gauge", "");
        }
        family(&mut text, &format!("{unit}_first"), "untyped", "");
    }
    for short in ["s", "ms", "KB", "d", "min", "sec"] {
        family(&mut text, &format!("a_{short}_x"), "gauge", "");
        family(&mut text, &format!("{short}_first"), "gauge", "");
    }
    let others = [
        ("counter_of", "counter", ""),
        ("g_total", "gauge", ""),
        ("u_total", "untyped", ""),
        ("h_total", "histogram", ""),
        ("q_bucket", "gauge", ""),
        ("q_sum", "counter", ""),
        ("with_le", "gauge", "{le=\"1\"}"),
        ("with_quantile", "gauge", "{quantile=\"1\"}"),
        ("untyped_quantile", "untyped", "{quantile=\"1\",le=\"2\"}"),
        ("plain_summary", "summary", ""),
        ("plain_histogram", "histogram", ""),
        ("of_gauge_type", "gauge", ""),
        ("with:colon", "gauge", ""),
        ("camelCase", "gauge", ""),
        ("camel_labels", "gauge", "{fooBar=\"1\",barBaz=\"2\",Baz=\"3\"}"),
    ];
    for (name, kind, labels) in others {
        family(&mut text, name, kind, labels);
    }
    let here = std::env::temp_dir();
    let args = ["check", "metrics"];
    let ours = told(&promtool(true, &args, &here, &text));
    assert_eq!(ours, told(&promtool(false, &args, &here, &text)));
    assert_eq!(ours.2, Some(3));
    // The table comes beside the findings since Prometheus 3, and instead of them before.
    let mut fine = String::new();
    family(&mut fine, "few_total", "counter", "");
    family(&mut fine, "many", "histogram", "");
    let args = ["check", "metrics", "--extended"];
    let ours = told(&promtool(true, &args, &here, &fine));
    assert_eq!(ours, told(&promtool(false, &args, &here, &fine)));
    let fine = "# HELP a_total h\n# TYPE a_total counter\na_total 1\n";
    assert_eq!(told(&promtool(true, &["check", "metrics"], &here, fine)).2, Some(0));
    assert_eq!(told(&promtool(true, &["check", "metrics"], &here, "a{ 1\n")).2, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_answers_both_promtools_alike() {
    const NAME: &str = "one_server_answers_both_promtools_alike";
    if program(NAME, "promtool").is_none() {
        return;
    }
    let server = vigie().start().await.unwrap();
    let (folder, api) = (server.folder().to_owned(), server.api.clone());
    let pushed =
        "# TYPE a counter\na{b=\"x\"} 1\na{b=\"y \\\"z\\\"\"} 2.5\n# TYPE nan gauge\nnan NaN\n";
    for message in ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] {
        let args =
            ["push", "metrics", "--protobuf_message", message, "--label", "job=pushed", &api];
        let output = promtool(true, &args, &folder, pushed);
        assert!(output.status.success(), "{:?}", told(&output));
    }
    let now = vigie_world::World::real().clock.now_ms() / 1_000 + 1;
    let (start, end) = ((now - 30).to_string(), now.to_string());
    let (time, later) = (end.as_str(), (now + 2).to_string());
    let questions: [&[&str]; 11] = [
        &["query", "instant", "--time", time, &api, "sort(a)"],
        &["query", "instant", "--time", time, &api, "nan"],
        &["query", "instant", "--time", time, &api, "1/3"],
        &["query", "instant", "--time", time, &api, "absent_thing"],
        &["query", "instant", "-o", "json", "--time", time, &api, "sort(a)"],
        &["query", "instant", "--time", time, &api, "a{"],
        &["query", "range", "--start", time, "--end", &later, "--step", "1s", &api, "a{b='x'}"],
        &["query", "range", "--start", &end, "--end", &start, &api, "a"],
        &["query", "series", "--match", "a", "--match", "nan", &api],
        &["query", "series", "-o", "json", "--match", "a", &api],
        &["query", "labels", &api, "b"],
    ];
    for args in questions {
        let asked = |is_ours| {
            let (out, err, code) = told(&promtool(is_ours, args, &folder, ""));
            // Where a syntax error stands is told by the server; Debian's adds its own prefix.
            (out, err.is_empty(), code)
        };
        assert_eq!(asked(true), asked(false), "{args:?}");
    }
    let (out, err, _) = told(&promtool(true, questions[5], &folder, ""));
    assert!(out.is_empty() && err.starts_with("query error: bad_data: "), "{err}");

    // A file with credentials is read, and what it says is sent.
    std::fs::write(folder.join("http.yml"), "basic_auth: {username: u, password: p}\n").unwrap();
    let args = ["query", "--http.config.file", "http.yml", "labels", &api, "b"];
    assert_eq!(told(&promtool(true, &args, &folder, "")).0, "x\ny \"z\"\n");
    std::fs::write(folder.join("http.yml"), "basic_auth: {user: u}\n").unwrap();
    assert_eq!(told(&promtool(true, &args, &folder, "")).2, Some(1));
    let args = ["check", "ready", "--url", &api];
    assert_eq!(told(&promtool(true, &args, &folder, "")).2, Some(0));
}

#[test]
fn configuration_is_checked_with_promtools_codes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("rules.yml", "groups:\n- name: g\n  rules:\n  - {record: r, expr: x}\n");
    write(
        "twice.yml",
        "groups:\n- name: g\n  rules:\n  - {record: r, expr: x}\n  - {record: r, expr: y}\n",
    );
    write(
        "good.yml",
        "rule_files: [rules.yml]\nscrape_configs: [{job_name: a, static_configs: [{targets: ['b:1']}]}]\n",
    );
    write("lint.yml", "rule_files: [twice.yml]\n");
    write("long.yml", "scrape_configs: [{job_name: a, scrape_interval: 10m}]\n");
    write("missing.yml", "rule_files: [none.yml]\n");
    write("unknown.yml", "scrape_config: []\n");
    write(
        "web.yml",
        "basic_auth_users: {a: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze}\n",
    );
    let code = |args: &[&str]| told(&promtool(true, args, folder.path(), "")).2;
    for (args, wanted) in [
        (&["check", "config", "good.yml"][..], 0),
        (&["check", "config", "lint.yml"], 0),
        (&["check", "config", "--lint-fatal", "lint.yml"], 3),
        (&["check", "config", "--lint-fatal", "--lint=none", "lint.yml"], 0),
        (&["check", "config", "--lint-fatal", "--lint=all", "long.yml"], 3),
        (&["check", "config", "missing.yml"], 1),
        (&["check", "config", "--syntax-only", "missing.yml"], 0),
        (&["check", "config", "unknown.yml", "good.yml"], 1),
        (&["check", "config", "--agent", "good.yml"], 1),
        (&["check", "web-config", "web.yml"], 0),
        (&["check", "web-config", "good.yml", "web.yml"], 1),
        (&["check", "service-discovery", "good.yml", "a"], 0),
        (&["check", "service-discovery", "good.yml", "b"], 1),
        (&["tsdb", "list", "--human-readable", "data"], 1),
    ] {
        assert_eq!(code(args), Some(wanted), "{args:?}");
    }
    let found =
        told(&promtool(true, &["check", "service-discovery", "good.yml", "a"], folder.path(), ""))
            .0;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found[0]["labels"]["instance"], "b:1");
}

#[test]
fn expressions_are_edited() {
    let here = std::env::temp_dir();
    let edited = |args: &[&str]| told(&promtool(true, args, &here, "")).0;
    assert_eq!(edited(&["promql", "format", "sum(a)by(b)"]), "sum by (b) (a)\n");
    let set = ["--experimental", "promql", "label-matchers", "set", "-t", "=~"];
    let set = [&set[..], &["rate(a{b='c'}[5m])/d", "b", "x|y"]].concat();
    assert_eq!(edited(&set), "rate(a{b=~\"x|y\"}[5m]) / d{b=~\"x|y\"}\n");
    let delete = ["promql", "label-matchers", "delete", "a{b='c',d='e'}[5m:1m]", "b"];
    assert_eq!(edited(&delete), "a{d=\"e\"}[5m:1m]\n");
}
