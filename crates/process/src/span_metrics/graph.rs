//! Who calls whom: a client's span and the server's span that it caused, put together.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use vigie_model::span::{AttributeValue, Span, SpanBatch, SpanId, SpanKind, StatusCode, TraceId};
use vigie_model::{Metadata, MetricType};

use super::histogram::{Bounds, Histogram, HistogramNames, Moment, Writer};
use super::{Batches, IDLE_MS};

/// Tempo's default buckets of the graph, in seconds.
static SECONDS: Bounds = Bounds {
    upper: &[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8],
    le: &["0.1", "0.2", "0.4", "0.8", "1.6", "3.2", "6.4", "12.8", "+Inf"],
};
static SERVER_SECONDS: HistogramNames = HistogramNames {
    family: "traces_service_graph_request_server_seconds",
    bucket: "traces_service_graph_request_server_seconds_bucket",
    sum: "traces_service_graph_request_server_seconds_sum",
    count: "traces_service_graph_request_server_seconds_count",
};
static CLIENT_SECONDS: HistogramNames = HistogramNames {
    family: "traces_service_graph_request_client_seconds",
    bucket: "traces_service_graph_request_client_seconds_bucket",
    sum: "traces_service_graph_request_client_seconds_sum",
    count: "traces_service_graph_request_client_seconds_count",
};
const REQUESTS: &str = "traces_service_graph_request_total";
const FAILED: &str = "traces_service_graph_request_failed_total";
const UNPAIRED: &str = "traces_service_graph_unpaired_spans_total";
const DROPPED: &str = "traces_service_graph_dropped_spans_total";

/// Attributes that name the database a client asks, the best first.
const DATABASE_NAMES: [&str; 5] =
    ["db.namespace", "db.name", "db.system.name", "db.system", "db.instance"];
/// Attributes that name the other end of a call, the best first.
const PEERS: [&str; 3] = ["peer.service", "server.address", "net.peer.name"];
/// Who calls where nobody known does.
const USER: &str = "user";
/// Names are cut here.
const NAME_BYTES_MAX: usize = 512;

/// What is between two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Connection {
    Direct,
    Messages,
    Database,
    /// One end sends no spans.
    Virtual,
}

impl Connection {
    const fn name(self) -> &'static str {
        match self {
            Self::Direct => "",
            Self::Messages => "messaging_system",
            Self::Database => "database",
            Self::Virtual => "virtual_node",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Client,
    Server,
}

/// One end of a call.
#[derive(Debug)]
pub(super) struct Half {
    /// The trace, and the client's span.
    call: (TraceId, SpanId),
    side: Side,
    connection: Connection,
    service: Arc<str>,
    /// What the client says of the server.
    peer: Option<Box<str>>,
    is_root: bool,
    seconds: f64,
    failed: bool,
    weight: f64,
}

/// The end of a call that `span` is, when it is one.
pub(super) fn half_of(
    batch: &SpanBatch,
    span: &Span,
    service: &Arc<str>,
    weight: f64,
) -> Option<Half> {
    let (side, connection) = match span.kind {
        SpanKind::Client => (Side::Client, Connection::Direct),
        SpanKind::Server => (Side::Server, Connection::Direct),
        SpanKind::Producer => (Side::Client, Connection::Messages),
        SpanKind::Consumer => (Side::Server, Connection::Messages),
        SpanKind::Unspecified | SpanKind::Internal => return None,
    };
    let text_of = |wanted: &str| {
        batch.attributes_of(&span.attributes).iter().find_map(|one| match one.value {
            AttributeValue::Text(text) if batch.text(one.key) == wanted => {
                Some(batch.text(text)).filter(|text| !text.is_empty())
            }
            _ => None,
        })
    };
    let (mut connection, mut peer) = (connection, None);
    if side == Side::Client {
        peer = DATABASE_NAMES.iter().find_map(|name| text_of(name));
        if peer.is_some() && span.kind == SpanKind::Client {
            connection = Connection::Database;
        } else {
            peer = PEERS.iter().find_map(|name| text_of(name));
        }
    }
    let span_id = if side == Side::Client { span.span_id } else { span.parent_span_id };
    Some(Half {
        call: (span.trace_id, span_id),
        side,
        connection,
        service: Arc::clone(service),
        peer: peer.filter(|peer| peer.len() <= NAME_BYTES_MAX).map(Box::from),
        is_root: side == Side::Server && span.parent_span_id.is_none(),
        seconds: span.duration_ns as f64 / 1e9,
        failed: span.status == StatusCode::Error,
        weight,
    })
}

#[derive(Debug)]
struct Edge {
    requests: f64,
    failed: f64,
    client: Histogram,
    server: Histogram,
    began_ms: i64,
    is_written: bool,
    last_ms: i64,
}

#[derive(Debug)]
struct Count {
    value: f64,
    began_ms: i64,
    is_written: bool,
}

/// The service graph of one tenant.
#[derive(Debug)]
pub(super) struct Graph {
    edges_max: usize,
    waiting_max: usize,
    wait_ms: i64,
    waiting: HashMap<(TraceId, SpanId), (i64, Half)>,
    /// When the calls that wait are given up, the first first.
    deadlines: VecDeque<(i64, (TraceId, SpanId))>,
    edges: HashMap<(Arc<str>, Arc<str>, Connection), Edge>,
    /// By the service and the end that is known.
    unpaired: HashMap<(Arc<str>, Side), Count>,
    dropped: Option<Count>,
}

impl Graph {
    pub(super) fn new(edges_max: usize, waiting_max: usize, wait_ms: i64) -> Self {
        Self {
            edges_max,
            waiting_max,
            wait_ms,
            waiting: HashMap::new(),
            deadlines: VecDeque::new(),
            edges: HashMap::new(),
            unpaired: HashMap::new(),
            dropped: None,
        }
    }

    pub(super) fn edges(&self) -> usize {
        self.edges.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Counts the call when its other end is known, or lets it wait.
    pub(super) fn commit(&mut self, half: Half, now_ms: i64) {
        self.give_up(now_ms);
        if half.connection == Connection::Database {
            // A database sends no span of its own.
            let server = half.peer.as_deref().map_or_else(|| Arc::from(""), Arc::from);
            self.count((Arc::clone(&half.service), server, half.connection), &half, &half, now_ms);
            return;
        }
        if half.is_root {
            let user = (Arc::from(USER), Arc::clone(&half.service), Connection::Virtual);
            self.count(user, &half, &half, now_ms);
            return;
        }
        match self.waiting.get(&half.call) {
            Some((_, other)) if other.side != half.side => {
                let Some((_, other)) = self.waiting.remove(&half.call) else { return };
                let (client, server) =
                    if half.side == Side::Client { (half, other) } else { (other, half) };
                let connection = if client.connection == Connection::Messages
                    || server.connection == Connection::Messages
                {
                    Connection::Messages
                } else {
                    Connection::Direct
                };
                let pair = (Arc::clone(&client.service), Arc::clone(&server.service), connection);
                self.count(pair, &client, &server, now_ms);
            }
            // The same span again, or a second server of one call: the first one waits on.
            Some(_) => {}
            None if self.waiting.len() >= self.waiting_max
                || self.deadlines.len() >= self.waiting_max.saturating_mul(2) =>
            {
                self.drop_one(half.weight, now_ms);
            }
            None => {
                let deadline = now_ms.saturating_add(self.wait_ms);
                self.deadlines.push_back((deadline, half.call));
                self.waiting.insert(half.call, (deadline, half));
            }
        }
    }

    fn count(
        &mut self,
        pair: (Arc<str>, Arc<str>, Connection),
        client: &Half,
        server: &Half,
        now_ms: i64,
    ) {
        // Two samplers may have looked at the two ends; the sparser one decides how many it was.
        let weight = client.weight.max(server.weight);
        if self.edges.len() >= self.edges_max && !self.edges.contains_key(&pair) {
            self.drop_one(weight, now_ms);
            return;
        }
        let edge = self.edges.entry(pair).or_insert_with(|| Edge {
            requests: 0.0,
            failed: 0.0,
            client: Histogram::new(&SECONDS),
            server: Histogram::new(&SECONDS),
            began_ms: now_ms,
            is_written: false,
            last_ms: now_ms,
        });
        edge.requests += weight;
        if client.failed || server.failed {
            edge.failed += weight;
        }
        edge.client.observe(client.seconds, weight);
        edge.server.observe(server.seconds, weight);
        edge.last_ms = now_ms;
    }

    /// Calls whose other end did not come: to or from what sends no spans, when that is known.
    fn give_up(&mut self, now_ms: i64) {
        while let Some((deadline, call)) = self.deadlines.front().copied() {
            if deadline > now_ms {
                return;
            }
            self.deadlines.pop_front();
            // The call may have ended, and one of the same ids begun to wait since.
            if self.waiting.get(&call).is_none_or(|(waits_until, _)| *waits_until != deadline) {
                continue;
            }
            let Some((_, half)) = self.waiting.remove(&call) else { continue };
            if let (Side::Client, Some(peer)) = (half.side, half.peer.as_deref()) {
                let pair = (Arc::clone(&half.service), Arc::from(peer), Connection::Virtual);
                self.count(pair, &half, &half, now_ms);
                continue;
            }
            let key = (Arc::clone(&half.service), half.side);
            if self.unpaired.len() < self.edges_max || self.unpaired.contains_key(&key) {
                let count = self.unpaired.entry(key).or_insert(Count {
                    value: 0.0,
                    began_ms: now_ms,
                    is_written: false,
                });
                count.value += half.weight;
            }
        }
    }

    fn drop_one(&mut self, weight: f64, now_ms: i64) {
        let none = Count { value: 0.0, began_ms: now_ms, is_written: false };
        self.dropped.get_or_insert(none).value += weight;
    }

    /// Writes every counter, and forgets those that nothing was added to for long.
    pub(super) fn write(&mut self, now_ms: i64, out: &mut Batches) {
        self.give_up(now_ms);
        self.edges.retain(|(client, server, connection), edge| {
            let ends = now_ms.saturating_sub(edge.last_ms) >= IDLE_MS;
            let labels = [
                ("client", &**client),
                ("server", &**server),
                ("connection_type", connection.name()),
            ];
            let began_ms = Some(edge.began_ms).filter(|_| !edge.is_written);
            edge.is_written = true;
            let moment = Moment { now_ms, began_ms, ends };
            let mut writer = Writer { out, labels: &labels, moment };
            writer.counter(REQUESTS, edge.requests);
            writer.counter(FAILED, edge.failed);
            writer.histogram(&SERVER_SECONDS, &edge.server, None);
            writer.histogram(&CLIENT_SECONDS, &edge.client, None);
            !ends
        });
        for ((service, side), count) in &mut self.unpaired {
            let name = if *side == Side::Client { "client" } else { "server" };
            count.write(UNPAIRED, &[(name, &**service)], now_ms, out);
        }
        if let Some(count) = &mut self.dropped {
            count.write(DROPPED, &[], now_ms, out);
        }
        if !self.edges.is_empty() {
            describe(out);
        }
    }
}

impl Count {
    fn write(&mut self, name: &str, labels: &[(&str, &str)], now_ms: i64, out: &mut Batches) {
        let began_ms = Some(self.began_ms).filter(|_| !self.is_written);
        self.is_written = true;
        let moment = Moment { now_ms, began_ms, ends: false };
        Writer { out, labels, moment }.counter(name, self.value);
    }
}

/// What the families say of themselves.
fn describe(out: &mut Batches) {
    for (name, kind, help) in [
        (REQUESTS, MetricType::Counter, "Calls between two services."),
        (FAILED, MetricType::Counter, "Calls between two services that failed."),
        (SERVER_SECONDS.family, MetricType::Histogram, "Calls as the server saw them, in seconds."),
        (CLIENT_SECONDS.family, MetricType::Histogram, "Calls as the client saw them, in seconds."),
        (UNPAIRED, MetricType::Counter, "Spans whose other end of the call did not come."),
        (DROPPED, MetricType::Counter, "Spans left out of the service graph, as too many waited."),
    ] {
        let metadata = Metadata { kind, help: help.into(), unit: String::new() };
        out.next().metadata.push((name.into(), metadata));
    }
}
