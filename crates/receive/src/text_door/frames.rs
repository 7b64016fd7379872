//! Messages out of a stream of bytes.

use tokio::io::{AsyncRead, AsyncReadExt as _};
use vigie_formats::framing::{Framed, Framing};

use crate::door::{CHUNK_BYTES, HeldShare, HeldTooMuch};

/// Bytes that are not taken yet. There are never more than a message may have, and a chunk.
#[derive(Debug)]
pub(super) struct Frames<S> {
    stream: S,
    held: HeldShare,
    framing: Framing,
    bytes_max: usize,
    bytes: Vec<u8>,
    /// Where what is not taken begins.
    start: usize,
    /// How many bytes from there are known to hold no end.
    searched: usize,
}

/// What is here.
#[derive(Debug)]
pub(super) enum Taken<'a> {
    /// A message.
    Message(&'a [u8]),
    /// The beginning of one, or nothing.
    Nothing,
    /// One that says that it is too long.
    TooLong(usize),
}

/// What came of reading more.
#[derive(Debug)]
pub(super) enum Filled {
    /// There is more.
    More,
    /// Nothing comes any more.
    End,
    /// There is more than all senders together may have unread.
    TooMuch(HeldTooMuch),
}

impl<S: AsyncRead + Unpin> Frames<S> {
    pub(super) const fn new(
        stream: S,
        held: HeldShare,
        framing: Framing,
        bytes_max: usize,
    ) -> Self {
        Self { stream, held, framing, bytes_max, bytes: Vec::new(), start: 0, searched: 0 }
    }

    /// The next message that is here whole.
    pub(super) fn take(&mut self) -> Taken<'_> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        match self.framing.first(rest, self.searched, self.bytes_max) {
            Framed::Message(range, next) => {
                self.start += next;
                self.searched = 0;
                Taken::Message(rest.get(range).unwrap_or_default())
            }
            Framed::Needs => {
                self.searched = rest.len();
                Taken::Nothing
            }
            Framed::TooLong(bytes) => Taken::TooLong(bytes),
        }
    }

    /// Reads some more. Nothing is lost when this is given up.
    pub(super) async fn fill(&mut self) -> Filled {
        self.bytes.drain(..self.start.min(self.bytes.len()));
        self.start = 0;
        self.bytes.reserve(CHUNK_BYTES);
        let mut chunk = (&mut self.stream).take(CHUNK_BYTES as u64);
        match chunk.read_buf(&mut self.bytes).await {
            Ok(0) | Err(_) => Filled::End,
            Ok(_) => {
                self.held.hold(self.bytes.len()).map_or_else(Filled::TooMuch, |()| Filled::More)
            }
        }
    }

    /// What is left when nothing more comes: a message without its end.
    pub(super) fn rest(&mut self) -> &[u8] {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        self.start = self.bytes.len();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_whole_however_they_arrive() {
        let long = "x".repeat(150_000);
        let text = format!("<1>a\n6 <2>\nbc<3>c\0{long}\n<4>no end");
        let expected = ["<1>a", "<2>\nbc", "<3>c", &long, "<4>no end"];
        let held = crate::door::Held::new(1 << 20);
        for step in [1, 7, 70_000, 1_000_000] {
            let (mut sender, stream) = tokio::io::duplex(step);
            let sent = text.clone();
            tokio::spawn(async move {
                tokio::io::AsyncWriteExt::write_all(&mut sender, sent.as_bytes()).await.ok();
            });
            let mut frames = Frames::new(stream, held.share(), Framing::Syslog, 1 << 20);
            let mut found = Vec::new();
            loop {
                match frames.take() {
                    Taken::Message(message) => found.push(message.to_vec()),
                    Taken::TooLong(bytes) => panic!("{bytes}"),
                    Taken::Nothing => {
                        if !matches!(frames.fill().await, Filled::More) {
                            found.push(frames.rest().to_vec());
                            break;
                        }
                    }
                }
            }
            let found: Vec<&str> = found.iter().map(|m| std::str::from_utf8(m).unwrap()).collect();
            assert_eq!(found, expected, "{step}");
        }
    }
}
