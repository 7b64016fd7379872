//! One connection: bytes to lines (or pickles), lines to batches.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use vigie_formats::lines::pickle;
use vigie_model::MetricBatch;

use super::{LineDoor, LineProtocol};

/// Longest line; a longer one ends the connection.
const LINE_BYTES_MAX: usize = 256 << 10;
/// Largest pickle, as carbon's own limit.
const PICKLE_BYTES_MAX: usize = 1 << 20;
/// How much is read at once.
const READ_BYTES: usize = 64 << 10;
/// A connection that sends nothing for so long is closed.
const IDLE: Duration = Duration::from_mins(10);

/// What to do after some input was taken.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Read,
    Close,
}

impl LineDoor {
    /// Takes what a connection sends until it ends, is idle too long, or `stop`.
    pub async fn serve<S>(&self, mut stream: S, stop: &CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let mut input = Vec::with_capacity(READ_BYTES);
        let mut told = false;
        loop {
            let read = tokio::select! {
                () = stop.cancelled() => break,
                read = tokio::time::timeout(IDLE, stream.read_buf(&mut input)) => read,
            };
            let ended = !matches!(read, Ok(Ok(count)) if count > 0);
            if ended {
                // The last line may lack its end.
                input.push(b'\n');
            }
            let mut batch = MetricBatch::new();
            let mut answer = Vec::new();
            let next = match self.protocol {
                LineProtocol::GraphitePickle => self.take_pickles(&mut input, &mut batch),
                _ => self.take_lines(&mut input, &mut batch, &mut answer, &mut told),
            };
            self.write(batch).await;
            if !answer.is_empty() && stream.write_all(&answer).await.is_err() {
                break;
            }
            if ended || next == Next::Close {
                break;
            }
        }
        stream.shutdown().await.ok();
    }

    /// Takes the whole lines of `input` and leaves the rest.
    fn take_lines(
        &self,
        input: &mut Vec<u8>,
        batch: &mut MetricBatch,
        answer: &mut Vec<u8>,
        told: &mut bool,
    ) -> Next {
        let Some(end) = input.iter().rposition(|byte| *byte == b'\n') else {
            return if input.len() > LINE_BYTES_MAX { Next::Close } else { Next::Read };
        };
        let rest = input.split_off(end + 1);
        let whole = std::mem::replace(input, rest);
        let text = String::from_utf8_lossy(&whole);
        for line in text.lines() {
            if self.protocol == LineProtocol::OpenTsdb {
                match line.trim() {
                    "exit" => return Next::Close,
                    "version" => {
                        answer.extend_from_slice(b"Vigie, with OpenTSDB's put\n");
                        continue;
                    }
                    _ => {}
                }
            }
            if let Err(error) = self.take_line(line, batch) {
                self.metrics.count_wrong();
                if self.protocol == LineProtocol::OpenTsdb {
                    // Telnet clients read what was wrong; there is no other answer.
                    answer
                        .extend_from_slice(format!("put: illegal argument: {error}\n").as_bytes());
                }
                if !std::mem::replace(told, true) {
                    tracing::warn!(%error, "a line cannot be read; more of this connection are only counted");
                }
            }
        }
        Next::Read
    }

    /// Takes the whole pickles of `input` and leaves the rest.
    fn take_pickles(&self, input: &mut Vec<u8>, batch: &mut MetricBatch) -> Next {
        let mut at = 0;
        let next = loop {
            let Some(head) = input.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
                break Next::Read;
            };
            let length = u32::from_be_bytes(*head) as usize;
            if length > PICKLE_BYTES_MAX {
                self.metrics.count_wrong();
                tracing::warn!(length, "a pickle is too large, the connection is closed");
                break Next::Close;
            }
            let Some(message) = input.get(at + 4..at + 4 + length) else { break Next::Read };
            match pickle::parse(message) {
                Ok(rows) => self.take_rows(rows, batch),
                Err(error) => {
                    self.metrics.count_wrong();
                    tracing::debug!(%error, "a pickle cannot be read");
                }
            }
            at += 4 + length;
        };
        input.drain(..at.min(input.len()));
        next
    }
}
