//! Programs that are run, as a value: an argument vector, a cleared environment, limits.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How a process ended, some time later.
pub type ProcessFuture = Pin<Box<dyn Future<Output = ProcessEnd> + Send>>;

/// Told what a process writes while it runs.
pub type OutputSink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// What the kernel allows a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Seconds of CPU.
    pub cpu_seconds: u64,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// Bytes of the largest file that it writes.
    pub file_bytes: u64,
    /// Files that are open at once.
    pub open_files: u64,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self { cpu_seconds: 60, memory_bytes: 2 << 30, file_bytes: 64 << 20, open_files: 256 }
    }
}

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRequest {
    /// Absolute path.
    pub program: PathBuf,
    /// Arguments after the program.
    pub arguments: Vec<String>,
    /// The whole environment: nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// Where it runs.
    pub folder: PathBuf,
    /// User and group; `None`: this process' own.
    pub user: Option<(u32, u32)>,
    /// How long it may take.
    pub timeout: Duration,
    /// Bytes of output that are kept; the rest is read and forgotten.
    pub output_bytes_max: usize,
    /// What the kernel allows.
    pub limits: ProcessLimits,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessStatus {
    /// It ended with this code.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It took too long, and its whole group was ended.
    TimedOut,
    /// It was stopped, and its whole group was ended.
    Stopped,
    /// It never ran.
    NotStarted(String),
}

impl ProcessStatus {
    /// Whether it did what it should.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

impl fmt::Display for ProcessStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut => f.write_str("took too long and was ended"),
            Self::Stopped => f.write_str("stopped"),
            Self::NotStarted(reason) => write!(f, "not started: {reason}"),
        }
    }
}

/// What became of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessEnd {
    /// How it ended.
    pub status: ProcessStatus,
    /// What it wrote, both streams as they came.
    pub output: Vec<u8>,
    /// Whether it wrote more than is kept.
    pub is_truncated: bool,
}

impl ProcessEnd {
    /// Of something that never ran.
    pub fn not_started(reason: impl Into<String>) -> Self {
        Self {
            status: ProcessStatus::NotStarted(reason.into()),
            output: Vec::new(),
            is_truncated: false,
        }
    }
}

/// What runs programs. When the future is dropped the process' whole group is ended.
pub trait Processes: Send + Sync + fmt::Debug {
    /// Runs `request`; `sink` is told what it writes.
    fn run(&self, request: ProcessRequest, sink: OutputSink) -> ProcessFuture;
}

/// What a simulated program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedRun {
    /// How long it takes.
    pub takes: Duration,
    /// How it ends.
    pub end: ProcessEnd,
}

/// Decides what a simulated program does.
pub type Script = Arc<dyn Fn(&ProcessRequest) -> SimulatedRun + Send + Sync>;

/// Runs nothing: a script says how each program ends, and what was started is remembered.
#[derive(Clone)]
pub struct SimProcesses {
    clock: Arc<dyn crate::Clock>,
    script: Script,
    started: Arc<parking_lot::Mutex<Vec<ProcessRequest>>>,
}

impl fmt::Debug for SimProcesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimProcesses")
            .field("started", &self.started.lock().len())
            .finish_non_exhaustive()
    }
}

impl SimProcesses {
    /// Programs that do as `script` says, by `clock`.
    pub fn new(clock: Arc<dyn crate::Clock>, script: Script) -> Self {
        Self { clock, script, started: Arc::default() }
    }

    /// What was started so far.
    pub fn started(&self) -> Vec<ProcessRequest> {
        self.started.lock().clone()
    }
}

impl Processes for SimProcesses {
    fn run(&self, request: ProcessRequest, sink: OutputSink) -> ProcessFuture {
        let SimulatedRun { takes, mut end } = (self.script)(&request);
        self.started.lock().push(request.clone());
        let is_late = takes > request.timeout;
        let sleep = self.clock.sleep(takes.min(request.timeout));
        Box::pin(async move {
            if !takes.is_zero() {
                sleep.await;
            }
            sink(&end.output);
            end.is_truncated |= end.output.len() > request.output_bytes_max;
            end.output.truncate(request.output_bytes_max);
            if is_late {
                end.status = ProcessStatus::TimedOut;
            }
            end
        })
    }
}
