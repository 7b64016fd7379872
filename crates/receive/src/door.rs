//! What doors over TCP share: taking connections, TLS, and a bound over what all of them hold.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use vigie_world::World;

/// Connections at once.
const CONNECTIONS_MAX: usize = 1_000;
/// The TLS handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a door waits when the system gives no more connections, as without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// What is read at once.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;
/// What all connections of a door together may hold of frames that are not whole.
pub(crate) const HELD_BYTES_MAX: usize = 256 << 20;

/// A connection, with or without TLS.
pub(crate) type Secured = Either<TcpStream, TlsStream<TcpStream>>;

/// Takes connections until `stop`, and returns when the last one has ended.
pub(crate) async fn serve<F>(
    listener: TcpListener,
    world: &World,
    stop: &CancellationToken,
    mut connection: impl FnMut(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = world.clock.sleep(ACCEPT_PAUSE) => continue,
                }
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, "too many connections, this one is closed");
            continue;
        };
        // Answers are a few bytes each, and senders wait for them.
        stream.set_nodelay(true).ok();
        let connection = connection(stream, peer);
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    while connections.join_next().await.is_some() {}
}

/// The connection after the handshake where TLS is spoken; `None` after saying why there is none.
pub(crate) async fn secured(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<&Arc<ServerConfig>>,
) -> Option<Secured> {
    let Some(tls) = tls else { return Some(Either::Left(stream)) };
    let handshake = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
    match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(stream)) => return Some(Either::Right(stream)),
        Ok(Err(error)) => tracing::warn!(%peer, %error, "TLS handshake failed"),
        Err(_) => tracing::warn!(%peer, "TLS handshake took too long"),
    }
    None
}

/// What the connections of a door hold together of frames that are not whole. Each frame has its own
/// limit, but a thousand senders that never end theirs would fill the memory.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: AtomicUsize,
    bytes_max: usize,
}

impl Held {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), bytes_max })
    }

    /// The part of a new connection.
    pub(crate) fn share(self: &Arc<Self>) -> HeldShare {
        HeldShare { held: Arc::clone(self), bytes: 0 }
    }
}

/// Together the connections of a door hold too much, and this one asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all senders together hold {0} bytes of what they have not ended")]
pub(crate) struct HeldTooMuch(pub(crate) usize);

/// What one connection holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct HeldShare {
    held: Arc<Held>,
    bytes: usize,
}

impl HeldShare {
    /// Says that the connection holds `bytes` now. A chunk is free, so that who fills the memory
    /// does not keep those out who send little.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), HeldTooMuch> {
        let counted = bytes.saturating_sub(CHUNK_BYTES);
        let before = std::mem::replace(&mut self.bytes, counted);
        let Some(more) = counted.checked_sub(before).filter(|more| *more > 0) else {
            self.held.bytes.fetch_sub(before - counted, Ordering::Relaxed);
            return Ok(());
        };
        let all = self.held.bytes.fetch_add(more, Ordering::Relaxed) + more;
        if all > self.held.bytes_max { Err(HeldTooMuch(all)) } else { Ok(()) }
    }
}

impl Drop for HeldShare {
    fn drop(&mut self) {
        self.held.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_share_what_may_be_held_and_give_it_back() {
        let held = Held::new(100);
        let (mut first, mut second) = (held.share(), held.share());
        assert_eq!(first.hold(CHUNK_BYTES + 60), Ok(()));
        assert_eq!(second.hold(CHUNK_BYTES + 41), Err(HeldTooMuch(101)));
        assert_eq!(second.hold(CHUNK_BYTES), Ok(()), "a chunk is free");
        assert_eq!(first.hold(CHUNK_BYTES + 30), Ok(()));
        assert_eq!(second.hold(CHUNK_BYTES + 70), Ok(()));
        drop(first);
        assert_eq!(second.hold(CHUNK_BYTES + 100), Ok(()));
        drop(second);
        assert_eq!(held.bytes.load(Ordering::Relaxed), 0);
    }
}
