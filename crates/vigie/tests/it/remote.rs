//! Samples are copied from one Vigie to another, also when that one was away for a while.

use std::time::Duration;

use crate::vigie;

#[tokio::test]
async fn samples_reach_a_remote_that_was_away() {
    let receiver = vigie().arg("empty.yml");
    std::fs::write(receiver.folder().join("empty.yml"), "scrape_configs: []\n").unwrap();
    let mut receiver = receiver.start().await.unwrap();
    receiver.kill().unwrap();

    let builder = vigie();
    let config = format!(
        "global:\n  scrape_interval: 1s\n  external_labels: {{origin: here}}\nscrape_configs:\n\
         - job_name: node\n  static_configs: [{{targets: ['node-exporter:9100']}}]\n\
         remote_write:\n- url: {}/api/v1/write\n  write_relabel_configs:\n  \
         - {{source_labels: [__name__], regex: 'up|node_load1', action: keep}}\n",
        receiver.api
    );
    std::fs::write(builder.folder().join("prometheus.yml"), config).unwrap();
    let mut sender = builder.arg("prometheus.yml").start().await.unwrap();
    sender.wait_for("count_over_time(up[1m]) >= 3", Duration::from_secs(30)).await.unwrap();
    let first = sender.query("min_over_time(timestamp(up)[1m:1s])").await.unwrap();
    assert!(sender.stop().await.unwrap().success(), "{}", sender.log());

    // The queue is on disk: what was scraped while the remote was away arrives after a restart.
    receiver.launch().await.unwrap();
    sender.launch().await.unwrap();
    let arrived = "min_over_time(timestamp(up{origin=\"here\"})[2m:1s])";
    let found = receiver.wait_for(arrived, Duration::from_secs(60)).await.unwrap();
    let seconds = |result: &serde_json::Value| -> f64 {
        result[0]["value"][1].as_str().unwrap().parse().unwrap()
    };
    assert!(seconds(&found) <= seconds(&first) + 2.0, "{found} came, {first} was the first");
    let others =
        receiver.query("count({__name__!~\"up|node_load1\",origin=\"here\"})").await.unwrap();
    assert_eq!(others.as_array().unwrap().len(), 0, "relabelling keeps two metrics only");
}

/// Samples that only Prometheus has are found by asking Vigie, which has none.
#[tokio::test]
async fn what_prometheus_keeps_is_read_from_there() {
    let client = vigie_testkit::client().unwrap();
    let test = "what_prometheus_keeps_is_read_from_there";
    let Some(peer) = crate::differential::peer::start(test, &client).await else { return };
    let builder = vigie();
    let config = format!(
        "global:\n  scrape_interval: 1s\n  external_labels: {{origin: here}}\nscrape_configs:\n\
         - job_name: node\n  static_configs: [{{targets: ['node-exporter:9100']}}]\n\
         remote_write:\n- url: {}/api/v1/write\n  queue_config: {{batch_send_deadline: 1s}}\n",
        peer.api
    );
    std::fs::write(builder.folder().join("prometheus.yml"), config).unwrap();
    let mut sender = builder.arg("prometheus.yml").start().await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let asked = client.get(format!("{}/api/v1/query?query=node_load1", peer.api)).send();
        if asked.await.unwrap().text().await.unwrap().contains("\"origin\":\"here\"") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "nothing reaches Prometheus");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(sender.stop().await.unwrap().success());

    let builder = vigie();
    let nobody = vigie_testkit::free_port().unwrap();
    let config = format!(
        "global: {{external_labels: {{origin: here}}}}\nremote_read:\n\
         - url: {}/api/v1/read\n- url: http://127.0.0.1:{nobody}/read\n  \
         required_matchers: {{job: nowhere}}\n",
        peer.api
    );
    std::fs::write(builder.folder().join("prometheus.yml"), config).unwrap();
    let reader = builder.arg("prometheus.yml").start().await.unwrap();
    // The external label was asked for and is not shown, as by Prometheus.
    let series = reader.get("/api/v1/series", &[("match[]", "node_load1")]).await.unwrap();
    assert_eq!(series["data"].as_array().unwrap().len(), 1, "{series}");
    assert!(series["data"][0].get("origin").is_none(), "{series}");
    let ratio = "count(last_over_time(node_cpu_seconds_total[5m])) > bool 0";
    let found = reader.get("/api/v1/query", &[("query", ratio)]).await.unwrap();
    assert_eq!(found["data"]["result"][0]["value"][1], "1", "{found}");
    assert!(found.get("warnings").is_none(), "the second is not responsible: {found}");
    let found = reader.get("/api/v1/query", &[("query", "up{job='nowhere'}")]).await.unwrap();
    let warning = found["warnings"][0].as_str().unwrap_or_default().to_owned();
    assert!(warning.starts_with("remote_read: error sending request: Post"), "{found}");
    // Others' samples are not given away as one's own.
    let federated = client.get(format!("{}/federate?match[]=node_load1", reader.api));
    assert_eq!(federated.send().await.unwrap().text().await.unwrap(), "");
}
