//! What the operating system counts for this process, under the names that every Prometheus
//! client library uses.

use std::fs;

use super::ExpositionText;

pub(super) fn collect(text: &mut ExpositionText) {
    if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
        collect_stat(text, &stat);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        let count = entries.count() as f64;
        text.single("process_open_fds", "gauge", "Number of open file descriptors.", count);
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.map_or(f64::INFINITY, |limit| limit as f64);
    text.single("process_max_fds", "gauge", "Maximum number of open file descriptors.", limit);
}

/// Field numbers are those of proc(5), counted after the command's name, which may hold spaces.
fn collect_stat(text: &mut ExpositionText, stat: &str) {
    let Some((_, after_name)) = stat.rsplit_once(')') else { return };
    let fields: Vec<f64> =
        after_name.split_whitespace().skip(1).map(|f| f.parse().unwrap_or(0.0)).collect();
    // `fields[0]` is field 4 of the manual page.
    let field = |number: usize| fields.get(number - 4).copied().unwrap_or(0.0);
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let cpu = (field(14) + field(15)) / ticks;
    let help = "Total user and system CPU time spent in seconds.";
    text.single("process_cpu_seconds_total", "counter", help, cpu);
    text.single("process_threads", "gauge", "Number of OS threads in the process.", field(20));
    let help = "Virtual memory size in bytes.";
    text.single("process_virtual_memory_bytes", "gauge", help, field(23));
    let resident = field(24) * rustix::param::page_size() as f64;
    let help = "Resident memory size in bytes.";
    text.single("process_resident_memory_bytes", "gauge", help, resident);
    if let Some(booted) = boot_time_seconds() {
        let help = "Start time of the process since unix epoch in seconds.";
        let started = booted + field(22) / ticks;
        text.single("process_start_time_seconds", "gauge", help, started);
    }
}

fn boot_time_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}
