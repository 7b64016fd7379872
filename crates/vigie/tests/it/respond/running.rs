//! Vigie under the name `alertmanager`, and a sink that writes down what it is told.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is killed when the test ends.
pub(super) struct Alertmanager {
    child: Child,
    folder: tempfile::TempDir,
    pub(super) address: String,
    pub(super) client: reqwest::Client,
}

impl Alertmanager {
    /// Starts with `config` and `flags`, and waits for the line that harnesses wait for.
    pub(super) async fn start(config: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
        Self::start_in(folder, flags).await
    }

    pub(super) async fn start_in(folder: tempfile::TempDir, flags: &[&str]) -> Self {
        let link = folder.path().join("alertmanager");
        if !link.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vigie"), &link).unwrap();
        }
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let child = launch(&link, folder.path(), flags);
        let mut started = Self { child, folder, address: String::new(), client };
        started.address = started.wait_for_address().await;
        started
    }

    async fn wait_for_address(&mut self) -> String {
        let begun = Instant::now();
        loop {
            let log = self.log();
            let line = log.lines().rev().find(|line| line.contains("Listening on"));
            if let Some((_, address)) = line.and_then(|line| line.split_once("address=")) {
                return format!("http://{}", address.trim());
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{ended:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends it by SIGTERM; gives the folder, to start again in it.
    pub(super) async fn stop(mut self) -> tempfile::TempDir {
        self.signal("TERM");
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::fs::write(self.folder.path().join("log"), "").unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.address);
        let text = self.client.get(&url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{url}: {text}"))
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (StatusCode, String) {
        let url = format!("{}{path}", self.address);
        let answer = self.client.post(&url).json(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Posts alerts with these labels and annotations.
    pub(super) async fn fire(&self, alerts: &[Value]) {
        let (status, text) = self.post("/api/v2/alerts", &Value::from(alerts.to_vec())).await;
        assert!(status.is_success(), "{text}");
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn launch(binary: &Path, folder: &Path, flags: &[&str]) -> Child {
    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    Command::new(binary)
        .args(["--config.file", "alertmanager.yml", "--web.listen-address", "127.0.0.1:0"])
        .args(["--storage.path", "data", "--cluster.listen-address", "127.0.0.1:0"])
        .args(["--cluster.settle-timeout", "0s"])
        .args(flags)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// One request as the sink got it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// An HTTP server that writes down what it is told.
#[derive(Debug, Clone)]
pub(super) struct Sink {
    pub(super) address: String,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Sink {
    /// A sink that answers by `answer`.
    pub(super) async fn start(answer: fn(&str) -> Response) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let write = Arc::clone(&told);
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let write = Arc::clone(&write);
            async move {
                let text = String::from_utf8_lossy(&body).into_owned();
                let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
                let path = uri.path().to_owned();
                let answer = answer(&path);
                write.lock().unwrap().push(Told { path, headers, body });
                answer
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, told }
    }

    /// A sink that takes everything.
    pub(super) async fn open() -> Self {
        Self::start(|_| "{}".into_response()).await
    }

    pub(super) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until `path` has been told `count` times.
    pub(super) async fn wait(&self, path: &str, count: usize) -> Vec<Told> {
        let begun = Instant::now();
        loop {
            let told: Vec<Told> = self.told().into_iter().filter(|t| t.path == path).collect();
            if told.len() >= count {
                return told;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} was told {told:?}, not {count} times");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The output of a tool that must succeed.
pub(super) fn output(program: &PathBuf, args: &[&str]) -> String {
    let output = Command::new(program).args(args).env("HOME", "/nonexistent").output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    out.into_owned()
}
