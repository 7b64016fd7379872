//! The JSON form: lowerCamelCase names, ids in hexadecimal, 64-bit integers as text or numbers,
//! enumerations as numbers (names are accepted too, as protobuf's own JSON mapping writes them).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use vigie_model::span::{
    Attribute, AttributeValue, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanLink,
    StatusCode, TraceId,
};

use super::traces::{end, push_resource, push_span};
use super::{ATTRIBUTES_MAX, LeftOut, OtlpError, SPANS_MAX};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow, default)]
    resource_spans: Vec<ResourceSpans<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    #[serde(borrow, default)]
    resource: Holder<'a>,
    #[serde(borrow, default)]
    scope_spans: Vec<ScopeSpans<'a>>,
}

/// A resource or a scope.
#[derive(Deserialize, Default)]
struct Holder<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    version: Cow<'a, str>,
    #[serde(borrow, default)]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, default)]
    scope: Holder<'a>,
    #[serde(borrow, default)]
    spans: Vec<SpanJson<'a>>,
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow, default)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: AnyValue<'a>,
}

#[derive(Deserialize, Default)]
struct AnyValue<'a> {
    #[serde(borrow, rename = "stringValue")]
    text: Option<Cow<'a, str>>,
    #[serde(rename = "boolValue")]
    flag: Option<bool>,
    #[serde(rename = "intValue")]
    integer: Option<Integer>,
    #[serde(rename = "doubleValue")]
    float: Option<Float>,
    #[serde(borrow, rename = "bytesValue")]
    bytes: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "arrayValue")]
    list: Option<&'a RawValue>,
    #[serde(borrow, rename = "kvlistValue")]
    map: Option<&'a RawValue>,
}

/// A 64-bit integer, as text or as a number.
#[derive(Deserialize, Clone, Copy, Default)]
#[serde(try_from = "Json")]
struct Integer(i64);

impl TryFrom<Json> for Integer {
    type Error = &'static str;
    fn try_from(value: Json) -> Result<Self, Self::Error> {
        let wrong = "a 64-bit integer was expected";
        match value {
            Json::Null => Ok(Self(0)),
            Json::String(text) => {
                let signed = text.parse::<i64>().ok();
                signed.or_else(|| text.parse::<u64>().ok().map(|n| n as i64)).map(Self).ok_or(wrong)
            }
            Json::Number(number) => {
                number.as_i64().or_else(|| number.as_u64().map(|n| n as i64)).map(Self).ok_or(wrong)
            }
            _ => Err(wrong),
        }
    }
}

/// A float, as a number or as `"NaN"`, `"Infinity"`, `"-Infinity"`.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "Json")]
struct Float(f64);

impl TryFrom<Json> for Float {
    type Error = &'static str;
    fn try_from(value: Json) -> Result<Self, Self::Error> {
        let parsed = match &value {
            Json::Number(number) => number.as_f64(),
            Json::String(text) => match text.as_str() {
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                text => text.parse().ok(),
            },
            _ => None,
        };
        parsed.map(Self).ok_or("a float was expected")
    }
}

/// An enumeration: its number or its name.
#[derive(Deserialize, Default)]
#[serde(try_from = "Json")]
struct Enumeration(u64);

impl TryFrom<Json> for Enumeration {
    type Error = &'static str;
    fn try_from(value: Json) -> Result<Self, Self::Error> {
        let number = match &value {
            Json::Number(number) => number.as_u64().unwrap_or(0),
            Json::String(text) => match text.as_str() {
                "SPAN_KIND_INTERNAL" | "STATUS_CODE_OK" => 1,
                "SPAN_KIND_SERVER" | "STATUS_CODE_ERROR" => 2,
                "SPAN_KIND_CLIENT" => 3,
                "SPAN_KIND_PRODUCER" => 4,
                "SPAN_KIND_CONSUMER" => 5,
                text => text.parse().unwrap_or(0),
            },
            Json::Null => 0,
            _ => return Err("an enumeration's number or name was expected"),
        };
        Ok(Self(number))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    #[serde(borrow, default)]
    trace_id: Cow<'a, str>,
    #[serde(borrow, default)]
    span_id: Cow<'a, str>,
    #[serde(borrow, default)]
    parent_span_id: Cow<'a, str>,
    #[serde(borrow, default)]
    trace_state: Cow<'a, str>,
    #[serde(default)]
    flags: Integer,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(default)]
    kind: Enumeration,
    #[serde(default)]
    start_time_unix_nano: Integer,
    #[serde(default)]
    end_time_unix_nano: Integer,
    #[serde(borrow, default)]
    attributes: Vec<KeyValue<'a>>,
    #[serde(borrow, default)]
    events: Vec<EventJson<'a>>,
    #[serde(borrow, default)]
    links: Vec<LinkJson<'a>>,
    #[serde(borrow, default)]
    status: StatusJson<'a>,
}

#[derive(Deserialize, Default)]
struct StatusJson<'a> {
    #[serde(default)]
    code: Enumeration,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventJson<'a> {
    #[serde(default)]
    time_unix_nano: Integer,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkJson<'a> {
    #[serde(borrow, default)]
    trace_id: Cow<'a, str>,
    #[serde(borrow, default)]
    span_id: Cow<'a, str>,
    #[serde(borrow, default)]
    trace_state: Cow<'a, str>,
    #[serde(borrow, default)]
    attributes: Vec<KeyValue<'a>>,
}

pub(super) fn decode_traces(body: &[u8], batch: &mut SpanBatch) -> Result<LeftOut, OtlpError> {
    let request: Request<'_> = serde_json::from_slice(body)?;
    let mut left_out = LeftOut::default();
    for from in &request.resource_spans {
        let start = end(&batch.attributes);
        push_attributes(batch, &from.resource.attributes)?;
        let attributes = start..end(&batch.attributes);
        push_resource(batch, attributes);
        for group in &from.scope_spans {
            let start = end(&batch.attributes);
            push_attributes(batch, &group.scope.attributes)?;
            let scope = Scope {
                name: batch.keep(&group.scope.name),
                version: batch.keep(&group.scope.version),
                attributes: start..end(&batch.attributes),
            };
            batch.scopes.push(scope);
            for span in &group.spans {
                push(batch, span, &mut left_out)?;
            }
        }
    }
    Ok(left_out)
}

fn push(
    batch: &mut SpanBatch,
    json: &SpanJson<'_>,
    left_out: &mut LeftOut,
) -> Result<(), OtlpError> {
    if batch.spans.len() >= SPANS_MAX {
        return Err(OtlpError::TooMany { what: "spans", limit: SPANS_MAX });
    }
    let (trace_id, span_id) = (TraceId::parse(&json.trace_id), SpanId::parse(&json.span_id));
    let parent = if json.parent_span_id.is_empty() {
        Some(SpanId::default())
    } else {
        SpanId::parse(&json.parent_span_id)
    };
    let sound = trace_id.is_some() && span_id.is_some() && parent.is_some();
    let start_ns = json.start_time_unix_nano.0 as u64;
    let attributes_start = end(&batch.attributes);
    push_attributes(batch, &json.attributes)?;
    let mut span = Span {
        trace_id: trace_id.unwrap_or_default(),
        span_id: span_id.unwrap_or_default(),
        parent_span_id: parent.unwrap_or_default(),
        trace_state: batch.keep(&json.trace_state),
        flags: json.flags.0 as u32,
        kind: SpanKind::from_number(json.kind.0),
        status: StatusCode::from_number(json.status.code.0),
        status_message: batch.keep(&json.status.message),
        name: batch.keep(&json.name),
        start_ns,
        duration_ns: (json.end_time_unix_nano.0 as u64).saturating_sub(start_ns),
        resource: end(&batch.resources).saturating_sub(1),
        scope: end(&batch.scopes).saturating_sub(1),
        attributes: attributes_start..end(&batch.attributes),
        ..Span::default()
    };
    let (events_start, links_start) = (end(&batch.events), end(&batch.links));
    for event in &json.events {
        let start = end(&batch.attributes);
        push_attributes(batch, &event.attributes)?;
        let name = batch.keep(&event.name);
        let attributes = start..end(&batch.attributes);
        let time_ns = event.time_unix_nano.0 as u64;
        batch.events.push(SpanEvent { time_ns, name, attributes });
    }
    for link in &json.links {
        let start = end(&batch.attributes);
        push_attributes(batch, &link.attributes)?;
        let link = SpanLink {
            trace_id: TraceId::parse(&link.trace_id).unwrap_or_default(),
            span_id: SpanId::parse(&link.span_id).unwrap_or_default(),
            trace_state: batch.keep(&link.trace_state),
            attributes: start..end(&batch.attributes),
        };
        batch.links.push(link);
    }
    span.events = events_start..end(&batch.events);
    span.links = links_start..end(&batch.links);
    push_span(batch, span, sound, left_out);
    Ok(())
}

fn push_attributes(batch: &mut SpanBatch, pairs: &[KeyValue<'_>]) -> Result<(), OtlpError> {
    if batch.attributes.len() + pairs.len() > ATTRIBUTES_MAX {
        return Err(OtlpError::TooMany { what: "attributes", limit: ATTRIBUTES_MAX });
    }
    for pair in pairs {
        let from = &pair.value;
        let value = if let Some(text) = &from.text {
            AttributeValue::Text(batch.keep(text))
        } else if let Some(flag) = from.flag {
            AttributeValue::Bool(flag)
        } else if let Some(number) = from.integer {
            AttributeValue::Integer(number.0)
        } else if let Some(number) = from.float {
            AttributeValue::Float(number.0)
        } else if let Some(text) = &from.bytes {
            AttributeValue::Bytes(batch.keep(text))
        } else if let Some(raw) = from.list {
            AttributeValue::List(batch.keep(&plain(&serde_json::from_str(raw.get())?).to_string()))
        } else if let Some(raw) = from.map {
            AttributeValue::Map(batch.keep(&plain(&serde_json::from_str(raw.get())?).to_string()))
        } else {
            continue;
        };
        let key = batch.keep(&pair.key);
        batch.attributes.push(Attribute { key, value });
    }
    Ok(())
}

/// OTLP's wrapped value (`{"values": [{"stringValue": ...}]}`) as plain JSON. Depth is bounded by
/// what serde_json parses (128).
fn plain(value: &Json) -> Json {
    let Json::Object(fields) = value else { return value.clone() };
    if let Some(Json::Array(values)) = fields.get("values") {
        let is_map = values.iter().any(|item| item.get("key").is_some());
        if !is_map {
            return Json::Array(values.iter().map(plain).collect());
        }
        let pairs = values.iter().filter_map(|item| {
            let key = item.get("key")?.as_str()?.to_owned();
            Some((key, item.get("value").map_or(Json::Null, plain)))
        });
        return Json::Object(pairs.collect());
    }
    for (name, value) in fields {
        match name.as_str() {
            "stringValue" | "boolValue" | "bytesValue" => return value.clone(),
            "intValue" => {
                return Integer::try_from(value.clone()).map_or(Json::Null, |n| Json::from(n.0));
            }
            "doubleValue" => {
                return Float::try_from(value.clone()).map_or(Json::Null, |n| Json::from(n.0));
            }
            "arrayValue" | "kvlistValue" => return plain(value),
            _ => {}
        }
    }
    if fields.is_empty() { Json::Array(Vec::new()) } else { Json::Null }
}
