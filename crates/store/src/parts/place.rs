//! What a place for parts can do.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::StoreError;
use crate::part::PartSource;

/// A place for parts: a local folder or an object store. Every call may block.
pub(crate) trait PartPlace: Send + Sync + fmt::Debug {
    /// Whether reading costs no round trip over a network.
    fn is_local(&self) -> bool;
    /// The name under which a new part of `tenant` will be stored.
    fn path_of(&self, tenant: &str, id: u64, random: u64) -> String;
    /// Stores a part so that it survives the loss of power. Never replaces another's part.
    fn store(&self, path: &str, bytes: &Bytes) -> Result<(), StoreError>;
    /// Opens a part of `bytes` bytes for reading by ranges.
    fn open(&self, path: &str, bytes: u64) -> Result<Arc<dyn PartSource>, StoreError>;
    /// The whole part.
    fn read(&self, path: &str, bytes: u64) -> Result<Bytes, StoreError>;
    /// Puts a part at `to` on the local disk, which must survive the loss of power after the
    /// folder is synced. The fewer bytes are copied the better.
    fn copy_to(&self, path: &str, bytes: u64, to: &Path) -> Result<(), StoreError>;
    /// Removes a part that nobody needs any more. What cannot be removed now is removed as a
    /// stranger later.
    fn remove(&self, path: &str);
    /// Removes what is not among the `known` paths: what a crash left behind.
    fn remove_strangers(&self, known: &[&str]) -> Result<(), StoreError>;
}
