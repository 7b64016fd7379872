//! To a server that speaks lumberjack (Logstash, or another Vigie), as Filebeat sends.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use vigie_formats::lumberjack;
use vigie_model::event::{
    DeliverFuture, Event, EventBatch, EventSink, Object, Refusal, RefusalKind, Value,
    write_object_json,
};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long no sign of life may come while a window is pending: Filebeat's default.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Sends batches, one window after the other.
pub struct LumberjackSink {
    /// `host:port`
    hosts: Vec<String>,
    tls: Option<Arc<ClientConfig>>,
    /// `@metadata.beat`, which makes the index's name.
    index: Option<String>,
    events_max: usize,
    connection: Mutex<Connection>,
}

#[derive(Default)]
struct Connection {
    stream: Option<Box<dyn Stream>>,
    /// Which host is tried next.
    next: usize,
}

impl fmt::Debug for LumberjackSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LumberjackSink").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl LumberjackSink {
    /// Sends to one of `hosts` (`host` or `host:port`), another one when it fails; `events_max` at
    /// once.
    pub fn new(
        hosts: &[String],
        tls: Option<Arc<ClientConfig>>,
        index: Option<String>,
        events_max: usize,
    ) -> Self {
        let hosts = hosts.iter().map(|host| {
            let has_port = host.rsplit_once(':').is_some_and(|(name, port)| {
                port.parse::<u16>().is_ok() && (!name.contains(':') || name.ends_with(']'))
            });
            if has_port { host.clone() } else { format!("{host}:5044") }
        });
        Self {
            hosts: hosts.collect(),
            tls,
            index,
            events_max: events_max.max(1),
            connection: Mutex::default(),
        }
    }

    async fn send(&self, payloads: &[Vec<u8>]) -> io::Result<()> {
        let mut connection = self.connection.lock().await;
        let mut stream = match connection.stream.take() {
            Some(stream) => stream,
            None => {
                let at = connection.next % self.hosts.len().max(1);
                connection.next = connection.next.wrapping_add(1);
                let host = self.hosts.get(at).ok_or_else(|| io::Error::other("no hosts"))?;
                let opened = tokio::time::timeout(CONNECT_TIMEOUT, self.connect(host)).await;
                opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?
            }
        };
        for window in payloads.chunks(self.events_max) {
            stream.write_all(&lumberjack::window(window)?).await?;
            stream.flush().await?;
            acknowledged(&mut *stream, window.len()).await?;
        }
        // Only a connection on which everything was answered is used again.
        connection.stream = Some(stream);
        Ok(())
    }

    async fn connect(&self, host: &str) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned())
            .map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(tls));
        Ok(Box::new(connector.connect(name, stream).await?))
    }

    fn payload(&self, event: &Event) -> Vec<u8> {
        let mut document = event.fields.clone();
        let mut metadata = event.metadata.clone();
        if let Some(index) = &self.index {
            metadata.insert("beat", Value::from(index.clone()));
        }
        let mut whole = Object::with_capacity(document.len() + 1);
        whole.push("@metadata", Value::Object(metadata));
        document.remove("@metadata");
        for (key, value) in document {
            whole.push(key, value);
        }
        let mut out = Vec::new();
        write_object_json(&whole, &mut out);
        out
    }
}

/// Waits until all `count` events are acknowledged; signs of life prolong it.
async fn acknowledged(stream: &mut dyn Stream, count: usize) -> io::Result<()> {
    loop {
        let mut frame = [0_u8; 6];
        let reading = tokio::time::timeout(ANSWER_TIMEOUT, stream.read_exact(&mut frame)).await;
        reading.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let [_version, kind, a, b, c, d] = frame;
        if kind != b'A' {
            return Err(io::Error::other("the server answers no lumberjack"));
        }
        if u32::from_be_bytes([a, b, c, d]) as usize >= count {
            return Ok(());
        }
    }
}

impl EventSink for LumberjackSink {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            let payloads: Vec<Vec<u8>> =
                batch.events.iter().map(|event| self.payload(event)).collect();
            self.send(&payloads).await.map_err(|error| {
                let hosts = self.hosts.join(", ");
                Refusal::new(RefusalKind::Unavailable, format!("output.logstash {hosts}: {error}"))
            })
        })
    }
}
