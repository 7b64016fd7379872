//! Version 1 in JSON: what version 2 has as fields lies in annotations there.
//!
//! `cs`, `cr`, `sr`, `ss`, `ms` and `mr` annotations tell kind, start and end; the endpoint of any
//! annotation tells the service; `sa` and `ca` are the other side's address.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use vigie_model::span::{SpanBatch, SpanId, SpanKind};

use super::json::{Annotation, EndpointJson};
use super::{AttributeValueText, ZipkinError, ZipkinSpan, push, span_id, trace_id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    #[serde(borrow)]
    trace_id: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    parent_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    timestamp: Option<u64>,
    #[serde(default)]
    duration: Option<u64>,
    #[serde(default)]
    debug: Option<bool>,
    #[serde(borrow, default)]
    annotations: Option<Vec<Annotation<'a>>>,
    #[serde(borrow, default)]
    binary_annotations: Option<Vec<BinaryAnnotation<'a>>>,
}

#[derive(Deserialize)]
struct BinaryAnnotation<'a> {
    #[serde(borrow, default)]
    key: Cow<'a, str>,
    #[serde(default)]
    value: Value,
    #[serde(borrow, default)]
    endpoint: Option<EndpointJson<'a>>,
}

/// Decodes a list of spans and appends them to `batch`.
pub fn decode_v1_json(body: &[u8], batch: &mut SpanBatch) -> Result<(), ZipkinError> {
    let spans: Vec<SpanJson<'_>> = serde_json::from_slice(body)?;
    for json in &spans {
        let parent = json.parent_id.as_deref().filter(|id| !id.is_empty());
        let mut span = ZipkinSpan {
            trace_id: trace_id(&json.trace_id)?,
            span_id: span_id("id", &json.id)?,
            parent_span_id: match parent {
                Some(text) => span_id("parent id", text)?,
                None => SpanId::default(),
            },
            name: json.name.as_deref().unwrap_or_default(),
            is_debug: json.debug.unwrap_or(false),
            start_ns: json.timestamp.unwrap_or(0).saturating_mul(1_000),
            duration_ns: json.duration.unwrap_or(0).saturating_mul(1_000),
            ..ZipkinSpan::default()
        };
        read_annotations(&mut span, json.annotations.as_deref().unwrap_or_default());
        read_binary(&mut span, json.binary_annotations.as_deref().unwrap_or_default());
        push(batch, &span)?;
    }
    Ok(())
}

fn read_annotations<'a>(span: &mut ZipkinSpan<'a>, annotations: &'a [Annotation<'a>]) {
    let (mut first, mut last) = (None, None);
    for annotation in annotations {
        let time_ns = annotation.timestamp.saturating_mul(1_000);
        let (kind, is_start) = match &*annotation.value {
            "cs" => (SpanKind::Client, true),
            "cr" => (SpanKind::Client, false),
            "sr" => (SpanKind::Server, true),
            "ss" => (SpanKind::Server, false),
            "ms" => (SpanKind::Producer, true),
            "mr" => (SpanKind::Consumer, true),
            _ => {
                span.annotations.push((time_ns, &annotation.value));
                continue;
            }
        };
        span.kind = kind;
        if let Some(endpoint) = &annotation.endpoint {
            span.local = endpoint.endpoint();
        }
        let slot = if is_start { &mut first } else { &mut last };
        *slot = Some(time_ns);
    }
    if span.local.service.is_empty()
        && let Some(endpoint) = annotations.iter().find_map(|found| found.endpoint.as_ref())
    {
        span.local = endpoint.endpoint();
    }
    if let (0, Some(first)) = (span.start_ns, first) {
        span.start_ns = first;
    }
    if let (0, Some(first), Some(last)) = (span.duration_ns, first, last) {
        span.duration_ns = last.saturating_sub(first);
    }
}

fn read_binary<'a>(span: &mut ZipkinSpan<'a>, annotations: &'a [BinaryAnnotation<'a>]) {
    for annotation in annotations {
        if matches!(&*annotation.key, "sa" | "ca" | "ma") {
            if let Some(endpoint) = &annotation.endpoint {
                span.remote = endpoint.endpoint();
            }
            continue;
        }
        if span.local.service.is_empty()
            && let Some(endpoint) = &annotation.endpoint
        {
            span.local = endpoint.endpoint();
        }
        let value = match &annotation.value {
            Value::String(text) => AttributeValueText::Text(text),
            Value::Bool(flag) => AttributeValueText::Bool(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => AttributeValueText::Integer(integer),
                None => AttributeValueText::Float(number.as_f64().unwrap_or(0.0)),
            },
            _ => continue,
        };
        span.tags.push((&annotation.key, value));
    }
}
