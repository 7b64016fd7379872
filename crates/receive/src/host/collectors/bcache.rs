//! `bcache`: caches of block devices.

use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::family::Kind;
use crate::host::reader;

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table's functions")]
pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("fs/bcache");
    for uuid in reader::names_or_none(&folder).iter().filter(|name| name.contains('-')) {
        collect_set(&folder.join(uuid), uuid, out);
    }
    Ok(())
}

fn collect_set(folder: &Path, uuid: &str, out: &mut Families) {
    for (file, name, help, kind, factor) in SET {
        let name = format!("node_bcache_{name}");
        if let Some(value) = human(folder, file) {
            out.add(*kind, name, *help, &[("uuid", uuid)], value * factor);
        }
    }
    for entry in reader::names_or_none(folder) {
        let inner = folder.join(&entry);
        if is_numbered(&entry, "bdev") {
            collect_backing_device(&inner, &[("uuid", uuid), ("backing_device", &entry)], out);
        } else if is_numbered(&entry, "cache") {
            let labels = [("uuid", uuid), ("cache_device", entry.as_str())];
            for (file, name, help, kind) in CACHE {
                if let Some(value) = human(&inner, file) {
                    out.add(*kind, format!("node_bcache_{name}"), *help, &labels, value);
                }
            }
        }
    }
}

fn is_numbered(entry: &str, start: &str) -> bool {
    let number = entry.strip_prefix(start).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn collect_backing_device(folder: &Path, labels: &[(&'static str, &str)], out: &mut Families) {
    if let Some(value) = human(folder, "dirty_data") {
        let help = "Amount of dirty data for this backing device in the cache.";
        out.gauge("node_bcache_dirty_data_bytes", help, labels, value);
    }
    let debug = reader::attribute(folder, "writeback_rate_debug").unwrap_or_default();
    for (field, name, help) in WRITEBACK {
        let line = debug.lines().find_map(|line| line.trim().strip_prefix(*field));
        let text = line.map(|text| text.trim().trim_end_matches("/sec"));
        if let Some(value) = text.and_then(parse_human) {
            out.gauge(format!("node_bcache_{name}"), *help, labels, value);
        }
    }
    for (file, name, help) in TOTALS {
        let value = human(&folder.join("stats_total"), file);
        // Newer kernels do not count readaheads.
        if let Some(value) = value.filter(|value| *file != "cache_readaheads" || *value != 0.0) {
            out.counter(format!("node_bcache_{name}"), *help, labels, value);
        }
    }
}

fn human(folder: &Path, file: &str) -> Option<f64> {
    parse_human(&reader::attribute(folder, file)?)
}

/// A number as bcache writes it: `1.5k`, in powers of 1,024.
fn parse_human(text: &str) -> Option<f64> {
    let power = match text.chars().last()? {
        'k' => 1,
        'M' => 2,
        'G' => 3,
        'T' => 4,
        'P' => 5,
        'E' => 6,
        'Z' => 7,
        'Y' => 8,
        _ => 0,
    };
    let digits = if power == 0 { text } else { text.get(..text.len() - 1)? };
    let value: f64 = digits.parse().ok()?;
    Some((value * 1024_f64.powi(power)).trunc())
}

/// File, name, help, kind and what one unit is.
type SetRow = (&'static str, &'static str, &'static str, Kind, f64);

const SET: &[SetRow] = &[
    (
        "average_key_size",
        "average_key_size_sectors",
        "Average data per key in the btree (sectors).",
        Kind::Gauge,
        1.0,
    ),
    (
        "btree_cache_size",
        "btree_cache_size_bytes",
        "Amount of memory currently used by the btree cache.",
        Kind::Gauge,
        1.0,
    ),
    (
        "cache_available_percent",
        "cache_available_percent",
        "Percentage of cache device without dirty data, usable for writeback (may contain clean cached data).",
        Kind::Gauge,
        1.0,
    ),
    ("congested", "congested", "Congestion.", Kind::Gauge, 1.0),
    (
        "root_usage_percent",
        "root_usage_percent",
        "Percentage of the root btree node in use (tree depth increases if too high).",
        Kind::Gauge,
        1.0,
    ),
    ("tree_depth", "tree_depth", "Depth of the btree.", Kind::Gauge, 1.0),
    (
        "internal/active_journal_entries",
        "active_journal_entries",
        "Number of journal entries that are newer than the index.",
        Kind::Gauge,
        1.0,
    ),
    ("internal/btree_nodes", "btree_nodes", "Total nodes in the btree.", Kind::Gauge, 1.0),
    // The original reads the file's microseconds as nanoseconds, and dashboards know its numbers.
    (
        "internal/btree_read_average_duration_us",
        "btree_read_average_duration_seconds",
        "Average btree read duration.",
        Kind::Gauge,
        1e-9,
    ),
    (
        "internal/cache_read_races",
        "cache_read_races_total",
        "Counts instances where while data was being read from the cache, the bucket was reused and invalidated - i.e. where the pointer was stale after the read completed.",
        Kind::Counter,
        1.0,
    ),
];

const CACHE: &[(&str, &str, &str, Kind)] = &[
    (
        "io_errors",
        "io_errors",
        "Number of errors that have occurred, decayed by io_error_halflife.",
        Kind::Gauge,
    ),
    (
        "metadata_written",
        "metadata_written_bytes_total",
        "Sum of all non data writes (btree writes and all other metadata).",
        Kind::Counter,
    ),
    (
        "written",
        "written_bytes_total",
        "Sum of all data that has been written to the cache.",
        Kind::Counter,
    ),
];

/// Fields of `writeback_rate_debug`.
const WRITEBACK: &[(&str, &str, &str)] = &[
    (
        "target:",
        "dirty_target_bytes",
        "Current dirty data target threshold for this backing device in bytes.",
    ),
    ("rate:", "writeback_rate", "Current writeback rate for this backing device in bytes."),
    (
        "proportional:",
        "writeback_rate_proportional_term",
        "Current result of proportional controller, part of writeback rate",
    ),
    (
        "integral:",
        "writeback_rate_integral_term",
        "Current result of integral controller, part of writeback rate",
    ),
    ("change:", "writeback_change", "Last writeback rate change step for this backing device."),
];

/// Files of `stats_total`.
const TOTALS: &[(&str, &str, &str)] = &[
    (
        "bypassed",
        "bypassed_bytes_total",
        "Amount of IO (both reads and writes) that has bypassed the cache.",
    ),
    ("cache_hits", "cache_hits_total", "Hits counted per individual IO as bcache sees them."),
    ("cache_misses", "cache_misses_total", "Misses counted per individual IO as bcache sees them."),
    ("cache_bypass_hits", "cache_bypass_hits_total", "Hits for IO intended to skip the cache."),
    (
        "cache_bypass_misses",
        "cache_bypass_misses_total",
        "Misses for IO intended to skip the cache.",
    ),
    (
        "cache_miss_collisions",
        "cache_miss_collisions_total",
        "Instances where data insertion from cache miss raced with write (data already present).",
    ),
    ("cache_readaheads", "cache_readaheads_total", "Count of times readahead occurred."),
];
