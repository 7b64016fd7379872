//! Events that an output will never take, kept on disk: one line of JSON each.
//!
//! What a filter removed is not in them: they come after the filters.

mod replay;

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use vigie_model::event::{Event, Object, Value};
use vigie_world::{AppendFile, World};

use crate::text;

pub use replay::{DeadLetterReader, KeptLetter};

/// A file is not made longer.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// An event that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The event.
    pub event: Event,
    /// Which output refused it.
    pub plugin: String,
    /// Why.
    pub reason: String,
}

/// Keeps dead letters in a folder, up to a number of bytes; then the newest are dropped.
#[derive(Debug)]
pub struct DeadLetterQueue {
    folder: PathBuf,
    world: World,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<Box<dyn AppendFile>>,
    bytes: u64,
    dropped: u64,
}

impl DeadLetterQueue {
    /// The queue in `folder`.
    pub fn open(folder: &Path, bytes_max: u64, world: World) -> io::Result<Self> {
        world.disk.create_folder(folder)?;
        let mut bytes = 0;
        for entry in world.disk.list(folder)? {
            if let Ok(file) = world.disk.open_read(&folder.join(entry.name)) {
                bytes += file.length();
            }
        }
        let state = Mutex::new(State { bytes, ..State::default() });
        Ok(Self { folder: folder.to_owned(), world, bytes_max, state })
    }

    /// Bytes kept, and letters dropped since the start.
    pub fn usage(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.bytes, state.dropped)
    }

    /// Keeps `letters`; on return they are durable, but for those that there is no room for.
    pub fn put(&self, letters: &[DeadLetter]) -> io::Result<()> {
        let now_ms = self.world.clock.now_ms();
        let mut lines = String::new();
        for letter in letters {
            let mut object = Object::new();
            object.push("time", Value::Time(now_ms.saturating_mul(1_000_000)));
            object.push("plugin", letter.plugin.as_str().into());
            object.push("reason", letter.reason.as_str().into());
            object.push("event", letter.event.fields.clone().into());
            object.push("metadata", letter.event.metadata.clone().into());
            lines.push_str(&text::json(&Value::Object(object)));
            lines.push('\n');
        }
        let mut state = self.state.lock();
        if state.bytes + lines.len() as u64 > self.bytes_max {
            state.dropped += letters.len() as u64;
            return Ok(());
        }
        if state.file.as_ref().is_none_or(|file| file.length() > FILE_BYTES_MAX) {
            let path = self.folder.join(format!("{now_ms}.jsonl"));
            state.file = Some(self.world.disk.open_append(&path)?);
            self.world.disk.sync_folder(&self.folder)?;
        }
        if let Some(file) = &mut state.file {
            file.append(lines.as_bytes())?;
            file.sync()?;
        }
        state.bytes += lines.len() as u64;
        Ok(())
    }
}
