//! The seed's files as they are.

use std::time::Duration;

use vigie_testkit::shared;

use crate::vigie;

#[tokio::test]
async fn the_seed_is_loaded_verbatim() {
    let Some(seed) = shared("the_seed_is_loaded_verbatim", "seed") else { return };
    let server = vigie().arg(seed.display().to_string()).start().await.unwrap();
    server.wait_for("up{job=\"node-exporter\"} == 1", Duration::from_secs(45)).await.unwrap();
    server.wait_for("up{job=\"web-app\"} == 0", Duration::from_secs(45)).await.unwrap();

    let answer = server.get("/api/v1/targets", &[("state", "active")]).await.unwrap();
    let targets = answer["data"]["activeTargets"].as_array().unwrap();
    let web_app = targets.iter().find(|target| target["scrapePool"] == "web-app").unwrap();
    assert_eq!(web_app["health"], "down");
    assert!(!web_app["lastError"].as_str().unwrap().is_empty());

    let discoveries = server.get("/api/v1/targets/discoveries", &[]).await.unwrap();
    let text = discoveries["data"].to_string();
    assert!(text.contains("kubernetes"), "{text}");
    let log = server.log();
    assert!(log.lines().any(|line| line.contains("pipeline started")), "{log}");
    for (file, told) in
        [("filebeat.yml", "following files"), ("runbook.yml", "nothing of it is executed")]
    {
        let named = log.lines().any(|line| line.contains(file) && line.contains(told));
        assert!(named, "{file} is not named:\n{log}");
    }
}
