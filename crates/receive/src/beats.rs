//! Beats, and whoever else speaks lumberjack: port 5044.
//!
//! A window is acknowledged as a whole, when its last event is durable, and never in part: load
//! balancers deliver partial acknowledgements to the wrong connection. While it is pending, a sign
//! of life goes out every few seconds, without which senders give up and send it again. A large
//! window is handed on in pieces, so that memory does not grow with it; a store that takes nothing
//! holds the sender up. What was not acknowledged when the connection or the process ends is sent
//! again.

mod reader;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use vigie_formats::lumberjack::{self, Frame, LumberjackError};
use vigie_model::event::{Event, EventBatch, EventOrigin, EventSink};
use vigie_world::World;

use self::reader::FrameReader;
use crate::delivery::deliver;
use crate::door::{self, HELD_BYTES_MAX, Held, HeldTooMuch};

/// Connections that hold a whole frame and what it becomes at once; the others wait, their senders
/// with them.
const WORKING_MAX: usize = 8;
/// Events that are handed on together.
const BATCH_EVENTS_MAX: usize = 2_048;
/// And their bytes on the wire.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// How often a sender that waits gets a sign of life; go-lumber's interval.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// What an event is on the wire.
#[derive(Debug, Clone, Copy)]
pub enum BeatsPayload<'a> {
    /// Version 2: JSON.
    Json(&'a [u8]),
    /// Version 1: keys and values.
    Pairs(&'a [(&'a [u8], &'a [u8])]),
}

/// Makes an event of what came, and of who sent it.
pub type DecodeBeats = Arc<dyn Fn(BeatsPayload<'_>, SocketAddr) -> Event + Send + Sync>;

/// What a door has taken.
#[derive(Debug, Default)]
pub struct BeatsStats {
    /// Events that are durable.
    pub events: AtomicU64,
    /// Connections that were opened.
    pub connections: AtomicU64,
    /// Connections that ended because of what was sent.
    pub malformed: AtomicU64,
}

/// How a door is set up.
#[derive(Debug, Clone)]
pub struct BeatsOptions {
    /// The input's id.
    pub input: String,
    /// A connection on which nothing happens for so long is closed.
    pub idle: Duration,
    /// TLS, where it is spoken.
    pub tls: Option<Arc<ServerConfig>>,
}

/// A door for Beats.
#[derive(Clone)]
pub struct BeatsDoor {
    options: BeatsOptions,
    decode: DecodeBeats,
    sink: Arc<dyn EventSink>,
    world: World,
    stats: Arc<BeatsStats>,
    working: Arc<Semaphore>,
    held: Arc<Held>,
}

impl fmt::Debug for BeatsDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeatsDoor").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the sender has gone")]
    Gone,
    #[error("nothing happened for too long")]
    Idle,
    #[error("stopping")]
    Stopping,
    #[error(transparent)]
    TooMuch(#[from] HeldTooMuch),
    #[error(transparent)]
    Malformed(#[from] LumberjackError),
}

impl BeatsDoor {
    /// A door that hands what `decode` makes to `sink`.
    pub fn new(
        options: BeatsOptions,
        decode: DecodeBeats,
        sink: Arc<dyn EventSink>,
        world: World,
    ) -> Self {
        let working = Arc::new(Semaphore::new(WORKING_MAX));
        let held = Held::new(HELD_BYTES_MAX);
        Self { options, decode, sink, world, stats: Arc::default(), working, held }
    }

    /// What it has taken.
    pub fn stats(&self) -> Arc<BeatsStats> {
        Arc::clone(&self.stats)
    }

    /// Takes connections until `stop`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        door::serve(listener, &self.world, &stop, |stream, peer| {
            self.stats.connections.fetch_add(1, Ordering::Relaxed);
            let (door, stop) = (self.clone(), stop.clone());
            async move {
                if let Some(stream) = door::secured(stream, peer, door.options.tls.as_ref()).await {
                    door.connection(stream, peer, &stop).await;
                }
            }
        })
        .await;
    }

    async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        peer: SocketAddr,
        stop: &CancellationToken,
    ) {
        let (input, output) = tokio::io::split(stream);
        let mut connection = Connection {
            door: self,
            peer,
            stop,
            reader: FrameReader::new(input, self.held.share()),
            output,
            version: b'2',
            window: 0,
            last: 0,
            pending: false,
            events: Vec::new(),
            bytes: 0,
        };
        match connection.run().await {
            Ok(()) | Err(Ended::Gone | Ended::Stopping) => {}
            Err(Ended::Idle) => tracing::debug!(%peer, "an idle connection is closed"),
            Err(Ended::TooMuch(error)) => {
                tracing::warn!(%peer, %error, "the connection of a Beat is closed");
            }
            Err(Ended::Malformed(error)) => {
                self.stats.malformed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%peer, %error, "the connection of a Beat is closed");
            }
        }
    }
}

struct Connection<'a, R, W> {
    door: &'a BeatsDoor,
    peer: SocketAddr,
    stop: &'a CancellationToken,
    reader: FrameReader<R>,
    output: W,
    version: u8,
    /// Events that the window still has.
    window: u32,
    /// The number of its last event.
    last: u32,
    /// Whether events came that are not acknowledged.
    pending: bool,
    events: Vec<Event>,
    bytes: usize,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<'_, R, W> {
    async fn run(&mut self) -> Result<(), Ended> {
        loop {
            let idle = self.door.world.clock.sleep(self.door.options.idle);
            tokio::select! {
                () = self.stop.cancelled() => return Err(Ended::Stopping),
                () = idle => return Err(Ended::Idle),
                filled = self.reader.fill() => if !filled? {
                    return Ok(());
                },
            }
            // The frame, and what it becomes, are held while others wait for that.
            let working = Arc::clone(&self.door.working);
            let _working = self.alive(working.acquire_owned()).await?;
            let frame = self.reader.take();
            self.frame(&frame).await?;
        }
    }

    async fn frame(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let lumberjack::Read::Frame { frame, version, .. } = lumberjack::read(bytes)? else {
            return Ok(());
        };
        self.version = version;
        match frame {
            Frame::Window(count) => {
                // A window that begins within another ends it, as with Logstash.
                if self.pending {
                    self.finish().await?;
                }
                self.window = count;
                if count == 0 {
                    self.write(0).await?;
                }
            }
            Frame::Compressed(compressed) => {
                let mut inflated = Vec::new();
                lumberjack::inflate(compressed, &mut inflated)?;
                for event in lumberjack::events(&inflated) {
                    let (frame, length) = event?;
                    self.event(&frame, length).await?;
                }
            }
            Frame::Json { .. } | Frame::Pairs { .. } => self.event(&frame, bytes.len()).await?,
            Frame::Acknowledgement => {}
        }
        Ok(())
    }

    async fn event(&mut self, frame: &Frame<'_>, bytes: usize) -> Result<(), Ended> {
        let (sequence, payload) = match frame {
            Frame::Json { sequence, payload } => (*sequence, BeatsPayload::Json(payload)),
            Frame::Pairs { sequence, pairs } => (*sequence, BeatsPayload::Pairs(pairs)),
            _ => return Ok(()),
        };
        self.events.push((self.door.decode)(payload, self.peer));
        self.bytes += bytes;
        self.last = sequence;
        self.pending = true;
        self.window = self.window.saturating_sub(1);
        if self.window == 0 {
            return self.finish().await;
        }
        if self.events.len() >= BATCH_EVENTS_MAX || self.bytes >= BATCH_BYTES_MAX {
            return self.deliver().await;
        }
        Ok(())
    }

    /// Hands on what is left of the window, and acknowledges it.
    async fn finish(&mut self) -> Result<(), Ended> {
        self.deliver().await?;
        self.pending = false;
        self.write(self.last).await
    }

    async fn write(&mut self, sequence: u32) -> Result<(), Ended> {
        let frame = lumberjack::acknowledgement(self.version, sequence);
        let written = async {
            self.output.write_all(&frame).await?;
            self.output.flush().await
        };
        tokio::select! {
            () = self.stop.cancelled() => Err(Ended::Stopping),
            written = written => written.map_err(|_| Ended::Gone),
        }
    }

    /// Waits for `work`, and sends signs of life meanwhile.
    async fn alive<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Err(Ended::Stopping),
                done = &mut work => return Ok(done),
                () = self.door.world.clock.sleep(SIGN_OF_LIFE) => {}
            }
            if self.pending {
                self.write(0).await?;
            }
        }
    }

    /// Hands events on until they are taken, or can never be.
    async fn deliver(&mut self) -> Result<(), Ended> {
        let events = std::mem::take(&mut self.events);
        self.bytes = 0;
        if events.is_empty() {
            return Ok(());
        }
        let origin = EventOrigin {
            kind: "beats".into(),
            input: self.door.options.input.as_str().into(),
            peer: Some(self.peer),
            ..EventOrigin::default()
        };
        let batch = EventBatch { origin, events };
        let (sink, world) = (Arc::clone(&self.door.sink), self.door.world.clone());
        let stop = self.stop.clone();
        let kept = self.alive(deliver(&*sink, &world, batch, &stop)).await?;
        self.door.stats.events.fetch_add(kept.ok_or(Ended::Stopping)?, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
