//! A cache of decoded blocks, shared by all open parts, bounded in bytes.

use std::any::Any;
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// Which block of which part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BlockKey {
    /// Number of the open part, unique in this process.
    pub(crate) part: u64,
    /// The kind of the section.
    pub(crate) kind: u16,
    /// The block, or what else is decoded from that section.
    pub(crate) number: u32,
}

type Entry = (Arc<dyn Any + Send + Sync>, usize);

/// A cache of decoded blocks, shared by all open parts, bounded in bytes.
///
/// Two generations stand in for a list of least recently used entries: what is found in the old
/// one moves to the young one, and when the young one is full it becomes the old one.
pub struct PartCache {
    generations: Mutex<Generations>,
    bytes_max: usize,
}

#[derive(Default)]
struct Generations {
    young: HashMap<BlockKey, Entry, foldhash::fast::RandomState>,
    old: HashMap<BlockKey, Entry, foldhash::fast::RandomState>,
    young_bytes: usize,
}

impl PartCache {
    /// A cache of at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { generations: Mutex::default(), bytes_max }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.generations.lock() = Generations::default();
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self, key: BlockKey) -> Option<Arc<T>> {
        let mut generations = self.generations.lock();
        if let Some((block, _)) = generations.young.get(&key) {
            return Arc::clone(block).downcast().ok();
        }
        let (block, bytes) = generations.old.remove(&key)?;
        self.insert(&mut generations, key, (Arc::clone(&block), bytes));
        drop(generations);
        block.downcast().ok()
    }

    pub(crate) fn put<T: Any + Send + Sync>(&self, key: BlockKey, block: &Arc<T>, bytes: usize) {
        let block: Arc<T> = Arc::clone(block);
        self.insert(&mut self.generations.lock(), key, (block, bytes + 64));
    }

    fn insert(&self, generations: &mut Generations, key: BlockKey, entry: Entry) {
        if generations.young_bytes + entry.1 > self.bytes_max / 2 {
            generations.old = mem::take(&mut generations.young);
            generations.young_bytes = 0;
        }
        generations.young_bytes += entry.1;
        if let Some((_, bytes)) = generations.young.insert(key, entry) {
            generations.young_bytes -= bytes;
        }
    }
}

impl fmt::Debug for PartCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartCache").field("bytes_max", &self.bytes_max).finish_non_exhaustive()
    }
}
