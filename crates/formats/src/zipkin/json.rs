//! Version 2 in JSON: a list of spans.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use vigie_model::span::{SpanBatch, SpanId, SpanKind};

use super::{AttributeValueText, Endpoint, ZipkinError, ZipkinSpan, push, span_id, trace_id};

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
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    timestamp: Option<u64>,
    #[serde(default)]
    duration: Option<u64>,
    #[serde(default)]
    debug: Option<bool>,
    #[serde(borrow, default)]
    local_endpoint: Option<EndpointJson<'a>>,
    #[serde(borrow, default)]
    remote_endpoint: Option<EndpointJson<'a>>,
    #[serde(borrow, default)]
    tags: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    #[serde(borrow, default)]
    annotations: Option<Vec<Annotation<'a>>>,
}

/// An address, the same in both versions.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointJson<'a> {
    #[serde(borrow, default)]
    service_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ipv4: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    ipv6: Option<Cow<'a, str>>,
    #[serde(default)]
    port: Option<u32>,
}

/// Something that happened.
#[derive(Deserialize)]
pub(super) struct Annotation<'a> {
    #[serde(default)]
    pub(super) timestamp: u64,
    #[serde(borrow, default)]
    pub(super) value: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) endpoint: Option<EndpointJson<'a>>,
}

impl EndpointJson<'_> {
    pub(super) fn endpoint(&self) -> Endpoint<'_> {
        let address = self.ipv4.as_deref().or(self.ipv6.as_deref()).unwrap_or_default();
        Endpoint {
            service: self.service_name.as_deref().unwrap_or_default(),
            address: address.to_owned(),
            port: self.port.unwrap_or(0),
        }
    }
}

/// Decodes a list of spans and appends them to `batch`.
pub fn decode_v2_json(body: &[u8], batch: &mut SpanBatch) -> Result<(), ZipkinError> {
    let spans: Vec<SpanJson<'_>> = serde_json::from_slice(body)?;
    for json in &spans {
        let parent = json.parent_id.as_deref().filter(|id| !id.is_empty());
        let span = ZipkinSpan {
            trace_id: trace_id(&json.trace_id)?,
            span_id: span_id("id", &json.id)?,
            parent_span_id: match parent {
                Some(text) => span_id("parent id", text)?,
                None => SpanId::default(),
            },
            name: json.name.as_deref().unwrap_or_default(),
            kind: kind(json.kind.as_deref().unwrap_or_default()),
            start_ns: json.timestamp.unwrap_or(0).saturating_mul(1_000),
            duration_ns: json.duration.unwrap_or(0).saturating_mul(1_000),
            is_debug: json.debug.unwrap_or(false),
            local: json.local_endpoint.as_ref().map(EndpointJson::endpoint).unwrap_or_default(),
            remote: json.remote_endpoint.as_ref().map(EndpointJson::endpoint).unwrap_or_default(),
            tags: json
                .tags
                .iter()
                .flatten()
                .map(|(key, text)| (&**key, AttributeValueText::Text(text)))
                .collect(),
            annotations: json
                .annotations
                .iter()
                .flatten()
                .map(|annotation| (annotation.timestamp.saturating_mul(1_000), &*annotation.value))
                .collect(),
        };
        push(batch, &span)?;
    }
    Ok(())
}

fn kind(text: &str) -> SpanKind {
    match text {
        "CLIENT" => SpanKind::Client,
        "SERVER" => SpanKind::Server,
        "PRODUCER" => SpanKind::Producer,
        "CONSUMER" => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}
