//! `conntrack`: the kernel's table of connections.

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Columns of /proc/net/stat/nf_conntrack that are told of.
const STATISTICS: &[(&str, &str)] = &[
    ("found", "Number of searched entries which were successful."),
    ("invalid", "Number of packets seen which can not be tracked."),
    ("ignore", "Number of packets seen which are already connected to a conntrack entry."),
    ("insert", "Number of entries inserted into the list."),
    ("insert_failed", "Number of entries for which list insertion was attempted but failed."),
    ("drop", "Number of packets dropped due to conntrack failure."),
    (
        "early_drop",
        "Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.",
    ),
    (
        "search_restart",
        "Number of conntrack table lookups which had to be restarted due to hashtable resizes.",
    ),
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.proc("sys/net/netfilter");
    for (file, name, help) in [
        (
            "nf_conntrack_count",
            "node_nf_conntrack_entries",
            "Number of currently allocated flow entries for connection tracking.",
        ),
        (
            "nf_conntrack_max",
            "node_nf_conntrack_entries_limit",
            "Maximum size of connection tracking table.",
        ),
    ] {
        let text = reader::read_or_no_data(&folder.join(file))?;
        let value = reader::parse_integer(text.trim())
            .ok_or_else(|| CollectError::parse("nf_conntrack", &text))?;
        out.gauge(name, help, &[], value);
    }
    let text = reader::read_or_no_data(&context.options.proc("net/stat/nf_conntrack"))?;
    for (name, help, value) in parse(&text) {
        out.gauge(format!("node_nf_conntrack_stat_{name}"), help, &[], value);
    }
    Ok(())
}

/// Sums over all CPUs of the hexadecimal columns, found by their titles (kernels differ in
/// which columns they have); a column that is not there is 0.
fn parse(text: &str) -> Vec<(&'static str, &'static str, f64)> {
    let mut lines = text.lines();
    let titles: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let mut sums = vec![0_u64; titles.len()];
    for line in lines {
        for (sum, field) in sums.iter_mut().zip(line.split_whitespace()) {
            *sum = sum.saturating_add(u64::from_str_radix(field, 16).unwrap_or(0));
        }
    }
    let sum_of = |name: &str| {
        // Some kernels write the titles with underscores, some without.
        titles.iter().position(|title| *title == name).and_then(|at| sums.get(at)).copied()
    };
    STATISTICS
        .iter()
        .map(|(name, help)| {
            let sum = sum_of(name).or_else(|| sum_of(&name.replace('_', "")));
            (*name, *help, sum.unwrap_or(0) as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn sums_hexadecimal_columns_over_cpus() {
        let text = "entries  clashres found new invalid ignore delete chainlength insert \
            insert_failed drop early_drop icmp_error expect_new expect_create expect_delete \
            search_restart\n\
            00000021 00000000 0000000a 00000000 00000003 00000000 00000000 00000000 00000000 \
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001\n\
            00000021 00000000 00000001 00000000 00000002 00000000 00000000 00000000 00000000 \
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000004\n";
        let parsed = super::parse(text);
        let get = |name: &str| parsed.iter().find(|one| one.0 == name).map(|one| one.2);
        assert_eq!(get("found"), Some(11.0));
        assert_eq!(get("invalid"), Some(5.0));
        assert_eq!(get("search_restart"), Some(5.0));
    }
}
