//! Numbers over a store with a few lines. Expectations follow from Loki's documentation of LogQL
//! and the lines below.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use vigie_language::logql::{Expr, parse};

use super::*;
use crate::logql::test_lines;

const SECOND: i64 = 1_000_000_000;

/// `{labels} values` by line, and the error instead where there is one.
fn ask(snapshot: &LogSnapshot, query: &str, steps: Steps) -> String {
    let Ok(Expr::Metric(expr)) = parse(query) else { panic!("{query}: {:?}", parse(query)) };
    let deadline = Instant::now() + Duration::from_secs(60);
    let bounds = Bounds { deadline, stop: Arc::new(AtomicBool::new(false)) };
    match evaluate(snapshot, &expr, steps, &bounds) {
        Ok(MetricValue::Scalar(value)) => value.to_string(),
        Ok(MetricValue::Series(series)) => {
            let text = |value: &Option<f64>| {
                value.map_or_else(
                    || "-".to_owned(),
                    |value| {
                        format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
                    },
                )
            };
            let line = |series: &MetricSeries| {
                let values: Vec<String> = series.values.iter().map(text).collect();
                format!("{} {}", series.labels, values.join(" "))
            };
            series.iter().map(line).collect::<Vec<_>>().join("; ")
        }
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_give_the_numbers_that_loki_documents() {
    // Lines of `web` at 10, 20, 30 and 40 s, of `db` at 15 and 35 s.
    let snapshot = test_lines::snapshot(&[
        (10, r#"{app="web"}"#, "path=/a took=10ms bytes=1KB n=1"),
        (15, r#"{app="db"}"#, "rows"),
        (20, r#"{app="web"}"#, "path=/b took=20ms bytes=2KB n=2"),
        (30, r#"{app="web"}"#, "path=/a took=60ms bytes=3KB n=6"),
        (35, r#"{app="db"}"#, "more rows"),
        (40, r#"{app="web"}"#, "path=/a took=oops bytes=4KB n=x"),
    ])
    .await;
    let at = |seconds: i64| Steps::at(seconds * SECOND);
    for (query, expected) in [
        // The window ends with its time and begins after it: the line at 10 s is out at 40 s.
        (r#"sum by (app) (count_over_time({app=~".+"}[30s]))"#, r#"{app="db"} 2; {app="web"} 3"#),
        (r#"sum(count_over_time({app=~".+"}[31s]))"#, "{} 6"),
        (r#"sum(count_over_time({app=~".+"}[20s] offset 10s))"#, "{} 3"),
        (r#"sum by (app) (rate({app="web"}[10s]))"#, r#"{app="web"} 0.1"#),
        (r#"sum(bytes_over_time({app="db"}[1m]))"#, "{} 13"),
        (r#"sum(bytes_rate({app="db"}[26s]))"#, "{} 0.5"),
        (
            r#"sum by (path) (count_over_time({app="web"} | logfmt [1m]))"#,
            r#"{path="/a"} 3; {path="/b"} 1"#,
        ),
        (r#"sum(count_over_time({app="web"} |= "/b" [1m]))"#, "{} 1"),
        (
            r#"max_over_time({app="web"} | logfmt | unwrap duration(took) | __error__="" [1m]) by (app)"#,
            r#"{app="web"} 0.06"#,
        ),
        (r#"sum(sum_over_time({app="web"} | logfmt | unwrap bytes(bytes) [1m]))"#, "{} 10000"),
        (
            r#"avg_over_time({app="web"} | logfmt | n!="x" | unwrap n [1m]) by (path)"#,
            r#"{path="/a"} 3.5; {path="/b"} 2"#,
        ),
        (r#"quantile_over_time(0.5, {app="web"} | logfmt | n!="x" | unwrap n [1m]) by ()"#, "{} 2"),
        (
            r#"quantile_over_time(0.75, {app="web"} | logfmt | n!="x" | unwrap n [1m]) by ()"#,
            "{} 4",
        ),
        (r#"stdvar_over_time({app="web"} | logfmt | n!="x" | unwrap n [1m]) by ()"#, "{} 4.666667"),
        (r#"first_over_time({app="web"} | logfmt | n!="x" | unwrap n [1m]) by ()"#, "{} 1"),
        (r#"last_over_time({app="web"} | logfmt | n!="x" | unwrap n [1m]) by ()"#, "{} 6"),
        (r#"sum(rate({app="web"} | logfmt | n!="x" | unwrap n [1m]))"#, "{} 0.15"),
        (r#"absent_over_time({app="none", env=~"x"}[1m])"#, r#"{app="none"} 1"#),
        (r#"absent_over_time({app="web"}[1m])"#, ""),
        (r#"topk(1, sum by (app) (count_over_time({app=~".+"}[1m])))"#, r#"{app="web"} 4"#),
        (r#"bottomk(1, sum by (app) (count_over_time({app=~".+"}[1m])))"#, r#"{app="db"} 2"#),
        (
            r#"sort_desc(sum by (app) (count_over_time({app=~".+"}[1m])))"#,
            r#"{app="web"} 4; {app="db"} 2"#,
        ),
        (
            r#"sort(sum by (app) (count_over_time({app=~".+"}[1m])))"#,
            r#"{app="db"} 2; {app="web"} 4"#,
        ),
        (r#"count(sum by (app) (count_over_time({app=~".+"}[1m])))"#, "{} 2"),
        (r#"avg(sum by (app) (count_over_time({app=~".+"}[1m])))"#, "{} 3"),
        (r#"stddev(sum by (app) (count_over_time({app=~".+"}[1m])))"#, "{} 1"),
        (r#"sum by (app) (count_over_time({app=~".+"}[1m])) > 3"#, r#"{app="web"} 4"#),
        (
            r#"sum by (app) (count_over_time({app=~".+"}[1m])) > bool 3"#,
            r#"{app="db"} 0; {app="web"} 1"#,
        ),
        (
            r#"10 - sum by (app) (count_over_time({app=~".+"}[1m]))"#,
            r#"{app="db"} 8; {app="web"} 6"#,
        ),
        (
            r#"sum by (app) (count_over_time({app=~".+"}[1m])) / 0"#,
            r#"{app="db"} NaN; {app="web"} NaN"#,
        ),
        (
            r#"sum by (app) (count_over_time({app=~".+"} |= "rows" [1m])) / sum by (app) (count_over_time({app=~".+"}[1m]))"#,
            r#"{app="db"} 1"#,
        ),
        (
            r#"sum by (app, path) (count_over_time({app="web"} | logfmt [1m])) / on (app) group_left sum by (app) (count_over_time({app="web"}[1m]))"#,
            r#"{app="web", path="/a"} 0.75; {app="web", path="/b"} 0.25"#,
        ),
        (r#"sum(count_over_time({app="none"}[1m])) or vector(0)"#, "{} 0"),
        (
            r#"sum by (app) (count_over_time({app=~".+"}[1m])) unless sum by (app) (count_over_time({app="db"}[1m]))"#,
            r#"{app="web"} 4"#,
        ),
        (
            r#"label_replace(sum by (app) (count_over_time({app="db"}[1m])), "kind", "$1-x", "app", "(d).*")"#,
            r#"{app="db", kind="d-x"} 2"#,
        ),
        ("vector(2) * 3", "{} 6"),
        ("2 ^ 10", "1024"),
    ] {
        assert_eq!(ask(&snapshot, query, at(40)), expected, "{query}");
    }
    let error =
        ask(&snapshot, r#"sum(sum_over_time({app="web"} | logfmt | unwrap n [1m]))"#, at(40));
    assert!(
        error.starts_with("error: pipeline error: 'SampleExtractionErr' for series"),
        "{error}"
    );
    let error = ask(
        &snapshot,
        r#"sum by (app, path) (count_over_time({app="web"} | logfmt [1m])) / on (app) sum by (app) (count_over_time({app="web"}[1m]))"#,
        at(40),
    );
    assert!(error.contains("many-to-one matching must be explicit"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_see_their_own_windows() {
    let snapshot = test_lines::snapshot(&[
        (10, r#"{app="web"}"#, "n=1"),
        (12, r#"{app="web"}"#, "n=5"),
        (30, r#"{app="web"}"#, "n=2"),
    ])
    .await;
    let steps = Steps::between(0, 40 * SECOND, 10 * SECOND);
    for (query, expected) in [
        (r#"sum(count_over_time({app="web"}[10s]))"#, "{} - 1 1 1 -"),
        (r#"sum(count_over_time({app="web"}[20s]))"#, "{} - 1 2 2 1"),
        (r#"sum(count_over_time({app="web"}[5s]))"#, "{} - 1 - 1 -"),
        (r#"max_over_time({app="web"} | logfmt | unwrap n [20s]) by ()"#, "{} - 1 5 5 2"),
        (r#"absent_over_time({app="web"}[10s])"#, r#"{app="web"} 1 - - - 1"#),
    ] {
        assert_eq!(ask(&snapshot, query, steps), expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_rise_through_resets() {
    let lines: Vec<(i64, &str, String)> = [10, 20, 5, 15]
        .iter()
        .enumerate()
        .map(|(at, value)| (10 + 10 * at as i64, r#"{app="web"}"#, format!("n={value}")))
        .collect();
    let lines: Vec<_> =
        lines.iter().map(|(at, stream, line)| (*at, *stream, line.as_str())).collect();
    let snapshot = test_lines::snapshot(&lines).await;
    let query = r#"sum(rate_counter({app="web"} | logfmt | unwrap n [1m]))"#;
    // 10 more, 5 more from zero, 10 more: 25 in 30 s, and half a distance before the first sample.
    let expected = 25.0 * (35.0 / 30.0) / 60.0;
    let found = ask(&snapshot, query, Steps::at(40 * SECOND));
    assert_eq!(found, format!("{{}} {expected:.6}"));
}
