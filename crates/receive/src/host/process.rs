//! Metrics of this process itself, by the names that client libraries give them.

use std::path::Path;

use super::collectors::TICKS_PER_SECOND;
use super::family::Families;
use super::reader;

/// Adds what /proc/self says. Always the real /proc: the roots of [`super::HostOptions`] may
/// show another machine's view, where this process has no entry.
pub(super) fn collect(out: &mut Families) {
    let folder = Path::new("/proc/self");
    let stat = reader::read(&folder.join("stat")).unwrap_or_default();
    let boot = reader::read(Path::new("/proc/stat")).unwrap_or_default();
    add_stat(&stat, boot_seconds(&boot), rustix::param::page_size() as f64, out);
    if let Ok(open) = reader::names(&folder.join("fd")) {
        let help = "Number of open file descriptors.";
        // Reading the folder opens one more.
        out.gauge("process_open_fds", help, &[], open.len().saturating_sub(1) as f64);
    }
    let limits = reader::read(&folder.join("limits")).unwrap_or_default();
    for (line, name, help) in [
        ("Max open files", "process_max_fds", "Maximum number of open file descriptors."),
        (
            "Max address space",
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes.",
        ),
    ] {
        if let Some(limit) = limit(&limits, line) {
            out.gauge(name, help, &[], limit);
        }
    }
}

fn boot_seconds(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The soft limit; no limit is the largest number, as client libraries show it.
fn limit(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

/// Fields of /proc/self/stat after the name in brackets, which may hold spaces; see proc(5).
fn add_stat(stat: &str, boot_seconds: Option<f64>, page_bytes: f64, out: &mut Families) {
    let Some((_, rest)) = stat.rsplit_once(')') else { return };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // The field after the bracket is the third of proc(5).
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        let help = "Total user and system CPU time spent in seconds.";
        out.counter("process_cpu_seconds_total", help, &[], (user + system) / TICKS_PER_SECOND);
    }
    if let (Some(start), Some(boot)) = (field(22), boot_seconds) {
        let help = "Start time of the process since unix epoch in seconds.";
        let seconds = start / TICKS_PER_SECOND + boot;
        out.gauge("process_start_time_seconds", help, &[], seconds);
    }
    if let Some(bytes) = field(23) {
        out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", &[], bytes);
    }
    if let Some(pages) = field(24) {
        let help = "Resident memory size in bytes.";
        out.gauge("process_resident_memory_bytes", help, &[], pages * page_bytes);
    }
    if let Some(threads) = field(20) {
        let help = "Number of OS threads in the process.";
        out.gauge("process_threads", help, &[], threads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 9 0 1000 4096000 25 1";
        let mut out = Families::new();
        add_stat(stat, Some(1e9), 4096.0, &mut out);
        let value = |name: &str| out.get(name).unwrap().samples[0].value;
        assert_eq!(value("process_cpu_seconds_total"), 2.0);
        assert_eq!(value("process_start_time_seconds"), 1_000_000_010.0);
        assert_eq!(value("process_virtual_memory_bytes"), 4_096_000.0);
        assert_eq!(value("process_resident_memory_bytes"), 102_400.0);
        assert_eq!(value("process_threads"), 9.0);
    }

    #[test]
    fn limits() {
        let text = "Limit  Soft Limit Hard Limit Units\nMax open files            1024                 4096                 files\nMax address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(text, "Max open files"), Some(1024.0));
        assert_eq!(limit(text, "Max address space"), Some(u64::MAX as f64));
    }
}
