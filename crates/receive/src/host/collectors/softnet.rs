//! `softnet`: packets that each CPU took from the network.

use super::{CollectError, Context, Families};
use crate::host::family::Kind::{self, Counter, Gauge};
use crate::host::reader;

/// Column, metric, help, kind. Kernels before 5.14 have fewer columns.
const COLUMNS: &[(usize, &str, &str, Kind)] = &[
    (0, "node_softnet_processed_total", "Number of processed packets", Counter),
    (1, "node_softnet_dropped_total", "Number of dropped packets", Counter),
    (
        2,
        "node_softnet_times_squeezed_total",
        "Number of times processing packets ran out of quota",
        Counter,
    ),
    (
        8,
        "node_softnet_cpu_collision_total",
        "Number of collision occur while obtaining device lock while transmitting",
        Counter,
    ),
    (9, "node_softnet_received_rps_total", "Number of times cpu woken up received_rps", Counter),
    (
        10,
        "node_softnet_flow_limit_count_total",
        "Number of times flow limit has been reached",
        Counter,
    ),
    (11, "node_softnet_backlog_len", "Softnet backlog status", Gauge),
];
/// The column with the CPU's number, since kernel 5.14.
const CPU: usize = 12;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    parse(&reader::read(&context.options.proc("net/softnet_stat"))?, out);
    Ok(())
}

fn parse(text: &str, out: &mut Families) {
    for (line_number, line) in text.lines().enumerate() {
        let values: Vec<u32> = line
            .split_whitespace()
            .map_while(|field| u32::from_str_radix(field, 16).ok())
            .collect();
        let cpu = values.get(CPU).map_or(line_number, |cpu| *cpu as usize).to_string();
        for (column, name, help, kind) in COLUMNS {
            // The original shows a column that the kernel has not as 0.
            let value = values.get(*column).copied().unwrap_or(0);
            out.add(*kind, *name, *help, &[("cpu", &cpu)], f64::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_a_column_where_there_is_one() {
        let mut out = Families::new();
        parse("0000000a 00000001 00000002 0 0 0 0 0 0 0 0 00000003 00000007\n", &mut out);
        let processed = &out.get("node_softnet_processed_total").unwrap().samples[0];
        assert_eq!((processed.labels[0].1.as_str(), processed.value), ("7", 10.0));
        assert_eq!(out.get("node_softnet_backlog_len").unwrap().samples[0].value, 3.0);
    }
}
