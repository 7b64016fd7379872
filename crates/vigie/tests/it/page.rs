//! The page in a real browser.

use std::process::Command;
use std::time::Duration;

use vigie_testkit::{Server, program};

use crate::vigie;

/// What the browser shows after the page has settled, as HTML.
fn rendered(server: &Server, browser: &std::path::Path, path: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--lang=en-US", "--window-size=1280,900", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--dump-dom")
        .arg(format!("{}{path}", server.page))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The page with all of `wanted`, or as it was at last. The browser writes down what it has when its
/// clock has run out, on a busy machine before it has laid the page out: then it is opened again.
fn settled(server: &Server, browser: &std::path::Path, path: &str, wanted: &[&str]) -> String {
    let mut page = rendered(server, browser, path);
    for _ in 0..4 {
        if wanted.iter().all(|text| page.contains(text)) {
            break;
        }
        page = rendered(server, browser, path);
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_this_host_and_its_sources() {
    const NAME: &str = "the_page_shows_this_host_and_its_sources";
    let Some(browser) = program(NAME, "chromium") else { return };
    const PASSWORD: &str = "a long password";
    let builder = vigie().environment("GF_SECURITY_ADMIN_PASSWORD", PASSWORD);
    let server = builder.start().await.unwrap();
    let built = server.client.get(&server.page).send().await.unwrap().text().await.unwrap();
    if !built.contains("/assets/") {
        eprintln!("skipped: {NAME} needs the page, which cargo xtask web builds");
        return;
    }
    server.wait_for("rate(node_cpu_seconds_total[1m])", Duration::from_secs(30)).await.unwrap();

    // Each host leads to its query.
    let host = "node_memory_MemAvailable_bytes";
    let wanted = ["Targets up", "Firing alerts", "What changed", "Services", "Hosts", host];
    let now = settled(&server, &browser, "/", &wanted);
    for text in wanted {
        assert!(now.contains(text), "no {text} in {now}");
    }

    let chart = settled(&server, &browser, "/explore/metrics?expr=node_load1", &["<canvas"]);
    assert!(chart.contains("<canvas"), "no chart was drawn: {chart}");

    let sources = settled(&server, &browser, "/sources", &["/metrics", ">up<"]);
    assert!(sources.contains("/metrics") && sources.contains(">up<"), "{sources}");

    let table = settled(
        &server,
        &browser,
        "/explore/metrics?tab=table&expr=sum(up)",
        &["value-cell", ">2<"],
    );
    assert!(table.contains("value-cell") && table.contains(">2<"), "{table}");

    let logs = settled(&server, &browser, "/explore/logs?q=nothing", &["No lines match"]);
    assert!(logs.contains("No lines match"), "{logs}");

    let traces = settled(&server, &browser, "/explore/traces", &["No traces yet"]);
    assert!(traces.contains("No traces yet"), "{traces}");

    let silence = serde_json::json!({
        "matchers": [{"name": "job", "value": "<b>db</b>", "isRegex": false, "isEqual": true}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2999-01-01T00:00:00Z",
        "createdBy": "ann", "comment": "moving the rack",
    });
    let url = format!("{}/alertmanager/api/v2/silences", server.page.trim_end_matches('/'));
    let made = server.client.post(url).json(&silence).send().await.unwrap();
    assert!(made.status().is_success(), "{}", made.text().await.unwrap());
    let silences = settled(&server, &browser, "/silences", &["moving the rack"]);
    assert!(silences.contains("moving the rack"), "{silences}");
    assert!(silences.contains("&lt;b&gt;db") && !silences.contains("<b>db"), "{silences}");
    let history = settled(&server, &browser, "/history", &["Nobody has been told"]);
    assert!(history.contains("Nobody has been told"), "{history}");

    let dashboard = serde_json::json!({"dashboard": {
        "uid": "first", "title": "First", "time": {"from": "now-5m", "to": "now"},
        "templating": {"list": [{
            "type": "custom", "name": "job", "query": "node,none",
            "current": {"text": "node", "value": "node"},
        }]},
        "panels": [
            {"id": 1, "type": "stat", "title": "Up <b>x</b>", "gridPos": {"w": 8, "h": 6}, "targets": [
                {"refId": "A", "expr": "count(up{job=\"$job\"}) + 41", "instant": true},
            ]},
            {"id": 2, "type": "timeseries", "title": "Load", "gridPos": {"x": 8, "w": 8, "h": 6},
             "targets": [{"refId": "A", "expr": "node_load1"}]},
            {"id": 3, "type": "text", "title": "Words", "gridPos": {"x": 16, "w": 8, "h": 6},
             "options": {"mode": "markdown", "content": "**bold** <img src=x onerror=alert(1)>"}},
            {"id": 4, "type": "sankey", "title": "Flow", "gridPos": {"y": 6, "w": 8, "h": 6}},
        ],
    }});
    let url = format!("{}/api/dashboards/db", server.page.trim_end_matches('/'));
    let post = server.client.post(url).basic_auth("admin", Some(PASSWORD)).json(&dashboard);
    let kept = post.send().await.unwrap();
    assert!(kept.status().is_success(), "{}", kept.text().await.unwrap());
    let wanted =
        [">42<", "node_load1{", "<strong>bold</strong> &lt;img src=x", "not drawn yet: sankey"];
    let drawn = settled(&server, &browser, "/d/first/x", &wanted);
    for text in wanted {
        assert!(drawn.contains(text), "no {text} in {drawn}");
    }
    assert!(!drawn.contains("<b>x</b>") && !drawn.contains("<img src=x"), "{drawn}");

    let wrong = settled(
        &server,
        &browser,
        "/explore/metrics?tab=table&expr=sum(",
        &["unclosed left parenthesis"],
    );
    assert!(wrong.contains("unclosed left parenthesis"), "{wrong}");
}
