//! Entry points of the fuzz targets: read anything, never panic.

use vigie_model::MetricBatch;

use crate::exposition::{Entry, Format, ParseOptions, Parser};
use crate::remote_read::decode_read_request;
use crate::remote_write::{decode_v1, decode_v2};

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

/// A decompressed remote read request.
pub fn remote_read(data: &[u8]) {
    drop(decode_read_request(data));
}
