//! Remote write 1.0 (`prometheus.WriteRequest`) and 2.0 (`io.prometheus.write.v2.Request`).
//!
//! Decoders go straight from bytes into the columns of a [`MetricBatch`]. A request that is not
//! protobuf is refused whole. A series that no store could keep (labels, histogram) is left out
//! and named in [`Decoded::rejections`]; whether that refuses the request is the caller's rule.

mod encode;
mod histogram;
mod labels;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

use vigie_model::{Histogram, MetricBatch, Rejection, RejectionReason};

pub use encode::{encode_v1, encode_v2};
pub(crate) use histogram::{decode_span, encode as encode_histogram};
pub use v1::decode_v1;
pub use v2::decode_v2;

use crate::compression::CompressionError;
use crate::protobuf::WireError;

/// Rejections that are described; more are only counted.
const REJECTIONS_DESCRIBED_MAX: usize = 100;

/// What a decoder leaves besides the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Series, samples or histograms left out, the first hundred of them.
    pub rejections: Vec<Rejection>,
    /// How many samples and histograms were left out.
    pub rejected: usize,
    /// Float samples decoded.
    pub samples: usize,
    /// Histograms decoded.
    pub histograms: usize,
    /// Exemplars decoded.
    pub exemplars: usize,
}

impl Decoded {
    fn reject(&mut self, reason: RejectionReason, points: usize, message: impl FnOnce() -> String) {
        self.rejected += points;
        if self.rejections.len() < REJECTIONS_DESCRIBED_MAX {
            self.rejections.push(Rejection { reason, message: message() });
        }
    }

    fn count(&mut self, batch: &MetricBatch, before: (usize, usize, usize)) {
        self.samples = batch.values.len() - before.0;
        self.histograms = batch.histograms.len() - before.1;
        self.exemplars = batch.exemplars.len() - before.2;
    }
}

/// Why a whole request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteWriteError {
    /// Not decompressible, or too large.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// Not a protobuf message of this kind.
    #[error("cannot decode the remote write request: {0}")]
    Wire(#[from] WireError),
    /// A message of the other version, or another message altogether.
    #[error("not a remote write {0} request")]
    WrongVersion(&'static str),
}

/// Columns are addressed by 32 bits; a request this large is refused by size limits long before.
fn lengths(batch: &MetricBatch) -> (usize, usize, usize) {
    (batch.values.len(), batch.histograms.len(), batch.exemplars.len())
}

/// Whether buckets of `histogram` fit its spans and its custom bounds, in the words of Prometheus
/// where it has some.
pub fn check_histogram(histogram: &Histogram) -> Result<(), String> {
    histogram::check(histogram)
}
