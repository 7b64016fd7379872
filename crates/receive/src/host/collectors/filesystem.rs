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
    mount_point: String,
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
        .map(|mount| Mount {
            mount_point: options.without_root(&mount.mount_point).to_owned(),
            ..mount
        })
        .filter(|mount| !options.mount_points.ignores(&mount.mount_point))
        .filter(|mount| !options.file_system_types.ignores(&mount.kind))
        .filter(|mount| seen.insert((mount.device.clone(), mount.mount_point.clone())))
        .take(MOUNTS_MAX)
        .collect();
    let answers = ask(context, &mounts);
    for mount in &mounts {
        add(mount, answers.get(&mount.mount_point), out);
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
        mount_point: mount_point.replace("\\040", " ").replace("\\011", "\t"),
        kind: kind.to_owned(),
        read_only: has(options, "ro") || has(superblock, "ro") || has(superblock, "emergency_ro"),
        major: major.to_owned(),
        minor: minor.to_owned(),
    })
}

type Answer = Result<Space, String>;

fn ask(context: &Context<'_>, mounts: &[Mount]) -> HashMap<String, Answer> {
    let mut answers = HashMap::new();
    let mut asked: Vec<(String, PathBuf)> = Vec::new();
    for mount in mounts {
        if context.memory.stuck_mounts.lock().contains(&mount.mount_point) {
            answers.insert(mount.mount_point.clone(), Err("mountpoint timeout".to_owned()));
        } else {
            asked.push((mount.mount_point.clone(), context.options.root(&mount.mount_point)));
        }
    }
    let deadline = Instant::now() + Duration::from_millis(context.options.mount_timeout_ms);
    // All questions go to one thread; if it gets stuck, the rest go on to the next.
    while !asked.is_empty() {
        let (sender, receiver) = mpsc::channel();
        let questions = asked.clone();
        let stuck = context.memory.stuck_mounts.clone();
        let thread = std::thread::Builder::new().name("statfs".to_owned()).spawn(move || {
            for (mount_point, path) in questions {
                let answer = statfs(&path);
                stuck.lock().remove(&mount_point);
                if sender.send((mount_point, answer)).is_err() {
                    return;
                }
            }
        });
        if thread.is_err() {
            break;
        }
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
        if asked.is_empty() {
            break;
        }
        let (mount_point, _) = asked.remove(0);
        tracing::warn!(mount_point, "mount point does not answer");
        context.memory.stuck_mounts.lock().insert(mount_point.clone());
        answers.insert(mount_point, Err("mountpoint timeout".to_owned()));
    }
    answers
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
        ("mountpoint", mount.mount_point.as_str()),
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
        ("mountpoint", mount.mount_point.as_str()),
    ];
    let help = "Filesystem mount information.";
    out.gauge("node_filesystem_mount_info", help, &labels, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_optional_fields_and_escapes() {
        let line = "36 35 98:0 / /mnt/a\\040b rw,noatime master:1 shared:2 - ext4 /dev/sda1 ro,x=1";
        let mount = parse(line).unwrap();
        assert_eq!(mount.mount_point, "/mnt/a b");
        assert_eq!((mount.device.as_str(), mount.kind.as_str()), ("/dev/sda1", "ext4"));
        assert_eq!((mount.major.as_str(), mount.minor.as_str()), ("98", "0"));
        assert!(mount.read_only, "the superblock says so");
        assert_eq!(parse("36 35 98:0 / /mnt"), None);
    }
}
