//! Programs on this machine: in a process group of their own, through a launcher that sets what
//! the kernel allows before it becomes the program.
//!
//! Limits cannot be set between fork and exec without unsafe code. So the binary starts itself
//! ([`launch`]): the child sets its own limits, gives up whatever could give it more rights, and
//! then replaces itself with the program. Nothing of the program runs without its limits.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::process::{
    OutputSink, ProcessEnd, ProcessFuture, ProcessLimits, ProcessRequest, ProcessStatus, Processes,
};

/// The first argument by which the binary knows that it is the launcher.
pub const LAUNCH_ARGUMENT: &str = "__launch";
/// How long a group has to end after it was asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How long what a program left behind may hold its output open.
const DRAIN: Duration = Duration::from_millis(500);
/// The status of a launcher that could not start the program, as shells have it.
const NOT_STARTED: i32 = 127;

/// Runs programs through a launcher.
#[derive(Debug, Clone)]
pub struct RealProcesses {
    launcher: PathBuf,
}

impl RealProcesses {
    /// `launcher` is a binary that calls [`launch`] when its first argument is
    /// [`LAUNCH_ARGUMENT`].
    pub const fn new(launcher: PathBuf) -> Self {
        Self { launcher }
    }
}

impl Processes for RealProcesses {
    fn run(&self, request: ProcessRequest, sink: OutputSink) -> ProcessFuture {
        let launcher = self.launcher.clone();
        Box::pin(async move { run(launcher, request, sink).await })
    }
}

/// Ends the whole group when it is dropped: nothing outlives its step.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // The group may have ended already.
            rustix::process::kill_process_group(group, signal).ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

async fn run(launcher: PathBuf, request: ProcessRequest, sink: OutputSink) -> ProcessEnd {
    if !request.program.is_absolute() {
        return ProcessEnd::not_started("the program is no absolute path");
    }
    let limits = request.limits;
    let mut command = tokio::process::Command::new(launcher);
    command
        .arg(LAUNCH_ARGUMENT)
        .args(
            [limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, limits.open_files]
                .map(|limit| limit.to_string()),
        )
        .arg(&request.program)
        .args(&request.arguments)
        .env_clear()
        .envs(request.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&request.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some((user, group)) = request.user {
        command.gid(group).uid(user);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return ProcessEnd::not_started(error.to_string()),
    };
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let group = Group(pid);
    let kept = Arc::new(Mutex::new((Vec::new(), false)));
    let readers = [
        child.stdout.take().map(|s| Box::new(s) as Box<dyn AsyncRead + Send + Unpin>),
        child.stderr.take().map(|s| Box::new(s) as Box<dyn AsyncRead + Send + Unpin>),
    ];
    let readers = readers.into_iter().flatten().map(|stream| {
        tokio::spawn(read(stream, Arc::clone(&kept), request.output_bytes_max, Arc::clone(&sink)))
    });
    let readers: Vec<_> = readers.collect();
    let status = match tokio::time::timeout(request.timeout, child.wait()).await {
        Ok(Ok(status)) => match status.code() {
            Some(code) => ProcessStatus::Exited(code),
            None => ProcessStatus::Signalled(status.signal().unwrap_or(0)),
        },
        Ok(Err(error)) => ProcessStatus::NotStarted(error.to_string()),
        Err(_) => {
            group.signal(Signal::TERM);
            tokio::time::timeout(GRACE, child.wait()).await.ok();
            ProcessStatus::TimedOut
        }
    };
    // Whatever it left behind in its group ends now, and with it who holds the pipes open.
    drop(group);
    for mut reader in readers {
        if tokio::time::timeout(DRAIN, &mut reader).await.is_err() {
            reader.abort();
        }
    }
    let mut kept = kept.lock();
    let (output, is_truncated) = std::mem::take(&mut *kept);
    let status = match status {
        ProcessStatus::Exited(NOT_STARTED) if output.starts_with(FAILED.as_bytes()) => {
            let reason = output.get(FAILED.len()..).unwrap_or_default();
            ProcessStatus::NotStarted(String::from_utf8_lossy(reason).trim().to_owned())
        }
        status => status,
    };
    ProcessEnd { status, output, is_truncated }
}

/// What the launcher says when it could not start the program.
const FAILED: &str = "vigie launcher: ";

async fn read(
    mut stream: Box<dyn AsyncRead + Send + Unpin>,
    kept: Arc<Mutex<(Vec<u8>, bool)>>,
    bytes_max: usize,
    sink: OutputSink,
) {
    let mut buffer = vec![0; 8 << 10];
    while let Ok(read) = stream.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        let mut kept = kept.lock();
        let room = bytes_max.saturating_sub(kept.0.len()).min(bytes.len());
        let taken = bytes.get(..room).unwrap_or_default();
        kept.0.extend_from_slice(taken);
        kept.1 |= room < bytes.len();
        drop(kept);
        if !taken.is_empty() {
            sink(taken);
        }
    }
}

/// Becomes the program that `arguments` name, after the limits are set: four numbers, the
/// program, its arguments. Returns only what went wrong.
pub fn launch(arguments: &[std::ffi::OsString]) -> String {
    format!("{FAILED}{}", try_launch(arguments))
}

fn try_launch(arguments: &[std::ffi::OsString]) -> String {
    let Some((numbers, rest)) = arguments.split_at_checked(4) else {
        return "too few arguments".to_owned();
    };
    let numbers: Option<Vec<u64>> =
        numbers.iter().map(|number| number.to_str()?.parse().ok()).collect();
    let (Some(numbers), Some((program, rest))) = (numbers, rest.split_first()) else {
        return "arguments that are not understood".to_owned();
    };
    let [cpu_seconds, memory_bytes, file_bytes, open_files] = numbers.as_slice() else {
        return "too few limits".to_owned();
    };
    let limits = ProcessLimits {
        cpu_seconds: *cpu_seconds,
        memory_bytes: *memory_bytes,
        file_bytes: *file_bytes,
        open_files: *open_files,
    };
    if let Err(error) = confine(limits) {
        return format!("limits: {error}");
    }
    std::process::Command::new(program).args(rest).exec().to_string()
}

fn confine(limits: ProcessLimits) -> rustix::io::Result<()> {
    let wanted = [
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::As, limits.memory_bytes),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Core, 0),
    ];
    for (resource, limit) in wanted {
        // Never more than this process has itself.
        let own = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Some(limit.min(own));
        rustix::process::setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
    }
    // A program with the set-user-id bit gains nothing.
    rustix::thread::set_no_new_privs(true)
}
