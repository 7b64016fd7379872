//! `cpu`: what each CPU did with its time, and what CPUs there are.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Ticks a second of /proc/stat: USER_HZ, 100 on every architecture that Linux runs on today.
pub(in crate::host) const TICKS_PER_SECOND: f64 = 100.0;
/// Idle time that goes back by so much means that the CPU was taken out and put back.
const JUMP_BACK_TICKS: u64 = 300;
/// Columns of a `cpuN` line, in order; the last two are guests' time.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const IDLE: usize = 3;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let options = context.options;
    if options.cpu_info || options.cpu_flags.is_set() || options.cpu_bugs.is_set() {
        add_info(context, &reader::read(&options.proc("cpuinfo"))?, out);
    }
    let text = reader::read(&options.proc("stat"))?;
    let mut kept = context.memory.cpu_ticks.lock();
    keep(&mut kept, &parse_stat(&text));
    for (cpu, ticks) in &*kept {
        add_times(*cpu, ticks, options.cpu_guest, out);
    }
    drop(kept);
    let folder = options.sys("devices/system/cpu");
    for cpu in isolated(&reader::attribute(&folder, "isolated").unwrap_or_default()) {
        out.gauge(
            "node_cpu_isolated",
            "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.",
            &[("cpu", &cpu.to_string())],
            1.0,
        );
    }
    add_throttles_and_online(&folder, out);
    Ok(())
}

fn parse_stat(text: &str) -> HashMap<u32, [u64; 10]> {
    let mut cpus = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let Some(cpu) = fields.next().and_then(|name| name.strip_prefix("cpu")?.parse().ok())
        else {
            continue;
        };
        let mut ticks = [0; 10];
        for (tick, field) in ticks.iter_mut().zip(fields) {
            *tick = field.parse().unwrap_or(0);
        }
        cpus.insert(cpu, ticks);
    }
    cpus
}

/// Takes over new times, but never one that went back: the kernel's idle and iowait do, and a
/// counter that goes back looks like a restart.
fn keep(kept: &mut HashMap<u32, [u64; 10]>, new: &HashMap<u32, [u64; 10]>) {
    kept.retain(|cpu, _| new.contains_key(cpu));
    for (cpu, ticks) in new {
        let ours = kept.entry(*cpu).or_insert([0; 10]);
        if ours[IDLE].saturating_sub(ticks[IDLE]) >= JUMP_BACK_TICKS {
            *ours = [0; 10];
        }
        for (ours, new) in ours.iter_mut().zip(ticks) {
            *ours = (*ours).max(*new);
        }
    }
}

fn add_times(cpu: u32, ticks: &[u64; 10], guests: bool, out: &mut Families) {
    let cpu = cpu.to_string();
    for (mode, ticks) in MODES.iter().zip(ticks) {
        out.counter(
            "node_cpu_seconds_total",
            "Seconds the CPUs spent in each mode.",
            &[("cpu", &cpu), ("mode", mode)],
            *ticks as f64 / TICKS_PER_SECOND,
        );
    }
    if !guests {
        return;
    }
    for (mode, ticks) in ["user", "nice"].iter().zip(ticks.iter().skip(MODES.len())) {
        out.counter(
            "node_cpu_guest_seconds_total",
            "Seconds the CPUs spent in guests (VMs) for each mode.",
            &[("cpu", &cpu), ("mode", mode)],
            *ticks as f64 / TICKS_PER_SECOND,
        );
    }
}

/// CPUs of a list like `1,4-7`; a list that says more than the kernel's limit is cut.
fn isolated(text: &str) -> Vec<u32> {
    const CPUS_MAX: u32 = 8192;
    let mut cpus = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
            cpus.extend(first..=last.min(CPUS_MAX));
        }
    }
    cpus
}

fn add_throttles_and_online(folder: &Path, out: &mut Families) {
    let mut packages: BTreeMap<u64, f64> = BTreeMap::new();
    let mut cores: BTreeMap<(u64, u64), f64> = BTreeMap::new();
    // Where the first CPU cannot be switched off, the original tells of none.
    let switchable = reader::exists(&folder.join("cpu0/online"));
    for name in reader::names_or_none(folder) {
        let Some(number) = name.strip_prefix("cpu").filter(|rest| rest.parse::<u32>().is_ok())
        else {
            continue;
        };
        let cpu = folder.join(&name);
        if switchable && let Some(online) = reader::number(&cpu, "online") {
            out.gauge(
                "node_cpu_online",
                "CPUs that are online and being scheduled.",
                &[("cpu", number)],
                online,
            );
        }
        let topology = |file: &str| reader::number(&cpu.join("topology"), file);
        let (Some(package), Some(core)) = (topology("physical_package_id"), topology("core_id"))
        else {
            continue;
        };
        let throttle = |file: &str| reader::number(&cpu.join("thermal_throttle"), file);
        if let Some(count) = throttle("core_throttle_count") {
            cores.entry((package as u64, core as u64)).or_insert(count);
        }
        if let Some(count) = throttle("package_throttle_count") {
            packages.entry(package as u64).or_insert(count);
        }
    }
    for (package, count) in packages {
        out.counter(
            "node_cpu_package_throttles_total",
            "Number of times this CPU package has been throttled.",
            &[("package", &package.to_string())],
            count,
        );
    }
    for ((package, core), count) in cores {
        out.counter(
            "node_cpu_core_throttles_total",
            "Number of times this CPU core has been throttled.",
            &[("package", &package.to_string()), ("core", &core.to_string())],
            count,
        );
    }
}

fn add_info(context: &Context<'_>, text: &str, out: &mut Families) {
    let options = context.options;
    for (index, block) in text.split("\n\n").enumerate() {
        let fields: HashMap<&str, &str> = block
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        if !fields.contains_key("processor") {
            continue;
        }
        let place = [
            ("package", field("physical id")),
            ("core", field("core id")),
            ("cpu", field("processor")),
        ];
        let mut labels = place.to_vec();
        labels.extend([
            ("vendor", field("vendor_id")),
            ("family", field("cpu family")),
            ("model", field("model")),
            ("model_name", field("model name")),
            ("microcode", field("microcode")),
            ("stepping", field("stepping")),
            ("cachesize", field("cache size")),
        ]);
        out.gauge("node_cpu_info", "CPU information from /proc/cpuinfo.", &labels, 1.0);
        if options.is_enabled("cpufreq") {
            out.gauge(
                "node_cpu_frequency_hertz",
                "CPU frequency in hertz from /proc/cpuinfo.",
                &place,
                field("cpu MHz").parse::<f64>().unwrap_or(0.0) * 1e6,
            );
        }
        if index == 0 {
            add_words(context, field("flags"), field("bugs"), out);
        }
    }
}

fn add_words(context: &Context<'_>, flags: &str, bugs: &str, out: &mut Families) {
    let options = context.options;
    let wanted = options.cpu_flags.is_set();
    for flag in flags.split_whitespace().filter(|_| wanted) {
        if !options.cpu_flags.ignores(flag) {
            out.gauge("node_cpu_flag_info", "The `flags` field of CPU information from /proc/cpuinfo taken from the first core.", &[("flag", flag)], 1.0);
        }
    }
    let wanted = options.cpu_bugs.is_set();
    for bug in bugs.split_whitespace().filter(|_| wanted) {
        if !options.cpu_bugs.ignores(bug) {
            out.gauge(
                "node_cpu_bug_info",
                "The `bugs` field of CPU information from /proc/cpuinfo taken from the first core.",
                &[("bug", bug)],
                1.0,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  30 0 10 200 4 0 1 0 0 0\n\
        cpu0 10 0 5 100 2 0 1 0 0 0\n\
        cpu1 20 0 5 100 2 0 0 0 7 0\n\
        intr 5 0\nctxt 6\n";

    #[test]
    fn reads_times_of_each_cpu_and_not_their_sum() {
        let cpus = parse_stat(STAT);
        assert_eq!(cpus.len(), 2);
        assert_eq!(cpus[&1], [20, 0, 5, 100, 2, 0, 0, 0, 7, 0]);
    }

    #[test]
    fn times_never_go_back_by_little_and_start_again_after_much() {
        let mut kept = parse_stat("cpu0 10 0 5 1000 20 0 1 0 0 0\n");
        keep(&mut kept, &parse_stat("cpu0 11 0 5 999 19 0 1 0 0 0\n"));
        assert_eq!(kept[&0][..5], [11, 0, 5, 1000, 20]);
        keep(&mut kept, &parse_stat("cpu0 2 0 1 700 3 0 1 0 0 0\n"));
        assert_eq!(kept[&0][..5], [2, 0, 1, 700, 3]);
        keep(&mut kept, &HashMap::new());
        assert!(kept.is_empty(), "a CPU that is gone is forgotten");
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(isolated("1,4-6"), [1, 4, 5, 6]);
        assert!(isolated("").is_empty());
    }
}
