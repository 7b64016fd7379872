//! Files of VictoriaMetrics' JSON lines, as its `/api/v1/export` writes them.

use std::io::{BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};
use vigie_formats::victoria::ExportLine;
use vigie_model::{Labels, METRIC_NAME, MetricBatch};

use super::SAMPLES_MAX;
use super::place::Place;
use super::progress::Progress;
use super::send::Sender;

/// Longest line.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// Imports a file; its place is a number of bytes.
pub(super) async fn import(
    path: &Path,
    place: &mut Place,
    sender: &mut Sender,
    progress: &mut Progress,
) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut file = std::fs::File::open(path).with_context(|| format!("{}", path.display()))?;
    let all = file.metadata()?.len();
    let mut done = place.of(&name);
    file.seek(SeekFrom::Start(done))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut batch = MetricBatch::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = Read::by_ref(&mut reader).take(LINE_BYTES_MAX);
        let length = limited.read_until(b'\n', &mut line)? as u64;
        if length == 0 {
            break;
        }
        if length == LINE_BYTES_MAX {
            bail!("{}: a line at byte {done} is too long", path.display());
        }
        push(&line, &mut batch)
            .with_context(|| format!("{}: the line at byte {done}", path.display()))?;
        done += length;
        if batch.sample_count() >= SAMPLES_MAX {
            sender.send(&mut batch).await?;
            place.note(&name, done)?;
            progress.show(&name, done, all, sender.samples());
        }
    }
    sender.send(&mut batch).await?;
    place.note(&name, done)?;
    progress.show(&name, all, all, sender.samples());
    Ok(())
}

fn push(line: &[u8], batch: &mut MetricBatch) -> Result<()> {
    let text = line.trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let line = ExportLine::parse(text).map_err(anyhow::Error::msg)?;
    let labels = Labels::from_pairs(line.labels());
    if labels.get(METRIC_NAME).is_none() {
        bail!("series has no metric name");
    }
    let mut builder = batch.push_series(&labels);
    for point in line.points() {
        let (time_ms, value) = point.map_err(anyhow::Error::msg)?;
        builder.sample(time_ms, value);
    }
    Ok(())
}
