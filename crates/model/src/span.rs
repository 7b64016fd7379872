//! Spans on their way to the store: OpenTelemetry's model, packed into a few allocations.
//!
//! A request of a thousand spans holds some twenty thousand short texts. Each would cost an
//! allocation of its own as a `String`; here they lie in one arena and are named by
//! [`Text`] ranges, so that decoding is copying.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use crate::{Acknowledge, TenantId, WriteError};

/// A trace's id; 64-bit ids of other systems are padded with zeros on the left.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TraceId(pub [u8; 16]);

/// A span's id; all zeros means none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// Whether this is no id.
    pub fn is_none(self) -> bool {
        self.0 == [0; 16]
    }

    /// Reads 1 to 32 hexadecimal digits, as clients write them: short ones are padded.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

impl SpanId {
    /// Whether this is no id.
    pub fn is_none(self) -> bool {
        self.0 == [0; 8]
    }

    /// Reads 1 to 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (from_end, digit) in text.bytes().rev().enumerate() {
        let value = char::from(digit).to_digit(16)? as u8;
        let slot = bytes.get_mut(N - 1 - from_end / 2)?;
        *slot |= value << (4 * (from_end % 2));
    }
    Some(bytes)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text in a batch's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text {
    start: u32,
    length: u32,
}

impl Text {
    /// Whether it has no bytes.
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AttributeValue {
    /// Text.
    Text(Text),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// Bytes, kept as base64 text, as OTLP's JSON writes them.
    Bytes(Text),
    /// A list, kept as the text of its JSON.
    List(Text),
    /// A map, kept as the text of its JSON.
    Map(Text),
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub key: Text,
    /// Its value.
    pub value: AttributeValue,
}

/// Where spans come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Range of [`SpanBatch::attributes`].
    pub attributes: Range<u32>,
    /// The value of its `service.name`, or the senders' convention when there is none.
    pub service: Text,
}

/// Which library made spans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Its name.
    pub name: Text,
    /// Its version.
    pub version: Text,
    /// Range of [`SpanBatch::attributes`].
    pub attributes: Range<u32>,
}

/// A span's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[repr(u8)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified = 0,
    /// Within one process.
    Internal = 1,
    /// Answers a request.
    Server = 2,
    /// Makes a request.
    Client = 3,
    /// Sends a message.
    Producer = 4,
    /// Takes a message.
    Consumer = 5,
}

impl SpanKind {
    /// The kind with OTLP's number; unknown numbers are `Unspecified`.
    pub const fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// Its name in lower case, as Jaeger's tag `span.kind` has it; `""` when it is not said.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[repr(u8)]
pub enum StatusCode {
    /// Not said.
    #[default]
    Unset = 0,
    /// Well.
    Ok = 1,
    /// In failure.
    Error = 2,
}

impl StatusCode {
    /// The code with OTLP's number; unknown numbers are `Unset`.
    pub const fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanEvent {
    /// When, nanoseconds since the epoch.
    pub time_ns: u64,
    /// What.
    pub name: Text,
    /// Range of [`SpanBatch::attributes`].
    pub attributes: Range<u32>,
}

/// Another span that belongs to a span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanLink {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its trace state.
    pub trace_state: Text,
    /// Range of [`SpanBatch::attributes`].
    pub attributes: Range<u32>,
}

/// One span: fixed fields, and ranges into the batch's lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// The span that caused it; none for a root.
    pub parent_span_id: SpanId,
    /// W3C trace state.
    pub trace_state: Text,
    /// W3C trace flags and OTLP's bits above them.
    pub flags: u32,
    /// Its role.
    pub kind: SpanKind,
    /// How it ended.
    pub status: StatusCode,
    /// Why it failed.
    pub status_message: Text,
    /// What it did: the operation.
    pub name: Text,
    /// Start, nanoseconds since the epoch.
    pub start_ns: u64,
    /// How long it took; 0 when it ended before it started.
    pub duration_ns: u64,
    /// Index into [`SpanBatch::resources`].
    pub resource: u32,
    /// Index into [`SpanBatch::scopes`].
    pub scope: u32,
    /// Range of [`SpanBatch::attributes`].
    pub attributes: Range<u32>,
    /// Range of [`SpanBatch::events`].
    pub events: Range<u32>,
    /// Range of [`SpanBatch::links`].
    pub links: Range<u32>,
}

/// Spans as one sender sent them.
#[derive(Debug, Clone, Default)]
pub struct SpanBatch {
    arena: String,
    /// Attributes of resources, scopes, spans, events and links.
    pub attributes: Vec<Attribute>,
    /// Where spans come from.
    pub resources: Vec<Resource>,
    /// Which libraries made them.
    pub scopes: Vec<Scope>,
    /// What happened during them.
    pub events: Vec<SpanEvent>,
    /// What belongs to them.
    pub links: Vec<SpanLink>,
    /// The spans.
    pub spans: Vec<Span>,
}

impl SpanBatch {
    /// A batch without spans.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps `text`. At most 4 GiB fit into one batch; what is past them becomes empty, and
    /// bodies have far lower limits.
    pub fn keep(&mut self, text: &str) -> Text {
        let start = self.arena.len();
        let (Ok(start), Ok(length)) = (u32::try_from(start), u32::try_from(text.len())) else {
            return Text::default();
        };
        if start.checked_add(length).is_none() {
            return Text::default();
        }
        self.arena.push_str(text);
        Text { start, length }
    }

    /// The content of `text`, which this batch kept.
    pub fn text(&self, text: Text) -> &str {
        let start = text.start as usize;
        self.arena.get(start..start + text.length as usize).unwrap_or_default()
    }

    /// Bytes of all texts.
    pub const fn text_bytes(&self) -> usize {
        self.arena.len()
    }

    /// The attributes of a range.
    pub fn attributes_of(&self, range: &Range<u32>) -> &[Attribute] {
        self.attributes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// The events of `span`.
    pub fn events_of(&self, span: &Span) -> &[SpanEvent] {
        self.events.get(span.events.start as usize..span.events.end as usize).unwrap_or_default()
    }

    /// The links of `span`.
    pub fn links_of(&self, span: &Span) -> &[SpanLink] {
        self.links.get(span.links.start as usize..span.links.end as usize).unwrap_or_default()
    }

    /// The service of `span`.
    pub fn service_of(&self, span: &Span) -> &str {
        self.resources.get(span.resource as usize).map_or("", |found| self.text(found.service))
    }

    /// Whether there is no span.
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

/// What became of a batch of spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpanReport {
    /// Spans taken.
    pub accepted: usize,
    /// Spans left out.
    pub rejected: usize,
    /// Why the first of them was left out.
    pub message: String,
    /// What became of each span, in the order of the batch. [`accepted`](Self::accepted) are those
    /// that were not rejected.
    pub outcomes: Vec<SpanOutcome>,
}

/// What became of one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanOutcome {
    /// It is kept, under this number.
    Kept(u64),
    /// It was taken, and is not kept: its trace is sampled away.
    SampledAway,
    /// It was left out.
    Rejected,
}

/// The answer to a write of spans, when it comes.
pub type SpanFuture<'a> = Pin<Box<dyn Future<Output = Result<SpanReport, WriteError>> + Send + 'a>>;

/// Takes batches of spans. The store is one; tests have others.
pub trait SpanSink: Send + Sync + fmt::Debug {
    /// Takes `batch` for `tenant`. The future ends when the batch is acknowledged as asked.
    fn write_spans(&self, tenant: &TenantId, batch: SpanBatch, ack: Acknowledge) -> SpanFuture<'_>;
}

/// The answer to a change of kept spans: how many were there.
pub type SpanChangeFuture<'a> = Pin<Box<dyn Future<Output = Result<u64, WriteError>> + Send + 'a>>;

/// Makes a new trace state of the one that a span has.
pub type NewTraceState<'a> = &'a (dyn Fn(&str) -> String + Send + Sync);

/// Changes spans that it has taken, by the numbers of [`SpanOutcome::Kept`]. Numbers that are not
/// there any more are passed over.
pub trait SpanKeeper: SpanSink {
    /// Removes spans. It is in the log when the future ends, and need not be durable yet.
    fn remove_spans(&self, tenant: &TenantId, numbers: Vec<u64>) -> SpanChangeFuture<'_>;

    /// Gives spans another trace state; each is replaced in one step.
    fn restate_spans(
        &self,
        tenant: &TenantId,
        numbers: Vec<u64>,
        state: NewTraceState<'_>,
    ) -> SpanChangeFuture<'_>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_padded_on_the_left_and_printed_whole() {
        let id = TraceId::parse("abc").unwrap();
        assert_eq!(id.to_string(), "00000000000000000000000000000abc");
        assert_eq!(TraceId::parse(&id.to_string()), Some(id));
        assert_eq!(SpanId::parse("0123456789abcdef").unwrap().to_string(), "0123456789abcdef");
        for wrong in ["", "xyz", "0123456789abcdef0"] {
            assert_eq!(SpanId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn texts_are_kept() {
        let mut batch = SpanBatch::new();
        let (one, two) = (batch.keep("one"), batch.keep("zwei ⚑"));
        assert_eq!((batch.text(one), batch.text(two)), ("one", "zwei ⚑"));
        assert_eq!(batch.text(Text::default()), "");
    }
}
