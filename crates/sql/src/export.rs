//! Answers of any length as Parquet files, piece by piece.

use std::io::{self, Write};

use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use crate::SqlError;

/// Rows of a row group: what readers skip, or read beside each other.
const GROUP_ROWS_MAX: usize = 128 << 10;
/// Memory of a row group that is being written.
const GROUP_BYTES_MAX: usize = 64 << 20;

/// A statement whose rows are taken piece by piece.
pub struct SqlExport {
    pub(crate) stream: SendableRecordBatchStream,
    /// How many are carried out at once is limited.
    pub(crate) _held: OwnedSemaphorePermit,
}

impl std::fmt::Debug for SqlExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlExport").field("schema", &self.stream.schema()).finish_non_exhaustive()
    }
}

impl SqlExport {
    /// Writes all rows to `out` as a Parquet file; says how many. Waits for whoever takes them: for
    /// a thread of its own, within a runtime.
    pub fn write(mut self, out: impl Write + Send) -> Result<u64, SqlError> {
        let level = ZstdLevel::try_new(3).map_err(internal)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
            .set_created_by(format!("vigie {}", env!("CARGO_PKG_VERSION")))
            .build();
        let mut writer =
            ArrowWriter::try_new(out, self.stream.schema(), Some(properties)).map_err(internal)?;
        let runtime = Handle::current();
        let mut rows = 0;
        while let Some(batch) = runtime.block_on(self.stream.next()) {
            let batch = batch?;
            writer.write(&batch).map_err(internal)?;
            rows += batch.num_rows() as u64;
            if writer.in_progress_size() > GROUP_BYTES_MAX {
                writer.flush().map_err(internal)?;
            }
        }
        writer.close().map_err(internal)?;
        Ok(rows)
    }
}

fn internal(error: impl std::fmt::Display) -> SqlError {
    SqlError::Internal(error.to_string())
}

/// Hands what is written to `take`, which says whether anybody still wants it.
pub struct Pieces<F>(pub F);

impl<F> std::fmt::Debug for Pieces<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

impl<F: FnMut(Vec<u8>) -> bool> Write for Pieces<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.0)(bytes.to_vec()) {
            Ok(bytes.len())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
