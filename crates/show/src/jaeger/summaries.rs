//! What a list of results shows of a trace: `api_v3.TraceSummary` of jaeger-idl.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use vigie_formats::protobuf::Writer as _;
use vigie_model::span::{SpanId, StatusCode};
use vigie_query::traces::TraceSpan;

/// The numbers of a trace.
struct Summary<'a> {
    id: String,
    root: Option<&'a TraceSpan>,
    start_ns: u64,
    end_ns: u64,
    errors: u32,
    orphans: u32,
    /// Spans and failed spans by service.
    services: BTreeMap<&'a str, (u32, u32)>,
}

fn summary(spans: &[TraceSpan]) -> Summary<'_> {
    let ids: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    let start = |span: &TraceSpan| span.start_ns.max(0).unsigned_abs();
    let mut out = Summary {
        id: spans.first().map(|span| span.trace_id.to_string()).unwrap_or_default(),
        root: spans.iter().filter(|span| span.parent_span_id.is_none()).min_by_key(|s| s.start_ns),
        start_ns: spans.iter().map(start).min().unwrap_or(0),
        end_ns: spans.iter().map(|s| start(s).saturating_add(s.duration_ns)).max().unwrap_or(0),
        errors: 0,
        orphans: 0,
        services: BTreeMap::new(),
    };
    for span in spans {
        let (count, errors) = out.services.entry(&span.service).or_default();
        *count += 1;
        if span.status == StatusCode::Error {
            *errors += 1;
            out.errors += 1;
        }
        if !span.parent_span_id.is_none() && !ids.contains(&span.parent_span_id) {
            out.orphans += 1;
        }
    }
    out
}

/// The summary as protobuf's JSON.
pub(super) fn json(spans: &[TraceSpan]) -> Value {
    let found = summary(spans);
    let services: Vec<Value> = found
        .services
        .iter()
        .map(|(name, (count, errors))| {
            json!({"name": name, "spanCount": count, "errorSpanCount": errors})
        })
        .collect();
    json!({
        "traceId": found.id,
        "rootServiceName": found.root.map(|root| root.service.as_str()).unwrap_or_default(),
        "rootOperationName": found.root.map(|root| root.name.as_str()).unwrap_or_default(),
        "minStartTimeUnixNano": found.start_ns.to_string(),
        "maxEndTimeUnixNano": found.end_ns.to_string(),
        "spanCount": spans.len(),
        "errorSpanCount": found.errors,
        "orphanSpanCount": found.orphans,
        "services": services,
    })
}

/// `FindTraceSummariesResponse` with one summary.
pub(super) fn message(spans: &[TraceSpan]) -> Vec<u8> {
    let found = summary(spans);
    let mut out = Vec::new();
    out.put_message(1, |one: &mut Vec<u8>| {
        one.put_text_unless_default(1, &found.id);
        if let Some(root) = found.root {
            one.put_text_unless_default(2, &root.service);
            one.put_text_unless_default(3, &root.name);
        }
        for (field, value) in [(4, found.start_ns), (5, found.end_ns)] {
            one.put_varint(u64::from(field << 3 | 1_u32));
            one.extend_from_slice(&value.to_le_bytes());
        }
        one.put_uint_unless_default(6, spans.len() as u64);
        one.put_uint_unless_default(7, u64::from(found.errors));
        one.put_uint_unless_default(8, u64::from(found.orphans));
        for (name, (count, errors)) in &found.services {
            one.put_message(9, |service: &mut Vec<u8>| {
                service.put_text_unless_default(1, name);
                service.put_uint_unless_default(2, u64::from(*count));
                service.put_uint_unless_default(3, u64::from(*errors));
            });
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_summed_up() {
        let root = TraceSpan {
            span_id: SpanId([1; 8]),
            service: "web".to_owned(),
            name: "GET /".to_owned(),
            start_ns: 100,
            duration_ns: 50,
            ..TraceSpan::default()
        };
        let child = TraceSpan {
            span_id: SpanId([2; 8]),
            parent_span_id: SpanId([1; 8]),
            service: "shop".to_owned(),
            start_ns: 120,
            duration_ns: 90,
            status: StatusCode::Error,
            ..TraceSpan::default()
        };
        let orphan = TraceSpan { parent_span_id: SpanId([9; 8]), ..child.clone() };
        let found = json(&[child, root, orphan]);
        assert_eq!(found["rootServiceName"], "web");
        assert_eq!(found["maxEndTimeUnixNano"], "210");
        assert_eq!((&found["spanCount"], &found["errorSpanCount"]), (&json!(3), &json!(2)));
        assert_eq!(found["orphanSpanCount"], 1);
        assert_eq!(
            found["services"][0],
            json!({"name": "shop", "spanCount": 2, "errorSpanCount": 2})
        );
    }
}
