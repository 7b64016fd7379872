//! Messages, with a sink that takes them when it is told to.

use tokio::net::TcpStream;
use vigie_model::event::DeliverFuture;

use super::*;

#[derive(Debug)]
struct Sink {
    open: Semaphore,
    taken: parking_lot::Mutex<Vec<Event>>,
}

impl EventSink for Sink {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            self.open.acquire().await.unwrap().forget();
            self.taken.lock().extend(batch.events);
            Ok(())
        })
    }
}

async fn open() -> (TcpStream, Arc<Sink>, Arc<TextDoorStats>, CancellationToken) {
    let sink = Arc::new(Sink { open: Semaphore::new(0), taken: parking_lot::Mutex::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = ForwardDoor::new(Arc::clone(&sink) as _, World::real());
    let (stats, stop) = (door.stats(), CancellationToken::new());
    tokio::spawn(door.serve(listener, stop.clone()));
    (TcpStream::connect(address).await.unwrap(), sink, stats, stop)
}

#[tokio::test]
async fn a_chunk_is_answered_when_it_is_kept() {
    let (mut stream, sink, stats, _stop) = open().await;
    let message =
        b"\x93\xa3app\x92\x92\x02\x82\xa1n\x01\xaa@timestamp\x05\x92\x03\x80\x81\xa5chunk\xa2Q=";
    // Twice, in pieces that end anywhere.
    for part in [&message[..], &message[..]].concat().chunks(7) {
        stream.write_all(part).await.unwrap();
        stream.flush().await.unwrap();
    }
    for _ in 0..2 {
        let mut answer = [0; 10];
        assert_eq!(stream.try_read(&mut answer).ok(), None);
        sink.open.add_permits(1);
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer));
        read.await.unwrap().unwrap();
        assert_eq!(answer, *b"\x81\xa3ack\xda\0\x02Q=");
    }
    assert_eq!(stats.events.load(Ordering::Relaxed), 4);
    let taken = sink.taken.lock();
    assert_eq!(taken[0].time_ns(), Some(2_000_000_000));
    assert_eq!(taken[0].fields.get("n"), Some(&1_i64.into()));
    assert_eq!(
        taken[1].fields.get("tags"),
        Some(&vigie_model::event::Value::List(vec!["app".into()]))
    );
}

#[tokio::test]
async fn what_is_no_message_ends_its_connection_and_is_not_answered() {
    for wrong in [&b"GET / HTTP/1.1\r\n"[..], b"\xc1", b"\x93\xa1a\xa1\xc1\x81\xa5chunk\xa1x"] {
        let (mut stream, sink, stats, _stop) = open().await;
        sink.open.add_permits(9);
        stream.write_all(wrong).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer));
        // A connection that is closed with something unread is reset.
        read.await.unwrap().ok();
        assert!(answer.is_empty());
        assert_eq!(stats.wrong.load(Ordering::Relaxed), 1);
    }
}
