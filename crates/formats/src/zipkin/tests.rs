//! All forms give the same span, where they can say the same.

use super::*;
use crate::protobuf::Writer as _;

const V2: &str = r#"[{
  "traceId": "5982fe77008310cc80f1da5e10147517", "id": "bd7a977555f6b982",
  "parentId": "90394f6bcffb5d13", "name": "get", "kind": "CLIENT", "timestamp": 1700000000000001,
  "duration": 207, "localEndpoint": {"serviceName": "front", "ipv4": "10.0.0.1"},
  "remoteEndpoint": {"serviceName": "back", "ipv4": "10.0.0.2", "port": 9000},
  "tags": {"http.path": "/a", "error": "timed out"},
  "annotations": [{"timestamp": 1700000000000100, "value": "retry"}], "shared": false
}]"#;

const V1: &str = r#"[{
  "traceId": "5982fe77008310cc80f1da5e10147517", "id": "bd7a977555f6b982",
  "parentId": "90394f6bcffb5d13", "name": "get",
  "annotations": [
    {"timestamp": 1700000000000001, "value": "cs", "endpoint": {"serviceName": "front", "ipv4": "10.0.0.1"}},
    {"timestamp": 1700000000000100, "value": "retry"},
    {"timestamp": 1700000000000208, "value": "cr", "endpoint": {"serviceName": "front", "ipv4": "10.0.0.1"}}],
  "binaryAnnotations": [
    {"key": "error", "value": "timed out"},
    {"key": "http.path", "value": "/a"},
    {"key": "sa", "value": true, "endpoint": {"serviceName": "back", "ipv4": "10.0.0.2", "port": 9000}}]
}]"#;

fn v2_proto() -> Vec<u8> {
    let mut out = Vec::new();
    out.put_message(1, |span: &mut Vec<u8>| {
        span.put_bytes(1, &TraceId::parse("5982fe77008310cc80f1da5e10147517").unwrap().0);
        span.put_bytes(2, &SpanId::parse("90394f6bcffb5d13").unwrap().0);
        span.put_bytes(3, &SpanId::parse("bd7a977555f6b982").unwrap().0);
        span.put_uint(4, 1);
        span.put_bytes(5, b"get");
        span.put_double(6, f64::from_bits(1_700_000_000_000_001));
        span.put_uint(7, 207);
        span.put_message(8, |end| {
            end.put_bytes(1, b"front");
            end.put_bytes(2, &[10, 0, 0, 1]);
        });
        span.put_message(9, |end| {
            end.put_bytes(1, b"back");
            end.put_bytes(2, &[10, 0, 0, 2]);
            end.put_uint(4, 9000);
        });
        span.put_message(10, |annotation| {
            annotation.put_double(1, f64::from_bits(1_700_000_000_000_100));
            annotation.put_bytes(2, b"retry");
        });
        for (key, text) in [("error", "timed out"), ("http.path", "/a")] {
            span.put_message(11, |tag| {
                tag.put_bytes(1, key.as_bytes());
                tag.put_bytes(2, text.as_bytes());
            });
        }
    });
    out
}

fn told(batch: &SpanBatch) -> String {
    let span = &batch.spans[0];
    let tags: Vec<String> = batch
        .attributes_of(&span.attributes)
        .iter()
        .map(|tag| match tag.value {
            AttributeValue::Text(text) => format!("{}={}", batch.text(tag.key), batch.text(text)),
            value => format!("{}={value:?}", batch.text(tag.key)),
        })
        .collect();
    let event = &batch.events_of(span)[0];
    format!(
        "{} {} {} {} {} {:?} {:?} {} {} [{}] {}@{}",
        batch.service_of(span),
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        batch.text(span.name),
        span.kind,
        span.status,
        span.start_ns,
        span.duration_ns,
        tags.join(" "),
        batch.text(event.name),
        event.time_ns,
    )
}

#[test]
fn all_forms_give_the_same_span() {
    let expected = "front 5982fe77008310cc80f1da5e10147517 bd7a977555f6b982 90394f6bcffb5d13 get \
                    Client Error 1700000000000001000 207000 [error=timed out http.path=/a \
                    peer.service=back network.peer.address=10.0.0.2 \
                    network.peer.port=Integer(9000)] retry@1700000000000100000";
    let (mut v2, mut v1, mut proto) = (SpanBatch::new(), SpanBatch::new(), SpanBatch::new());
    decode_v2_json(V2.as_bytes(), &mut v2).unwrap();
    decode_v1_json(V1.as_bytes(), &mut v1).unwrap();
    decode_v2_proto(&v2_proto(), &mut proto).unwrap();
    for batch in [v2, v1, proto] {
        assert_eq!(told(&batch), expected);
    }
}

#[test]
fn bad_ids_and_cut_bodies_are_errors() {
    let cases = [
        (r#"[{"traceId": "xyz", "id": "1"}]"#, "trace id \"xyz\" is not lower-hex"),
        (r#"[{"traceId": "1", "id": "11111111111111111"}]"#, "id \"11111111111111111\" is not"),
        (r#"{"traceId": "1"}"#, "invalid type: map"),
    ];
    for (body, expected) in cases {
        let error = decode_v2_json(body.as_bytes(), &mut SpanBatch::new()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let whole = v2_proto();
    for length in 1..whole.len() {
        decode_v2_proto(&whole[..length], &mut SpanBatch::new()).unwrap_err();
    }
}
