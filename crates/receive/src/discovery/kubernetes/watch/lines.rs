//! The lines of a body that has no end, each with a limit.

use bytes::{Bytes, BytesMut};

/// The longest line: several times what the API server stores of one object.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Lines of a response.
#[derive(Debug)]
pub(super) struct Lines {
    response: reqwest::Response,
    buffer: BytesMut,
    /// How much of the buffer is known to have no end of line.
    searched: usize,
}

impl Lines {
    /// The lines of `response`.
    pub(super) fn new(response: reqwest::Response) -> Self {
        Self { response, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line without its end; the last one may have none.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(format!("a line of more than {LINE_BYTES_MAX} bytes"));
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk),
                Ok(None) if self.buffer.is_empty() => return Ok(None),
                Ok(None) => {
                    self.searched = 0;
                    return Ok(Some(self.buffer.split().freeze()));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let rest = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(found) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.searched + found + 1);
        self.searched = 0;
        line.truncate(line.len().saturating_sub(1));
        Some(line.freeze())
    }
}
