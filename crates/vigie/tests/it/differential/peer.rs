//! The other server: Debian's `prometheus`, or the one that VIGIE_DIFFERENTIAL_PROMETHEUS names.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use vigie_testkit::{free_port, program};

/// What is new in Prometheus 3 and thus cannot be asked of an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Prometheus 2: floats only, no boundary of a range on a sample.
    Old,
    /// Prometheus 3.
    New,
}

/// A running Prometheus. It is killed when dropped.
pub(crate) struct Peer {
    child: Child,
    _folder: tempfile::TempDir,
    pub(crate) api: String,
    pub(super) client: reqwest::Client,
    pub(super) level: Level,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn binary(test: &str) -> Option<PathBuf> {
    std::env::var_os("VIGIE_DIFFERENTIAL_PROMETHEUS")
        .map(PathBuf::from)
        .or_else(|| program(test, "prometheus"))
}

/// Starts Prometheus on an empty folder, or says why `test` is skipped.
pub(crate) async fn start(test: &str, client: &reqwest::Client) -> Option<Peer> {
    let binary = binary(test)?;
    let version = Command::new(&binary).arg("--version").output().unwrap();
    let said = [version.stdout, version.stderr].concat();
    let level =
        if String::from_utf8_lossy(&said).contains("version 2.") { Level::Old } else { Level::New };
    let features = match level {
        Level::Old => "native-histograms,promql-per-step-stats",
        Level::New => {
            "promql-experimental-functions,promql-delayed-name-removal,promql-per-step-stats,\
             promql-extended-range-selectors,promql-binop-fill-modifiers"
        }
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prometheus.yml"), "scrape_configs: []\n").unwrap();
    let port = free_port().unwrap();
    let child = Command::new(binary)
        .current_dir(folder.path())
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .args(["--web.enable-remote-write-receiver", "--log.level=error"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg(format!("--enable-feature={features}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let api = format!("http://127.0.0.1:{port}");
    let peer = Peer { child, _folder: folder, api, client: client.clone(), level };
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let ready = peer.client.get(format!("{}/-/ready", peer.api)).send().await;
        if ready.is_ok_and(|answer| answer.status().is_success()) {
            return Some(peer);
        }
        assert!(Instant::now() < deadline, "prometheus does not become ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a server answers: its status and its JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// Asks the server at `api`.
pub(super) async fn ask(
    client: &reqwest::Client,
    api: &str,
    path: &str,
    parameters: &[(&str, String)],
) -> Answer {
    let answer = client.post(format!("{api}{path}")).form(parameters).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body }
}
