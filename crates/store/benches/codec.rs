//! Codecs and parts: decode, encode, open, look up. `cargo bench -p vigie-store --bench codec`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run has to stop")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vigie_model::{Labels, MatchOp, Matcher, Points, TimeRange};
use vigie_store::CompiledMatcher;
use vigie_store::codec::{Input, bitpack, floats};
use vigie_store::part::{MetricPart, MetricPartBuilder, PartOptions};

const POINTS: usize = 480;
const STEP_MS: i64 = 15_000;

fn noise() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(0x9e37_79b9_7f4a_7c15), |x: &u64| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        Some(x ^ (x << 17))
    })
}

/// Columns as node_exporter has them.
fn columns() -> Vec<(&'static str, Vec<f64>)> {
    let mut total = 0.0;
    let mut counter = |scale: f64| {
        noise()
            .take(POINTS)
            .map(|x| {
                total += (x % 1500) as f64 / scale;
                (total * scale).round() / scale
            })
            .collect::<Vec<f64>>()
    };
    vec![
        ("constant", vec![1.0; POINTS]),
        ("counter of hundredths", counter(100.0)),
        ("counter of integers", counter(1.0)),
        ("gauge of pages", noise().take(POINTS).map(|x| (x % 4096) as f64 * 4096.0).collect()),
        ("few changes", (0..POINTS).map(|at| (at / 60) as f64).collect()),
        ("skewed", noise().take(POINTS).map(|x| f64::from((x | 1).trailing_ones())).collect()),
    ]
}

fn codecs(criterion: &mut Criterion) {
    let mut scratch = floats::Scratch::default();
    let mut group = criterion.benchmark_group("floats");
    group.throughput(Throughput::Elements(POINTS as u64));
    for (name, values) in columns() {
        let mut bytes = Vec::new();
        floats::encode(&values, &mut scratch, &mut bytes);
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| {
                bytes.clear();
                floats::encode(black_box(&values), &mut scratch, &mut bytes);
            });
        });
        let mut back = vec![0.0; POINTS];
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| {
                let mut input = Input::new(black_box(&bytes));
                floats::decode(&mut input, &mut scratch, &mut back).unwrap();
            });
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("bitpack");
    for (count, width) in [(1024, 7), (1024, 20), (480, 7), (480, 20)] {
        let values: Vec<u64> = noise().take(count).map(|x| x & ((1 << width) - 1)).collect();
        let mut bytes = Vec::new();
        bitpack::pack(&values, width, &mut bytes);
        let mut back = vec![0; count];
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("unpack {count} of {width} bits"), |bencher| {
            bencher.iter(|| {
                bitpack::unpack(&mut Input::new(black_box(&bytes)), width, &mut back).unwrap();
            });
        });
    }
    group.finish();
}

fn part() -> MetricPart {
    let mut builder = MetricPartBuilder::new(&PartOptions::default());
    let columns = columns();
    for series in 0..20_000usize {
        let labels = Labels::from_pairs([
            ("__name__", format!("metric_{}", series / 200)),
            ("instance", format!("node-{:03}.example:9100", series % 50)),
            ("cpu", (series / 50 % 4).to_string()),
        ]);
        let points = Points {
            timestamps_ms: (0..POINTS as i64).map(|at| at * STEP_MS).collect(),
            values: columns[series % columns.len()].1.clone(),
            ..Points::default()
        };
        builder.add_series(&labels, &points).unwrap();
    }
    MetricPart::open(Arc::new(builder.finish().unwrap().bytes)).unwrap()
}

fn parts(criterion: &mut Criterion) {
    let part = part();
    let mut group = criterion.benchmark_group("part");
    let cases = [
        ("one metric", vec![("__name__", MatchOp::Equal, "metric_7")]),
        ("one target", vec![("instance", MatchOp::Equal, "node-007.example:9100")]),
        (
            "metrics by prefix, targets by list",
            vec![
                ("__name__", MatchOp::Regex, "metric_1.*"),
                ("instance", MatchOp::Regex, "node-(001|002).example:9100"),
            ],
        ),
        ("all but one metric", vec![("__name__", MatchOp::NotEqual, "metric_7")]),
    ];
    for (name, matchers) in cases {
        let matchers: Vec<CompiledMatcher> = matchers
            .into_iter()
            .map(|(label, op, value)| {
                CompiledMatcher::new(&Matcher::new(label, op, value)).unwrap()
            })
            .collect();
        group.bench_function(format!("select {name}"), |bencher| {
            bencher.iter(|| part.select(black_box(&matchers), TimeRange::ALL).unwrap());
        });
    }
    let mut points = Points::default();
    group.throughput(Throughput::Elements(200 * POINTS as u64));
    group.bench_function("read 200 series", |bencher| {
        bencher.iter(|| {
            for id in 1000..1200 {
                points.clear();
                part.read(black_box(id), TimeRange::ALL, &mut points).unwrap();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, codecs, parts);
criterion_main!(benches);
