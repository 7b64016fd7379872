//! Connections of all protocols, in memory.

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vigie_model::{WriteFuture, WriteReport};

use super::*;

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<String>>);

impl MetricSink for Kept {
    fn write(&self, _tenant: &TenantId, batch: MetricBatch, _ack: Acknowledge) -> WriteFuture<'_> {
        let mut kept = self.0.lock();
        for series in batch.series() {
            for row in series.samples.clone() {
                let row = row as usize;
                let (value, time) = (batch.values[row], batch.timestamps_ms[row]);
                kept.push(format!("{} {value} {time}", batch.labels(series)));
            }
        }
        Box::pin(async { Ok(WriteReport::default()) })
    }
}

/// What is kept and what is answered when the pieces are sent one after the other.
async fn send(protocol: LineProtocol, pieces: &[&[u8]]) -> (Vec<String>, String) {
    let kept = Arc::new(Kept::default());
    let sink: Arc<dyn MetricSink> = Arc::<Kept>::clone(&kept);
    let door = LineDoor::new(protocol, sink, World::real(), Arc::default());
    let (mut here, there) = tokio::io::duplex(1 << 20);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(async move { door.serve(there, &stop).await });
    for piece in pieces {
        // The other side may have closed after what it was sent.
        here.write_all(piece).await.ok();
        tokio::task::yield_now().await;
    }
    here.shutdown().await.ok();
    let mut answer = String::new();
    here.read_to_string(&mut answer).await.unwrap();
    serving.await.unwrap();
    let lines = kept.0.lock().clone();
    (lines, answer)
}

#[tokio::test]
async fn graphite_lines_come_in_pieces() {
    let pieces: [&[u8]; 3] = [b"a.b;x=y 1 1560", b"277406\nwrong\nc 2.5 15602774", b"07"];
    let (kept, answer) = send(LineProtocol::Graphite, &pieces).await;
    assert_eq!(kept, ["a.b{x=\"y\"} 1 1560277406000", "c 2.5 1560277407000"]);
    assert_eq!(answer, "");
}

#[tokio::test]
async fn telnet_is_told_what_is_wrong() {
    let lines: &[u8] = b"version\nput a 1560277406 1 h=x\nput b\nexit\nput c 1560277406 1\n";
    let (kept, answer) = send(LineProtocol::OpenTsdb, &[lines]).await;
    assert_eq!(kept, ["a{h=\"x\"} 1 1560277406000"]);
    let lines: Vec<&str> = answer.lines().collect();
    assert!(lines[0].starts_with("Vigie"), "{answer}");
    assert_eq!(lines[1], "put: illegal argument: no timestamp: \"put b\"");
}

#[tokio::test]
async fn influx_lines_and_pickles() {
    let (kept, _) = send(LineProtocol::Influx, &[b"m,t=v f=1,g=2 1560277406\n"]).await;
    assert_eq!(kept, ["m_f{t=\"v\"} 1 1560277406000", "m_g{t=\"v\"} 2 1560277406000"]);
    let body = b"(lp0\n(Va.b\np1\n(I1560277406\nF1.5\ntp2\ntp3\na.";
    let mut message = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    message.extend_from_slice(body);
    let (first, rest) = message.split_at(10);
    let (kept, _) = send(LineProtocol::GraphitePickle, &[first, rest, &message]).await;
    assert_eq!(kept, ["a.b 1.5 1560277406000", "a.b 1.5 1560277406000"]);
    let (kept, _) = send(LineProtocol::GraphitePickle, &[&[0xff; 100]]).await;
    assert!(kept.is_empty());
}

#[tokio::test]
async fn a_line_without_an_end_is_not_kept_in_memory() {
    let long = vec![b'a'; 300 << 10];
    let (kept, _) = send(LineProtocol::Graphite, &[&long, b" 1 2\n"]).await;
    assert!(kept.is_empty());
}
