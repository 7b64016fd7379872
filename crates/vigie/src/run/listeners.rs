//! Takes the ports and serves them through the front door.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_show::FrontDoor;

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

    /// Waits until all have ended.
    pub(crate) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
