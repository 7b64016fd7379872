//! A PostgreSQL server of a test's own, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::free_port;

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. It ends when dropped.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Postgres {
    /// Starts a server, or says that `test` is skipped because there is none on this machine.
    pub fn start(test: &str) -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            eprintln!("skipped: {test} needs the programs of a PostgreSQL server");
            return Ok(None);
        };
        let mut server =
            Self { folder: tempfile::tempdir()?, programs, port: free_port()?, child: None };
        if is_root() {
            // The server refuses to run as root.
            let owned = Command::new("chown").arg("postgres").arg(server.folder.path()).status();
            if !owned.is_ok_and(|status| status.success()) {
                eprintln!("skipped: {test} needs the user postgres, since it runs as root");
                return Ok(None);
            }
        }
        let data = server.data();
        let mut init = server.command("initdb");
        init.args(["--no-sync", "--auth=trust", "--username=vigie", "--encoding=UTF8", "-D"]);
        let done = init.arg(&data).output().context("starting initdb")?;
        if !done.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&done.stderr));
        }
        server.launch()?;
        Ok(Some(server))
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        format!("postgres://vigie@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts the server again after [`kill`](Self::kill).
    pub fn launch(&mut self) -> Result<()> {
        let (data, port) = (self.data(), self.port.to_string());
        let mut command = self.command("postgres");
        command.arg("-D").arg(&data).args(["-p", &port, "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]);
        self.child = Some(command.spawn().context("starting postgres")?);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let mut ask = Command::new(self.programs.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            if ask.status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("postgres does not answer after {PATIENCE:?}")
    }

    /// Ends the server at once, with all its connections.
    pub fn kill(&mut self) {
        let stop = |server: &mut Self| {
            let data = server.data();
            let mut command = server.command("pg_ctl");
            command.args(["-m", "immediate", "-w", "stop", "-D"]).arg(&data).status().ok();
            if let Some(mut child) = server.child.take() {
                child.kill().ok();
                child.wait().ok();
            }
        };
        stop(self);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let has_all = |folder: &Path| {
        ["initdb", "postgres", "pg_ctl", "pg_isready"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = versions.flatten().map(|v| v.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.reverse();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().find(|folder| has_all(folder))
}
