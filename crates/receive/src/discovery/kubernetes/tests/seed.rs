//! The two Kubernetes jobs of the configuration that Vigie was asked to run first.

use std::path::PathBuf;

use vigie_model::{Acknowledge, MetricBatch, MetricSink, TenantId, WriteFuture, WriteReport};

use super::*;
use crate::scrape::{LocalTargets, ScrapeManager};

#[derive(Debug)]
struct Nowhere;

impl MetricSink for Nowhere {
    fn write(&self, _tenant: &TenantId, _batch: MetricBatch, _: Acknowledge) -> WriteFuture<'_> {
        Box::pin(async { Ok(WriteReport::default()) })
    }
}

/// The seed's jobs as they are, or `None` where there is no seed.
fn seed_jobs() -> Option<Vec<config::ScrapeConfig>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = option_env!("VIGIE_SHARED").map_or(beside, PathBuf::from);
    let text = std::fs::read_to_string(folder.join("seed/prometheus.yml")).ok()?;
    Some(config::parse(&text, &Source::default(), &|_| None).unwrap().jobs)
}

#[tokio::test]
async fn jobs_of_the_seed() {
    let Some(mut jobs) = seed_jobs() else {
        eprintln!("skipped: jobs_of_the_seed needs shared/seed/prometheus.yml");
        return;
    };
    let server = ApiServer::start();
    jobs.retain(|job| !job.discovery.kubernetes.is_empty());
    assert_eq!(jobs.len(), 2);
    for job in &mut jobs {
        job.discovery.kubernetes[0].api_server = server.url();
    }
    server.put(NODES, node("n1", "127.0.0.1"));
    let mut kept = pod("web", "kept", "127.0.0.1");
    // The seed's rule keeps what has its own label's name as value.
    kept["metadata"]["annotations"] = json!({
        "prometheus.io/scrape": "__meta_kubernetes_pod_annotation_prometheus_io_scrape",
        "prometheus.io/path": "/own/metrics",
        "prometheus.io/port": "9999",
    });
    server.put(PODS, kept);
    server.put(PODS, pod("web", "dropped", "127.0.0.1"));
    let manager = ScrapeManager::new(
        World::real(),
        Arc::new(Nowhere),
        HttpEnvironment::default(),
        LocalTargets::new(),
    );
    manager.apply(&jobs).await.unwrap();
    let mut targets = manager.targets();
    for _ in 0..3_000 {
        if targets.active.len() == 2 && targets.dropped.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        targets = manager.targets();
    }
    let active: Vec<(String, &str)> = targets
        .active
        .iter()
        .map(|target| (target.labels.to_string(), target.scrape_url.as_str()))
        .collect();
    let expected = [
        (
            "{instance=\"n1\", job=\"kubernetes\", kubernetes_io_arch=\"amd64\"}",
            "http://127.0.0.1:10250/metrics",
        ),
        (
            "{instance=\"127.0.0.1:9999\", job=\"kubernetes-pods\"}",
            "http://127.0.0.1:9999/own/metrics",
        ),
    ];
    assert_eq!(active.len(), 2, "{:?}", manager.discovery_status());
    for ((labels, url), (wanted, wanted_url)) in active.iter().zip(expected) {
        assert_eq!((labels.as_str(), *url), (wanted, wanted_url));
    }
    let dropped = &targets.dropped[0].discovered_labels;
    assert_eq!(dropped.get("__meta_kubernetes_pod_name"), Some("dropped"));
    manager.stop().await;
}
