//! Whole-system tests: the real binary, real clients, real files.
//!
//! One test binary for all, since linking is what takes the time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod beats;
mod clients;
mod conformance;
mod crash;
mod defaults;
mod differential;
mod doors;
mod elasticsearch;
mod files;
mod grafana;
mod hostile;
mod import;
mod incident;
mod log_doors;
mod logstash;
mod loki;
mod objects;
mod page;
mod postgres;
mod prometheus;
mod promtool;
mod related;
mod remote;
mod respond;
mod rules;
mod seed;
mod sql;
mod tail_sampling;
mod traced_apps;
mod traces;

use vigie_testkit::ServerBuilder;

/// The binary under test.
fn vigie() -> ServerBuilder {
    ServerBuilder::new(env!("CARGO_BIN_EXE_vigie")).expect("a temporary folder")
}

/// Labels and samples of one series.
type Series<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

/// A remote write 1.0 body, compressed.
fn remote_write_body(series: &[Series<'_>]) -> Vec<u8> {
    let mut batch = vigie_model::MetricBatch::new();
    for (labels, samples) in series {
        let labels = vigie_model::Labels::from_pairs(labels.iter().copied());
        let mut builder = batch.push_series(&labels);
        for (time, value) in *samples {
            builder.sample(*time, *value);
        }
    }
    let mut encoded = Vec::new();
    vigie_formats::remote_write::encode_v1(&batch, &mut encoded);
    snap::raw::Encoder::new().compress_vec(&encoded).expect("compressible")
}

/// A request to the remote write receiver.
fn remote_write(server: &vigie_testkit::Server, body: Vec<u8>) -> reqwest::RequestBuilder {
    server
        .client
        .post(format!("{}/api/v1/write", server.api))
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .body(body)
}
