//! Tests of exposition, in and out.

use std::fmt::Write as _;

use super::*;

/// Every entry as one line.
fn read(format: Format, body: &str, options: ParseOptions) -> Result<Vec<String>, ParseError> {
    let mut parser = Parser::new(format, body.as_bytes(), options)?;
    let mut out = Vec::new();
    while let Some(entry) = parser.next()? {
        out.push(match entry {
            Entry::Metadata(entry) => format!("{} {:?}", entry.name, entry.line),
            Entry::Series(series) => {
                let mut labels = Vec::new();
                series.labels(&mut labels)?;
                let labels: Vec<_> = labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
                let mut line = format!("{} {}", labels.join(","), series.value);
                if let Some(timestamp) = series.timestamp_ms {
                    write!(line, " @{timestamp}").unwrap();
                }
                if series.start_timestamp_ms != 0 {
                    write!(line, " from {}", series.start_timestamp_ms).unwrap();
                }
                if let Some(exemplar) = series.exemplar {
                    write!(
                        line,
                        " # {:?} {} @{}",
                        exemplar.labels, exemplar.value, exemplar.timestamp_ms
                    )
                    .unwrap();
                }
                line
            }
            Entry::Histogram(_) => unreachable!("text has none"),
        });
    }
    Ok(out)
}

fn text(body: &str) -> Result<Vec<String>, ParseError> {
    read(Format::PrometheusText, body, ParseOptions::default())
}

#[test]
fn prometheus_text_is_read() {
    let body = "# HELP a_total Things \\\\ and\\nmore\n# TYPE a_total counter\n\
        a_total{code=\"200\",path=\"a\\\"b}\"} 1027 1395066363000\na_total 3\n\n# a comment\n\
        # TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\",} 3e3\r\n\
        {\"my.metric\", \"a b\"=\"c\"} NaN\nt\t{ a = \"b\" }\t-Inf\nlast 1";
    let expected = [
        "a_total Help(\"Things \\\\ and\\nmore\")",
        "a_total Type(Counter)",
        "__name__=a_total,code=200,path=a\"b} 1027 @1395066363000",
        "__name__=a_total 3",
        "h Type(Histogram)",
        "__name__=h_bucket,le=1.0 2",
        "__name__=h_bucket,le=+Inf 3000",
        "__name__=my.metric,a b=c NaN",
        "__name__=t,a=b -inf",
        "__name__=last 1",
    ];
    assert_eq!(text(body).unwrap(), expected);
}

#[test]
fn bad_text_is_refused_with_its_line() {
    let cases = [
        ("a 1\nb", "line 2: expected value after metric"),
        ("a{b=\"c\" 1", "line 1: expected label value or brace close"),
        ("a{b=c} 1", "line 1: expected label value"),
        ("a{b=\"c\"d=\"e\"} 1", "line 1: expected comma or brace close"),
        ("a 0x1p2", "line 1: invalid value"),
        ("a 1_0", "line 1: invalid value"),
        ("a 1 1.5", "line 1: expected timestamp"),
        ("9a 1", "line 1: expected a valid start token"),
        ("{a=\"b\"} 1", "line 1: expected a metric name"),
        ("# TYPE a thing\n", "line 1: invalid metric type \"thing\""),
    ];
    for (body, expected) in cases {
        let error = text(body).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{body:?}: {error}");
    }
    let error = Parser::new(Format::PrometheusText, b"a 1\n\xff", ParseOptions::default());
    assert_eq!(error.unwrap_err().to_string(), "line 2: invalid UTF-8");
}

const OPENMETRICS: &str = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
    # HELP a_seconds Time.\na_seconds_total{x=\"1\"} 5.0 1.5 # {trace_id=\"ab\"} 0.5 2.25\n\
    a_seconds_created{x=\"1\"} 100.5\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\n\
    h_bucket{le=\"+Inf\"} 2 # {} 1\nh_count 2\nh_sum 3\nh_created 7\n# EOF\n";

#[test]
fn openmetrics_is_read_with_exemplars_and_start_timestamps() {
    let plain = read(Format::OpenMetrics, OPENMETRICS, ParseOptions::default()).unwrap();
    assert_eq!(plain[3], "__name__=a_seconds_total,x=1 5 @1500 # {trace_id=\"ab\"} 0.5 @2250");
    assert_eq!(plain[4], "__name__=a_seconds_created,x=1 100.5");
    let options = ParseOptions { created_as_start: true, ..ParseOptions::default() };
    let started = read(Format::OpenMetrics, OPENMETRICS, options).unwrap();
    let expected = [
        "a_seconds Type(Counter)",
        "a_seconds Unit(\"seconds\")",
        "a_seconds Help(\"Time.\")",
        "__name__=a_seconds_total,x=1 5 @1500 from 100500 # {trace_id=\"ab\"} 0.5 @2250",
        "h Type(Histogram)",
        "__name__=h_bucket,le=1.0 1 from 7000",
        "__name__=h_bucket,le=+Inf 2 from 7000 # {} 1 @0",
        "__name__=h_count 2 from 7000",
        "__name__=h_sum 3 from 7000",
    ];
    assert_eq!(started, expected);
}

#[test]
fn openmetrics_is_strict() {
    let cases = [
        ("a 1\n", "line 2: data does not end with # EOF"),
        ("# EOF\na 1\n", "line 1: unexpected data after # EOF"),
        ("\n# EOF\n", "line 1: expected a valid start token"),
        ("a  1\n# EOF\n", "line 1: invalid value"),
        ("# TYPE a untyped\n# EOF\n", "line 1: invalid metric type \"untyped\""),
        ("# UNIT a s\n# EOF\n", "line 1: unit \"s\" not a suffix of metric \"a\""),
        ("a 1 NaN\n# EOF\n", "line 1: invalid timestamp NaN"),
        ("a 1 # {b=\"c\"}\n# EOF\n", "line 1: expected timestamp or exemplar"),
    ];
    for (body, expected) in cases {
        let error = read(Format::OpenMetrics, body, ParseOptions::default()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{body:?}: {error}");
    }
}

#[test]
fn formats_are_negotiated_as_prometheus_3_does() {
    let protocols = [ScrapeProtocol::OpenMetricsText100, ScrapeProtocol::PrometheusText004];
    assert_eq!(
        accept_header(&protocols, "allow-utf-8"),
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
         text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
    );
    assert_eq!(
        format_of(Some("text/plain; charset=utf-8"), None),
        Ok((Format::PrometheusText, None))
    );
    assert!(format_of(Some("text/html"), None).is_err());
    assert!(format_of(None, None).is_err());
    let (format, warning) = format_of(None, Some(ScrapeProtocol::PrometheusText004)).unwrap();
    assert!(format == Format::PrometheusText && warning.is_some());
}

mod protobuf_bodies {
    use super::*;
    use crate::protobuf::Writer;

    /// A histogram with both faces.
    fn body() -> Vec<u8> {
        let mut family = Vec::new();
        family.put_bytes(1, b"h");
        family.put_uint(3, 4);
        family.put_message(4, |metric| {
            metric.put_message(1, |label| {
                label.put_bytes(1, b"x");
                label.put_bytes(2, b"1");
            });
            metric.put_message(7, |histogram| {
                histogram.put_uint(1, 3);
                histogram.put_double(2, 4.5);
                histogram.put_message(3, |bucket| {
                    bucket.put_uint(1, 2);
                    bucket.put_double(2, 1.0);
                });
                histogram.put_sint(5, 3);
                histogram.put_message(12, |span| {
                    span.put_sint(1, 1);
                    span.put_uint(2, 2);
                });
                // Not packed, as in proto2: 1, 2.
                histogram.put_sint(13, 1);
                histogram.put_sint(13, 1);
                histogram.put_message(15, |created| created.put_uint(1, 9));
            });
        });
        let mut out = Vec::new();
        out.put_varint(family.len() as u64);
        out.extend_from_slice(&family);
        out
    }

    fn shown(options: ParseOptions) -> Vec<String> {
        let body = body();
        let mut parser = Parser::new(Format::PrometheusProto, &body, options).unwrap();
        let mut out = Vec::new();
        while let Some(entry) = parser.next().unwrap() {
            out.push(match entry {
                Entry::Metadata(entry) => format!("{} {:?}", entry.name, entry.line),
                Entry::Series(series) => {
                    let mut labels = Vec::new();
                    series.labels(&mut labels).unwrap();
                    let labels = vigie_model::Labels::from_pairs(labels);
                    format!("{labels} {} from {}", series.value, series.start_timestamp_ms)
                }
                Entry::Histogram(entry) => {
                    let h = entry.histogram;
                    format!(
                        "{} {} {:?} {:?}",
                        h.schema, h.sum, h.positive_spans, h.positive_buckets
                    )
                }
            });
        }
        out
    }

    #[test]
    fn histograms_have_the_faces_that_are_asked_for() {
        let classic = [
            "h Type(Histogram)",
            "h_count{x=\"1\"} 3 from 9000",
            "h_sum{x=\"1\"} 4.5 from 9000",
            "h_bucket{le=\"1.0\", x=\"1\"} 2 from 9000",
            "h_bucket{le=\"+Inf\", x=\"1\"} 3 from 9000",
        ];
        let native = "3 4.5 [Span { offset: 1, length: 2 }] [1.0, 2.0]";
        assert_eq!(shown(ParseOptions::default()), classic);
        let options = ParseOptions { native_histograms: true, ..ParseOptions::default() };
        assert_eq!(shown(options), [classic[0], native]);
        let both = shown(ParseOptions { always_classic: true, ..options });
        assert_eq!((both[1].as_str(), both.len()), (native, 6));
    }
}
