//! Entry points of the fuzz targets: read anything, never panic.

use vigie_model::span::SpanBatch;
use vigie_model::{LogBatch, MetricBatch};

use crate::exposition::{Entry, Format, ParseOptions, Parser};
use crate::lines::{graphite, influx, opentsdb, pickle};
use crate::loki::{PushLimits, decode_push, decode_push_json};
use crate::otlp::{decode_traces, decode_traces_json};
use crate::remote_read::{decode_read_request, decode_read_results};
use crate::remote_write::{decode_v1, decode_v2};
use crate::tsdb;
use crate::victoria::ExportLine;
use crate::{jaeger, zipkin};

fn read_all(format: Format, data: &[u8], options: ParseOptions) {
    let Ok(mut parser) = Parser::new(format, data, options) else { return };
    while let Ok(Some(entry)) = parser.next() {
        // Labels belong to one entry and borrow from it.
        let mut labels = Vec::new();
        match entry {
            Entry::Series(series) => drop(series.labels(&mut labels)),
            Entry::Histogram(histogram) => drop(histogram.labels(&mut labels)),
            Entry::Metadata(_) => {}
        }
    }
}

/// Push requests of Loki, protobuf and JSON.
pub fn loki_push(data: &[u8]) {
    let limits = PushLimits::default();
    drop(decode_push(data, "loki", &limits, &mut LogBatch::new()));
    drop(decode_push_json(data, "loki", &limits, &mut LogBatch::new()));
}

/// Prometheus text.
pub fn exposition_text(data: &[u8]) {
    read_all(Format::PrometheusText, data, ParseOptions::default());
}

/// OpenMetrics text, with `_created` lines as series and as start timestamps.
pub fn openmetrics(data: &[u8]) {
    for created_as_start in [false, true] {
        let options = ParseOptions { created_as_start, ..ParseOptions::default() };
        read_all(Format::OpenMetrics, data, options);
    }
}

/// Prometheus protobuf, with and without native histograms.
pub fn protobuf_exposition(data: &[u8]) {
    for native_histograms in [false, true] {
        let options =
            ParseOptions { native_histograms, always_classic: true, ..ParseOptions::default() };
        read_all(Format::PrometheusProto, data, options);
    }
}

/// A decompressed remote write 1.0 request.
pub fn remote_write_v1(data: &[u8]) {
    let mut batch = MetricBatch::new();
    drop(decode_v1(data, &mut batch));
    // Building the sets checks in debug builds that they are in the model's form.
    batch.series().iter().for_each(|series| drop(batch.labels(series)));
}

/// A decompressed remote write 2.0 request.
pub fn remote_write_v2(data: &[u8]) {
    let mut batch = MetricBatch::new();
    drop(decode_v2(data, &mut batch));
    batch.series().iter().for_each(|series| drop(batch.labels(series)));
}

/// A decompressed remote read request, or an answer to one.
pub fn remote_read(data: &[u8]) {
    drop(decode_read_request(data));
    if let Ok(batch) = decode_read_results(data) {
        batch.series().iter().for_each(|series| drop(batch.labels(series)));
    }
}

/// OTLP traces, in both forms.
pub fn otlp_traces(data: &[u8]) {
    read_spans(|batch| decode_traces(data, batch).is_ok());
    read_spans(|batch| decode_traces_json(data, batch).is_ok());
}

/// Jaeger's batches in all encodings.
pub fn jaeger(data: &[u8]) {
    read_spans(|batch| jaeger::decode_batch(data, batch).is_ok());
    read_spans(|batch| jaeger::decode_agent_packet(data, batch).is_ok());
    read_spans(|batch| jaeger::decode_post_spans(data, batch).is_ok());
}

/// Zipkin's spans in all forms.
pub fn zipkin(data: &[u8]) {
    read_spans(|batch| zipkin::decode_v2_json(data, batch).is_ok());
    read_spans(|batch| zipkin::decode_v1_json(data, batch).is_ok());
    read_spans(|batch| zipkin::decode_v2_proto(data, batch).is_ok());
}

/// Every range of what was read lies within the batch, also when reading ended early.
fn read_spans(read: impl FnOnce(&mut SpanBatch) -> bool) {
    let mut batch = SpanBatch::new();
    let is_whole = read(&mut batch);
    for span in &batch.spans {
        assert!(!is_whole || (span.resource as usize) < batch.resources.len());
        assert!((span.scope as usize) < batch.scopes.len());
        let length = |range: &std::ops::Range<u32>| (range.end - range.start) as usize;
        assert_eq!(batch.attributes_of(&span.attributes).len(), length(&span.attributes));
        assert_eq!(batch.events_of(span).len(), length(&span.events));
        assert_eq!(batch.links_of(span).len(), length(&span.links));
    }
}

/// InfluxDB's lines.
pub fn influx_lines(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        drop(influx::parse(line, influx::Precision::Guessed));
    }
}

/// Graphite's plaintext.
pub fn graphite_lines(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        drop(graphite::parse(line).map(|row| row.map(|row| row.labels())));
    }
}

/// OpenTSDB's telnet lines and JSON.
pub fn opentsdb(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        drop(opentsdb::parse(line));
    }
    drop(opentsdb::parse_json(data));
}

/// Carbon's pickles.
pub fn carbon_pickle(data: &[u8]) {
    drop(pickle::parse(data));
}

/// VictoriaMetrics' JSON lines.
pub fn victoria_lines(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(line) = ExportLine::parse(line) {
            line.points().for_each(drop);
        }
    }
}

/// Index and tombstones of a block.
pub fn tsdb_index(data: &[u8]) {
    if let Ok(index) = tsdb::Index::parse(data.to_vec()) {
        index.series().take(10_000).for_each(drop);
    }
    drop(tsdb::read_tombstones(data));
}

/// Chunks of a block: the first byte is the encoding.
pub fn tsdb_chunk(data: &[u8]) {
    drop(tsdb::split_chunk(data));
    if let Some((encoding, data)) = data.split_first() {
        drop(tsdb::decode_chunk(encoding % 4, data, &mut Vec::new()));
    }
}

/// A document of a log index.
pub fn log_document(data: &[u8]) {
    crate::log_document::fuzz(data);
}

/// A sender of Beats, from its first byte on.
pub fn lumberjack(data: &[u8]) {
    use crate::lumberjack::{Frame, Read, events, inflate, read};
    let (mut rest, mut inflated) = (data, Vec::new());
    while let Ok(Read::Frame { frame, length, .. }) = read(rest) {
        if let Frame::Compressed(bytes) = frame
            && inflate(bytes, &mut inflated).is_ok()
        {
            events(&inflated).for_each(drop);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// A stream of syslog's messages, told apart and read.
pub fn syslog(data: &[u8]) {
    use crate::framing::{Framed, Framing};
    let mut rest = data;
    while let Framed::Message(range, next) = Framing::Syslog.first(rest, 0, 1 << 16) {
        assert!(range.end <= next && next <= rest.len() && next > 0);
        let message = rest.get(range).unwrap_or_default();
        drop(crate::syslog::parse(&String::from_utf8_lossy(message)));
        rest = rest.get(next..).unwrap_or_default();
    }
    drop(crate::syslog::parse(&String::from_utf8_lossy(data)));
}

/// Datagrams of GELF, each after its length, of four senders within some seconds.
pub fn gelf(data: &[u8]) {
    use crate::gelf::{Datagram, GelfPieces, json};
    let (mut rest, mut out) = (data, Vec::new());
    let mut pieces = GelfPieces::default();
    while let Some(([length, more], after)) = rest.split_first_chunk::<2>() {
        let (datagram, left) = after.split_at(usize::from(*length).min(after.len()));
        let now_ms = i64::from(more >> 2) * 100;
        match pieces.take(datagram, more & 3, now_ms) {
            Datagram::Whole(bytes) => drop(json(bytes, &mut out).map(<[u8]>::len)),
            Datagram::Completed(bytes) => drop(json(&bytes, &mut out).map(<[u8]>::len)),
            Datagram::Piece => {}
        }
        rest = left;
    }
}

/// Messages of the forward protocol, one after the other.
pub fn forward(data: &[u8]) {
    use crate::msgpack::{Extent, Reader};
    let mut rest = data;
    while let Ok(Some(length)) = Extent::default().of(rest) {
        assert!(length > 0 && length <= rest.len());
        let (message, left) = rest.split_at(length);
        if let Ok(Some(message)) = crate::forward::read(message) {
            message.entries().for_each(drop);
        }
        drop(Reader::new(message).value());
        rest = left;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Text and wire bytes that go deep into every reader; a few of them are then changed.
    const SEEDS: [&[u8]; 15] = [
        b"\x93\xa1a\x91\x92\xd7\0\0\0\0\x02\0\0\0\x05\x81\xa1n\x01\x81\xa5chunk\xa1x\x92\xa1a\xc4\x03\x92\x02\x80",
        b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}",
        b"<34>Oct 11 22:14:15 my su[1]: x\n35 <1>1 - h a p m [i@1 a=\"\\\"\"] text here!!<3>y\0",
        b"\x0e\x01\x1e\x0f12345678\0\x02{}\x0e\x01\x1e\x0f12345678\x01\x02{}\x02\x02{}",
        b"m,t=v\\ 1 f=1i,g=\"x\" 1556813561098000000\n",
        b"a.b;x=y 1.5 1560277406\n",
        b"put a 1560277406 1 h=x\n",
        b"[{\"metric\":\"a\",\"timestamp\":1,\"value\":\"2\",\"tags\":{\"b\":true}}]",
        b"\x80\x02]q\x00(X\x01\x00\x00\x00aq\x01K\x01G?\xf8\x00\x00\x00\x00\x00\x00\x86q\x02\x86q\x03e.",
        b"{\"metric\":{\"__name__\":\"a\"},\"values\":[1,null,\"Infinity\"],\"timestamps\":[1,2,3]}",
        b"\x02\x00\x02\x80\x02\x88\x9a\x15\x1d\x02\x9a\xa8\x04\x04\x00\x00\x00\x00\x00\x00\x88\x44",
        b"# TYPE h histogram\n# HELP h a\\n\nh_bucket{le=\"1\",x=\"\\\"}\"} 1 5\nh_created 7\n",
        b"# TYPE a_s counter\n# UNIT a_s s\na_s_total{x=\"1\"} 5.0 1.5 # {t=\"b\"} 1 2\na_s_created{x=\"1\"} 1\n# EOF\n",
        b"{\"my.metric\",\"a b\"=\"c\"} NaN\n",
        b"\x22\x00\x22\x08__name__\x22\x01a\x2a\x1c\x0a\x02\x01\x02\x12\x0b\x09\0\0\0\0\0\0\xf0\x3f\x10\x05\x1a\x05\x5a\x04\x08\x02\x10\x03\x2a\x02\x08\x01",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn changed_bytes_never_panic(
            seed in 0..SEEDS.len(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..6),
        ) {
            let mut data = SEEDS[seed].to_vec();
            for (at, byte, how) in changes {
                let at = at.index(data.len() + 1);
                match how {
                    0 if at < data.len() => data[at] = byte,
                    1 => data.truncate(at),
                    _ => data.insert(at, byte),
                }
            }
            super::exposition_text(&data);
            super::openmetrics(&data);
            super::protobuf_exposition(&data);
            super::remote_write_v1(&data);
            super::remote_write_v2(&data);
            super::remote_read(&data);
            super::influx_lines(&data);
            super::graphite_lines(&data);
            super::opentsdb(&data);
            super::carbon_pickle(&data);
            super::victoria_lines(&data);
            super::tsdb_index(&data);
            super::tsdb_chunk(&data);
            super::otlp_traces(&data);
            super::jaeger(&data);
            super::zipkin(&data);
            super::lumberjack(&data);
            super::syslog(&data);
            super::gelf(&data);
            super::forward(&data);
        }
    }
}

/// JSON of events.
pub fn event_json(data: &[u8]) {
    crate::event_json::fuzz(data);
}

/// Messages of PostgreSQL's clients: the first byte is the letter, or 0 for a first message.
pub fn postgres(data: &[u8]) {
    match data.split_first() {
        Some((0, body)) => drop(crate::postgres::read_startup(body)),
        Some((letter, body)) => drop(crate::postgres::read_request(*letter, body)),
        None => {}
    }
}
