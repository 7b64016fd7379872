//! Discoveries against files and small servers.

use std::path::Path;

use super::*;
use crate::config::{self, Source};

pub(super) fn discoveries(yaml: &str) -> (Vec<RunningDiscovery>, Arc<Notify>) {
    let text = format!("scrape_configs:\n- job_name: a\n{yaml}");
    let loaded = config::parse(&text, &Source::default(), &|_| None).unwrap();
    let changed = Arc::new(Notify::new());
    let environment = HttpEnvironment::default();
    let running = start(&loaded.jobs[0].discovery, &environment, &World::real(), &changed);
    (running, changed)
}

/// Waits until `wanted` holds for the targets of `state`, as text.
pub(super) async fn wait_for(
    state: &DiscoveryState,
    wanted: impl Fn(&[String]) -> bool,
) -> Vec<String> {
    for _ in 0..3_000 {
        let targets = targets_of(state);
        if wanted(&targets) {
            return targets;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came; last error: {:?}, targets: {:?}", state.last_error(), targets_of(state));
}

pub(super) fn targets_of(state: &DiscoveryState) -> Vec<String> {
    let mut targets = Vec::new();
    for group in state.groups() {
        for target in &group.targets {
            let pairs = target.iter().chain(group.labels.iter());
            targets.push(pairs.map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "));
        }
    }
    targets
}

#[tokio::test]
async fn static_targets_are_there_at_once() {
    let (running, _) =
        discoveries("  static_configs: [{targets: ['a:1', 'b:2'], labels: {x: y}}]\n");
    assert_eq!(targets_of(&running[0].state), ["__address__=a:1 x=y", "__address__=b:2 x=y"]);
}

#[tokio::test]
async fn files_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    write(&path, r#"[{"targets": ["a:1"], "labels": {"x": "1"}}, {"targets": ["b:1"]}]"#);
    let pattern = folder.path().join("*.json");
    let yaml = format!(
        "  file_sd_configs: [{{files: ['{}'], refresh_interval: 100ms}}]\n",
        pattern.display()
    );
    let (running, _) = discoveries(&yaml);
    let state = &running[0].state;
    let targets = wait_for(state, |targets| targets.len() == 2).await;
    assert_eq!(targets[0], format!("__address__=a:1 __meta_filepath={} x=1", path.display()));
    write(&path, "[{\"targets\": [\"c:1\"]}]");
    wait_for(state, |targets| targets.len() == 1 && targets[0].contains("c:1")).await;
    write(&path, "[{\"targets\": 5}]");
    while state.last_error().0.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(state.last_error().0.contains("a list of addresses"), "{:?}", state.last_error());
    assert_eq!(targets_of(state).len(), 1, "what was known stays");
    std::fs::remove_file(&path).unwrap();
    wait_for(state, <[String]>::is_empty).await;
}

#[tokio::test]
async fn a_web_server_is_asked_again() {
    use axum::routing::get;
    let router = axum::Router::new()
        .route(
            "/ok",
            get(|| async {
                ([("content-type", "application/json; charset=utf-8")], r#"[{"targets":["a:1"]}]"#)
            }),
        )
        .route("/text", get(|| async { "[]" }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (running, _) = discoveries(&format!(
        "  http_sd_configs: [{{url: '{url}/ok'}}, {{url: '{url}/text'}}, {{url: '{url}/none'}}]\n"
    ));
    let targets = wait_for(&running[0].state, |targets| !targets.is_empty()).await;
    assert_eq!(targets, [format!("__address__=a:1 __meta_url={url}/ok")]);
    for (at, expected) in [(1, "unsupported content type"), (2, "404 Not Found")] {
        while running[at].state.last_error().0.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(running[at].state.last_error().0.contains(expected));
    }
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let (running, _) = discoveries("  ec2_sd_configs: [{region: x}]\n");
    assert_eq!(running[0].state.last_error().0, "ec2_sd_configs: not there yet");
}
