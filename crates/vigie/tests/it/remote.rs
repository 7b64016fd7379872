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
