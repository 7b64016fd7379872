//! Reading dead letters again, and remembering how far they have been handed on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use vigie_formats::event_json::parse_json_object;
use vigie_model::event::{Object, Value};
use vigie_world::World;

use super::DeadLetter;
use crate::codec::event_of_value;
use crate::text;

/// How far files are handed on: a line `NAME BYTES` for each.
const POSITIONS: &str = "replayed";

/// A letter as it lies on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptLetter {
    /// The event, who refused it, why. `[@metadata][dead_letter_queue]` tells the event's filters.
    pub letter: DeadLetter,
    /// When it was refused, in ISO 8601.
    pub time: String,
}

/// Reads a folder of dead letters from where the last replay ended.
///
/// Letters that come while it reads are left for the next reader. Nothing is removed: a running
/// process may have any of the files open.
#[derive(Debug)]
pub struct DeadLetterReader {
    folder: PathBuf,
    world: World,
    /// Files that are not read to their end, the next one last.
    names: Vec<String>,
    /// How far each file is read.
    positions: BTreeMap<String, u64>,
    file: Option<(String, Vec<u8>)>,
    unreadable: u64,
}

impl DeadLetterReader {
    /// The letters in `folder`: all of them, or those that are not replayed yet.
    pub fn open(folder: &Path, is_all: bool, world: World) -> io::Result<Self> {
        let entries = world.disk.list(folder)?.into_iter().map(|entry| entry.name);
        let mut names: Vec<String> = entries.filter(|name| name.ends_with(".jsonl")).collect();
        names.sort_unstable_by(|one, other| other.cmp(one));
        let noted = folder.join(POSITIONS);
        let mut positions = BTreeMap::new();
        if !is_all && world.disk.exists(&noted) {
            let text = String::from_utf8_lossy(&world.disk.read(&noted)?).into_owned();
            for (name, bytes) in text.lines().filter_map(|line| line.split_once(' ')) {
                let bytes = bytes.parse().map_err(|_| {
                    let message = format!("{}: `{bytes}` is no position", noted.display());
                    io::Error::new(io::ErrorKind::InvalidData, message)
                })?;
                positions.insert(name.to_owned(), bytes);
            }
            // Whoever removes a file need not tell us.
            positions.retain(|name, _| names.contains(name));
        }
        let folder = folder.to_owned();
        Ok(Self { folder, world, names, positions, file: None, unreadable: 0 })
    }

    /// The next letters, at most `most` of them; none: that is all.
    pub fn read(&mut self, most: usize) -> io::Result<Vec<KeptLetter>> {
        let mut letters = Vec::new();
        while letters.len() < most {
            let (name, bytes) = match self.file.take() {
                Some(file) => file,
                None => match self.names.pop() {
                    Some(name) => {
                        let bytes = self.world.disk.read(&self.folder.join(&name))?;
                        (name, bytes)
                    }
                    None => break,
                },
            };
            let position = self.positions.entry(name.clone()).or_default();
            let rest = usize::try_from(*position).ok().and_then(|at| bytes.get(at..));
            let rest = rest.unwrap_or_default();
            // A line without its end is being written, or was when the process ended.
            let Some(length) = rest.iter().position(|byte| *byte == b'\n') else { continue };
            match letter(&rest[..length]) {
                Some(letter) => letters.push(letter),
                None => self.unreadable += 1,
            }
            *position += length as u64 + 1;
            self.file = Some((name, bytes));
        }
        Ok(letters)
    }

    /// Lines that are no letters, passed over since the start.
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Remembers that what was read until now is handed on.
    pub fn note(&self) -> io::Result<()> {
        let mut lines = String::new();
        for (name, bytes) in &self.positions {
            lines.push_str(&format!("{name} {bytes}\n"));
        }
        self.world.disk.write_atomic(&self.folder.join(POSITIONS), lines.as_bytes())
    }
}

fn letter(line: &[u8]) -> Option<KeptLetter> {
    let mut object = parse_json_object(line).ok()?;
    let mut part = |name: &str| object.remove(name).map(|value| text::of_value(&value));
    let (time, plugin, reason) = (part("time")?, part("plugin")?, part("reason")?);
    let mut event = event_of_value(object.remove("event")?, 0);
    if let Some(Value::Object(metadata)) = object.remove("metadata") {
        event.metadata = metadata;
    }
    let mut why = Object::new();
    why.push("entry_time", time.as_str().into());
    why.push("plugin_type", plugin.as_str().into());
    why.push("reason", reason.as_str().into());
    event.metadata.insert("dead_letter_queue", why.into());
    Some(KeptLetter { letter: DeadLetter { event, plugin, reason }, time })
}
