//! `stat`: interrupts, context switches, forks and processes.

use super::{CollectError, Context, Families};
use crate::host::family::Kind::{self, Counter, Gauge};
use crate::host::reader;

/// The first word of a line of /proc/stat and what its first number becomes.
const LINES: &[(&str, &str, &str, Kind)] = &[
    ("intr", "node_intr_total", "Total number of interrupts serviced.", Counter),
    ("ctxt", "node_context_switches_total", "Total number of context switches.", Counter),
    ("processes", "node_forks_total", "Total number of forks.", Counter),
    ("btime", "node_boot_time_seconds", "Node boot time, in unixtime.", Gauge),
    ("procs_running", "node_procs_running", "Number of processes in runnable state.", Gauge),
    (
        "procs_blocked",
        "node_procs_blocked",
        "Number of processes blocked waiting for I/O to complete.",
        Gauge,
    ),
];

/// Vectors of the `softirq` line, after its sum, in the kernel's order.
const SOFTIRQS: [&str; 10] =
    ["hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu"];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let text = reader::read(&context.options.proc("stat"))?;
    parse(&text, context.options.stat_softirq, out);
    Ok(())
}

fn parse(text: &str, softirqs: bool, out: &mut Families) {
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let Some(word) = fields.next() else { continue };
        if let Some((_, name, help, kind)) = LINES.iter().find(|one| one.0 == word)
            && let Some(value) = fields.next().and_then(|field| field.parse().ok())
        {
            out.add(*kind, *name, *help, &[], value);
        } else if word == "softirq" && softirqs {
            for (vector, value) in SOFTIRQS.iter().zip(fields.skip(1)) {
                out.counter(
                    "node_softirqs_total",
                    "Number of softirq calls.",
                    &[("vector", vector)],
                    value.parse().unwrap_or(0.0),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_by_their_first_word() {
        let mut out = Families::new();
        let text = "cpu 1 2\nintr 8885917 17 0\nctxt 38014093\nbtime 1418183276\n\
            processes 26442\nprocs_running 2\nprocs_blocked 1\nsoftirq 30 10 20\n";
        parse(text, true, &mut out);
        let value = |name: &str| out.get(name).unwrap().samples[0].value;
        assert_eq!(value("node_intr_total"), 8_885_917.0);
        assert_eq!(value("node_boot_time_seconds"), 1_418_183_276.0);
        assert_eq!(out.get("node_softirqs_total").unwrap().samples[1].value, 20.0);
    }
}
