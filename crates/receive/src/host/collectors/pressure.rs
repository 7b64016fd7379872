//! `pressure`: how long processes waited for a resource (PSI).

use super::{CollectError, Context, Families};
use crate::host::reader;

/// File, kind of line, metric, help.
const LINES: &[(&str, &str, &str, &str)] = &[
    (
        "cpu",
        "some",
        "node_pressure_cpu_waiting_seconds_total",
        "Total time in seconds that processes have waited for CPU time",
    ),
    (
        "io",
        "some",
        "node_pressure_io_waiting_seconds_total",
        "Total time in seconds that processes have waited due to IO congestion",
    ),
    (
        "io",
        "full",
        "node_pressure_io_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IO congestion",
    ),
    (
        "memory",
        "some",
        "node_pressure_memory_waiting_seconds_total",
        "Total time in seconds that processes have waited for memory",
    ),
    (
        "memory",
        "full",
        "node_pressure_memory_stalled_seconds_total",
        "Total time in seconds no process could make progress due to memory congestion",
    ),
    (
        "irq",
        "full",
        "node_pressure_irq_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IRQ congestion",
    ),
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.proc("pressure");
    let mut found = false;
    for (file, kind, name, help) in LINES {
        let Ok(text) = reader::read(&folder.join(file)) else { continue };
        if let Some(microseconds) = parse(&text, kind) {
            found = true;
            out.counter(*name, *help, &[], microseconds / 1e6);
        }
    }
    if found { Ok(()) } else { Err(CollectError::NoData) }
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345`, in microseconds.
fn parse(text: &str, kind: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(kind))?;
    line.split(' ').find_map(|field| field.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_line_of_a_kind() {
        let text = "some avg10=0.10 avg60=0.00 avg300=0.00 total=14036781\n\
            full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(super::parse(text, "some"), Some(14_036_781.0));
        assert_eq!(super::parse(text, "full"), Some(7.0));
        assert_eq!(super::parse(text, "other"), None);
    }
}
