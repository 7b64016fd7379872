//! Batches written here by hand in both encodings, and broken in every place.

use vigie_model::span::{AttributeValue, SpanBatch, SpanKind, StatusCode};

use super::*;

/// Writes Thrift, as much of it as the tests need.
struct Writer {
    out: Vec<u8>,
    compact: bool,
    last: Vec<i16>,
}

impl Writer {
    fn new(compact: bool) -> Self {
        Self { out: Vec::new(), compact, last: vec![0] }
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    fn head(&mut self, number: i16, binary: u8, compact: u8) {
        if !self.compact {
            self.out.push(binary);
            self.out.extend(number.to_be_bytes());
            return;
        }
        let last = self.last.last_mut().unwrap();
        let delta = number - *last;
        *last = number;
        if (1..16).contains(&delta) {
            self.out.push((delta as u8) << 4 | compact);
        } else {
            self.out.push(compact);
            self.zigzag(i64::from(number));
        }
    }

    fn i64(&mut self, number: i16, value: i64) {
        self.head(number, 10, 6);
        if self.compact { self.zigzag(value) } else { self.out.extend(value.to_be_bytes()) }
    }

    fn i32(&mut self, number: i16, value: i32) {
        self.head(number, 8, 5);
        if self.compact { self.zigzag(value.into()) } else { self.out.extend(value.to_be_bytes()) }
    }

    fn double(&mut self, number: i16, value: f64) {
        self.head(number, 4, 7);
        let bytes = if self.compact { value.to_le_bytes() } else { value.to_be_bytes() };
        self.out.extend(bytes);
    }

    fn bool(&mut self, number: i16, value: bool) {
        self.head(number, 2, if value { 1 } else { 2 });
        if !self.compact {
            self.out.push(value.into());
        }
    }

    fn length(&mut self, length: usize) {
        if self.compact {
            self.varint(length as u64);
        } else {
            self.out.extend((length as u32).to_be_bytes());
        }
    }

    fn text(&mut self, number: i16, text: &str) {
        self.head(number, 11, 8);
        self.length(text.len());
        self.out.extend(text.as_bytes());
    }

    fn inner(&mut self, write: impl FnOnce(&mut Self)) {
        self.last.push(0);
        write(self);
        self.last.pop();
        self.out.push(0);
    }

    fn structure(&mut self, number: i16, write: impl FnOnce(&mut Self)) {
        self.head(number, 12, 12);
        self.inner(write);
    }

    fn list(&mut self, number: i16, items: Vec<Item>) {
        self.head(number, 15, 9);
        if self.compact {
            self.out.push(((items.len().min(15) as u8) << 4) | 0x0c);
            if items.len() >= 15 {
                self.varint(items.len() as u64);
            }
        } else {
            self.out.push(12);
            self.out.extend((items.len() as u32).to_be_bytes());
        }
        for item in items {
            self.inner(item);
        }
    }
}

type Item = Box<dyn FnOnce(&mut Writer)>;

fn tag(key: &'static str, kind: i32, value: impl FnOnce(&mut Writer) + 'static) -> Item {
    Box::new(move |w| {
        w.text(1, key);
        w.i32(2, kind);
        value(w);
    })
}

fn span(w: &mut Writer) {
    w.i64(1, 0x0102);
    w.i64(2, 0);
    w.i64(3, -1);
    w.i64(4, 0);
    w.text(5, "GET /users");
    let reference = |trace: i64, id: i64, kind: i32| -> Item {
        Box::new(move |w| {
            w.i32(1, kind);
            w.i64(2, trace);
            w.i64(3, 0);
            w.i64(4, id);
        })
    };
    w.list(6, vec![reference(0x0102, 7, 0), reference(0x99, 8, 1)]);
    w.i32(7, 1);
    w.i64(8, 1_700_000_000_000_000);
    w.i64(9, 1_500);
    w.list(
        10,
        vec![
            tag("span.kind", 0, |w| w.text(3, "server")),
            tag("error", 2, |w| w.bool(5, true)),
            tag("ok", 2, |w| w.bool(5, false)),
            // As Jaeger's client for Node writes it: all fields, the type tells which is meant.
            tag("http.status_code", 3, |w| {
                w.text(3, "");
                w.double(4, 0.0);
                w.bool(5, false);
                w.i64(6, 500);
                w.text(7, "\0\0\0\0\0\0\0\0");
            }),
            tag("share", 1, |w| w.double(4, 0.5)),
            tag("otel.library.name", 0, |w| w.text(3, "flask")),
        ],
    );
    let log: Item = Box::new(|w| {
        w.i64(1, 1_700_000_000_000_100);
        w.list(
            2,
            vec![tag("event", 0, |w| w.text(3, "error")), tag("message", 0, |w| w.text(3, "boom"))],
        );
    });
    w.list(11, vec![log]);
    // A field that no version knows yet.
    w.structure(200, |w| w.list(1, vec![Box::new(|w: &mut Writer| w.double(3, 1.0))]));
}

fn batch_of(w: &mut Writer) {
    // The spans first: the order of fields is the sender's choice.
    w.list(2, vec![Box::new(span)]);
    w.structure(1, |w| {
        w.text(1, "web-api");
        w.list(2, vec![tag("hostname", 0, |w| w.text(3, "h1"))]);
    });
}

fn http_body() -> Vec<u8> {
    let mut w = Writer::new(false);
    batch_of(&mut w);
    w.out.push(0);
    w.out
}

fn packet(compact: bool) -> Vec<u8> {
    let mut w = Writer::new(compact);
    if compact {
        w.out.extend([0x82, 0x81, 0x01, 9]);
    } else {
        w.out.extend([0x80, 0x01, 0, 4, 0, 0, 0, 9]);
    }
    w.out.extend(b"emitBatch");
    if !compact {
        w.out.extend([0, 0, 0, 1]);
    }
    w.structure(1, batch_of);
    w.out.push(0);
    w.out
}

fn check(batch: &SpanBatch) {
    let [span] = &*batch.spans else { panic!("{} spans", batch.spans.len()) };
    assert_eq!(span.trace_id.to_string(), "00000000000000000000000000000102");
    assert_eq!(span.span_id.to_string(), "ffffffffffffffff");
    assert_eq!(span.parent_span_id.to_string(), "0000000000000007");
    assert_eq!(batch.text(span.name), "GET /users");
    assert_eq!(batch.service_of(span), "web-api");
    assert_eq!((span.kind, span.status), (SpanKind::Server, StatusCode::Error));
    assert_eq!((span.start_ns, span.duration_ns), (1_700_000_000_000_000_000, 1_500_000));
    assert_eq!(batch.text(batch.scopes[span.scope as usize].name), "flask");
    let tags: Vec<_> = batch
        .attributes_of(&span.attributes)
        .iter()
        .map(|tag| (batch.text(tag.key), tag.value))
        .collect();
    assert_eq!(
        tags,
        [
            ("error", AttributeValue::Bool(true)),
            ("ok", AttributeValue::Bool(false)),
            ("http.status_code", AttributeValue::Integer(500)),
            ("share", AttributeValue::Float(0.5)),
        ]
    );
    let [event] = batch.events_of(span) else { panic!("no event") };
    assert_eq!((batch.text(event.name), event.time_ns), ("error", 1_700_000_000_000_100_000));
    let [link] = batch.links_of(span) else { panic!("no link") };
    assert_eq!(link.span_id.to_string(), "0000000000000008");
}

#[test]
fn all_encodings_give_the_same_span() {
    let mut batch = SpanBatch::new();
    decode_batch(&http_body(), &mut batch).unwrap();
    check(&batch);
    for compact in [false, true] {
        let mut batch = SpanBatch::new();
        decode_agent_packet(&packet(compact), &mut batch).unwrap();
        check(&batch);
    }
}

#[test]
fn cut_and_inflated_messages_are_errors() {
    for whole in [packet(true), packet(false)] {
        for length in 0..whole.len() {
            decode_agent_packet(&whole[..length], &mut SpanBatch::new()).unwrap_err();
        }
    }
    // A list of 2^32 - 1 spans in a few bytes.
    let bomb = [15, 0, 2, 12, 0xff, 0xff, 0xff, 0xff, 0, 0];
    assert_eq!(decode_batch(&bomb, &mut SpanBatch::new()), Err(JaegerError::Truncated));
    // Structs within structs without end.
    let deep = [12_u8, 0, 9].repeat(10_000);
    assert_eq!(decode_batch(&deep, &mut SpanBatch::new()), Err(JaegerError::Malformed));
    assert_eq!(decode_agent_packet(b"GET /", &mut SpanBatch::new()), Err(JaegerError::UnknownCall));
}

#[test]
fn a_changed_byte_never_panics() {
    for whole in [packet(true), packet(false), http_body()] {
        for at in 0..whole.len() {
            for change in [1, 0x0f, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                let mut batch = SpanBatch::new();
                // Either way is right, as long as it returns.
                decode_agent_packet(&changed, &mut batch).ok();
                decode_batch(&changed, &mut batch).ok();
                decode_post_spans(&changed, &mut batch).ok();
            }
        }
    }
}

#[test]
fn protobuf_spans_keep_their_own_process() {
    use crate::protobuf::Writer as _;
    let mut message = Vec::new();
    message.put_message(1, |batch| {
        for own in [false, true] {
            batch.put_message(1, |span: &mut Vec<u8>| {
                span.put_bytes(1, &[1; 8]);
                span.put_bytes(2, &[2; 8]);
                span.put_bytes(3, b"op");
                span.put_message(6, |t| t.put_uint(1, 5));
                span.put_message(7, |t| t.put_uint(2, 9));
                span.put_message(8, |tag| {
                    tag.put_bytes(1, b"zero");
                    tag.put_uint(2, 2);
                });
                if own {
                    span.put_message(10, |process| process.put_bytes(1, b"own"));
                }
            });
        }
        batch.put_message(2, |process| process.put_bytes(1, b"shared"));
    });
    let mut batch = SpanBatch::new();
    decode_post_spans(&message, &mut batch).unwrap();
    let services: Vec<_> = batch.spans.iter().map(|span| batch.service_of(span)).collect();
    assert_eq!(services, ["shared", "own"]);
    let span = &batch.spans[0];
    assert_eq!((span.start_ns, span.duration_ns), (5_000_000_000, 9));
    assert_eq!(span.trace_id.to_string(), "00000000000000000101010101010101");
    assert_eq!(batch.attributes_of(&span.attributes)[0].value, AttributeValue::Integer(0));
}
