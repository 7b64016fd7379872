//! Jaeger's agent: spans in datagrams, on 6831 (compact), 6832 (binary) and on 14268, to which the
//! Python exporter sends when it is given the collector's port.
//!
//! Nobody answers a datagram, so nothing is acknowledged: what arrives is written in bundles, and
//! what is malformed is counted and harms nothing else. One task reads the socket and does nothing
//! else, so that a burst waits in memory (bounded) and not in the kernel, which drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vigie_formats::jaeger::decode_agent_packet;
use vigie_model::span::{SpanBatch, SpanSink};
use vigie_model::{Acknowledge, TenantId};

/// The largest datagram there is.
const PACKET_BYTES_MAX: usize = 65_535;
/// Datagrams that wait for the decoder; more are dropped and counted.
const PACKETS_WAITING_MAX: usize = 16_384;
/// Spans that are written at once.
const SPANS_MAX: usize = 5_000;
/// What the kernel is asked to hold while this process is not scheduled.
const SOCKET_BYTES: usize = 8 << 20;

/// What the agent counted.
#[derive(Debug, Default)]
pub struct AgentCounters {
    /// Datagrams that arrived.
    pub packets: AtomicU64,
    /// Datagrams that were malformed.
    pub malformed: AtomicU64,
    /// Datagrams that were dropped because too many waited.
    pub dropped: AtomicU64,
    /// Spans that were written.
    pub spans: AtomicU64,
    /// Spans that the store refused.
    pub refused: AtomicU64,
}

/// Takes datagrams from `socket` until `stop`.
pub async fn serve(
    socket: UdpSocket,
    sink: Arc<dyn SpanSink>,
    counters: Arc<AgentCounters>,
    stop: CancellationToken,
) {
    // As large as the system allows; the default holds a few hundred packets.
    if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BYTES) {
        tracing::debug!(%error, "the socket's buffer keeps its size");
    }
    let (sender, receiver) = mpsc::channel(PACKETS_WAITING_MAX);
    let writer = write(receiver, sink, Arc::clone(&counters));
    let reader = read(socket, sender, counters, stop);
    tokio::join!(reader, writer);
}

async fn read(
    socket: UdpSocket,
    sender: mpsc::Sender<Box<[u8]>>,
    counters: Arc<AgentCounters>,
    stop: CancellationToken,
) {
    let mut buffer = vec![0; PACKET_BYTES_MAX];
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = socket.recv(&mut buffer) => received,
        };
        match received {
            Ok(length) => {
                counters.packets.fetch_add(1, Ordering::Relaxed);
                let packet = Box::from(buffer.get(..length).unwrap_or_default());
                if sender.try_send(packet).is_err() {
                    counters.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            // For instance an ICMP message about an answer that nobody sent.
            Err(error) => tracing::debug!(%error, "a datagram could not be read"),
        }
    }
}

async fn write(
    mut receiver: mpsc::Receiver<Box<[u8]>>,
    sink: Arc<dyn SpanSink>,
    counters: Arc<AgentCounters>,
) {
    let tenant = TenantId::default_tenant();
    while let Some(first) = receiver.recv().await {
        let mut batch = SpanBatch::new();
        add(&mut batch, &first, &counters);
        while batch.spans.len() < SPANS_MAX {
            let Ok(next) = receiver.try_recv() else { break };
            add(&mut batch, &next, &counters);
        }
        if batch.is_empty() {
            continue;
        }
        let count = batch.spans.len() as u64;
        match sink.write_spans(&tenant, batch, Acknowledge::Logged).await {
            Ok(report) => {
                counters.spans.fetch_add(report.accepted as u64, Ordering::Relaxed);
                counters.refused.fetch_add(report.rejected as u64, Ordering::Relaxed);
            }
            Err(error) => {
                counters.refused.fetch_add(count, Ordering::Relaxed);
                tracing::warn!(%error, spans = count, "spans from datagrams were lost");
            }
        }
    }
}

/// Adds the spans of a datagram; all of them or none.
fn add(batch: &mut SpanBatch, packet: &[u8], counters: &AgentCounters) {
    let before = batch.spans.len();
    if let Err(error) = decode_agent_packet(packet, batch) {
        batch.spans.truncate(before);
        counters.malformed.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, bytes = packet.len(), "malformed datagram");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;
    use vigie_model::span::{SpanFuture, SpanReport};

    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<String>>);

    impl SpanSink for Kept {
        fn write_spans(&self, _: &TenantId, batch: SpanBatch, _: Acknowledge) -> SpanFuture<'_> {
            let mut kept = self.0.lock();
            for span in &batch.spans {
                kept.push(format!("{} {}", batch.service_of(span), batch.text(span.name)));
            }
            let accepted = batch.spans.len();
            Box::pin(async move { Ok(SpanReport { accepted, ..SpanReport::default() }) })
        }
    }

    /// `emitBatch` in the compact encoding: one span `op` of service `a`.
    const PACKET: &[u8] = b"\x82\x81\x01\x09emitBatch\x1c\x1c\x18\x01a\x00\x19\x1c\x16\x02\x16\x00\
                            \x16\x04\x16\x00\x18\x02op\x00\x00\x00";

    #[tokio::test]
    async fn a_bad_datagram_harms_no_other() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (kept, counters) = (Arc::new(Kept::default()), Arc::new(AgentCounters::default()));
        let stop = CancellationToken::new();
        let sink: Arc<dyn SpanSink> = Arc::clone(&kept) as _;
        let task = tokio::spawn(serve(socket, sink, Arc::clone(&counters), stop.clone()));
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for packet in [PACKET, b"GET / HTTP/1.1", &PACKET[..20], PACKET, b""] {
            client.send_to(packet, address).await.unwrap();
        }
        for _ in 0..500 {
            if counters.packets.load(Ordering::Relaxed) == 5 && kept.0.lock().len() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.cancel();
        task.await.unwrap();
        assert_eq!(*kept.0.lock(), ["a op", "a op"]);
        assert_eq!(counters.malformed.load(Ordering::Relaxed), 3);
    }
}
