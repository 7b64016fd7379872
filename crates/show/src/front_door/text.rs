//! Protocols of plain lines behind the front door.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// A protocol that is not HTTP.
pub trait TextService: Send + Sync + fmt::Debug {
    /// Whether a connection that begins with this byte speaks it.
    fn takes(&self, first: u8) -> bool;

    /// Serves a connection until it ends or `shutdown`.
    fn serve<'a>(
        &'a self,
        stream: TcpStream,
        peer: SocketAddr,
        shutdown: &'a CancellationToken,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// The first byte of a connection, which stays there to be read; `None` when none comes in time.
pub(super) async fn first_byte(stream: &TcpStream, patience: Duration) -> Option<u8> {
    let mut first = [0];
    let peeked = tokio::time::timeout(patience, stream.peek(&mut first)).await;
    matches!(peeked, Ok(Ok(1))).then_some(first[0])
}
