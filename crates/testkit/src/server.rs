//! The real binary, started for a test on free ports and an own folder.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

/// How long a server may take to start or stop before a test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The next port to try. Below the range from which the kernel takes ports for connections, so
/// that nobody else is given one between our look and its use.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);
const PORT_FIRST: u16 = 20_000;
const PORTS: u16 = 12_000;

/// A port that is free, and that no other test of this process is given.
pub fn free_port() -> Result<u16> {
    let start = (std::process::id() % u32::from(PORTS)) as u16;
    for _ in 0..PORTS {
        let step = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        let port = PORT_FIRST + (start + step % PORTS) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
}

/// How the server under test is started.
#[derive(Debug)]
pub struct ServerBuilder {
    binary: PathBuf,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    settings: String,
    receive: String,
    doors: Vec<(&'static str, u16)>,
    folder: TempDir,
}

/// Ports of `[receive]` and `[show]` that a test asks for when it needs them.
const RECEIVE_DOORS: [&str; 14] = [
    "otlp_grpc_port",
    "otlp_http_port",
    "jaeger_thrift_port",
    "jaeger_grpc_port",
    "jaeger_compact_port",
    "jaeger_binary_port",
    "jaeger_sampling_port",
    "zipkin_port",
    "beats_port",
    "syslog_port",
    "gelf_port",
    "forward_port",
    "jaeger_collector_admin_port",
    "otlp_health_port",
];
const SHOW_DOORS: [&str; 6] = [
    "jaeger_port",
    "jaeger_query_grpc_port",
    "jaeger_admin_port",
    "logs_page_port",
    "tempo_port",
    "postgres_port",
];

impl ServerBuilder {
    /// The binary, in a folder of its own.
    pub fn new(binary: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self {
            binary: binary.into(),
            args: Vec::new(),
            environment: Vec::new(),
            settings: String::new(),
            receive: String::new(),
            doors: Vec::new(),
            folder: tempfile::tempdir()?,
        })
    }

    /// One more argument of `vigie run`.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// A variable of its environment.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lines of `vigie.toml` besides the ports.
    pub fn settings(mut self, lines: &str) -> Self {
        self.settings.push_str(lines);
        self
    }

    /// Lines of the section `[receive]` besides the ports.
    pub fn receive(mut self, lines: &str) -> Self {
        self.receive.push_str(lines);
        self
    }

    /// Opens the door with this name in the settings (`otlp_http_port`) on a free port; the others
    /// stay closed. The port is [`Server::door`]'s.
    pub fn door(mut self, name: &'static str) -> Result<Self> {
        self.doors.push((name, free_port()?));
        Ok(self)
    }

    /// The settings of these doors.
    fn door_lines(&self, names: &[&str]) -> String {
        let port = |name: &str| {
            self.doors.iter().find(|(open, _)| *open == name).map_or(0, |(_, port)| *port)
        };
        names.iter().map(|name| format!("{name} = {}\n", port(name))).collect()
    }

    /// Where the server runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Result<Server> {
        let (api_port, page_port, host_port) = (free_port()?, free_port()?, free_port()?);
        let (elasticsearch_port, alerts_port) = (free_port()?, free_port()?);
        let loki_port = free_port()?;
        let settings = format!(
            "{}\n[show]\nprometheus_port = {api_port}\npage_port = {page_port}\n\
             elasticsearch_port = {elasticsearch_port}\n\
             loki_port = {loki_port}\n\
             enable_lifecycle = true\nenable_admin_api = true\n{}\
             [receive]\nhost_port = {host_port}\n{}{}\n\
             [respond]\nport = {alerts_port}\n",
            self.settings,
            self.door_lines(&SHOW_DOORS),
            self.door_lines(&RECEIVE_DOORS),
            self.receive,
        );
        std::fs::write(self.folder.path().join("test.toml"), settings)?;
        let mut server = Server {
            builder: self,
            child: None,
            api: format!("http://127.0.0.1:{api_port}"),
            page: format!("http://127.0.0.1:{page_port}"),
            elasticsearch: format!("http://127.0.0.1:{elasticsearch_port}"),
            loki: format!("http://127.0.0.1:{loki_port}"),
            host: format!("http://127.0.0.1:{host_port}"),
            alerts: format!("http://127.0.0.1:{alerts_port}"),
            client: client()?,
        };
        server.launch().await?;
        Ok(server)
    }
}

/// A client for what runs on this machine. Without TLS no provider is chosen by anybody else.
pub fn client() -> Result<reqwest::Client> {
    rustls::crypto::ring::default_provider().install_default().ok();
    Ok(reqwest::Client::builder().timeout(Duration::from_mins(1)).no_proxy().build()?)
}

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    builder: ServerBuilder,
    child: Option<Child>,
    /// Address of the Prometheus API.
    pub api: String,
    /// Address of the page.
    pub page: String,
    /// Address of Elasticsearch's API.
    pub elasticsearch: String,
    /// Base URL of Loki's API.
    pub loki: String,
    /// Address of this host's metrics.
    pub host: String,
    /// Address of Alertmanager's API.
    pub alerts: String,
    /// A client for it.
    pub client: reqwest::Client,
}

impl Server {
    /// The port of a door that was asked for with [`ServerBuilder::door`]; 0 for others.
    pub fn door(&self, name: &str) -> u16 {
        let found = self.builder.doors.iter().find(|(open, _)| *open == name);
        found.map_or(0, |(_, port)| *port)
    }

    /// Starts the binary (again, on the same folder and ports).
    pub async fn launch(&mut self) -> Result<()> {
        self.spawn()?;
        self.until_ready().await
    }

    /// Starts the binary and does not wait until it is ready.
    pub fn spawn(&mut self) -> Result<()> {
        let folder = self.builder.folder.path();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path())?;
        let mut command = Command::new(&self.builder.binary);
        command
            .arg("run")
            .args(&self.builder.args)
            .args(["--settings", "test.toml", "--data", "data"])
            .envs(self.builder.environment.iter().map(|(n, v)| (n.as_str(), v.as_str())))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.child = Some(command.spawn().context("starting the binary")?);
        Ok(())
    }

    /// Returns when the server says that it is ready.
    pub async fn until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the server ended with {status}:\n{}", self.log());
            }
            let ready = self.client.get(format!("{}/-/ready", self.api)).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the server is not ready after {PATIENCE:?}:\n{}", self.log())
    }

    /// Its folder; `data` in it is the data folder.
    pub fn folder(&self) -> &Path {
        self.builder.folder.path()
    }

    fn log_path(&self) -> PathBuf {
        self.builder.folder.path().join("log")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Id of the process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// `kill -9`
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Sends a signal by name (`TERM`, `HUP`).
    pub fn signal(&self, name: &str) -> Result<()> {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status()?;
        anyhow::ensure!(status.success(), "kill -s {name} failed");
        Ok(())
    }

    /// Ends it by SIGTERM and waits; gives the exit status.
    pub async fn stop(&mut self) -> Result<std::process::ExitStatus> {
        self.signal("TERM")?;
        let mut child = self.child.take().context("the server is not running")?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() > PATIENCE {
                child.kill()?;
                bail!("the server does not stop:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// GET of an API path with parameters; the JSON answer.
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let url = format!("{}{path}", self.api);
        let text = self.client.get(&url).query(parameters).send().await?.text().await?;
        serde_json::from_str(&text).with_context(|| format!("{url} answered {text:.300}"))
    }

    /// The result of an instant query.
    pub async fn query(&self, expression: &str) -> Result<Value> {
        let answer = self.get("/api/v1/query", &[("query", expression)]).await?;
        anyhow::ensure!(answer["status"] == "success", "{expression}: {answer}");
        Ok(answer["data"]["result"].clone())
    }

    /// Asks until `expression` has a result.
    pub async fn wait_for(&self, expression: &str, patience: Duration) -> Result<Value> {
        let started = Instant::now();
        loop {
            let result = self.query(expression).await?;
            if result.as_array().is_some_and(|series| !series.is_empty()) {
                return Ok(result);
            }
            if started.elapsed() > patience {
                bail!("{expression} has no result after {patience:?}:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that ends has no use for the server, nor for an error in ending it.
        self.kill().ok();
    }
}
