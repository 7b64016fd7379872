//! Fluentd's and Fluent Bit's forward protocol: port 24224.
//!
//! A sender that names its chunk is answered when all of the chunk's events are durable, and never
//! before; what was not answered it sends again. One that names none is held up while the store
//! takes nothing.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use vigie_formats::forward::{
    ForwardError, ForwardMessage, MESSAGE_BYTES_MAX, acknowledgement, read,
};
use vigie_formats::msgpack::Extent;
use vigie_model::event::{Event, EventBatch, EventOrigin, EventSink, Object, TIMESTAMP};
use vigie_world::World;

use crate::delivery::deliver;
use crate::door::{self, CHUNK_BYTES, HELD_BYTES_MAX, Held, HeldShare, HeldTooMuch};
use crate::text_door::TextDoorStats;

/// Connections that work on a whole message at once; the others wait, their senders with them.
const WORKING_MAX: usize = 8;
/// Events that are handed on together.
const BATCH_EVENTS_MAX: usize = 2_048;
/// A connection on which nothing comes for so long is closed; senders keep theirs open and make
/// another when they need one.
const IDLE: Duration = Duration::from_mins(10);

/// A door for the forward protocol.
#[derive(Clone)]
pub struct ForwardDoor {
    sink: Arc<dyn EventSink>,
    world: World,
    stats: Arc<TextDoorStats>,
    working: Arc<Semaphore>,
    held: Arc<Held>,
}

impl fmt::Debug for ForwardDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardDoor").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// What came on a connection and is not taken.
#[derive(Debug)]
struct Unread {
    bytes: Vec<u8>,
    held: HeldShare,
}

impl Unread {
    /// The first `length` bytes.
    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(length.min(self.bytes.len()));
        let whole = std::mem::replace(&mut self.bytes, rest);
        // Less than before, which is never too much.
        self.held.hold(self.bytes.len()).ok();
        whole
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the sender has gone, or everything stops")]
    Gone,
    #[error("a message is larger than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    #[error(transparent)]
    TooMuch(#[from] HeldTooMuch),
    #[error(transparent)]
    Malformed(#[from] ForwardError),
}

impl ForwardDoor {
    /// A door that leads to `sink`.
    pub fn new(sink: Arc<dyn EventSink>, world: World) -> Self {
        let working = Arc::new(Semaphore::new(WORKING_MAX));
        Self { sink, world, stats: Arc::default(), working, held: Held::new(HELD_BYTES_MAX) }
    }

    /// What it has taken.
    pub fn stats(&self) -> Arc<TextDoorStats> {
        Arc::clone(&self.stats)
    }

    /// Takes connections until `stop`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        door::serve(listener, &self.world, &stop, |stream, peer| {
            let (door, stop) = (self.clone(), stop.clone());
            async move { door.connection(stream, peer, &stop).await }
        })
        .await;
    }

    async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) {
        let mut unread = Unread { bytes: Vec::new(), held: self.held.share() };
        let ended = loop {
            if let Err(ended) = self.message(&mut stream, &mut unread, peer, stop).await {
                break ended;
            }
        };
        if !matches!(ended, Ended::Gone) {
            self.stats.wrong.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%peer, error = %ended, "the connection of a forwarder is closed");
        }
    }

    /// Reads a message, hands its events on, and answers.
    async fn message<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        unread: &mut Unread,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let length = self.fill(stream, unread, stop).await?;
        let working = tokio::select! {
            () = stop.cancelled() => return Err(Ended::Gone),
            working = self.working.acquire() => working,
        };
        let whole = unread.take(length);
        let Some(message) = read(&whole)? else { return Ok(()) };
        self.take(&message, peer, stop).await?;
        drop(working);
        let Some(chunk) = message.chunk else { return Ok(()) };
        let answer = acknowledgement(chunk);
        let written = async {
            stream.write_all(&answer).await?;
            stream.flush().await
        };
        tokio::select! {
            () = stop.cancelled() => Err(Ended::Gone),
            written = written => written.map_err(|_| Ended::Gone),
        }
    }

    /// Reads until a message is whole, and gives its length. What it holds grows with what arrived.
    async fn fill<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        unread: &mut Unread,
        stop: &CancellationToken,
    ) -> Result<usize, Ended> {
        let Unread { bytes, held } = unread;
        let mut extent = Extent::default();
        loop {
            if let Some(length) = extent.of(bytes).map_err(ForwardError::from)? {
                return Ok(length);
            }
            if bytes.len() >= MESSAGE_BYTES_MAX {
                return Err(Ended::TooLarge);
            }
            bytes.reserve(CHUNK_BYTES);
            let mut chunk = (&mut *stream).take(CHUNK_BYTES as u64);
            tokio::select! {
                () = stop.cancelled() => return Err(Ended::Gone),
                () = self.world.clock.sleep(IDLE) => return Err(Ended::Gone),
                read = chunk.read_buf(bytes) => if !matches!(read, Ok(1..)) {
                    return Err(Ended::Gone);
                },
            }
            held.hold(bytes.len())?;
        }
    }

    async fn take(
        &self,
        message: &ForwardMessage<'_>,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let mut events = Vec::new();
        let mut wrong = None;
        for entry in message.entries() {
            match entry {
                Ok((time_ns, record)) => events.push(event(&message.tag, time_ns, record)),
                Err(error) => wrong = Some(error),
            }
            if events.len() >= BATCH_EVENTS_MAX {
                self.deliver(std::mem::take(&mut events), peer, stop).await?;
            }
        }
        self.deliver(events, peer, stop).await?;
        // What came before the wrong entry is kept; the chunk is not answered.
        wrong.map_or(Ok(()), |error| Err(Ended::Malformed(error.into())))
    }

    async fn deliver(
        &self,
        events: Vec<Event>,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        if events.is_empty() {
            return Ok(());
        }
        let origin = EventOrigin {
            kind: "forward".into(),
            input: "forward".into(),
            peer: Some(peer),
            ..EventOrigin::default()
        };
        let batch = EventBatch { origin, events };
        let kept = deliver(&*self.sink, &self.world, batch, stop).await.ok_or(Ended::Gone)?;
        self.stats.events.fetch_add(kept, Ordering::Relaxed);
        Ok(())
    }
}

/// The record as it is, with the time, and the tag among `tags`.
fn event(tag: &str, time_ns: i64, record: Object) -> Event {
    let mut event = Event::at(time_ns);
    for (name, value) in record {
        // Nobody but the protocol says when it happened; metadata does not come from outside.
        if name != TIMESTAMP && name != "@metadata" {
            event.fields.push(name, value);
        }
    }
    event.add_tag(tag);
    event
}

#[cfg(test)]
mod tests;
