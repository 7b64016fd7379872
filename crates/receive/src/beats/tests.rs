//! A window at a time, with a sink that takes, waits or refuses.

use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use vigie_model::event::{DeliverFuture, Refusal, RefusalKind};

use super::*;

#[derive(Debug, Default)]
struct Sink {
    taken: Mutex<Vec<usize>>,
    /// Refusals that come first.
    refusals: Mutex<Vec<RefusalKind>>,
    closed: Option<Arc<Semaphore>>,
}

impl EventSink for Sink {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            if let Some(closed) = &self.closed {
                closed.acquire().await.unwrap().forget();
            }
            if let Some(kind) = self.refusals.lock().pop() {
                return Err(Refusal::new(kind, "refused"));
            }
            self.taken.lock().push(batch.events.len());
            Ok(())
        })
    }
}

fn window(events: u32) -> Vec<u8> {
    let mut out = b"2W".to_vec();
    out.extend(events.to_be_bytes());
    for sequence in 1..=events {
        out.extend(b"2J");
        out.extend(sequence.to_be_bytes());
        out.extend(2_u32.to_be_bytes());
        out.extend(b"{}");
    }
    out
}

async fn open(sink: Arc<Sink>, world: World) -> (TcpStream, CancellationToken, Arc<BeatsStats>) {
    open_holding(HELD_BYTES_MAX, sink, world).await
}

async fn open_holding(
    held_max: usize,
    sink: Arc<Sink>,
    world: World,
) -> (TcpStream, CancellationToken, Arc<BeatsStats>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options =
        BeatsOptions { input: "beats".into(), idle: Duration::from_secs(3_600), tls: None };
    let decode: DecodeBeats = Arc::new(|_, _| Event::at(0));
    let mut door = BeatsDoor::new(options, decode, sink, world);
    door.held = Held::new(held_max);
    let (stats, stop) = (door.stats(), CancellationToken::new());
    tokio::spawn(door.serve(listener, stop.clone()));
    (TcpStream::connect(address).await.unwrap(), stop, stats)
}

async fn answer(stream: &mut TcpStream) -> [u8; 6] {
    let mut answer = [0; 6];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer));
    read.await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn windows_are_acknowledged_whole_and_large_ones_come_in_pieces() {
    let sink = Arc::new(Sink::default());
    let (mut stream, _stop, stats) = open(Arc::clone(&sink), World::real()).await;
    // Two windows at once: the second waits its turn.
    let both = [window(3), window(5_000)].concat();
    stream.write_all(&both).await.unwrap();
    assert_eq!(answer(&mut stream).await, *b"2A\0\0\0\x03");
    assert_eq!(answer(&mut stream).await, lumberjack::acknowledgement(b'2', 5_000));
    assert_eq!(*sink.taken.lock(), [3, 2_048, 2_048, 904]);
    assert_eq!(stats.events.load(Ordering::Relaxed), 5_003);
    // An empty window, and one that another cuts short.
    let cut = [window(0), b"2W\0\0\0\x09".to_vec(), window(1)[6..].to_vec(), window(2)].concat();
    stream.write_all(&cut).await.unwrap();
    for sequence in [0, 1, 2] {
        assert_eq!(answer(&mut stream).await, lumberjack::acknowledgement(b'2', sequence));
    }
}

#[tokio::test]
async fn a_store_that_takes_nothing_holds_the_sender_up_alive() {
    let closed = Arc::new(Semaphore::new(0));
    let sink = Arc::new(Sink {
        refusals: Mutex::new(vec![RefusalKind::Unavailable]),
        closed: Some(Arc::clone(&closed)),
        ..Sink::default()
    });
    let clock = Arc::new(vigie_world::ManualClock::at(0));
    let world = World { clock: Arc::clone(&clock) as _, ..World::real() };
    let (mut stream, _stop, _stats) = open(Arc::clone(&sink), world).await;
    stream.write_all(&window(2)).await.unwrap();
    // The clock stands still until it is moved, and the door may not wait for it yet.
    let moving = tokio::spawn(async move {
        loop {
            clock.advance(Duration::from_millis(500));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(answer(&mut stream).await, *b"2A\0\0\0\0");
    assert!(sink.taken.lock().is_empty());
    // It is refused once, and taken then.
    closed.add_permits(2);
    loop {
        match answer(&mut stream).await {
            [.., 0] => {}
            end => break assert_eq!(end, *b"2A\0\0\0\x02"),
        }
    }
    assert_eq!(*sink.taken.lock(), [2]);
    moving.abort();
}

#[tokio::test]
async fn nonsense_closes_its_connection_only() {
    let sink = Arc::new(Sink::default());
    let (mut first, _stop, stats) = open(Arc::clone(&sink), World::real()).await;
    let mut second = TcpStream::connect(first.peer_addr().unwrap()).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).await.ok();
    assert!(rest.is_empty());
    second.write_all(&window(1)).await.unwrap();
    assert_eq!(answer(&mut second).await, *b"2A\0\0\0\x01");
    assert_eq!(stats.malformed.load(Ordering::Relaxed), 1);
}

/// Frames that are within their own limit and never end are within one for all of them too.
#[tokio::test]
async fn who_never_ends_a_frame_cannot_fill_the_memory() {
    let sink = Arc::new(Sink::default());
    let (mut first, _stop, stats) = open_holding(1 << 20, Arc::clone(&sink), World::real()).await;
    let mut second = TcpStream::connect(first.peer_addr().unwrap()).await.unwrap();
    let mut small = TcpStream::connect(first.peer_addr().unwrap()).await.unwrap();
    let mut endless = b"2J\0\0\0\x01\x01\0\0\0".to_vec();
    endless.resize(800 << 10, b' ');
    first.write_all(&endless).await.unwrap();
    // It may be reset while it still sends.
    second.write_all(&endless).await.ok();
    let (mut byte, mut other) = ([0], [0]);
    let closed = async {
        tokio::select! {
            read = first.read(&mut byte) => read,
            read = second.read(&mut other) => read,
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(30), closed).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "one of the two is closed: {closed:?}");
    small.write_all(&window(3)).await.unwrap();
    assert_eq!(answer(&mut small).await, *b"2A\0\0\0\x03", "who sends little is not kept out");
    assert_eq!(stats.malformed.load(Ordering::Relaxed), 0);
}
