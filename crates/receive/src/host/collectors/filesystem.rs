//! `filesystem`: space and inodes of mounted file systems.
//!
//! A mount whose server is gone (NFS) blocks statfs for ever, so each question is asked on a
//! thread of its own with a time limit; a mount that did not answer is not asked again before
//! that thread has come back, so at most one thread waits for each.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Mounts looked at.
const MOUNTS_MAX: usize = 4096;

/// A line of mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    device: String,
    point: String,
    kind: String,
    read_only: bool,
    major: String,
    minor: String,
}

/// What statfs says.
#[derive(Debug, Clone, Copy)]
struct Space {
    size: f64,
    free: f64,
    available: f64,
    files: f64,
    files_free: f64,
}

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let options = context.options;
    // With hidepid, process 1 cannot be seen.
    let text = reader::read(&options.proc("1/mountinfo"))
        .or_else(|_| reader::read(&options.proc("self/mountinfo")))?;
    let mut seen = HashSet::new();
    let mounts: Vec<Mount> = text
        .lines()
        .filter_map(parse)
        .map(|mount| Mount { point: options.without_root(&mount.point).to_owned(), ..mount })
        .filter(|mount| !options.mount_points.ignores(&mount.point))
        .filter(|mount| !options.file_system_types.ignores(&mount.kind))
        .filter(|mount| seen.insert((mount.device.clone(), mount.point.clone())))
        .take(MOUNTS_MAX)
        .collect();
    let answers = ask(context, &mounts, statfs);
    for mount in &mounts {
        add(mount, answers.get(&mount.point), out);
    }
    Ok(())
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`, see proc(5).
fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let (major, minor) = left.next()?.split_once(':')?;
    let mount_point = left.nth(1)?;
    let options = left.next()?;
    let mut right = right.split(' ');
    let kind = right.next()?;
    let device = right.next()?;
    let superblock = right.next().unwrap_or_default();
    let has = |options: &str, wanted: &str| options.split(',').any(|option| option == wanted);
    Some(Mount {
        device: device.to_owned(),
        point: mount_point.replace("\\040", " ").replace("\\011", "\t"),
        kind: kind.to_owned(),
        read_only: has(options, "ro") || has(superblock, "ro") || has(superblock, "emergency_ro"),
        major: major.to_owned(),
        minor: minor.to_owned(),
    })
}

type Answer = Result<Space, String>;

fn ask(
    context: &Context<'_>,
    mounts: &[Mount],
    statfs: fn(&Path) -> Answer,
) -> HashMap<String, Answer> {
    let mut answers = HashMap::new();
    let mut asked: Vec<(String, PathBuf)> = Vec::new();
    for mount in mounts {
        if context.memory.stuck_mounts.lock().contains(&mount.point) {
            answers.insert(mount.point.clone(), Err("mountpoint timeout".to_owned()));
        } else {
            asked.push((mount.point.clone(), context.options.root(&mount.point)));
        }
    }
    let deadline = Instant::now() + Duration::from_millis(context.options.mount_timeout_ms);
    // One thread asks them all; when it gets stuck, another asks the rest.
    while !asked.is_empty() {
        let Some(receiver) = ask_on_thread(context, asked.clone(), statfs) else { break };
        let mut answered = 0;
        while answered < asked.len() {
            // A later thread still gets a moment, so that one stuck mount does not hide the rest.
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((mount_point, answer)) = receiver.recv_timeout(left.max(STUCK_NEXT_WAIT)) else {
                break;
            };
            answered += 1;
            answers.insert(mount_point, answer);
        }
        asked.drain(..answered);
        let Some((mount_point, _)) = asked.first().cloned() else { break };
        asked.remove(0);
        context.memory.stuck_mounts.lock().insert(mount_point.clone());
        // It may have answered just now: the thread sends first and unmarks then, so either it
        // finds the mark or the answer is found here.
        let late = receiver.try_recv().ok().filter(|(answered, _)| *answered == mount_point);
        if let Some((_, answer)) = late {
            context.memory.stuck_mounts.lock().remove(&mount_point);
            answers.insert(mount_point, answer);
        } else {
            tracing::warn!(mount_point, "mount point does not answer");
            answers.insert(mount_point, Err("mountpoint timeout".to_owned()));
        }
    }
    answers
}

fn ask_on_thread(
    context: &Context<'_>,
    questions: Vec<(String, PathBuf)>,
    statfs: fn(&Path) -> Answer,
) -> Option<mpsc::Receiver<(String, Answer)>> {
    let (sender, receiver) = mpsc::channel();
    let stuck = context.memory.stuck_mounts.clone();
    let ask = move || {
        for (mount_point, path) in questions {
            let answer = statfs(&path);
            let sent = sender.send((mount_point.clone(), answer));
            stuck.lock().remove(&mount_point);
            if sent.is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("statfs".to_owned()).spawn(ask).ok().map(|_| receiver)
}

/// How long the next mount may take after the time is up.
const STUCK_NEXT_WAIT: Duration = Duration::from_millis(100);

fn statfs(path: &Path) -> Answer {
    let found = rustix::fs::statfs(path).map_err(|errno| errno.to_string())?;
    let block = found.f_bsize as f64;
    Ok(Space {
        size: found.f_blocks as f64 * block,
        free: found.f_bfree as f64 * block,
        available: found.f_bavail as f64 * block,
        files: found.f_files as f64,
        files_free: found.f_ffree as f64,
    })
}

fn add(mount: &Mount, answer: Option<&Answer>, out: &mut Families) {
    let unasked = Err("not asked".to_owned());
    let answer = answer.unwrap_or(&unasked);
    let device_error = answer.as_ref().err().map_or("", String::as_str);
    let labels = [
        ("device", mount.device.as_str()),
        ("mountpoint", mount.point.as_str()),
        ("fstype", mount.kind.as_str()),
        ("device_error", device_error),
    ];
    let flag = |on: bool| f64::from(u8::from(on));
    for (name, help, value) in [
        (
            "node_filesystem_device_error",
            "Whether an error occurred while getting statistics for the given device.",
            flag(answer.is_err()),
        ),
        ("node_filesystem_readonly", "Filesystem read-only status.", flag(mount.read_only)),
    ] {
        out.gauge(name, help, &labels, value);
    }
    let Ok(space) = answer else { return };
    for (name, help, value) in [
        ("node_filesystem_size_bytes", "Filesystem size in bytes.", space.size),
        ("node_filesystem_free_bytes", "Filesystem free space in bytes.", space.free),
        (
            "node_filesystem_avail_bytes",
            "Filesystem space available to non-root users in bytes.",
            space.available,
        ),
        ("node_filesystem_files", "Filesystem total file nodes.", space.files),
        ("node_filesystem_files_free", "Filesystem total free file nodes.", space.files_free),
    ] {
        out.gauge(name, help, &labels, value);
    }
    let labels = [
        ("device", mount.device.as_str()),
        ("major", mount.major.as_str()),
        ("minor", mount.minor.as_str()),
        ("mountpoint", mount.point.as_str()),
    ];
    let help = "Filesystem mount information.";
    out.gauge("node_filesystem_mount_info", help, &labels, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(point: &str) -> Mount {
        let line = format!("36 35 98:0 / {point} rw - ext4 /dev/sda1 rw");
        parse(&line).unwrap()
    }

    fn slow(path: &Path) -> Answer {
        if path == Path::new("/stuck") {
            std::thread::sleep(Duration::from_millis(400));
        }
        if path == Path::new("/broken") {
            return Err("EIO".to_owned());
        }
        Ok(Space { size: 1.0, free: 1.0, available: 1.0, files: 1.0, files_free: 1.0 })
    }

    #[test]
    fn a_stuck_mount_hides_no_other_and_is_asked_again_once_it_answers() {
        let options = crate::host::HostOptions { mount_timeout_ms: 50, ..Default::default() };
        let memory = crate::host::memory::Memory::default();
        let world = vigie_world::World::real();
        let context = Context { options: &options, memory: &memory, world: &world };
        let mounts = [mount("/a"), mount("/broken"), mount("/stuck"), mount("/b")];
        for _ in 0..2 {
            let answers = ask(&context, &mounts, slow);
            assert_eq!(answers["/broken"].as_ref().unwrap_err(), "EIO");
            assert!(answers["/a"].is_ok() && answers["/b"].is_ok());
            assert_eq!(answers["/stuck"].as_ref().unwrap_err(), "mountpoint timeout");
        }
        let started = Instant::now();
        while memory.stuck_mounts.lock().contains("/stuck") {
            assert!(started.elapsed() < Duration::from_secs(10), "the mark stays");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_line_with_optional_fields_and_escapes() {
        let line = "36 35 98:0 / /mnt/a\\040b rw,noatime master:1 shared:2 - ext4 /dev/sda1 ro,x=1";
        let mount = parse(line).unwrap();
        assert_eq!(mount.point, "/mnt/a b");
        assert_eq!((mount.device.as_str(), mount.kind.as_str()), ("/dev/sda1", "ext4"));
        assert_eq!((mount.major.as_str(), mount.minor.as_str()), ("98", "0"));
        assert!(mount.read_only, "the superblock says so");
        assert_eq!(parse("36 35 98:0 / /mnt"), None);
    }
}
