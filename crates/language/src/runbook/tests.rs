//! Runbooks as text.

use expect_test::expect;

use super::*;

fn read(text: &str) -> Result<Vec<Runbook>, String> {
    parse(text, &Source::default()).map_err(|error| error.to_string())
}

#[test]
fn conditions_read_as_they_are_meant() {
    let cases = [
        ("manual_approval_required", "manual_approval_required"),
        ("cpu_usage > 70% AND memory_usage > 70%", "(cpu_usage > 70% AND memory_usage > 70%)"),
        ("a > 80% of max_connections", "a > 80% of max_connections"),
        ("a > 1 or b > 2 and not c < 3", "(a > 1 OR (b > 2 AND NOT c < 3))"),
        (
            "(a > 1 OR b > 2) AND manual_approval_required",
            "((a > 1 OR b > 2) AND manual_approval_required)",
        ),
        ("latency >= 1.5m", "latency >= 90"),
        ("heap > 2GiB", "heap > 2147483648"),
        ("up{job=\"web\"} == 0", "\"up{job=\\\"web\\\"}\" == 0"),
        ("'rate(errors[5m]) > 1'", "\"rate(errors[5m]) > 1\""),
        ("\"SELECT count(*) FROM logs\" > 10", "\"SELECT count(*) FROM logs\" > 10"),
        ("$rate > 10% of $all", "$rate > 10% of $all"),
        ("a != -1e3", "a != -1000"),
        ("NOT NOT a > 1", "a > 1"),
        ("order_total > 1", "order_total > 1"),
    ];
    for (text, printed) in cases {
        let condition = parse_condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(condition.to_string(), printed, "{text}");
        let again = parse_condition(printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
        assert_eq!(again, condition, "{printed}");
    }
}

#[test]
fn what_is_wrong_in_a_condition_is_said_with_its_place() {
    let cases = [
        ("", "character 1"),
        ("a >", "character 4"),
        ("a > 5 AND", "character 10"),
        ("a > 5 xor b > 3", "character 7"),
        ("(a > 5", "`)`"),
        ("a > 5parsecs", "unit"),
        ("a > 80% of", "character"),
        ("a > 80% of 3%", "percentage"),
        ("rate(a[5m]) > 1", "in quotes"),
        ("'rate(a[5m) > 1'", "no query"),
        ("'unclosed > 1", "closing quote"),
        ("70% > ", "character"),
        ("5", "comparison"),
        ("a{x=\"1\" > 3", "closing brace"),
        ("; rm -rf /", "character 1"),
    ];
    for (text, expected) in cases {
        let error = parse_condition(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    let deep = "(".repeat(100_000);
    parse_condition(&deep).expect_err("too long");
    let deep = format!("{}a > 1{}", "(".repeat(2_000), ")".repeat(2_000));
    assert!(parse_condition(&deep).expect_err("too deep").contains("nested"));
}

#[test]
fn commands_are_words_and_no_shell() {
    let seed = "kubectl exec -it postgres-0 -- psql -c 'SELECT * FROM pg_stat_activity;'";
    let words = split_words(seed).unwrap();
    assert_eq!(words.last().map(String::as_str), Some("SELECT * FROM pg_stat_activity;"));
    assert_eq!(words.len(), 8);
    assert_eq!(split_words(r#"a "b \"c\" $d" 'e'f"#).unwrap(), ["a", "b \"c\" $d", "ef"]);
    for (line, sign) in [
        ("a; rm -rf /", ';'),
        ("a $(id)", '$'),
        ("a `id`", '`'),
        ("a | b", '|'),
        ("a && b", '&'),
        ("a > f", '>'),
        ("ls *", '*'),
    ] {
        let error = split_words(line).unwrap_err();
        assert!(matches!(error, WordsError::Shell { sign: found, .. } if found == sign), "{line}");
    }
    assert_eq!(split_words("a 'b").unwrap_err(), WordsError::Open(3));
    assert_eq!(split_words("a\nb").unwrap_err(), WordsError::Control(2));
    assert_eq!(split_words("  ").unwrap_err(), WordsError::Empty);
}

const RICH: &str = r#"
runbooks:
  - name: Restart
    author: bob
    mode: observe
    starts_on: {alerts: [HighErrorRate], matchers: ['service="web"']}
    inputs:
      service: {label: service, default: web-api}
    variables:
      rate: {query: "sum(rate(errors[5m]))"}
    target: ${inputs.service}
    cooldown: 10m
    blast_radius: {share: 30%, of: count(up)}
    investigation:
      - query: SELECT * FROM logs LIMIT 3
    remediation:
      - name: restart
        kubernetes: {restart: "deployment/${inputs.service}", namespace: prod}
        condition: $rate > 5
        timeout: 1m
        retries: 2
        verify: {condition: "'sum(rate(errors[5m]))' < 1", within: 2m}
        rollback: kubectl rollout undo deployment/web
      - kubernetes: {scale: deployment/web, replicas: 5}
      - http: {method: post, url: "http://hook/${inputs.service}", body: x, expect: [204]}
        for_each: [a, b]
"#;

#[test]
fn the_richer_form_reads() {
    let runbooks = read(RICH).unwrap();
    let actions: Vec<String> =
        runbooks[0].steps.iter().map(|s| format!("{}: {}", s.action.kind(), s.action)).collect();
    expect![[r#"
        [
            "sql: SELECT * FROM logs LIMIT 3",
            "command: kubectl --namespace prod rollout restart deployment/${inputs.service}",
            "command: kubectl scale deployment/web --replicas=5",
            "http: POST http://hook/${inputs.service}",
        ]
    "#]]
    .assert_debug_eq(&actions);
    assert_eq!(runbooks[0].mode, Mode::Observe);
    assert_eq!(runbooks[0].blast_radius.as_ref().unwrap().share_max, Some(0.3));
}

#[test]
fn what_is_wrong_in_a_runbook_is_said_with_its_place() {
    let book = |rest: &str| format!("runbook:\n  name: x\n{rest}");
    let cases = [
        ("a: 1".to_owned(), "line 1, column 1: field a is not known"),
        ("runbook: {}".to_owned(), "has a name"),
        (book("  remediation:\n  - {action: 'a; b'}"), "line 4, column 14: `;`"),
        (book("  remediation:\n  - {name: y}"), "line 4, column 5: a step does one thing"),
        (book("  remediation:\n  - {action: 'x ${labels.a}'}"), "labels are in the environment"),
        (book("  remediation:\n  - {action: 'x ${inputs.a}'}"), "there is no input \"a\""),
        (book("  remediation:\n  - {action: '${inputs.a}'}"), "the program itself"),
        (book("  remediation:\n  - {action: x, condition: '> 5'}"), "line 4, column 28"),
        (book("  remediation:\n  - {action: x, timout: 5}"), "field timout is not known"),
        (book("  escalation:\n  - {time: soon, action: a}"), "a duration"),
        (book("  investigation:\n  - {query: 'rate('}"), "no query"),
        (book("  mode: yolo"), "off, observe or execute"),
    ];
    for (text, expected) in cases {
        let error = read(&text).expect_err(&text);
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn the_seed_reads_as_it_is() {
    let shared = std::env::var_os("VIGIE_SHARED")
        .map_or_else(|| std::path::PathBuf::from("../../../shared"), Into::into);
    let Ok(text) = std::fs::read_to_string(shared.join("seed/runbook.yml")) else {
        eprintln!("skipped: the_seed_reads_as_it_is needs shared/seed");
        return;
    };
    let runbook = read(&text).unwrap().remove(0);
    assert_eq!(runbook.name, "Database Connection Pool Exhausted");
    assert_eq!(runbook.symptoms.len(), 3);
    let kinds: Vec<&str> = runbook.steps.iter().map(|step| step.action.kind()).collect();
    assert_eq!(kinds, ["command", "promql", "sql", "command", "command", "command"]);
    let conditions: Vec<String> = runbook
        .steps
        .iter()
        .filter_map(|s| s.condition.as_ref().map(ToString::to_string))
        .collect();
    assert_eq!(
        conditions,
        [
            "postgres_connections_active > 80% of max_connections",
            "manual_approval_required",
            "(cpu_usage > 70% AND memory_usage > 70%)",
        ]
    );
    let after: Vec<(u64, &str)> =
        runbook.escalation.iter().map(|e| (e.after_ms / 60_000, e.action.as_str())).collect();
    assert_eq!(
        after,
        [(5, "notify_oncall_engineer"), (15, "notify_team_lead"), (30, "notify_management")]
    );
    let Action::Command(words) = &runbook.steps[4].action else { panic!("a command") };
    assert_eq!(words[5].to_string(), "{\"data\":{\"db.max_connections\":\"100\"}}");
}
