//! Spans as documents: the same columns, indexes and scans as logs, in a log and parts of their
//! own.
//!
//! The service is the document's index, so that the list of services and all that belongs to one
//! costs nothing; start is its time. Names of the other fields are below; resource and span
//! attributes lie in the objects [`RESOURCE`] and [`ATTRIBUTES`], events and links as JSON, with
//! what can be asked of events in hidden fields.

use std::borrow::Cow;

use serde_json::value::RawValue;
use vigie_model::span::{
    Attribute, AttributeValue, NewTraceState, Span, SpanBatch, SpanChangeFuture, SpanEvent,
    SpanFuture, SpanKeeper, SpanKind, SpanLink, SpanOutcome, SpanReport, SpanSink, StatusCode,
};
use vigie_model::{
    Acknowledge, DocumentEvent, DocumentReader, DocumentWriter, LogAction, LogBatch, LogOutcome,
    Scalar, TenantId, WriteError, WriteErrorKind, write_json_text,
};

use crate::Store;
use crate::logs::LogSnapshot;
use crate::wal::Enqueued;

/// The trace's id, 32 hexadecimal digits.
pub const TRACE_ID: &str = "trace_id";
/// The span's id, 16 hexadecimal digits.
pub const SPAN_ID: &str = "span_id";
/// The parent's id; missing for a root.
pub const PARENT_SPAN_ID: &str = "parent_span_id";
/// What the span did.
pub const NAME: &str = "name";
/// Its role, in lower case; missing when it is not said.
pub const KIND: &str = "kind";
/// `ok` or `error`; missing when it is not said.
pub const STATUS: &str = "status";
/// Why it failed.
pub const STATUS_MESSAGE: &str = "status_message";
/// How long it took, in nanoseconds.
pub const DURATION_NS: &str = "duration_ns";
/// W3C trace state.
pub const TRACE_STATE: &str = "trace_state";
/// Trace flags; missing when 0.
pub const FLAGS: &str = "flags";
/// The library that made it.
pub const SCOPE_NAME: &str = "scope_name";
/// That library's version.
pub const SCOPE_VERSION: &str = "scope_version";
/// The object of the resource's attributes, without `service.name`.
pub const RESOURCE: &str = "resource";
/// The object of the span's attributes.
pub const ATTRIBUTES: &str = "attributes";
/// The events: a list of `{"time_ns", "name", "attributes"}`.
pub const EVENTS: &str = "events";
/// The links: a list of `{"trace_id", "span_id", "trace_state", "attributes"}`.
pub const LINKS: &str = "links";
/// Hidden field: names of events.
pub const EVENT_NAME: &str = "event_name";
/// Hidden fields below this: attributes of events.
pub const EVENT_ATTRIBUTES: &str = "event_attributes";

impl Store {
    /// A consistent view of `tenant`'s spans.
    pub fn span_snapshot(&self, tenant: &TenantId) -> LogSnapshot {
        let tenant = self.spans.tenant(tenant);
        tenant.map(|tenant| tenant.state.lock().snapshot()).unwrap_or_default()
    }
}

impl SpanSink for Store {
    fn write_spans(&self, tenant: &TenantId, batch: SpanBatch, ack: Acknowledge) -> SpanFuture<'_> {
        let documents = documents_of(&batch);
        let taken = self.refuse_writes().and_then(|()| self.spans.take(tenant, &documents, ack));
        Box::pin(async move {
            if self.spans.is_due() {
                self.wake();
            }
            let (report, enqueued) = taken?;
            self.wait(enqueued).await?;
            let mut told = SpanReport::default();
            for outcome in report.outcomes {
                match outcome {
                    LogOutcome::Unavailable(message) => {
                        return Err(WriteError::new(WriteErrorKind::Unavailable, message));
                    }
                    LogOutcome::Created(number) => {
                        told.accepted += 1;
                        told.outcomes.push(SpanOutcome::Kept(number));
                    }
                    outcome => {
                        if let (LogOutcome::Invalid(message), 0) = (outcome, told.rejected) {
                            told.message = message;
                        }
                        told.rejected += 1;
                        told.outcomes.push(SpanOutcome::Rejected);
                    }
                }
            }
            Ok(told)
        })
    }
}

impl SpanKeeper for Store {
    fn remove_spans(&self, tenant: &TenantId, numbers: Vec<u64>) -> SpanChangeFuture<'_> {
        let removed = self.refuse_writes().and_then(|()| match self.spans.tenant(tenant) {
            Some(tenant) => self.spans.remove(&tenant, &numbers, Acknowledge::Logged).map(Some),
            None => Ok(None),
        });
        self.changed(removed)
    }

    fn restate_spans(
        &self,
        tenant: &TenantId,
        numbers: Vec<u64>,
        state: NewTraceState<'_>,
    ) -> SpanChangeFuture<'_> {
        let rewrite = |packed: &[u8], out: &mut Vec<u8>| restate(packed, state, out);
        let changed = self.refuse_writes().and_then(|()| match self.spans.tenant(tenant) {
            Some(tenant) => self.spans.rewrite(&tenant, &numbers, &rewrite).map(Some),
            None => Ok(None),
        });
        self.changed(changed)
    }
}

impl Store {
    fn changed(&self, done: Result<Option<(u64, Enqueued)>, WriteError>) -> SpanChangeFuture<'_> {
        Box::pin(async move {
            let Some((count, enqueued)) = done? else { return Ok(0) };
            self.wait(enqueued).await?;
            Ok(count)
        })
    }
}

/// Writes a packed span again, with another trace state.
fn restate(packed: &[u8], state: NewTraceState<'_>, out: &mut Vec<u8>) {
    let mut writer = DocumentWriter::new(out);
    let (mut depth, mut known) = (0_usize, "");
    for event in DocumentReader::new(packed) {
        match event {
            DocumentEvent::Field(TRACE_STATE, Scalar::String(text)) if depth == 0 => {
                known = text;
                continue;
            }
            DocumentEvent::Object(_) => depth += 1,
            DocumentEvent::ObjectEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        writer.event(event);
    }
    writer.string(TRACE_STATE, &state(known));
}

/// The spans of `batch` as documents.
fn documents_of(batch: &SpanBatch) -> LogBatch {
    let mut out = LogBatch::new();
    let mut buffer = Buffer::default();
    for span in &batch.spans {
        let index = out.index(batch.service_of(span));
        let pushed: Result<(), std::convert::Infallible> =
            out.push(LogAction::Create, index, None, |writer| {
                write_span(batch, span, writer, &mut buffer);
                Ok(i64::try_from(span.start_ns).unwrap_or(i64::MAX))
            });
        match pushed {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
    out
}

/// Text that is put together, kept for its memory.
#[derive(Default)]
struct Buffer {
    text: String,
    json: Vec<u8>,
}

fn write_span(
    batch: &SpanBatch,
    span: &Span,
    writer: &mut DocumentWriter<'_>,
    buffer: &mut Buffer,
) {
    hex(&span.trace_id.0, &mut buffer.text);
    writer.string(TRACE_ID, &buffer.text);
    hex(&span.span_id.0, &mut buffer.text);
    writer.string(SPAN_ID, &buffer.text);
    if !span.parent_span_id.is_none() {
        hex(&span.parent_span_id.0, &mut buffer.text);
        writer.string(PARENT_SPAN_ID, &buffer.text);
    }
    writer.string(NAME, batch.text(span.name));
    if span.kind != SpanKind::Unspecified {
        writer.string(KIND, span.kind.name());
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => writer.string(STATUS, "ok"),
        StatusCode::Error => writer.string(STATUS, "error"),
    }
    if !span.status_message.is_empty() {
        writer.string(STATUS_MESSAGE, batch.text(span.status_message));
    }
    writer.number(DURATION_NS, itoa::Buffer::new().format(span.duration_ns));
    if !span.trace_state.is_empty() {
        writer.string(TRACE_STATE, batch.text(span.trace_state));
    }
    if span.flags != 0 {
        writer.number(FLAGS, itoa::Buffer::new().format(span.flags));
    }
    if let Some(scope) = batch.scopes.get(span.scope as usize) {
        if !scope.name.is_empty() {
            writer.string(SCOPE_NAME, batch.text(scope.name));
        }
        if !scope.version.is_empty() {
            writer.string(SCOPE_VERSION, batch.text(scope.version));
        }
    }
    if let Some(resource) = batch.resources.get(span.resource as usize) {
        let attributes = batch.attributes_of(&resource.attributes);
        object(batch, RESOURCE, attributes, writer, "service.name");
    }
    object(batch, ATTRIBUTES, batch.attributes_of(&span.attributes), writer, "");
    write_events(batch, batch.events_of(span), writer, &mut buffer.json);
    write_links(batch, batch.links_of(span), writer, &mut buffer.json);
}

/// Replaces the content of `text` with the digits of `bytes`.
fn hex(bytes: &[u8], text: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    text.clear();
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}

fn object(
    batch: &SpanBatch,
    key: &str,
    attributes: &[Attribute],
    writer: &mut DocumentWriter<'_>,
    without: &str,
) {
    if attributes.is_empty() {
        return;
    }
    writer.begin_object(key);
    for attribute in attributes {
        let name = batch.text(attribute.key);
        if name == without {
            continue;
        }
        match attribute.value {
            AttributeValue::Text(text) | AttributeValue::Bytes(text) => {
                writer.string(name, batch.text(text));
            }
            AttributeValue::Bool(flag) => writer.boolean(name, flag),
            AttributeValue::Integer(number) => {
                writer.number(name, itoa::Buffer::new().format(number));
            }
            AttributeValue::Float(number) => match float_text(number) {
                Cow::Borrowed(text) => writer.string(name, text),
                Cow::Owned(text) => writer.number(name, &text),
            },
            AttributeValue::List(text) => list(name, batch.text(text), writer),
            AttributeValue::Map(text) => writer.raw(name, batch.text(text)),
        }
    }
    writer.end_object();
}

/// A list of scalars, whose items can be asked for; any other is only given back.
fn list(name: &str, json: &str, writer: &mut DocumentWriter<'_>) {
    let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
    let is_scalar = |item: &&RawValue| !item.get().starts_with(['[', '{']);
    if items.is_empty() || !items.iter().all(is_scalar) {
        writer.raw(name, json);
        return;
    }
    writer.begin_list(name);
    for item in items {
        match item.get() {
            "null" => writer.item(Scalar::Null),
            "true" => writer.item(Scalar::Boolean(true)),
            "false" => writer.item(Scalar::Boolean(false)),
            text if text.starts_with('"') => {
                let text: Cow<'_, str> = serde_json::from_str(text).unwrap_or_default();
                writer.item(Scalar::String(&text));
            }
            number => writer.item(Scalar::Number(number)),
        }
    }
    writer.end_list();
}

/// A float as JSON's number, never to be taken for an integer; what JSON has no number for, as
/// borrowed text.
fn float_text(number: f64) -> Cow<'static, str> {
    if number.is_nan() {
        Cow::Borrowed("NaN")
    } else if number.is_infinite() {
        Cow::Borrowed(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        Cow::Owned(format!("{number:?}"))
    }
}

fn write_events(
    batch: &SpanBatch,
    events: &[SpanEvent],
    writer: &mut DocumentWriter<'_>,
    json: &mut Vec<u8>,
) {
    if events.is_empty() {
        return;
    }
    json.clear();
    json.push(b'[');
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        json.extend_from_slice(b"{\"time_ns\":");
        json.extend_from_slice(itoa::Buffer::new().format(event.time_ns).as_bytes());
        json.extend_from_slice(b",\"name\":");
        write_json_text(batch.text(event.name), json);
        json_attributes(batch, batch.attributes_of(&event.attributes), json);
        json.push(b'}');
    }
    json.push(b']');
    writer.raw(EVENTS, std::str::from_utf8(json).unwrap_or("[]"));
    writer.begin_hidden(EVENT_NAME);
    for event in events {
        writer.item(Scalar::String(batch.text(event.name)));
    }
    writer.end_list();
    for event in events {
        for attribute in batch.attributes_of(&event.attributes) {
            let mut digits = itoa::Buffer::new();
            let value = match attribute.value {
                AttributeValue::Text(text) => Scalar::String(batch.text(text)),
                AttributeValue::Bool(flag) => Scalar::Boolean(flag),
                AttributeValue::Integer(number) => Scalar::Number(digits.format(number)),
                _ => continue,
            };
            writer.begin_hidden(&format!("{EVENT_ATTRIBUTES}.{}", batch.text(attribute.key)));
            writer.item(value);
            writer.end_list();
        }
    }
}

fn write_links(
    batch: &SpanBatch,
    links: &[SpanLink],
    writer: &mut DocumentWriter<'_>,
    json: &mut Vec<u8>,
) {
    if links.is_empty() {
        return;
    }
    json.clear();
    json.push(b'[');
    for (at, link) in links.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        let ids = format!("{{\"trace_id\":\"{}\",\"span_id\":\"{}\"", link.trace_id, link.span_id);
        json.extend_from_slice(ids.as_bytes());
        if !link.trace_state.is_empty() {
            json.extend_from_slice(b",\"trace_state\":");
            write_json_text(batch.text(link.trace_state), json);
        }
        json_attributes(batch, batch.attributes_of(&link.attributes), json);
        json.push(b'}');
    }
    json.push(b']');
    writer.raw(LINKS, std::str::from_utf8(json).unwrap_or("[]"));
}

fn json_attributes(batch: &SpanBatch, attributes: &[Attribute], json: &mut Vec<u8>) {
    json.extend_from_slice(b",\"attributes\":{");
    for (at, attribute) in attributes.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write_json_text(batch.text(attribute.key), json);
        json.push(b':');
        match attribute.value {
            AttributeValue::Text(text) | AttributeValue::Bytes(text) => {
                write_json_text(batch.text(text), json);
            }
            AttributeValue::Bool(flag) => {
                json.extend_from_slice(if flag { b"true" } else { b"false" });
            }
            AttributeValue::Integer(number) => {
                json.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            AttributeValue::Float(number) => match float_text(number) {
                Cow::Borrowed(text) => write_json_text(text, json),
                Cow::Owned(text) => json.extend_from_slice(text.as_bytes()),
            },
            AttributeValue::List(text) | AttributeValue::Map(text) => {
                json.extend_from_slice(batch.text(text).as_bytes());
            }
        }
    }
    json.push(b'}');
}
