//! Messages of a connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use vigie_formats::postgres::{Answers, STARTUP_BYTES_MAX};

use super::fault::Fault;

/// Bytes of a message, at most: a statement and its values.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Bytes that wait to be sent, about.
const WAITING_BYTES: usize = 64 << 10;
/// A client that takes nothing for so long is gone.
const SENDING: Duration = Duration::from_mins(1);

/// Reads the first message of a connection, without its length. Not a byte more is read: what
/// follows may be encrypted.
pub(super) async fn read_first(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Fault> {
    let length = stream.read_u32().await?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(8..=STARTUP_BYTES_MAX).contains(&length) {
        return Err(Fault::protocol("invalid length of startup packet"));
    }
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// A connection with messages.
#[derive(Debug)]
pub(super) struct Stream<S> {
    inner: S,
    /// The message at hand.
    body: Vec<u8>,
    pub(super) answers: Answers,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, body: Vec::new(), answers: Answers::default() }
    }

    /// The letter of the next message, whose body is then [`body`](Self::body). Not to be given up
    /// half-way unless the connection ends.
    pub(super) async fn next(&mut self) -> Result<u8, Fault> {
        let letter = self.inner.read_u8().await?;
        let length = usize::try_from(self.inner.read_u32().await?).unwrap_or(usize::MAX);
        let Some(length) = length.checked_sub(4) else {
            return Err(Fault::protocol("invalid message length"));
        };
        if length > MESSAGE_BYTES_MAX {
            let text = format!("a message has {length} bytes, {MESSAGE_BYTES_MAX} are the most");
            return Err(Fault::new("54000", text));
        }
        // Memory follows what comes, not what is promised.
        self.body.clear();
        self.body.shrink_to(WAITING_BYTES);
        let taken = (&mut self.inner).take(length as u64).read_to_end(&mut self.body).await?;
        if taken < length {
            return Err(Fault::Gone(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(letter)
    }

    /// What was read, to be given back as an empty buffer or not at all.
    pub(super) fn body(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body)
    }

    /// Sends what waits, if it is much.
    pub(super) async fn send_if_much(&mut self) -> Result<(), Fault> {
        if self.answers.bytes().len() < WAITING_BYTES {
            return Ok(());
        }
        self.send().await
    }

    /// Sends what waits.
    pub(super) async fn send(&mut self) -> Result<(), Fault> {
        let sending = async {
            self.inner.write_all(self.answers.bytes()).await?;
            self.inner.flush().await
        };
        match tokio::time::timeout(SENDING, sending).await {
            Ok(sent) => sent?,
            Err(_) => return Err(Fault::Gone(io::ErrorKind::TimedOut.into())),
        }
        self.answers.clear();
        Ok(())
    }
}
