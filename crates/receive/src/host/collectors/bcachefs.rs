//! `bcachefs`: file systems of that type.

use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("fs/bcachefs");
    let uuids = reader::names_or_no_data(&folder)?;
    if uuids.is_empty() {
        return Err(CollectError::NoData);
    }
    for uuid in &uuids {
        collect_one(&folder.join(uuid), uuid, out);
    }
    Ok(())
}

fn collect_one(folder: &Path, uuid: &str, out: &mut Families) {
    let own = [("uuid", uuid)];
    out.gauge("node_bcachefs_info", "Filesystem information.", &own, 1.0);
    let cache = reader::attribute(folder, "btree_cache_size");
    let cache = cache.and_then(|text| human(&text)).unwrap_or(0.0);
    let help = "Btree cache memory usage in bytes.";
    out.gauge("node_bcachefs_btree_cache_size_bytes", help, &own, cache);
    collect_compression(folder, uuid, out);
    let errors = reader::attribute(folder, "errors").unwrap_or_default();
    for (error_type, count) in errors.lines().filter_map(|line| line.trim().split_once(' ')) {
        let count = count.split_whitespace().next().and_then(|count| count.parse().ok());
        if let Some(count) = count {
            let labels = [("uuid", uuid), ("error_type", error_type)];
            let help = "Error count by error type.";
            out.counter("node_bcachefs_errors_total", help, &labels, count);
        }
    }
    collect_counters(&folder.join("counters"), uuid, out);
    collect_writes(folder, uuid, out);
    for entry in reader::names_or_none(folder) {
        if let Some(device) = entry.strip_prefix("dev-") {
            collect_device(&folder.join(&entry), uuid, device, out);
        }
    }
}

/// Lines after the title: an algorithm, and what it has compressed to what.
fn collect_compression(folder: &Path, uuid: &str, out: &mut Families) {
    let text = reader::attribute(folder, "compression_stats").unwrap_or_default();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [algorithm, compressed, uncompressed, ..] = fields.as_slice() else { continue };
        let labels = [("uuid", uuid), ("algorithm", algorithm.trim_end_matches(':'))];
        for (name, help, text) in [
            ("compressed", "Compressed size by algorithm.", compressed),
            ("uncompressed", "Uncompressed size by algorithm.", uncompressed),
        ] {
            if let Some(value) = human(text) {
                let name = format!("node_bcachefs_compression_{name}_bytes");
                out.gauge(name, help, &labels, value);
            }
        }
    }
}

fn collect_counters(folder: &Path, uuid: &str, out: &mut Families) {
    for counter in reader::names_or_none(folder) {
        let text = reader::attribute(folder, &counter).unwrap_or_default();
        let since = text.lines().find_map(|line| line.strip_prefix("since filesystem creation:"));
        let Some(value) = since.and_then(human) else { continue };
        let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = counter.chars().map(word).collect();
        let help = format!("Bcachefs counter {counter} since filesystem creation.");
        out.counter(format!("node_bcachefs_{name}_total"), help, &[("uuid", uuid)], value);
    }
}

fn collect_writes(folder: &Path, uuid: &str, out: &mut Families) {
    let text = reader::attribute(folder, "btree_write_stats").unwrap_or_default();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [kind, count, size, ..] = fields.as_slice() else { continue };
        let (Ok(count), Some(size)) = (count.parse(), human(size)) else { continue };
        let labels = [("uuid", uuid), ("type", kind.trim_end_matches(':'))];
        let help = "Number of btree writes by type.";
        out.counter("node_bcachefs_btree_writes_total", help, &labels, count);
        let help = "Average btree write size by type.";
        out.gauge("node_bcachefs_btree_write_average_size_bytes", help, &labels, size);
    }
}

fn collect_device(folder: &Path, uuid: &str, device: &str, out: &mut Families) {
    let text = |name: &str| reader::attribute(folder, name).unwrap_or_default();
    let labels = [("uuid", uuid), ("device", device)];
    let (label, state) = (text("label"), text("state"));
    let described =
        [("uuid", uuid), ("device", device), ("label", label.as_str()), ("state", state.as_str())];
    out.gauge("node_bcachefs_device_info", "Device information.", &described, 1.0);
    for (file, name, help) in [
        ("bucket_size", "bucket_size_bytes", "Bucket size in bytes."),
        ("nbuckets", "buckets", "Total number of buckets."),
        ("durability", "durability", "Device durability setting."),
    ] {
        let value = human(&text(file)).unwrap_or(0.0);
        out.gauge(format!("node_bcachefs_device_{name}"), help, &labels, value);
    }
    let mut operation = String::new();
    for line in text("io_done").lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if value.trim().is_empty() {
            name.trim().clone_into(&mut operation);
        } else if let Some(value) = human(value) {
            let (operation, data_type) = (operation.as_str(), name.trim());
            let labels = [labels[0], labels[1], ("operation", operation), ("data_type", data_type)];
            let help = "IO bytes by operation type and data type.";
            out.counter("node_bcachefs_device_io_done_bytes_total", help, &labels, value);
        }
    }
    // What was counted since the file system was made comes first, then a part since a reset.
    for line in text("io_errors").lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().starts_with("IO errors") {
            if !name.contains("since filesystem creation") {
                break;
            }
        } else if let Some(value) = human(value) {
            let labels = [labels[0], labels[1], ("type", name.trim())];
            let help = "IO errors by error type.";
            out.counter("node_bcachefs_device_io_errors_total", help, &labels, value);
        }
    }
}

/// A number as bcachefs writes it: `1.5M`, in powers of 1,024.
fn human(text: &str) -> Option<f64> {
    let text = text.trim();
    let power = match text.chars().last()?.to_ascii_lowercase() {
        'k' => 1,
        'm' => 2,
        'g' => 3,
        't' => 4,
        'p' => 5,
        'e' => 6,
        _ => 0,
    };
    let digits = if power == 0 { text } else { text.get(..text.len() - 1)? };
    let value: f64 = digits.trim().parse().ok()?;
    Some((value * 1024_f64.powi(power)).trunc())
}
