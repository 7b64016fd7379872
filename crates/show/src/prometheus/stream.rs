//! Answers that are sent while they are written, so that their length costs no memory.

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use vigie_store::StoreError;

/// Bytes that are gathered before they are sent.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for a slow reader; then writing waits.
const CHUNKS_WAITING_MAX: usize = 4;

/// Takes what is written, in a thread that may wait.
#[derive(Debug)]
pub(super) struct StreamWriter {
    chunks: mpsc::Sender<Result<Bytes, std::io::Error>>,
    /// Append here, and call [`flush_full`](Self::flush_full) every now and then.
    pub(super) out: Vec<u8>,
}

impl StreamWriter {
    /// Sends what is written when it is enough; fails when the reader has gone.
    pub(super) fn flush_full(&mut self) -> Result<(), StoreError> {
        if self.out.len() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let chunk = Bytes::from(std::mem::take(&mut self.out));
        self.chunks.blocking_send(Ok(chunk)).map_err(|_gone| StoreError::Cancelled)
    }
}

/// A body that `write` writes on a thread of its own.
pub(super) fn streamed(
    write: impl FnOnce(&mut StreamWriter) -> Result<(), StoreError> + Send + 'static,
) -> Body {
    let (chunks, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let mut writer = StreamWriter { chunks, out: Vec::with_capacity(CHUNK_BYTES) };
        let written = write(&mut writer).and_then(|()| writer.flush());
        if let Err(error) = written {
            // The answer has begun: cutting it off is the only way to say that it is not whole.
            let cut = std::io::Error::other(error.to_string());
            let _gone = writer.chunks.blocking_send(Err(cut));
        }
    });
    let chunks = futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    // Compression asks once more after the end.
    Body::from_stream(chunks.fuse())
}
