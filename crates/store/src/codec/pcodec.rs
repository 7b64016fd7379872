//! Pcodec: smaller than bit-packing where values are noisy, slower to decode.
//!
//! In its "wrapped" form, one chunk of one page without the file header, because a header a few
//! bytes long on each of many chunks would cost as much as a constant series.

use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};

use super::{CodecError, Input};

/// The header of the Pcodec format that we write: a test sees to it that the crate still does.
pub const HEADER: [u8; 2] = [4, 1];
const LEVEL: usize = 8;

/// What is known of integers that are to be encoded, so that Pcodec need not sample them.
#[derive(Debug, Clone, Copy)]
pub struct Hint {
    /// Order of differences to take, 0 to 2.
    pub order: usize,
    /// A common divisor of all differences; 1 when there is none.
    pub divisor: u64,
}

/// Appends integers. `None` when Pcodec refuses, `out` is then as it was.
pub fn encode_integers(values: &[i64], hint: Hint, out: &mut Vec<u8>) -> Option<()> {
    let mode = if hint.divisor > 1 && hint.divisor < 1 << 40 {
        ModeSpec::TryIntMult(hint.divisor)
    } else {
        ModeSpec::Classic
    };
    let delta = match hint.order {
        0 => DeltaSpec::NoOp,
        order => DeltaSpec::TryConsecutive(order),
    };
    encode(values, ChunkConfig::default().with_mode_spec(mode).with_delta_spec(delta), out)
}

/// Appends floats. `None` when Pcodec refuses, `out` is then as it was.
pub fn encode_floats(values: &[f64], out: &mut Vec<u8>) -> Option<()> {
    encode(values, ChunkConfig::default(), out)
}

fn encode<T: Number>(values: &[T], config: ChunkConfig, out: &mut Vec<u8>) -> Option<()> {
    let config = config
        .with_compression_level(LEVEL)
        .with_paging_spec(PagingSpec::Exact(vec![values.len()]));
    let start = out.len();
    let mut write = || {
        let mut chunk = FileCompressor::default().chunk_compressor(values, &config)?;
        chunk.write_meta(&mut *out)?;
        chunk.write_page(0, &mut *out).map(|_| ())
    };
    let written: pco::errors::PcoResult<()> = write();
    if written.is_err() {
        out.truncate(start);
    }
    written.ok()
}

/// Fills `values` from all that is left of `input`.
pub fn decode<T: Number>(input: &mut Input<'_>, values: &mut [T]) -> Result<(), CodecError> {
    const BROKEN: CodecError = CodecError("a Pcodec chunk does not decode");
    let count = values.len();
    let (file, _) = FileDecompressor::new(&HEADER[..]).map_err(|_| BROKEN)?;
    let (mut chunk, rest) = file.chunk_decompressor(input.rest()).map_err(|_| BROKEN)?;
    let mut page = chunk.page_decompressor(rest, count).map_err(|_| BROKEN)?;
    let progress = page.read(values).map_err(|_| BROKEN)?;
    if progress.n_processed != count {
        return Err(BROKEN);
    }
    *input = Input::new(&[]);
    Ok(())
}
