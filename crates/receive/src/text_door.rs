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
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::AsyncRead;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use vigie_formats::framing::Framing;
use vigie_model::event::{Event, EventBatch, EventOrigin, EventSink};
use vigie_world::World;

use self::frames::{Frames, Taken};
use crate::delivery::deliver;

/// A line is no longer; the rest of a longer one is another line.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Lines that are handed on together.
const BATCH_LINES_MAX: usize = 1_000;
/// Connections at once.
const CONNECTIONS_MAX: usize = 1_000;
/// Datagrams that wait for the sink.
const DATAGRAMS_WAITING_MAX: usize = 10_000;
const DATAGRAM_BYTES_MAX: usize = 64 << 10;
/// The TLS handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);

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
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            let Ok((stream, peer)) = accepted else { continue };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(%peer, "too many connections, this one is closed");
                continue;
            };
            let (door, stop) = (self.clone(), stop.clone());
            connections.spawn(async move {
                door.accepted(stream, peer, &stop).await;
                drop(place);
            });
        }
        while connections.join_next().await.is_some() {}
    }

    async fn accepted(&self, stream: TcpStream, peer: SocketAddr, stop: &CancellationToken) {
        let Some(tls) = &self.tls else { return self.connection(stream, peer, stop).await };
        let handshake = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
        match tokio::time::timeout(HANDSHAKE, handshake).await {
            Ok(Ok(stream)) => self.connection(stream, peer, stop).await,
            Ok(Err(error)) => tracing::warn!(%peer, %error, "TLS handshake failed"),
            Err(_) => tracing::warn!(%peer, "TLS handshake took too long"),
        }
    }

    async fn connection<S: AsyncRead + Unpin>(
        &self,
        stream: S,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) {
        let mut frames = Frames::new(stream, self.framing, LINE_BYTES_MAX);
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
                Taken::Nothing => {
                    if !frames.fill().await {
                        self.message(frames.rest(), peer, events);
                        return false;
                    }
                }
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
        let count = events.len() as u64;
        let origin = EventOrigin { peer: Some(peer), ..self.origin.clone() };
        let batch = EventBatch { origin, events };
        let is_kept = deliver(&*self.sink, &self.world, batch, stop).await;
        if is_kept {
            self.stats.events.fetch_add(count, Ordering::Relaxed);
        }
        is_kept
    }
}
