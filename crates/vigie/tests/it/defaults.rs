//! Without any configuration: this host and Vigie itself are watched.

use std::time::Duration;

use crate::vigie;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn this_host_is_watched_from_the_start() {
    let mut server = vigie().start().await.unwrap();
    for metric in [
        "rate(node_cpu_seconds_total[30s])",
        "node_memory_MemAvailable_bytes",
        "node_filesystem_size_bytes",
        "node_network_receive_bytes_total",
        "up{job=\"vigie\"} == 1",
        "up{job=\"node\"} == 1",
    ] {
        server.wait_for(metric, PATIENCE).await.unwrap();
    }
    let exposition = server.client.get(format!("{}/metrics", server.host)).send().await.unwrap();
    assert!(exposition.text().await.unwrap().contains("# TYPE node_cpu_seconds_total counter"));
    let page = server.client.get(&server.page).send().await.unwrap();
    assert!(page.status().is_success());
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let status = server.stop().await.unwrap();
    assert!(status.success(), "{}", server.log());
}

#[tokio::test]
async fn a_reload_is_all_or_nothing() {
    let builder = vigie();
    let config = builder.folder().join("prometheus.yml");
    std::fs::write(&config, "scrape_configs:\n- job_name: one\n").unwrap();
    let server = builder.arg("prometheus.yml").start().await.unwrap();
    let reload = || server.client.post(format!("{}/-/reload", server.api)).send();
    let running = async || {
        let answer = server.get("/api/v1/status/config", &[]).await.unwrap();
        answer["data"]["yaml"].as_str().unwrap().to_owned()
    };
    assert!(running().await.contains("job_name: one"));

    std::fs::write(&config, "scrape_configs:\n- job_name: two\n  scrape_intervall: 5s\n").unwrap();
    let answer = reload().await.unwrap();
    assert_eq!(answer.status().as_u16(), 500);
    let reason = answer.text().await.unwrap();
    assert!(reason.contains("scrape_intervall") && reason.contains("line 3"), "{reason}");
    assert!(running().await.contains("job_name: one"), "the old configuration runs on");

    std::fs::write(&config, "scrape_configs:\n- job_name: two\n").unwrap();
    assert!(reload().await.unwrap().status().is_success());
    assert!(running().await.contains("job_name: two"));

    std::fs::write(&config, "scrape_configs:\n- job_name: three\n").unwrap();
    server.signal("HUP").unwrap();
    for _ in 0..100 {
        if running().await.contains("job_name: three") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("SIGHUP did not reload:\n{}", server.log());
}

#[test]
fn check_names_the_place_of_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anything.yml");
    std::fs::write(&file, "global:\n  scrape_interval: 5 seconds\nscrape_configs: []\n").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_vigie"))
        .arg("check")
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(said.contains("line 2") && said.contains("5 seconds"), "{said}");
}
