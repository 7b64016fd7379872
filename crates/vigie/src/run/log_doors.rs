//! Doors for logs as text: of pipelines, or by themselves and straight to the store.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use vigie_formats::framing::Framing;
use vigie_model::event::{EventSink, IndexPattern, LogIndexes};
use vigie_model::{LogSink, TenantId};
use vigie_process::{
    DecodeText, GelfOptions, Input, SyslogOptions, decode_from, decode_gelf, decode_syslog,
};
use vigie_receive::forward::ForwardDoor;
use vigie_receive::text_door::{TextDoor, TextDoorStats};
use vigie_show::Telemetry;
use vigie_store::Store;
use vigie_world::World;

use super::listeners::Listeners;
use crate::plan::{LogDoor, Port};

/// A counter of a door, by name.
type Counter = (&'static str, &'static str, fn(&TextDoorStats) -> &AtomicU64);

const COUNTERS: [Counter; 3] = [
    ("vigie_receive_log_events_total", "Events of doors for logs that were handed on.", |stats| {
        &stats.events
    }),
    (
        "vigie_receive_log_datagrams_dropped_total",
        "Datagrams that were dropped because what is behind their door was busy.",
        |stats| &stats.dropped,
    ),
    (
        "vigie_receive_log_messages_wrong_total",
        "Messages, and pieces of them, that could not be read.",
        |stats| &stats.wrong,
    ),
];

/// Counters of the doors that are open, by kind and id.
type OpenDoors = Arc<Mutex<Vec<(String, String, Arc<TextDoorStats>)>>>;

/// The doors of a process.
#[derive(Debug, Clone)]
pub(super) struct LogDoors {
    open: OpenDoors,
    world: World,
}

/// Where a door is, and what it leads to.
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) sink: Arc<dyn EventSink>,
    pub(super) tls: Option<Arc<ServerConfig>>,
}

impl LogDoors {
    /// None is open yet.
    pub(super) fn new(telemetry: &Telemetry, world: &World) -> Self {
        let doors = Self { open: OpenDoors::default(), world: world.clone() };
        let open = Arc::clone(&doors.open);
        telemetry.register(Box::new(move |text| {
            let open = open.lock();
            for (name, help, counter) in COUNTERS {
                text.family(name, "counter", help);
                for (kind, id, stats) in open.iter() {
                    let value = counter(stats).load(Ordering::Relaxed);
                    text.sample(name, &[("kind", kind), ("input", id)], value as f64);
                }
            }
        }));
        doors
    }

    /// Opens the door of a pipeline's input. A port that is taken is an error: who names a port
    /// has senders that use it.
    pub(super) async fn open_input(
        &self,
        input: &Input,
        place: Place,
        (listeners, stop): (&mut Listeners, &CancellationToken),
    ) -> Result<Arc<TextDoorStats>> {
        let stats = Arc::new(TextDoorStats::default());
        let world = self.world.clone();
        let (decode, framing) = match input.kind.as_str() {
            "syslog" => {
                let options = SyslogOptions::of_input(input)?;
                (decode_syslog(options, world), Framing::Syslog)
            }
            "gelf" => (gelf(GelfOptions::of_input(input)?, world, &stats), Framing::Null),
            kind => (decode_from(kind, input.decoder, world), Framing::Line),
        };
        let door = TextDoor::new(&input.kind, &input.id, decode, place.sink, self.world.clone())
            .with_tls(place.tls)
            .with_framing(framing)
            .with_stats(Arc::clone(&stats));
        let part = format!("logstash {}", input.kind);
        let port = Port { address: place.address, is_explicit: true };
        let tcp = if input.uses_tcp { listeners.bind(&part, &port).await? } else { None };
        let udp = if input.uses_udp { listeners.bind_datagrams(&part, &port).await? } else { None };
        self.serve(door, (&input.kind, &input.id), (tcp, udp), (listeners, stop));
        Ok(stats)
    }

    /// Opens a door of an input of `filebeat.yml`.
    pub(super) async fn open_shipper(
        &self,
        (kind, id): (&str, &str),
        (decode, framing, is_udp): (DecodeText, Framing, bool),
        place: Place,
        (listeners, stop): (&mut Listeners, &CancellationToken),
    ) -> Result<()> {
        let door = TextDoor::new(kind, id, decode, place.sink, self.world.clone())
            .with_tls(place.tls)
            .with_framing(framing);
        let part = format!("filebeat {kind}");
        let port = Port { address: place.address, is_explicit: true };
        let (mut tcp, mut udp) = (None, None);
        if is_udp {
            udp = listeners.bind_datagrams(&part, &port).await?;
        } else {
            tcp = listeners.bind(&part, &port).await?;
        }
        self.serve(door, (kind, id), (tcp, udp), (listeners, stop));
        Ok(())
    }

    /// Opens the doors that lead straight to the store, except those of kinds that pipelines have.
    pub(super) async fn open_own(
        &self,
        ports: &[(LogDoor, Port)],
        kinds_taken: &[String],
        store: &Arc<Store>,
        (listeners, stop): (&mut Listeners, &CancellationToken),
    ) -> Result<()> {
        let sink = store_sink(store, &self.world);
        for (door, port) in ports {
            let (kind, world) = (door.kind(), self.world.clone());
            if kinds_taken.iter().any(|taken| taken == kind) {
                continue;
            }
            let stats = Arc::new(TextDoorStats::default());
            let (decode, framing) = match door {
                LogDoor::Forward => {
                    let door = ForwardDoor::new(Arc::clone(&sink), world);
                    if let Some(listener) = listeners.bind(kind, port).await? {
                        self.opened((kind, kind), door.stats(), listener.local_addr().ok());
                        listeners.spawn(door.serve(listener, stop.clone()));
                    }
                    continue;
                }
                LogDoor::Syslog => {
                    (decode_syslog(SyslogOptions::default(), world), Framing::Syslog)
                }
                LogDoor::Gelf => (gelf(GelfOptions::default(), world, &stats), Framing::Null),
            };
            let text = TextDoor::new(kind, kind, decode, Arc::clone(&sink), self.world.clone())
                .with_framing(framing)
                .with_stats(stats);
            let tcp = listeners.bind(kind, port).await?;
            let udp = listeners.bind_datagrams(kind, port).await?;
            self.serve(text, (kind, kind), (tcp, udp), (&mut *listeners, stop));
        }
        Ok(())
    }

    fn serve(
        &self,
        door: TextDoor,
        (kind, id): (&str, &str),
        (tcp, udp): (Option<TcpListener>, Option<UdpSocket>),
        (listeners, stop): (&mut Listeners, &CancellationToken),
    ) {
        let at = match (&tcp, &udp) {
            (None, None) => return,
            (Some(listener), _) => listener.local_addr(),
            (None, Some(socket)) => socket.local_addr(),
        };
        self.opened((kind, id), door.stats(), at.ok());
        if let Some(listener) = tcp {
            listeners.spawn(door.clone().serve_tcp(listener, stop.clone()));
        }
        if let Some(socket) = udp {
            listeners.spawn(door.serve_udp(socket, stop.clone()));
        }
    }

    /// Counts a door, and says that it is there.
    fn opened(&self, (kind, id): (&str, &str), stats: Arc<TextDoorStats>, at: Option<SocketAddr>) {
        self.open.lock().push((kind.to_owned(), id.to_owned(), stats));
        if let Some(address) = at {
            tracing::info!(part = kind, input = id, %address, "listening");
        }
    }
}

fn gelf(options: GelfOptions, world: World, stats: &Arc<TextDoorStats>) -> DecodeText {
    let stats = Arc::clone(stats);
    let tell = move |count| _ = stats.wrong.fetch_add(count, Ordering::Relaxed);
    decode_gelf(options, world, Arc::new(tell))
}

/// Where events go that no pipeline takes.
pub(super) fn store_sink(store: &Arc<Store>, world: &World) -> Arc<dyn EventSink> {
    let clock = Arc::clone(&world.clock);
    Arc::new(LogIndexes::new(
        Arc::clone(store) as Arc<dyn LogSink>,
        TenantId::default_tenant(),
        IndexPattern::parse("logs-%{+YYYY.MM.dd}"),
        Arc::new(move || clock.now_ms().saturating_mul(1_000_000)),
    ))
}

impl Listeners {
    /// Takes `port` of UDP for `part`, as [`bind`](Self::bind) does with TCP's.
    async fn bind_datagrams(&self, part: &str, port: &Port) -> Result<Option<UdpSocket>> {
        match UdpSocket::bind(port.address).await {
            Ok(socket) => Ok(Some(socket)),
            Err(error) if port.is_explicit => Err(error)
                .with_context(|| format!("{part} cannot listen on {} (UDP)", port.address)),
            Err(error) => {
                tracing::warn!(part, address = %port.address, %error, "port is taken, no datagrams are taken");
                Ok(None)
            }
        }
    }
}
