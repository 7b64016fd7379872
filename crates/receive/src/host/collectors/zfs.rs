//! `zfs`: counters of ZFS, its pools and data sets.

use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::family::Kind;
use crate::host::reader;

/// Files with counters of the whole module, and the names they are told under.
const FILES: [(&str, &str); 11] = [
    ("abdstats", "zfs_abd"),
    ("arcstats", "zfs_arc"),
    ("dbufstats", "zfs_dbuf"),
    ("dmu_tx", "zfs_dmu_tx"),
    ("dnodestats", "zfs_dnode"),
    ("fm", "zfs_fm"),
    ("vdev_cache_stats", "zfs_vdev_cache"),
    ("vdev_mirror_stats", "zfs_vdev_mirror"),
    ("xuio_stats", "zfs_xuio"),
    ("zfetchstats", "zfs_zfetch"),
    ("zil", "zfs_zil"),
];

const POOL_STATES: [&str; 7] =
    ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.proc("spl/kstat/zfs");
    let entries = reader::names_or_no_data(&folder)?;
    for (file, subsystem) in FILES {
        // Versions of ZFS differ in which files they have.
        let Some(text) = reader::attribute(&folder, file) else { continue };
        for row in rows(&text) {
            if let Some(value) = row.number() {
                let name = format!("node_{subsystem}_{}", row.name.replace('-', "_"));
                let help = format!("kstat.zfs.misc.{file}.{}", row.name);
                out.add(Kind::Untyped, name, help, &[], value);
            }
        }
    }
    for pool in entries {
        collect_pool(&folder.join(&pool), &pool, out);
    }
    Ok(())
}

/// A row of a kstat table: a name, a type and data.
struct Row<'a> {
    name: &'a str,
    kind: &'a str,
    data: &'a str,
}

impl Row<'_> {
    /// The data if it is a 64-bit integer (types 3 and 4), which is all that is told of.
    fn number(&self) -> Option<f64> {
        match self.kind {
            "3" => self.data.parse::<i64>().ok().map(|value| value as f64),
            "4" => self.data.parse::<u64>().ok().map(|value| value as f64),
            _ => None,
        }
    }
}

/// Rows after the titles `name type data`.
fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let is_title =
        |line: &&str| line.split_whitespace().collect::<Vec<_>>() == ["name", "type", "data"];
    text.lines().skip_while(move |line| !is_title(line)).skip(1).filter_map(|line| {
        let line = line.trim();
        let (name, rest) = line.split_once(char::is_whitespace)?;
        let (kind, data) = rest.trim_start().split_once(char::is_whitespace)?;
        Some(Row { name, kind, data: data.trim() })
    })
}

fn collect_pool(folder: &Path, pool: &str, out: &mut Families) {
    if let Some(text) = reader::attribute(folder, "io") {
        let mut lines = text.lines().skip_while(|line| !line.starts_with("nread"));
        let titles = lines.next().unwrap_or_default().split_whitespace();
        let values = lines.next().unwrap_or_default().split_whitespace();
        for (title, value) in titles.zip(values) {
            if let Ok(value) = value.parse::<u64>() {
                let name = format!("node_zfs_zpool_{}", title.replace('-', "_"));
                let help = format!("kstat.zfs.misc.io.{title}");
                out.add(Kind::Untyped, name, help, &[("zpool", pool)], value as f64);
            }
        }
    }
    for file in reader::names_or_none(folder).iter().filter(|name| name.starts_with("objset-")) {
        collect_data_set(&reader::attribute(folder, file).unwrap_or_default(), pool, out);
    }
    if let Some(state) = reader::attribute(folder, "state") {
        let state = state.to_ascii_lowercase();
        for known in POOL_STATES {
            let labels = [("zpool", pool), ("state", known)];
            let value = f64::from(u8::from(state == known));
            out.gauge("node_zfs_zpool_state", "kstat.zfs.misc.state", &labels, value);
        }
    }
}

fn collect_data_set(text: &str, pool: &str, out: &mut Families) {
    let Some(named) = rows(text).find(|row| row.name == "dataset_name") else { return };
    let labels = [("zpool", pool), ("dataset", named.data)];
    for row in rows(text).filter(|row| row.kind == "4") {
        if let Some(value) = row.number() {
            let name = format!("node_zfs_zpool_dataset_{}", row.name.replace('-', "_"));
            let help = format!("kstat.zfs.misc.objset.{}", row.name);
            out.add(Kind::Untyped, name, help, &labels, value);
        }
    }
}
