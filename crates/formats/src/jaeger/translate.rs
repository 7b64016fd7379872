//! From Jaeger's names to OpenTelemetry's, as the collector's own translator does it: tags that
//! OpenTelemetry keeps as fields of the span (`span.kind`, `error`, `otel.status_code`,
//! `w3c.tracestate`, the library's name) become these fields; everything else stays an attribute.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use vigie_model::span::{
    Attribute, AttributeValue, Resource, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind,
    SpanLink, StatusCode, TraceId,
};

/// A tag's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TagValue<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Integer(i64),
    Float(f64),
    Bytes(&'a [u8]),
}

/// A tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tag<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: TagValue<'a>,
}

/// What a reference says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reference {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) follows_from: bool,
}

/// A span as Jaeger sends it.
#[derive(Debug, Default)]
pub(super) struct JaegerSpan<'a> {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent_span_id: SpanId,
    pub(super) operation: Cow<'a, str>,
    pub(super) flags: u32,
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) references: Vec<Reference>,
    pub(super) tags: Vec<Tag<'a>>,
    /// Time in nanoseconds, and fields.
    pub(super) logs: Vec<(u64, Vec<Tag<'a>>)>,
}

fn end<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn push_tags<'a>(batch: &mut SpanBatch, tags: impl IntoIterator<Item = &'a Tag<'a>>) -> Range<u32> {
    let start = end(&batch.attributes);
    for tag in tags {
        let key = batch.keep(&tag.key);
        let value = match &tag.value {
            TagValue::Text(text) => AttributeValue::Text(batch.keep(text)),
            TagValue::Bool(flag) => AttributeValue::Bool(*flag),
            TagValue::Integer(number) => AttributeValue::Integer(*number),
            TagValue::Float(number) => AttributeValue::Float(*number),
            TagValue::Bytes(bytes) => AttributeValue::Bytes(batch.keep(&BASE64.encode(bytes))),
        };
        batch.attributes.push(Attribute { key, value });
    }
    start..end(&batch.attributes)
}

/// Adds the process; it is the resource of the spans that follow.
pub(super) fn push_process(batch: &mut SpanBatch, service: &str, tags: &[Tag<'_>]) {
    let start = end(&batch.attributes);
    let key = batch.keep("service.name");
    let service = batch.keep(service);
    batch.attributes.push(Attribute { key, value: AttributeValue::Text(service) });
    push_tags(batch, tags);
    let attributes = start..end(&batch.attributes);
    batch.resources.push(Resource { attributes, service });
}

/// Adds `span`, which belongs to the last process.
pub(super) fn push_span(batch: &mut SpanBatch, span: &JaegerSpan<'_>) {
    let mut out = Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: parent_of(span),
        flags: span.flags,
        start_ns: span.start_ns,
        duration_ns: span.duration_ns,
        name: batch.keep(&span.operation),
        resource: end(&batch.resources).saturating_sub(1),
        ..Span::default()
    };
    let mut library = (None, None);
    let mut has_status = false;
    let mut kept = Vec::with_capacity(span.tags.len());
    for tag in &span.tags {
        let text = match &tag.value {
            TagValue::Text(text) => &**text,
            TagValue::Bool(true) => "true",
            _ => "",
        };
        match &*tag.key {
            "span.kind" if kind_of(text) != SpanKind::Unspecified => out.kind = kind_of(text),
            "otel.status_code" if matches!(text, "OK" | "ERROR" | "UNSET") => {
                out.status = match text {
                    "OK" => StatusCode::Ok,
                    "ERROR" => StatusCode::Error,
                    _ => StatusCode::Unset,
                };
                has_status = true;
            }
            "otel.status_description" => out.status_message = batch.keep(text),
            "w3c.tracestate" => out.trace_state = batch.keep(text),
            "otel.library.name" | "otel.scope.name" => library.0 = Some(text),
            "otel.library.version" | "otel.scope.version" => library.1 = Some(text),
            // What a person tagged is kept beside the status, or searches for it would fail.
            "error" if text == "true" && !has_status => {
                out.status = StatusCode::Error;
                kept.push(tag);
            }
            _ => kept.push(tag),
        }
    }
    out.attributes = push_tags(batch, kept);
    out.scope = scope(batch, library.0.unwrap_or_default(), library.1.unwrap_or_default());
    push_logs(batch, span, &mut out);
    push_links(batch, span, &mut out);
    batch.spans.push(out);
}

fn kind_of(text: &str) -> SpanKind {
    match text {
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

/// The parent field, or the first reference to a span of the same trace.
fn parent_of(span: &JaegerSpan<'_>) -> SpanId {
    if !span.parent_span_id.is_none() {
        return span.parent_span_id;
    }
    let same_trace = || span.references.iter().filter(|r| r.trace_id == span.trace_id);
    let child_of = same_trace().find(|reference| !reference.follows_from);
    child_of.or_else(|| same_trace().next()).map(|found| found.span_id).unwrap_or_default()
}

/// The scope of this name; the last one when it is the same again.
fn scope(batch: &mut SpanBatch, name: &str, version: &str) -> u32 {
    let same = batch
        .scopes
        .last()
        .is_some_and(|last| batch.text(last.name) == name && batch.text(last.version) == version);
    if !same {
        let (name, version) = (batch.keep(name), batch.keep(version));
        batch.scopes.push(Scope { name, version, attributes: 0..0 });
    }
    end(&batch.scopes).saturating_sub(1)
}

fn push_logs(batch: &mut SpanBatch, span: &JaegerSpan<'_>, out: &mut Span) {
    let start = end(&batch.events);
    for (time_ns, fields) in &span.logs {
        let name = fields.iter().find_map(|field| match &field.value {
            TagValue::Text(text) if field.key == "event" => Some(&**text),
            _ => None,
        });
        let rest = fields.iter().filter(|field| name.is_none() || field.key != "event");
        let attributes = push_tags(batch, rest);
        let name = batch.keep(name.unwrap_or_default());
        batch.events.push(SpanEvent { time_ns: *time_ns, name, attributes });
    }
    out.events = start..end(&batch.events);
}

fn push_links(batch: &mut SpanBatch, span: &JaegerSpan<'_>, out: &mut Span) {
    let start = end(&batch.links);
    for reference in &span.references {
        let is_parent =
            reference.trace_id == span.trace_id && reference.span_id == out.parent_span_id;
        if is_parent {
            continue;
        }
        let kind = if reference.follows_from { "follows_from" } else { "child_of" };
        let tag = Tag {
            key: Cow::Borrowed("opentracing.ref_type"),
            value: TagValue::Text(Cow::Borrowed(kind)),
        };
        let attributes = push_tags(batch, [&tag]);
        batch.links.push(SpanLink {
            trace_id: reference.trace_id,
            span_id: reference.span_id,
            attributes,
            ..SpanLink::default()
        });
    }
    out.links = start..end(&batch.links);
}
