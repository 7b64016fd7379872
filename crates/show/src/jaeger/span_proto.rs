//! A span as `api_v2.Span` of jaeger-idl's `model.proto`.

use serde_json::Value;
use vigie_formats::protobuf::Writer as _;
use vigie_query::traces::TraceSpan;

use super::span_json::{is_child_of, span_tags};

/// Writes `span` into field 1, where chunks have their spans.
pub(super) fn put_span(out: &mut Vec<u8>, span: &TraceSpan) {
    out.put_message(1, |message: &mut Vec<u8>| {
        message.put_bytes(1, &span.trace_id.0);
        message.put_bytes(2, &span.span_id.0);
        message.put_text_unless_default(3, &span.name);
        if !span.parent_span_id.is_none() {
            put_reference(message, &span.trace_id.0, &span.parent_span_id.0, true);
        }
        for link in &span.links {
            put_reference(message, &link.trace_id.0, &link.span_id.0, is_child_of(link));
        }
        // Jaeger's only flag that senders set: sampled. OTLP's other bits mean nothing to it.
        message.put_uint_unless_default(5, u64::from(span.flags & 1));
        put_time(message, 6, span.start_ns.max(0).unsigned_abs());
        put_time(message, 7, span.duration_ns);
        for (key, value) in span_tags(span) {
            put_tag(message, 8, key, &value);
        }
        for event in &span.events {
            message.put_message(9, |log: &mut Vec<u8>| {
                put_time(log, 1, event.time_ns);
                if !event.name.is_empty() {
                    put_tag(log, 2, "event", &Value::from(event.name.as_str()));
                }
                for (key, value) in &event.attributes {
                    put_tag(log, 2, key, value);
                }
            });
        }
        message.put_message(10, |process: &mut Vec<u8>| {
            process.put_text_unless_default(1, &span.service);
            for (key, value) in &span.resource {
                put_tag(process, 2, key, value);
            }
        });
    });
}

fn put_reference(out: &mut Vec<u8>, trace: &[u8], span: &[u8], is_child: bool) {
    out.put_message(4, |reference: &mut Vec<u8>| {
        reference.put_bytes(1, trace);
        reference.put_bytes(2, span);
        reference.put_uint_unless_default(3, u64::from(!is_child));
    });
}

/// `google.protobuf.Timestamp` and `Duration`.
fn put_time(out: &mut Vec<u8>, field: u32, nanoseconds: u64) {
    out.put_message(field, |time: &mut Vec<u8>| {
        time.put_uint_unless_default(1, nanoseconds / 1_000_000_000);
        time.put_uint_unless_default(2, nanoseconds % 1_000_000_000);
    });
}

fn put_tag(out: &mut Vec<u8>, field: u32, key: &str, value: &Value) {
    out.put_message(field, |tag: &mut Vec<u8>| {
        tag.put_text_unless_default(1, key);
        match value {
            Value::Bool(flag) => {
                tag.put_uint(2, 1);
                tag.put_uint_unless_default(4, u64::from(*flag));
            }
            Value::Number(number) => {
                if let Some(integer) = number.as_i64().filter(|_| !number.is_f64()) {
                    tag.put_uint(2, 2);
                    tag.put_uint_unless_default(5, integer.cast_unsigned());
                } else {
                    tag.put_uint(2, 3);
                    tag.put_double(6, number.as_f64().unwrap_or(0.0));
                }
            }
            Value::String(text) => tag.put_text_unless_default(3, text),
            other => tag.put_text_unless_default(3, &other.to_string()),
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vigie_formats::jaeger::decode_post_spans;
    use vigie_model::span::{SpanBatch, SpanId, SpanKind, StatusCode, TraceId};
    use vigie_query::traces::TraceEvent;

    use super::*;

    #[test]
    fn what_is_written_is_what_the_collector_reads() {
        let span = TraceSpan {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            parent_span_id: SpanId([3; 8]),
            service: "web".to_owned(),
            name: "GET /".to_owned(),
            kind: SpanKind::Server,
            status: StatusCode::Error,
            start_ns: 1_700_000_000_123_456_789,
            duration_ns: 1_000_000_050,
            attributes: vec![
                ("n".to_owned(), json!(-5)),
                ("f".to_owned(), json!(5.5)),
                ("b".to_owned(), json!(false)),
            ],
            events: vec![TraceEvent { time_ns: 7, name: "late".to_owned(), attributes: vec![] }],
            ..TraceSpan::default()
        };
        let mut chunk = Vec::new();
        put_span(&mut chunk, &span);
        // A chunk is a batch without a process of its own, within a request.
        let mut request = Vec::new();
        request.put_bytes(1, &chunk);
        let mut batch = SpanBatch::new();
        decode_post_spans(&request, &mut batch).unwrap();
        let read = &batch.spans[0];
        assert_eq!((read.trace_id, read.span_id), (span.trace_id, span.span_id));
        assert_eq!(read.parent_span_id, span.parent_span_id);
        assert_eq!((read.start_ns, read.duration_ns), (1_700_000_000_123_456_789, 1_000_000_050));
        assert_eq!((read.kind, read.status), (SpanKind::Server, StatusCode::Error));
        assert_eq!(batch.service_of(read), "web");
        let keys: Vec<&str> = batch
            .attributes_of(&read.attributes)
            .iter()
            .map(|attribute| batch.text(attribute.key))
            .collect();
        assert_eq!(keys[..3], ["n", "f", "b"]);
        assert_eq!(batch.text(batch.events_of(read)[0].name), "late");
    }
}
