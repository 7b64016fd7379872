//! `mdadm`: software RAID.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let text = reader::read_or_no_data(&context.options.proc("mdstat"))?;
    for array in parse(&text) {
        array.add(out);
    }
    let folder = context.options.sys("block");
    for device in reader::names_or_none(&folder) {
        let md = folder.join(&device).join("md");
        if !device.starts_with("md") || !reader::exists(&md) {
            continue;
        }
        let labels = [("device", device.as_str())];
        if let Some(disks) = reader::number(&md, "raid_disks") {
            let help = "Number of raid disks on device.";
            out.gauge("node_md_raid_disks", help, &labels, disks);
        }
        // Levels without redundancy have no such file.
        let degraded = reader::number(&md, "degraded").unwrap_or(0.0);
        out.gauge("node_md_degraded", "Number of degraded disks on device.", &labels, degraded);
    }
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
struct Array<'a> {
    name: &'a str,
    state: &'static str,
    active: f64,
    required: f64,
    failed: f64,
    spare: f64,
    blocks: f64,
    synced: f64,
}

/// An array's first line begins with its name, those that follow with space:
///
/// ```text
/// md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]
///       195310144 blocks [2/1] [U_]
///       [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min
/// ```
fn parse(text: &str) -> Vec<Array<'_>> {
    let mut arrays: Vec<Array<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(array) = parse_first(line) {
            arrays.push(array);
        } else if line.starts_with(' ')
            && let Some(array) = arrays.last_mut()
        {
            array.read_more(line);
        }
    }
    arrays
}

fn parse_first(line: &str) -> Option<Array<'_>> {
    let (name, rest) = line.split_once(" : ")?;
    if name.contains(' ') || name == "Personalities" {
        return None;
    }
    let state = if rest.starts_with("active") { "active" } else { "inactive" };
    let disks: Vec<&str> = rest.split_whitespace().filter(|word| word.contains('[')).collect();
    let marked = |mark: &str| disks.iter().filter(|disk| disk.ends_with(mark)).count() as f64;
    let (failed, spare) = (marked("(F)"), marked("(S)"));
    let active = disks.len() as f64 - failed - spare;
    Some(Array {
        name: name.trim(),
        state,
        failed,
        spare,
        active,
        required: active,
        ..Array::default()
    })
}

impl Array<'_> {
    fn read_more(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        if line.contains(" blocks") {
            self.blocks = words.next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
            self.synced = self.blocks;
            // Levels with redundancy show [required/active].
            let counts = line.split('[').skip(1).find_map(|part| {
                let (required, active) = part.split_once(']')?.0.split_once('/')?;
                Some((required.parse().ok()?, active.parse().ok()?))
            });
            if let Some((required, active)) = counts {
                (self.required, self.active) = (required, active);
            }
            return;
        }
        let doing = [
            ("recovery", "recovering"),
            ("reshape", "recovering"),
            ("resync", "resync"),
            ("check", "check"),
        ];
        for (word, state) in doing {
            if line.contains(word) {
                self.state = state;
                // Delayed or pending, nothing is synced; else (done/all) says how much is.
                let done = line.split_once('(').and_then(|(_, rest)| rest.split_once('/'));
                self.synced = done.and_then(|(done, _)| done.parse().ok()).unwrap_or(0.0);
                return;
            }
        }
    }

    fn add(&self, out: &mut Families) {
        for state in ["active", "inactive", "recovering", "resync", "check"] {
            out.gauge(
                "node_md_state",
                "Indicates the state of md-device.",
                &[("device", self.name), ("state", state)],
                f64::from(u8::from(state == self.state)),
            );
        }
        for (state, count) in
            [("active", self.active), ("failed", self.failed), ("spare", self.spare)]
        {
            out.gauge(
                "node_md_disks",
                "Number of active/failed/spare disks of device.",
                &[("device", self.name), ("state", state)],
                count,
            );
        }
        for (name, help, value) in [
            ("node_md_disks_required", "Total number of disks of device.", self.required),
            ("node_md_blocks", "Total number of blocks on device.", self.blocks),
            ("node_md_blocks_synced", "Number of blocks synced on device.", self.synced),
        ] {
            out.gauge(name, help, &[("device", self.name)], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_whole_and_recovering() {
        let text = "Personalities : [raid1] [raid6]\n\
            md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]\n\
            \x20     195310144 blocks [2/1] [U_]\n\
            \x20     [=>....]  recovery =  8.5% (16775552/195310144) finish=17.0min\n\n\
            md0 : active raid0 sdi1[0] sdh1[1]\n\
            \x20     314159265 blocks 64k chunks\n\nunused devices: <none>\n";
        let arrays = parse(text);
        assert_eq!(arrays.len(), 2);
        let expected = Array {
            name: "md6",
            state: "recovering",
            active: 1.0,
            required: 2.0,
            failed: 1.0,
            spare: 1.0,
            blocks: 195_310_144.0,
            synced: 16_775_552.0,
        };
        assert_eq!(arrays[0], expected);
        assert_eq!((arrays[1].active, arrays[1].required), (2.0, 2.0));
        assert_eq!(arrays[1].synced, 314_159_265.0);
    }
}
