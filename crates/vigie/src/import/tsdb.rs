//! Blocks of a Prometheus, read where they lie.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use vigie_formats::tsdb::{
    CHUNKS_HEADER_BYTES, CHUNKS_MAGIC, ChunkMeta, ChunkPoint, Index, IndexSeries, Tombstones,
    decode_chunk, read_tombstones, split_chunk,
};
use vigie_model::{HistogramPoint, MetricBatch};
use vigie_world::{ReadFile, World};

use super::place::Place;
use super::progress::Progress;
use super::send::Sender;
use super::{SAMPLES_MAX, is_block};

/// Read of a chunk before its length is known: nearly all are shorter.
const CHUNK_BYTES: usize = 2_048;

/// Imports all blocks below `path`, which is a block or a folder of blocks (a data folder, or a
/// snapshot).
pub(super) async fn import(
    path: &Path,
    place: &mut Place,
    sender: &mut Sender,
    progress: &mut Progress,
) -> Result<()> {
    let world = World::real();
    let blocks = blocks(path)?;
    if blocks.is_empty() {
        bail!("{}: no block is there (a folder with meta.json and index)", path.display());
    }
    for block in &blocks {
        let name = block.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let shown = || format!("block {}", block.display());
        import_block(
            &Block::open(block, &world).with_context(shown)?,
            &name,
            (place, sender, progress),
        )
        .await
        .with_context(shown)?;
    }
    Ok(())
}

/// The blocks, oldest first: their names begin with a time.
fn blocks(path: &Path) -> Result<Vec<PathBuf>> {
    if is_block(path) {
        return Ok(vec![path.to_owned()]);
    }
    let mut blocks = Vec::new();
    let entries = std::fs::read_dir(path).with_context(|| format!("{}", path.display()))?;
    for entry in entries {
        let path = entry?.path();
        if is_block(&path) {
            blocks.push(path);
        }
    }
    blocks.sort();
    Ok(blocks)
}

async fn import_block(
    block: &Block,
    name: &str,
    (place, sender, progress): (&mut Place, &mut Sender, &mut Progress),
) -> Result<()> {
    let all = block.index.series().count() as u64;
    let first = place.of(name);
    let mut batch = MetricBatch::new();
    let mut done = first;
    for series in block.index.series().skip(usize::try_from(first)?) {
        block.read(&series?, &mut batch)?;
        done += 1;
        if batch.sample_count() >= SAMPLES_MAX {
            sender.send(&mut batch).await?;
            place.note(name, done)?;
            progress.show(name, done, all, sender.samples());
        }
    }
    sender.send(&mut batch).await?;
    if done > first {
        place.note(name, done)?;
    }
    progress.show(name, all, all, sender.samples());
    Ok(())
}

/// An open block.
struct Block {
    index: Index,
    tombstones: Tombstones,
    files: HashMap<u32, Arc<dyn ReadFile>>,
}

impl Block {
    fn open(path: &Path, world: &World) -> Result<Self> {
        let index = Index::parse(world.disk.read(&path.join("index"))?)?;
        let tombstones = match world.disk.read(&path.join("tombstones")) {
            Ok(bytes) => read_tombstones(&bytes)?,
            // Blocks without deletions may have none.
            Err(_) => Tombstones::default(),
        };
        let mut files = HashMap::new();
        for entry in world.disk.list(&path.join("chunks"))? {
            let Ok(number) = entry.name.parse::<u32>() else { continue };
            let file = world.disk.open_read(&path.join("chunks").join(&entry.name))?;
            let mut head = [0; 8];
            file.read_exact_at(&mut head, 0)?;
            let [a, b, c, d, version, ..] = head;
            if u32::from_be_bytes([a, b, c, d]) != CHUNKS_MAGIC || version != 1 {
                bail!("chunks/{} is no file of chunks that is known here", entry.name);
            }
            files.insert(number.saturating_sub(1), file);
        }
        Ok(Self { index, tombstones, files })
    }

    /// Appends a series to the batch.
    fn read(&self, series: &IndexSeries, batch: &mut MetricBatch) -> Result<()> {
        let mut points = Vec::new();
        for chunk in &series.chunks {
            self.read_chunk(chunk, &mut points)
                .with_context(|| format!("series {}", series.labels))?;
        }
        let mut builder = batch.push_series(&series.labels);
        for point in points {
            match point {
                ChunkPoint::Float(time_ms, value) => {
                    if !self.tombstones.covers(series.reference, time_ms) {
                        builder.sample(time_ms, value);
                    }
                }
                ChunkPoint::Histogram(time_ms, histogram) => {
                    if !self.tombstones.covers(series.reference, time_ms) {
                        builder.histogram(HistogramPoint {
                            timestamp_ms: time_ms,
                            start_timestamp_ms: 0,
                            histogram: Arc::new(histogram),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn read_chunk(&self, chunk: &ChunkMeta, points: &mut Vec<ChunkPoint>) -> Result<()> {
        let file = self.files.get(&chunk.file);
        let file = file.with_context(|| format!("chunks/{:06} is missing", chunk.file + 1))?;
        let offset = u64::from(chunk.offset).max(CHUNKS_HEADER_BYTES);
        let left = usize::try_from(file.length().saturating_sub(offset))?;
        let mut wanted = CHUNK_BYTES;
        // At most twice: once it is known how long the chunk is.
        for _ in 0..3 {
            let mut bytes = vec![0; wanted.min(left)];
            file.read_exact_at(&mut bytes, offset)?;
            match split_chunk(&bytes)? {
                Ok((encoding, data)) => {
                    decode_chunk(encoding, data, points)?;
                    return Ok(());
                }
                Err(needed) if needed <= left => wanted = needed,
                Err(_) => break,
            }
        }
        bail!("a chunk is cut off")
    }
}
