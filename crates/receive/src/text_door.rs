//! Lines, messages and datagrams over TCP and UDP, for pipelines and straight to the store; decoded
//! by whoever opens the door.
//!
//! A sender over TCP is held up while the sink cannot take more, and what was read is delivered
//! before its connection ends. Datagrams that come while the sink is busy wait in a bounded queue,
//! then they are dropped and counted.

mod frames;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::ServerConfig;
use tokio::io::AsyncRead;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vigie_formats::framing::Framing;
use vigie_model::event::{Event, EventBatch, EventOrigin, EventSink};
use vigie_world::World;

use self::frames::{Filled, Frames, Taken};
use crate::delivery::deliver;
use crate::door::{self, HELD_BYTES_MAX, Held, HeldShare};

/// A line is no longer; the rest of a longer one is another line.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Lines that are handed on together.
const BATCH_LINES_MAX: usize = 1_000;
/// Datagrams that wait for the sink.
const DATAGRAMS_WAITING_MAX: usize = 10_000;
const DATAGRAM_BYTES_MAX: usize = 64 << 10;

/// Makes events of a line or a datagram and of who sent it.
pub type Decode = Arc<dyn Fn(&[u8], SocketAddr) -> Vec<Event> + Send + Sync>;

/// What a door has taken.
#[derive(Debug, Default)]
pub struct TextDoorStats {
    /// Events handed on.
    pub events: AtomicU64,
    /// Datagrams dropped because the sink was busy.
    pub dropped: AtomicU64,
    /// Messages that cannot be read, and what was wrong with what is between them.
    pub wrong: AtomicU64,
}

/// A door for lines or datagrams.
#[derive(Clone)]
pub struct TextDoor {
    origin: EventOrigin,
    decode: Decode,
    sink: Arc<dyn EventSink>,
    world: World,
    stats: Arc<TextDoorStats>,
    tls: Option<Arc<ServerConfig>>,
    framing: Framing,
}

impl fmt::Debug for TextDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextDoor").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl TextDoor {
    /// A door that hands what `decode` makes to `sink`.
    pub fn new(
        kind: &str,
        input: &str,
        decode: Decode,
        sink: Arc<dyn EventSink>,
        world: World,
    ) -> Self {
        let origin =
            EventOrigin { kind: kind.into(), input: input.into(), ..EventOrigin::default() };
        Self {
            origin,
            decode,
            sink,
            world,
            stats: Arc::default(),
            tls: None,
            framing: Framing::Line,
        }
    }

    /// The same, with messages over TCP told apart in another way.
    pub fn with_framing(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// The same, counting there.
    pub fn with_stats(self, stats: Arc<TextDoorStats>) -> Self {
        Self { stats, ..self }
    }

    /// The same, with TLS over TCP.
    pub fn with_tls(self, tls: Option<Arc<ServerConfig>>) -> Self {
        Self { tls, ..self }
    }

    /// What it has taken.
    pub fn stats(&self) -> Arc<TextDoorStats> {
        Arc::clone(&self.stats)
    }

    /// Takes connections until `stop`.
    pub async fn serve_tcp(self, listener: TcpListener, stop: CancellationToken) {
        let held = Held::new(HELD_BYTES_MAX);
        door::serve(listener, &self.world, &stop, |stream, peer| {
            let (door, stop, held) = (self.clone(), stop.clone(), held.share());
            async move {
                if let Some(stream) = door::secured(stream, peer, door.tls.as_ref()).await {
                    door.connection(stream, held, peer, &stop).await;
                }
            }
        })
        .await;
    }

    async fn connection<S: AsyncRead + Unpin>(
        &self,
        stream: S,
        held: HeldShare,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) {
        let mut frames = Frames::new(stream, held, self.framing, LINE_BYTES_MAX);
        loop {
            let mut events = Vec::new();
            let is_open = tokio::select! {
                () = stop.cancelled() => false,
                is_open = self.messages(&mut frames, peer, &mut events) => is_open,
            };
            if !self.deliver(events, peer, stop).await || !is_open {
                return;
            }
        }
    }

    /// Reads one message, and those that are here already. False at the end.
    async fn messages<S: AsyncRead + Unpin>(
        &self,
        frames: &mut Frames<S>,
        peer: SocketAddr,
        events: &mut Vec<Event>,
    ) -> bool {
        while events.len() < BATCH_LINES_MAX {
            match frames.take() {
                Taken::Message(message) => self.message(message, peer, events),
                Taken::TooLong(bytes) => {
                    self.stats.wrong.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%peer, bytes, "a message says that it is too long, its connection is closed");
                    return false;
                }
                Taken::Nothing if !events.is_empty() => return true,
                Taken::Nothing => match frames.fill().await {
                    Filled::More => {}
                    Filled::End => {
                        self.message(frames.rest(), peer, events);
                        return false;
                    }
                    Filled::TooMuch(error) => {
                        self.stats.wrong.fetch_add(1, Ordering::Relaxed);
                        tracing::warn!(%peer, %error, "a connection is closed");
                        return false;
                    }
                },
            }
        }
        true
    }

    fn message(&self, mut message: &[u8], peer: SocketAddr, events: &mut Vec<Event>) {
        while let [rest @ .., b'\n' | b'\r'] = message {
            message = rest;
        }
        if !message.is_empty() {
            events.extend((self.decode)(message, peer));
        }
    }

    /// Takes datagrams until `stop`.
    pub async fn serve_udp(self, socket: UdpSocket, stop: CancellationToken) {
        let (sender, mut waiting) =
            mpsc::channel::<(Vec<Event>, SocketAddr)>(DATAGRAMS_WAITING_MAX);
        let (door, deliver_stop) = (self.clone(), stop.clone());
        let delivering = tokio::spawn(async move {
            let mut many = Vec::new();
            while waiting.recv_many(&mut many, BATCH_LINES_MAX).await > 0 {
                let Some(peer) = many.first().map(|(_, peer)| *peer) else { continue };
                let events = many.drain(..).flat_map(|(events, _)| events).collect();
                door.deliver(events, peer, &deliver_stop).await;
            }
        });
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let received = tokio::select! {
                () = stop.cancelled() => break,
                received = socket.recv_from(&mut buffer) => received,
            };
            let Ok((length, peer)) = received else { continue };
            let events = (self.decode)(buffer.get(..length).unwrap_or_default(), peer);
            if sender.try_send((events, peer)).is_err() {
                self.stats.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        drop(sender);
        delivering.await.ok();
    }

    /// Hands events on until they are taken, or can never be, or everything stops.
    async fn deliver(
        &self,
        events: Vec<Event>,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) -> bool {
        if events.is_empty() {
            return true;
        }
        let origin = EventOrigin { peer: Some(peer), ..self.origin.clone() };
        let batch = EventBatch { origin, events };
        let Some(kept) = deliver(&*self.sink, &self.world, batch, stop).await else { return false };
        self.stats.events.fetch_add(kept, Ordering::Relaxed);
        true
    }
}
