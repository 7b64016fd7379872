//! Line protocols over TCP and UDP: Graphite's plaintext and pickle, OpenTSDB's telnet, InfluxDB's
//! lines.
//!
//! These senders are told nothing: a line that cannot be read is counted and logged once a
//! connection. Reading waits for the store, so that a sender which is faster than the disk is
//! slowed down by TCP itself.

mod connection;
mod metrics;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use vigie_formats::lines::{LineError, LineRow, graphite, influx, opentsdb};
use vigie_model::{Acknowledge, MetricBatch, MetricSink, TenantId};
use vigie_world::World;

pub use metrics::LineMetrics;

/// Longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineProtocol {
    /// `path value timestamp`
    Graphite,
    /// Messages of a length and a pickle.
    GraphitePickle,
    /// `put metric timestamp value tag=value`
    OpenTsdb,
    /// InfluxDB's lines.
    Influx,
}

/// Takes lines and gives batches to a sink.
#[derive(Debug, Clone)]
pub struct LineDoor {
    protocol: LineProtocol,
    sink: Arc<dyn MetricSink>,
    tenant: TenantId,
    world: World,
    metrics: Arc<LineMetrics>,
}

impl LineDoor {
    /// A door for `protocol`; what comes belongs to the default tenant.
    pub fn new(
        protocol: LineProtocol,
        sink: Arc<dyn MetricSink>,
        world: World,
        metrics: Arc<LineMetrics>,
    ) -> Self {
        Self { protocol, sink, tenant: TenantId::default_tenant(), world, metrics }
    }

    /// What is spoken here.
    pub const fn protocol(&self) -> LineProtocol {
        self.protocol
    }

    /// Takes datagrams of whole lines until `stop`.
    pub async fn serve_datagrams(&self, socket: UdpSocket, stop: CancellationToken) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let received = tokio::select! {
                () = stop.cancelled() => return,
                received = socket.recv_from(&mut buffer) => received,
            };
            let Ok((length, _from)) = received else { continue };
            let mut batch = MetricBatch::new();
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
            for line in text.lines() {
                if let Err(error) = self.take_line(line, &mut batch) {
                    self.metrics.count_wrong();
                    tracing::debug!(%error, "a line in a datagram cannot be read");
                }
            }
            self.write(batch).await;
        }
    }

    /// Reads a line into the batch.
    fn take_line(&self, line: &str, batch: &mut MetricBatch) -> Result<(), LineError> {
        match self.protocol {
            LineProtocol::Graphite | LineProtocol::GraphitePickle => {
                self.take_rows(graphite::parse(line)?, batch);
            }
            LineProtocol::OpenTsdb => self.take_rows(opentsdb::parse(line)?, batch),
            LineProtocol::Influx => {
                let Some(line) = influx::parse(line, influx::Precision::Guessed)? else {
                    return Ok(());
                };
                self.take_rows(
                    line.fields.iter().map(|(field, value)| LineRow {
                        name: line.series_name(field),
                        tags: line.tags.clone(),
                        value: *value,
                        timestamp_ms: line.timestamp_ms,
                    }),
                    batch,
                );
            }
        }
        Ok(())
    }

    fn take_rows(&self, rows: impl IntoIterator<Item = LineRow>, batch: &mut MetricBatch) {
        for row in rows {
            let time_ms = row.timestamp_ms.unwrap_or_else(|| self.world.clock.now_ms());
            batch.push_series(&row.labels()).sample(time_ms, row.value);
        }
    }

    async fn write(&self, batch: MetricBatch) {
        let count = batch.sample_count();
        if count == 0 {
            return;
        }
        match self.sink.write(&self.tenant, batch, Acknowledge::Logged).await {
            Ok(report) => self.metrics.count(count - report.rejected.min(count), report.rejected),
            Err(error) => {
                self.metrics.count(0, count);
                tracing::warn!(%error, samples = count, "lines were not kept");
            }
        }
    }
}
