//! Frames out of a stream of bytes.

use tokio::io::{AsyncRead, AsyncReadExt as _};
use vigie_formats::lumberjack::{Read, read};

use super::Ended;
use crate::door::{CHUNK_BYTES, HeldShare};

/// Reads until a whole frame is there. What it holds grows with what arrived, not with what a
/// frame says that it will be.
#[derive(Debug)]
pub(super) struct FrameReader<R> {
    input: R,
    bytes: Vec<u8>,
    held: HeldShare,
    /// Bytes of the frame at the beginning, once it is whole.
    length: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(input: R, held: HeldShare) -> Self {
        Self { input, bytes: Vec::new(), held, length: 0 }
    }

    /// Reads until a frame is whole. `false`: the sender has ended. Nothing is lost when this is
    /// given up.
    pub(super) async fn fill(&mut self) -> Result<bool, Ended> {
        let mut needs = 2;
        loop {
            if self.bytes.len() >= needs {
                match read(&self.bytes)? {
                    Read::Frame { length, .. } => {
                        self.length = length;
                        return Ok(true);
                    }
                    Read::Needs(more) => needs = more,
                }
            }
            self.bytes.reserve(CHUNK_BYTES);
            match self.input.read_buf(&mut self.bytes).await {
                Ok(0) | Err(_) => return Ok(false),
                Ok(_) => self.held.hold(self.bytes.len())?,
            }
        }
    }

    /// The frame that [`fill`](Self::fill) found.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let rest = self.bytes.split_off(self.length.min(self.bytes.len()));
        self.length = 0;
        let frame = std::mem::replace(&mut self.bytes, rest);
        // Less than before, which is never too much.
        self.held.hold(self.bytes.len()).ok();
        frame
    }
}
