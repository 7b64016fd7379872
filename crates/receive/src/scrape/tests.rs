//! Scraping small servers, from configuration to batches.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use parking_lot::Mutex;
use vigie_model::{
    Acknowledge, MetricBatch, MetricSink, TenantId, WriteFuture, WriteReport, is_stale_nan,
};
use vigie_world::World;

use super::*;
use crate::config::{self, Source};
use vigie_dial::HttpEnvironment;

/// Keeps what is written, as lines `series value` (`stale` for the marker).
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<(String, i64)>>);

impl MetricSink for Kept {
    fn write(&self, _tenant: &TenantId, batch: MetricBatch, _ack: Acknowledge) -> WriteFuture<'_> {
        let mut kept = self.0.lock();
        for series in batch.series() {
            let labels = batch.labels(series);
            for row in series.samples.clone() {
                let value = batch.values[row as usize];
                let value = if is_stale_nan(value) { "stale".into() } else { value.to_string() };
                kept.push((format!("{labels} {value}"), batch.timestamps_ms[row as usize]));
                let start = batch.start_timestamps_ms.get(row as usize).copied().unwrap_or(0);
                if start != 0 {
                    kept.push((format!("{labels} since {start}"), 0));
                }
            }
            for row in series.histograms.clone() {
                let point = &batch.histograms[row as usize];
                let h = &point.histogram;
                let shown = format!("{labels} {} {} {:?}", h.schema, h.count, h.positive_buckets);
                kept.push((shown, point.timestamp_ms));
            }
        }
        Box::pin(async { Ok(WriteReport::default()) })
    }
}

impl Kept {
    async fn wait_for(&self, wanted: &str) -> i64 {
        for _ in 0..3_000 {
            if let Some((_, timestamp)) = self.0.lock().iter().find(|(line, _)| line == wanted) {
                return *timestamp;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{wanted:?} never came: {:#?}", self.0.lock());
    }

    fn has(&self, part: &str) -> bool {
        self.0.lock().iter().any(|(line, _)| line.contains(part))
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn jobs(yaml: &str) -> Vec<config::ScrapeConfig> {
    let text = format!("global: {{scrape_interval: 100ms}}\nscrape_configs:\n{yaml}");
    config::parse(&text, &Source::default(), &|_| None).unwrap().jobs
}

fn manager(kept: &Arc<Kept>, local: LocalTargets) -> ScrapeManager {
    let sink: Arc<dyn MetricSink> = Arc::<Kept>::clone(kept);
    ScrapeManager::new(World::real(), sink, HttpEnvironment::default(), local)
}

mod histograms;

const TEXT: [(&str, &str); 1] = [("content-type", "text/plain; version=0.0.4")];

#[tokio::test]
async fn a_target_is_scraped_and_its_end_is_marked() {
    let body = "# TYPE a counter\n# HELP a Help.\na{job=\"own\"} 1\nb{le=\"x\"} 2\n";
    let address =
        serve(Router::new().route("/metrics", get(move || async move { (TEXT, body) }))).await;
    let kept = Arc::new(Kept::default());
    let manager = manager(&kept, LocalTargets::new());
    let yaml = format!(
        "- job_name: j\n  static_configs: [{{targets: ['{address}']}}]\n  metric_relabel_configs: [{{source_labels: [__name__], regex: b, action: drop}}]\n"
    );
    manager.apply(&jobs(&yaml)).await.unwrap();
    kept.wait_for(&format!("up{{instance=\"{address}\", job=\"j\"}} 1")).await;
    kept.wait_for(&format!("a{{exported_job=\"own\", instance=\"{address}\", job=\"j\"}} 1")).await;
    kept.wait_for(&format!("scrape_samples_scraped{{instance=\"{address}\", job=\"j\"}} 2")).await;
    kept.wait_for(&format!(
        "scrape_samples_post_metric_relabeling{{instance=\"{address}\", job=\"j\"}} 1"
    ))
    .await;
    assert!(!kept.has("b{"));
    let targets = manager.targets();
    assert_eq!(targets.active.len(), 1);
    assert_eq!(targets.active[0].health, TargetHealth::Up);
    assert_eq!(targets.active[0].scrape_url, format!("http://{address}/metrics"));
    assert_eq!(manager.target_metadata()[0].metadata.help, "Help.");
    manager.apply(&jobs("- job_name: k\n")).await.unwrap();
    kept.wait_for(&format!("a{{exported_job=\"own\", instance=\"{address}\", job=\"j\"}} stale"))
        .await;
    kept.wait_for(&format!("up{{instance=\"{address}\", job=\"j\"}} stale")).await;
    assert!(manager.targets().active.is_empty());
}

#[tokio::test]
async fn a_failed_scrape_is_down_with_its_reason() {
    let router = Router::new()
        .route("/many", get(|| async { (TEXT, "a 1\nb 2\nc 3\n") }))
        .route("/torn", get(|| async { (TEXT, "a{x=\"1\n") }))
        .route("/html", get(|| async { ([("content-type", "text/html")], "<p>") }))
        .route("/labels", get(|| async { (TEXT, "a{x=\"12345\"} 1\n") }))
        .route("/long", get(|| async { (TEXT, "a 1\n".repeat(100)) }));
    let address = serve(router).await;
    let cases = [
        ("many", "sample_limit: 2", "sample limit exceeded"),
        ("torn", "sample_limit: 2", "line 1"),
        ("html", "sample_limit: 2", "unsupported Content-Type"),
        ("labels", "label_value_length_limit: 4", "label_value_length_limit exceeded"),
        ("labels", "label_limit: 3", "label_limit exceeded"),
        ("long", "body_size_limit: 100B", "body size limit exceeded"),
        ("none", "sample_limit: 2", "server returned HTTP status 404 Not Found"),
    ];
    for (path, limit, expected) in cases {
        let kept = Arc::new(Kept::default());
        let manager = manager(&kept, LocalTargets::new());
        let yaml = format!(
            "- job_name: j\n  metrics_path: /{path}\n  {limit}\n  static_configs: [{{targets: ['{address}']}}]\n"
        );
        manager.apply(&jobs(&yaml)).await.unwrap();
        kept.wait_for(&format!("up{{instance=\"{address}\", job=\"j\"}} 0")).await;
        let error = manager.targets().active[0].last_error.clone();
        assert!(error.contains(expected), "{path}: {error}");
        assert!(!kept.has("a{"), "nothing of a failed scrape is kept");
        manager.stop().await;
    }
}

#[derive(Debug)]
struct Part;

impl LocalExposition for Part {
    fn expose(&self) -> (String, Bytes) {
        ("text/plain; version=0.0.4".to_owned(), Bytes::from_static(b"own 1\n"))
    }
}

#[tokio::test]
async fn vigie_itself_is_scraped_in_process_and_keeps_running_over_reloads() {
    let mut local = LocalTargets::new();
    local.add("localhost:9100", Arc::new(Part));
    let kept = Arc::new(Kept::default());
    let manager = manager(&kept, local);
    let job = |extra: &str| {
        jobs(&format!(
            "- job_name: j\n{extra}  static_configs: [{{targets: ['localhost:9100']}}]\n"
        ))
    };
    manager.apply(&job("")).await.unwrap();
    kept.wait_for("own{instance=\"localhost:9100\", job=\"j\"} 1").await;
    manager.apply(&job("  honor_labels: true\n")).await.unwrap();
    kept.0.lock().clear();
    kept.wait_for("own{instance=\"localhost:9100\", job=\"j\"} 1").await;
    assert!(!kept.has("stale"), "a changed job hands its series on");
    manager.stop().await;
    assert!(kept.has("own{instance=\"localhost:9100\", job=\"j\"} stale"));
}

#[tokio::test]
async fn dropped_targets_and_limits_are_shown() {
    let kept = Arc::new(Kept::default());
    let manager = manager(&kept, LocalTargets::new());
    let yaml = "- job_name: j\n  keep_dropped_targets: 1\n  target_limit: 1\n  static_configs: [{targets: ['127.0.0.1:1', '127.0.0.1:2', 'x:3', 'x:4']}]\n  relabel_configs: [{source_labels: [__address__], regex: 'x:.*', action: drop}]\n";
    manager.apply(&jobs(yaml)).await.unwrap();
    kept.wait_for("up{instance=\"127.0.0.1:1\", job=\"j\"} 0").await;
    let targets = manager.targets();
    assert_eq!(targets.dropped.len(), 1);
    assert_eq!(targets.dropped_counts[0].1, 2);
    assert!(targets.active[0].last_error.contains("target_limit exceeded"));
    manager.stop().await;
}

#[tokio::test]
async fn a_target_that_leaves_with_a_changed_job_ends() {
    let mut local = LocalTargets::new();
    local.add("stays:1", Arc::new(Part)).add("leaves:1", Arc::new(Part));
    let kept = Arc::new(Kept::default());
    let manager = manager(&kept, local);
    let job = |extra: &str, targets: &str| {
        jobs(&format!("- job_name: j\n{extra}  static_configs: [{{targets: [{targets}]}}]\n"))
    };
    manager.apply(&job("", "'stays:1', 'leaves:1', '127.0.0.1:1'")).await.unwrap();
    kept.wait_for("own{instance=\"stays:1\", job=\"j\"} 1").await;
    kept.wait_for("own{instance=\"leaves:1\", job=\"j\"} 1").await;
    kept.wait_for("up{instance=\"127.0.0.1:1\", job=\"j\"} 0").await;
    manager.apply(&job("  honor_labels: true\n", "'stays:1'")).await.unwrap();
    kept.wait_for("own{instance=\"leaves:1\", job=\"j\"} stale").await;
    kept.wait_for("up{instance=\"leaves:1\", job=\"j\"} stale").await;
    kept.wait_for("up{instance=\"127.0.0.1:1\", job=\"j\"} stale").await;
    assert!(!kept.has("own{instance=\"stays:1\", job=\"j\"} stale"));
    manager.stop().await;
}
