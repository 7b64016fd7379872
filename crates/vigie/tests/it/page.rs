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

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_this_host_and_its_sources() {
    const NAME: &str = "the_page_shows_this_host_and_its_sources";
    let Some(browser) = program(NAME, "chromium") else { return };
    let server = vigie().start().await.unwrap();
    let built = server.client.get(&server.page).send().await.unwrap().text().await.unwrap();
    if !built.contains("/assets/") {
        eprintln!("skipped: {NAME} needs the page, which cargo xtask web builds");
        return;
    }
    server.wait_for("rate(node_cpu_seconds_total[1m])", Duration::from_secs(30)).await.unwrap();

    let now = rendered(&server, &browser, "/");
    for text in ["Targets up", "Firing alerts", "What changed", "Services", "Hosts"] {
        assert!(now.contains(text), "no {text} in {now}");
    }
    assert!(now.contains("node_memory_MemAvailable_bytes"), "no host leads to its query: {now}");

    let chart = rendered(&server, &browser, "/explore/metrics?expr=node_load1");
    assert!(chart.contains("<canvas"), "no chart was drawn: {chart}");

    let sources = rendered(&server, &browser, "/sources");
    assert!(sources.contains("/metrics") && sources.contains(">up<"), "{sources}");

    let table = rendered(&server, &browser, "/explore/metrics?tab=table&expr=sum(up)");
    assert!(table.contains("value-cell") && table.contains(">2<"), "{table}");

    let logs = rendered(&server, &browser, "/explore/logs?q=nothing");
    assert!(logs.contains("No lines match"), "{logs}");

    let traces = rendered(&server, &browser, "/explore/traces");
    assert!(traces.contains("No traces yet"), "{traces}");

    let wrong = rendered(&server, &browser, "/explore/metrics?tab=table&expr=sum(");
    assert!(wrong.contains("unclosed left parenthesis"), "{wrong}");
}
