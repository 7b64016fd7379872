//! Parts on an object store.
//!
//! All parts of one catalog lie below a prefix of their own, `PREFIX/CATALOG/TENANT/ID-RANDOM.part`:
//! stores with different catalogs cannot touch each other's parts in one bucket. A part is only
//! ever created, never replaced. Reads fetch pages of fixed size, which are kept in memory.

use std::ops::Range;
use std::path::Path as LocalPath;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use vigie_world::Disk;

use super::runtime::RequestRuntime;
use super::{PartPlace, TailCache};
use crate::StoreError;
use crate::part::{BlockKey, PartCache, PartSource};

/// What is fetched at once, at least.
const PAGE_BYTES: u64 = 256 << 10;
/// Longer reads do not go through the cache.
const CACHED_BYTES_MAX: usize = 4 * PAGE_BYTES as usize;
/// What of a part's end is kept on the local disk: what a container reads to open.
const TAIL_BYTES: u64 = crate::part::TAIL_BYTES;
/// Marks raw pages among the decoded blocks of the cache.
const PAGE_KIND: u16 = u16::MAX;

/// An object store, the prefix within it, and its address for messages.
pub(crate) type Located = (Arc<dyn ObjectStore>, Path, String);

/// A prefix of an object store.
#[derive(Debug)]
pub(crate) struct ObjectPlace {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    catalog: String,
}

#[derive(Debug)]
struct Shared {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The address, for messages.
    url: String,
    runtime: RequestRuntime,
    pages: Arc<PartCache>,
    tails: TailCache,
    next_source: AtomicU64,
}

impl ObjectPlace {
    /// Parts below `prefix` of `store`, for the catalog with this identity.
    pub(crate) fn new(
        (store, prefix, url): Located,
        catalog: u64,
        pages: Arc<PartCache>,
        tails: TailCache,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, StoreError> {
        let runtime = RequestRuntime::start()?;
        let next_source = AtomicU64::new(1 << 63);
        let shared = Shared { store, prefix, url, runtime, pages, tails, next_source };
        Ok(Self { shared: Arc::new(shared), disk, catalog: format!("{catalog:016x}") })
    }
}

impl Shared {
    fn path(&self, path: &str) -> Path {
        path.split('/').fold(self.prefix.clone(), Path::join)
    }

    fn failed(&self, what: &str) -> impl FnOnce(object_store::Error) -> StoreError + use<> {
        let what = format!("{what} at {}", self.url);
        |source| StoreError::Objects { what, source: Box::new(source) }
    }

    fn get(&self, path: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (store, full) = (Arc::clone(&self.store), self.path(path));
        let length = range.end - range.start;
        let got = self.runtime.wait(async move { store.get_range(&full, range).await })?;
        let bytes = got.map_err(self.failed(&format!("reading part {path}")))?;
        if bytes.len() as u64 != length {
            return Err(StoreError::Corrupt {
                what: format!("part {path} at {}", self.url),
                detail: format!("{} bytes came where {length} were asked for", bytes.len()),
            });
        }
        Ok(bytes)
    }
}

impl PartPlace for ObjectPlace {
    fn is_local(&self) -> bool {
        false
    }

    fn path_of(&self, tenant: &str, id: u64, random: u64) -> String {
        format!("{}/{tenant}/{id:010}-{random:016x}.part", self.catalog)
    }

    fn store(&self, path: &str, bytes: &Bytes) -> Result<(), StoreError> {
        let (store, full) = (Arc::clone(&self.shared.store), self.shared.path(path));
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = bytes.clone().into();
        let put = async move { store.put_opts(&full, payload, options).await };
        let done = self.shared.runtime.wait(put)?;
        done.map_err(self.shared.failed(&format!("writing part {path}")))?;
        let tail_from = bytes.len().saturating_sub(TAIL_BYTES as usize);
        self.shared.tails.put(path, bytes.get(tail_from..).unwrap_or_default());
        Ok(())
    }

    fn open(&self, path: &str, bytes: u64) -> Result<Arc<dyn PartSource>, StoreError> {
        let tail_bytes = bytes.min(TAIL_BYTES);
        let shared = Arc::clone(&self.shared);
        let kept = shared.tails.get(path).filter(|tail| tail.len() as u64 == tail_bytes);
        let tail = if let Some(tail) = kept {
            tail
        } else {
            let tail = shared.get(path, bytes - tail_bytes..bytes)?;
            shared.tails.put(path, &tail);
            tail
        };
        let number = shared.next_source.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(ObjectSource { shared, path: path.to_owned(), bytes, tail, number }))
    }

    fn read(&self, path: &str, bytes: u64) -> Result<Bytes, StoreError> {
        self.shared.get(path, 0..bytes)
    }

    fn copy_to(&self, path: &str, bytes: u64, to: &LocalPath) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { what: format!("copying part {path}"), source };
        self.disk.write_atomic(to, &self.read(path, bytes)?).map_err(failed)
    }

    fn remove(&self, path: &str) {
        self.shared.tails.remove(path);
        let (shared, path) = (Arc::clone(&self.shared), path.to_owned());
        let (store, full) = (Arc::clone(&shared.store), shared.path(&path));
        shared.runtime.forget(async move {
            if let Err(error) = store.delete(&full).await {
                tracing::warn!(path, %error, "cannot remove a part");
            }
        });
    }

    fn remove_strangers(&self, known: &[&str]) -> Result<(), StoreError> {
        self.shared.tails.retain(known);
        let known: hashbrown::HashSet<Path> = known.iter().map(|p| self.shared.path(p)).collect();
        let (store, below) = (Arc::clone(&self.shared.store), self.shared.path(&self.catalog));
        let cleaned = self.shared.runtime.wait(async move {
            let mut all = store.list(Some(&below));
            while let Some(object) = all.next().await.transpose()? {
                if !known.contains(&object.location) {
                    let path = object.location.as_ref();
                    tracing::info!(path, "removing an object that is no part of the catalog");
                    store.delete(&object.location).await?;
                }
            }
            Ok::<_, object_store::Error>(())
        })?;
        cleaned.map_err(self.shared.failed("listing parts"))
    }
}

/// A part on an object store.
#[derive(Debug)]
struct ObjectSource {
    shared: Arc<Shared>,
    path: String,
    bytes: u64,
    tail: Bytes,
    number: u64,
}

impl PartSource for ObjectSource {
    fn length(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.bytes);
        let Some(end) = end else {
            return Err(StoreError::Corrupt {
                what: format!("part {}", self.path),
                detail: format!("{length} bytes at {offset} are past its end at {}", self.bytes),
            });
        };
        let tail_offset = self.bytes - self.tail.len() as u64;
        if offset >= tail_offset {
            let from = (offset - tail_offset) as usize;
            return Ok(self.tail.slice(from..from + length));
        }
        if length > CACHED_BYTES_MAX {
            return self.shared.get(&self.path, offset..end);
        }
        self.read_pages(offset..end)
    }
}

impl ObjectSource {
    /// Puts a range together from whole pages; what is missing in a row is fetched at once.
    fn read_pages(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (first, last) = (range.start / PAGE_BYTES, (range.end.max(1) - 1) / PAGE_BYTES);
        let mut pages: Vec<Option<Bytes>> = (first..=last).map(|page| self.cached(page)).collect();
        let missing = |page: &Option<Bytes>| page.is_none();
        if let (Some(from), Some(to)) =
            (pages.iter().position(missing), pages.iter().rposition(missing))
        {
            let start = (first + from as u64) * PAGE_BYTES;
            let end = ((first + to as u64 + 1) * PAGE_BYTES).min(self.bytes);
            let fetched = self.shared.get(&self.path, start..end)?;
            for (at, slot) in pages.iter_mut().enumerate().take(to + 1).skip(from) {
                let page_start = (at - from) * PAGE_BYTES as usize;
                let page_end = (page_start + PAGE_BYTES as usize).min(fetched.len());
                let page = fetched.slice(page_start.min(page_end)..page_end);
                self.keep(first + at as u64, &page);
                *slot = Some(page);
            }
        }
        let mut all = BytesMut::with_capacity(pages.len() * PAGE_BYTES as usize);
        let whole: Vec<Bytes> = pages.into_iter().flatten().collect();
        let from = (range.start - first * PAGE_BYTES) as usize;
        let length = (range.end - range.start) as usize;
        if let [one] = &whole[..] {
            return Ok(one.slice(from.min(one.len())..(from + length).min(one.len())));
        }
        for page in &whole {
            all.extend_from_slice(page);
        }
        let all = all.freeze();
        Ok(all.slice(from.min(all.len())..(from + length).min(all.len())))
    }

    fn key(&self, page: u64) -> BlockKey {
        BlockKey { part: self.number, kind: PAGE_KIND, number: page as u32 }
    }

    fn cached(&self, page: u64) -> Option<Bytes> {
        self.shared.pages.get::<Bytes>(self.key(page)).map(|page| Bytes::clone(&page))
    }

    fn keep(&self, page: u64, bytes: &Bytes) {
        self.shared.pages.put(self.key(page), &Arc::new(bytes.clone()), bytes.len());
    }
}
