//! Push requests in both forms, and what is refused.

use proptest::prelude::*;
use vigie_model::{LogBatch, write_document_json};

use super::*;
use crate::protobuf::Writer as _;

fn documents(batch: &LogBatch) -> Vec<String> {
    let one = |operation| {
        let mut out = Vec::new();
        let document = batch.document(operation);
        write_document_json(document, operation.time_ns, &mut out);
        String::from_utf8(out).unwrap()
    };
    batch.operations().iter().map(one).collect()
}

fn pair(out: &mut Vec<u8>, field: u32, name: &str, value: &str) {
    out.put_message(field, |pair: &mut Vec<u8>| {
        pair.put_bytes(1, name.as_bytes());
        pair.put_bytes(2, value.as_bytes());
    });
}

fn protobuf(labels: &str, line: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_message(1, |stream: &mut Vec<u8>| {
        stream.put_bytes(1, labels.as_bytes());
        stream.put_message(2, |entry: &mut Vec<u8>| {
            entry.put_message(1, |time: &mut Vec<u8>| {
                time.put_uint(1, 1_700_000_000);
                time.put_uint(2, 5);
            });
            entry.put_bytes(2, line.as_bytes());
            pair(entry, 3, "trace.id", "abc");
        });
    });
    body
}

#[test]
fn both_forms_become_the_same_documents() {
    let expected = r#"{"@timestamp":"2023-11-14T22:13:20.000000005Z","message":"level=warn x","app":"web","env":"a\"b","service_name":"web","trace_id":"abc","detected_level":"warn"}"#;
    let mut batch = LogBatch::new();
    let limits = PushLimits::default();
    let body = protobuf(r#"{env="a\"b", app="web"}"#, "level=warn x");
    let report = decode_push(&body, "loki", &limits, &mut batch).unwrap();
    assert_eq!((report.lines, report.refused), (1, 0));
    assert_eq!(documents(&batch), [expected]);

    let mut batch = LogBatch::new();
    let body = r#"{"streams":[{"stream":{"app":"web","env":"a\"b"},"values":[["1700000000000000005","level=warn x",{"trace_id":"abc"}]]}]}"#;
    decode_push_json(body.as_bytes(), "loki", &limits, &mut batch).unwrap();
    assert_eq!(documents(&batch), [expected]);
}

#[test]
fn what_is_too_much_is_refused_in_lokis_words() {
    let limits = PushLimits { line_bytes_max: 10, labels_max: 2, ..PushLimits::default() };
    for (stream, line, message) in [
        ("{}", "x", "error at least one label pair is required per stream"),
        ("{app=}", "x", "Error parsing labels '{app=}' with error: "),
        (
            r#"{a="1",b="2",c="3"}"#,
            "x",
            "entry for stream '{a=\"1\", b=\"2\", c=\"3\"}' has 3 label names; limit 2",
        ),
        (
            r#"{a="1"}"#,
            "12345678901",
            "max entry size '10' bytes exceeded for stream '{a=\"1\", service_name=\"unknown_service\"}' while adding an entry with length '11' bytes",
        ),
    ] {
        let mut batch = LogBatch::new();
        let report = decode_push(&protobuf(stream, line), "loki", &limits, &mut batch).unwrap();
        assert_eq!((report.lines, report.refused), (0, 1), "{stream}");
        assert!(report.message.as_ref().unwrap().starts_with(message), "{:?}", report.message);
        assert!(batch.is_empty());
    }
    for body in [
        "",
        "{",
        "[]",
        r#"{"streams":[{"stream":{"a":1}}]}"#,
        r#"{"streams":[{"stream":{"a":"b"},"values":[[1,"x"]]}]}"#,
    ] {
        let mut batch = LogBatch::new();
        let error = decode_push_json(body.as_bytes(), "loki", &limits, &mut batch);
        assert!(error.is_err(), "{body}");
    }
    let empty = decode_push_json(br#"{"streams":[]}"#, "loki", &limits, &mut LogBatch::new());
    assert!(matches!(empty, Err(PushError::NoStream)));
}

proptest! {
    #[test]
    fn anything_is_read_without_panic(
        body in prop::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        crate::fuzzing::loki_push(&body);
        let mut good = protobuf(r#"{app="web"}"#, "a line");
        let at = cut.index(good.len());
        good[at] = body.first().copied().unwrap_or(0);
        crate::fuzzing::loki_push(&good);
        crate::fuzzing::loki_push(&good[..at]);
    }
}
