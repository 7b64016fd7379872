//! Takes the ports and serves them through the front door.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_receive::lines::{LineDoor, LineProtocol};
use vigie_show::{FrontDoor, TextService, WireService};

use crate::plan::Port;

/// All listeners of the process.
#[derive(Debug)]
pub(crate) struct Listeners {
    door: Arc<FrontDoor>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Listeners {
    /// None yet; all end when `stop` is cancelled.
    pub(crate) fn new(door: Arc<FrontDoor>, stop: CancellationToken) -> Self {
        Self { door, stop, tasks: JoinSet::new() }
    }

    /// Takes `port` for `part`. `None`: it is taken by somebody else and nobody asked for it.
    pub(crate) async fn bind(&self, part: &str, port: &Port) -> Result<Option<TcpListener>> {
        match TcpListener::bind(port.address).await {
            Ok(listener) => Ok(Some(listener)),
            Err(error) if port.is_explicit => {
                Err(error).with_context(|| format!("{part} cannot listen on {}", port.address))
            }
            Err(error) => {
                tracing::warn!(part, address = %port.address, %error, "port is taken, this part is off");
                Ok(None)
            }
        }
    }

    /// The same when there is a port for `part` at all.
    pub(crate) async fn bind_wanted(
        &self,
        part: &str,
        port: Option<&Port>,
    ) -> Result<Option<TcpListener>> {
        match port {
            Some(port) => self.bind(part, port).await,
            None => Ok(None),
        }
    }

    /// Serves `router` on `listener`.
    pub(crate) fn serve(&mut self, part: &'static str, listener: TcpListener, router: Router) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(part, %address, "listening");
        }
        let door = Arc::clone(&self.door);
        self.tasks.spawn(door.serve(listener, router, part, self.stop.clone()));
    }

    /// Serves a protocol that is not HTTP on `listener`.
    pub(crate) fn serve_wire(
        &mut self,
        part: &'static str,
        listener: TcpListener,
        service: Arc<dyn WireService>,
    ) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(part, %address, "listening");
        }
        let door = Arc::clone(&self.door);
        self.tasks.spawn(door.serve_wire(listener, service, part, self.stop.clone()));
    }

    /// Takes lines on `listener` and, where the protocol has datagrams, on the same port of UDP;
    /// `router` answers who speaks HTTP there.
    pub(crate) async fn serve_lines(
        &mut self,
        part: &'static str,
        listener: TcpListener,
        (router, door): (Router, LineDoor),
    ) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(part, %address, "listening");
            if matches!(door.protocol(), LineProtocol::Graphite | LineProtocol::Influx) {
                self.serve_datagrams(part, address, door.clone()).await;
            }
        }
        let text: Arc<dyn TextService> = Arc::new(Lines(door));
        let front = Arc::clone(&self.door);
        let serving = front.serve_with_text(listener, (router, text), part, self.stop.clone());
        self.tasks.spawn(serving);
    }

    async fn serve_datagrams(&mut self, part: &'static str, address: SocketAddr, door: LineDoor) {
        match UdpSocket::bind(address).await {
            Ok(socket) => {
                let stop = self.stop.clone();
                self.tasks.spawn(async move { door.serve_datagrams(socket, stop).await });
            }
            Err(error) => tracing::warn!(part, %address, %error, "no datagrams are taken"),
        }
    }

    /// Runs what serves by itself; it ends when `stop` is cancelled.
    pub(crate) fn spawn(&mut self, serving: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(serving);
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// A line protocol behind the front door.
#[derive(Debug)]
struct Lines(LineDoor);

impl TextService for Lines {
    fn takes(&self, first: u8) -> bool {
        // HTTP's methods are capitals, telnet's commands are not. Nobody else speaks HTTP there.
        self.0.protocol() != LineProtocol::OpenTsdb || !first.is_ascii_uppercase()
    }

    fn serve<'a>(
        &'a self,
        stream: TcpStream,
        _peer: SocketAddr,
        shutdown: &'a CancellationToken,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.0.serve(stream, shutdown))
    }
}
