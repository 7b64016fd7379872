//! Ports of other systems' protocols.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use tokio::net::TcpListener;
use vigie_receive::lines::{LineDoor, LineMetrics, LineProtocol};
use vigie_show::prometheus::{self, PrometheusState};

use super::listeners::Listeners;
use crate::plan::DoorPorts;

/// The ports that could be had.
#[derive(Debug, Default)]
pub(super) struct Doors {
    lines: Vec<(LineProtocol, TcpListener)>,
    influx: Option<TcpListener>,
}

const fn part_name(protocol: LineProtocol) -> &'static str {
    match protocol {
        LineProtocol::Graphite => "graphite",
        LineProtocol::GraphitePickle => "graphite_pickle",
        LineProtocol::OpenTsdb => "opentsdb",
        LineProtocol::Influx => "influx_lines",
    }
}

impl Doors {
    /// Takes the ports that were asked for.
    pub(super) async fn take(ports: &DoorPorts, listeners: &Listeners) -> Result<Self> {
        let mut doors = Self::default();
        for (protocol, port) in &ports.lines {
            let Some(port) = port else { continue };
            if let Some(listener) = listeners.bind(part_name(*protocol), port).await? {
                doors.lines.push((*protocol, listener));
            }
        }
        if let Some(port) = &ports.influx {
            doors.influx = listeners.bind("influx", port).await?;
        }
        Ok(doors)
    }

    /// Serves them: what comes goes where everything goes.
    pub(super) async fn serve(
        self,
        state: &Arc<PrometheusState>,
        metrics: &Arc<LineMetrics>,
        listeners: &mut Listeners,
    ) {
        for (protocol, listener) in self.lines {
            let sink = Arc::clone(&state.sink);
            let door = LineDoor::new(protocol, sink, state.world.clone(), Arc::clone(metrics));
            let router = match protocol {
                LineProtocol::OpenTsdb => prometheus::router(Arc::clone(state)),
                _ => Router::new(),
            };
            listeners.serve_lines(part_name(protocol), listener, (router, door)).await;
        }
        if let Some(listener) = self.influx {
            listeners.serve("influx", listener, prometheus::router(Arc::clone(state)));
        }
    }
}
