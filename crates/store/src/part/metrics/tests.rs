//! Parts as a whole: what goes in comes out, whatever is asked, and broken files are refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use vigie_model::{
    CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Exemplar, Histogram, Labels, MatchOp, Matcher,
    Metadata, MetricType, Points, Span, TimeRange, stale_nan,
};

use super::{FinishedPart, MetricPart, MetricPartBuilder, PartMeta, PartOptions, merge};
use crate::CompiledMatcher;

fn options(chunk_points_max: usize) -> PartOptions {
    PartOptions { chunk_points_max, ..PartOptions::default() }
}

fn labels(text: &str) -> Labels {
    Labels::from_pairs(text.split(',').filter_map(|pair| pair.split_once('=')))
}

fn floats(times: impl IntoIterator<Item = i64>, value: impl Fn(i64) -> f64) -> Points {
    let timestamps_ms: Vec<i64> = times.into_iter().collect();
    let values = timestamps_ms.iter().map(|time| value(*time)).collect();
    Points { timestamps_ms, values, ..Points::default() }
}

fn open(part: &FinishedPart) -> MetricPart {
    MetricPart::open(Arc::new(part.bytes.clone())).unwrap()
}

fn build(series: &[(Labels, Points)], chunk_points_max: usize) -> FinishedPart {
    let mut builder = MetricPartBuilder::new(&options(chunk_points_max));
    for (labels, points) in series {
        builder.add_series(labels, points).unwrap();
    }
    builder.finish().unwrap()
}

/// Points as text: NaNs differ by their bits, the value beside a histogram does not count.
fn rows(points: &Points) -> Vec<String> {
    let row = |at| match points.histogram_at(at) {
        Some(h) => format!("{h:?} sum {:x}", h.sum.to_bits()),
        None => format!("{:x}", points.values[at].to_bits()),
    };
    let start = |at| points.start_timestamp_ms(at);
    (0..points.len())
        .map(|at| format!("{} {} {}", points.timestamps_ms[at], start(at), row(at)))
        .collect()
}

fn cut(points: &Points, range: TimeRange) -> Vec<String> {
    let within = |(time, row): (&i64, String)| range.contains(*time).then_some(row);
    points.timestamps_ms.iter().zip(rows(points)).filter_map(within).collect()
}

fn content(part: &MetricPart) -> BTreeMap<Labels, Vec<String>> {
    let all = part.select(&[], TimeRange::ALL).unwrap();
    let read = |id| {
        let mut points = Points::default();
        part.read(id, TimeRange::ALL, &mut points).unwrap();
        (part.labels(id).unwrap(), rows(&points))
    };
    all.into_iter().map(read).collect()
}

fn histogram(at: i64, wide: bool) -> Arc<Histogram> {
    let grow = at as f64;
    Arc::new(Histogram {
        counter_reset_hint: if at % 7 == 0 {
            CounterResetHint::CounterReset
        } else {
            CounterResetHint::NotCounterReset
        },
        schema: 3,
        zero_threshold: 1e-128,
        zero_count: 2.0,
        count: 10.0 * grow,
        sum: if at % 50 == 3 { stale_nan() } else { grow * 1.5 },
        positive_spans: vec![
            Span { offset: -2, length: if wide { 3 } else { 2 } },
            Span { offset: 4, length: 1 },
        ],
        positive_buckets: if wide { vec![1.0, grow, 3.0, 4.0] } else { vec![1.0, grow, 3.0] },
        negative_spans: vec![Span { offset: 0, length: 1 }],
        negative_buckets: vec![grow * 3.0],
        custom_values: None,
    })
}

fn custom(at: i64) -> Arc<Histogram> {
    Arc::new(Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: at as f64,
        positive_spans: vec![Span { offset: 0, length: 3 }],
        positive_buckets: vec![1.0, 2.0, at as f64],
        custom_values: Some(Arc::from([0.5, 2.5])),
        ..Histogram::default()
    })
}

/// Series of every kind there is.
fn assorted() -> Vec<(Labels, Points)> {
    let ticks = || (0..300).map(|i| 1_700_000_000_000 + i * 15_000);
    let mut series = Vec::new();
    for target in 0..5 {
        for cpu in 0..30 {
            let jittered = |i: i64| i + (i / 15_000 * 7919 + target) % 40;
            let name = format!("__name__=cpu,cpu={cpu},instance=node-{target}");
            let value = |t: i64| ((t / 15_000) * (cpu % 4)) as f64 / 100.0;
            series.push((labels(&name), floats(ticks().map(jittered), value)));
        }
    }
    series.push((labels("__name__=up,instance=node-0"), floats([5, 7], |_| stale_nan())));
    series.push((labels("job=nameless"), floats([i64::MIN / 4, 0, i64::MAX / 4], |t| t as f64)));
    series.push((Labels::empty(), floats([1], |_| -0.0)));
    let mut points = floats(ticks(), |_| f64::NAN);
    for (at, time) in ticks().enumerate().filter(|(at, _)| at % 3 != 1) {
        let tick = time / 15_000 % 1000;
        let made = if at % 11 == 0 { custom(tick) } else { histogram(tick, at > 40) };
        points.histograms.push((at as u32, made));
    }
    points.values[1] = 4.0;
    series.push((labels("__name__=latency,instance=node-1"), points.clone()));
    points.start_timestamps_ms = ticks().map(|t| if t % 2 == 0 { 0 } else { t - 500 }).collect();
    series.push((labels("__name__=latency,instance=node-2"), points));
    let mut started = floats(ticks(), |t| t as f64);
    started.start_timestamps_ms = vec![1_699_999_999_000; 300];
    series.push((labels("__name__=started_total"), started));
    series
}

fn full_part() -> FinishedPart {
    let mut builder = MetricPartBuilder::new(&options(128));
    for (labels, points) in assorted() {
        builder.add_series(&labels, &points).unwrap();
    }
    builder.add_exemplars(&labels("__name__=latency"), &[exemplar(9), exemplar(3)]);
    builder.add_metadata("cpu", &metadata("Seconds the cpus spent."));
    builder.finish().unwrap()
}

fn exemplar(timestamp_ms: i64) -> Exemplar {
    Exemplar { labels: labels("trace_id=abc"), value: timestamp_ms as f64, timestamp_ms }
}

fn metadata(help: &str) -> Metadata {
    Metadata { kind: MetricType::Counter, help: help.to_owned(), unit: "seconds".to_owned() }
}

#[test]
fn all_series_come_back_in_every_range() {
    let series = assorted();
    for chunk_points_max in [1, 100, 2048] {
        let part = open(&build(&series, chunk_points_max));
        assert_eq!(part.meta().series, series.len() as u64);
        let expected = series.iter().map(|(l, p)| (l.clone(), rows(p))).collect();
        assert_eq!(content(&part), expected);
        for range in [
            TimeRange::new(1_700_000_100_000, 1_700_002_000_000),
            TimeRange::new(1_700_001_500_000, 1_700_001_500_000),
            TimeRange::new(6, 6),
            TimeRange::new(9, 3),
        ] {
            for id in 0..part.series() {
                let mut points = Points::default();
                part.read(id, range, &mut points).unwrap();
                let labels = part.labels(id).unwrap();
                let whole = series.iter().find(|(l, _)| *l == labels).map(|(_, p)| p).unwrap();
                assert_eq!(rows(&points), cut(whole, range), "{labels} {range:?}");
                assert!(points.is_empty() || part.overlaps(id, range).unwrap());
                assert!(part.points_upper_bound(id, range).unwrap() >= points.len());
            }
        }
    }
}

#[test]
fn reading_appends() {
    let part = open(&build(&[(labels("a=1"), floats(0..10, |t| t as f64))], 4));
    let mut points = Points::default();
    part.read(0, TimeRange::new(0, 4), &mut points).unwrap();
    part.read(0, TimeRange::new(5, 9), &mut points).unwrap();
    assert_eq!(points.timestamps_ms, (0..10).collect::<Vec<_>>());
}

#[test]
fn matchers_select_as_testing_each_series_does() {
    let part = open(&full_part());
    let all: Vec<Labels> = (0..part.series()).map(|id| part.labels(id).unwrap()).collect();
    assert!(all.windows(2).all(|pair| pair[0].metric_name() <= pair[1].metric_name()));
    let values = [
        "",
        "cpu",
        "up",
        "node-1",
        "node-.*",
        "node-(1|3)",
        "cpu|up",
        ".*",
        ".+",
        "1.*",
        "[0-4]?",
        "none",
        "|1",
        ".*1",
        "x|1[0-9]",
    ];
    let names = ["__name__", "cpu", "instance", "job", "absent"];
    let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
    let mut one = Vec::new();
    for name in names {
        for op in ops {
            one.extend(values.iter().map(|value| Matcher::new(name, op, *value)));
        }
    }
    let check = |matchers: &[&Matcher]| {
        let compiled: Vec<_> = matchers.iter().map(|m| CompiledMatcher::new(m).unwrap()).collect();
        let found: Vec<u32> = part.select(&compiled, TimeRange::ALL).unwrap().iter().collect();
        let expected: Vec<u32> = (0..part.series())
            .filter(|id| compiled.iter().all(|m| m.matches(&all[*id as usize])))
            .collect();
        assert_eq!(found, expected, "{matchers:?}");
    };
    for (at, first) in one.iter().enumerate() {
        check(&[first]);
        for second in one.iter().skip(at % 7).step_by(7) {
            check(&[first, second]);
        }
    }
    let nothing = part.select(&[], TimeRange::new(i64::MIN, i64::MIN / 2)).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn names_values_exemplars_and_metadata_come_back() {
    let part = open(&full_part());
    assert_eq!(part.label_names().unwrap(), ["__name__", "cpu", "instance", "job"]);
    let counts = part.label_value_counts("__name__").unwrap();
    let expected = [("cpu", 150), ("latency", 2), ("started_total", 1), ("up", 1)];
    assert_eq!(counts, expected.map(|(value, count)| (value.to_owned(), count)));
    assert_eq!(part.label_values("cpu").unwrap().len(), 30);
    assert!(part.label_values("absent").unwrap().is_empty());
    let exemplars = part.exemplars(&[], TimeRange::ALL).unwrap();
    assert_eq!(exemplars, [(labels("__name__=latency"), vec![exemplar(3), exemplar(9)])]);
    assert_eq!(part.exemplars(&[], TimeRange::new(4, 9)).unwrap()[0].1, [exemplar(9)]);
    assert_eq!(part.metadata().unwrap()["cpu"], [metadata("Seconds the cpus spent.")]);
    assert_eq!(part.meta().exemplars, 2);
}

#[test]
fn many_values_are_found_across_blocks() {
    let name = |at: usize| labels(&format!("__name__=m,pod=pod-{at:05}"));
    let series: Vec<_> = (0..5000).map(|at| (name(at), floats([at as i64], |_| 1.0))).collect();
    let part = open(&build(&series, 2048));
    assert_eq!(part.label_values("pod").unwrap().len(), 5000);
    for (op, value, count) in [
        (MatchOp::Equal, "pod-04321", 1),
        (MatchOp::NotEqual, "pod-04321", 4999),
        (MatchOp::Regex, "pod-0432.", 10),
        (MatchOp::Regex, "pod-00001|pod-04999|none", 2),
        (MatchOp::NotRegex, ".*9", 4500),
    ] {
        let matcher = CompiledMatcher::new(&Matcher::new("pod", op, value)).unwrap();
        assert_eq!(part.select(&[matcher], TimeRange::ALL).unwrap().len(), count, "{value}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let mut builder = MetricPartBuilder::new(&options(10));
    let mut unsorted = floats([2, 1], |_| 0.0);
    assert!(builder.add_series(&labels("a=1"), &unsorted).is_err());
    unsorted.values.pop();
    assert!(builder.add_series(&labels("a=1"), &unsorted).is_err());
    let mut broken = Histogram::clone(&histogram(1, true));
    broken.positive_buckets.pop();
    let mut points = floats([1], |_| 0.0);
    points.histograms.push((0, Arc::new(broken)));
    assert!(builder.add_series(&labels("a=1"), &points).is_err());
    assert!(builder.is_empty());
    builder.add_series(&labels("a=1"), &floats([1], |_| 0.0)).unwrap();
    builder.add_series(&labels("a=1"), &floats([2], |_| 0.0)).unwrap();
    assert!(builder.finish().is_err(), "the same series twice");
}

#[test]
fn an_empty_part_opens() {
    let part = open(&build(&[], 10));
    assert!(part.select(&[], TimeRange::ALL).unwrap().is_empty());
    assert!(part.meta().range().is_empty());
    assert!(part.label_names().unwrap().is_empty());
    assert!(part.labels(0).is_err());
}

#[test]
fn merging_lets_the_later_part_win() {
    let old =
        build(&[(labels("a=1"), floats(0..10, |_| 1.0)), (labels("a=3"), floats([1], |_| 1.0))], 4);
    let mut later = floats((5..15).step_by(2), |_| 2.0);
    later.start_timestamps_ms = vec![3; 5];
    let new = build(&[(labels("a=1"), later), (labels("a=2"), floats([100], |_| 3.0))], 4);
    let mut builder = MetricPartBuilder::new(&options(100));
    let dropped = |labels: &Labels| match labels.get("a") {
        Some("1") => vec![TimeRange::new(2, 3)],
        Some("3") => vec![TimeRange::ALL],
        _ => Vec::new(),
    };
    let keep = TimeRange::new(1, i64::MAX);
    merge(&[open(&old), open(&new)], &dropped, keep, &mut builder).unwrap();
    let part = open(&builder.finish().unwrap());
    assert_eq!(part.meta().series, 2);
    let mut points = Points::default();
    part.read(0, TimeRange::ALL, &mut points).unwrap();
    assert_eq!(points.timestamps_ms, [1, 4, 5, 6, 7, 8, 9, 11, 13]);
    assert_eq!(points.values, [1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 2.0, 2.0]);
    assert_eq!(points.start_timestamps_ms, [0, 0, 3, 0, 3, 0, 3, 3, 3]);
}

#[test]
fn merging_with_itself_changes_nothing() {
    let finished = full_part();
    let part = open(&finished);
    let mut builder = MetricPartBuilder::new(&options(128));
    merge(&[part.clone(), part], &|_| Vec::new(), TimeRange::ALL, &mut builder).unwrap();
    let again = builder.finish().unwrap();
    // Columns of times are numbered in another order, so the size may differ.
    assert_eq!(again.meta, PartMeta { bytes: again.meta.bytes, ..finished.meta });
    assert_eq!(content(&open(&again)), content(&open(&finished)));
}

#[test]
fn the_order_of_adding_does_not_matter() {
    let mut series = assorted();
    let forward = content(&open(&build(&series, 100)));
    series.reverse();
    assert_eq!(content(&open(&build(&series, 100))), forward);
}

/// Reads everything there is to read; any error is fine, a panic is not.
fn read_all(bytes: Bytes) -> Option<BTreeMap<Labels, Vec<String>>> {
    let part = MetricPart::open(Arc::new(bytes)).ok()?;
    part.metadata().ok()?;
    part.exemplars(&[], TimeRange::ALL).ok()?;
    for name in part.label_names().ok()? {
        let matcher = Matcher::new(name, MatchOp::Regex, ".*1");
        part.select(&[CompiledMatcher::new(&matcher).ok()?], TimeRange::ALL).ok()?;
    }
    let mut content = BTreeMap::new();
    for id in part.select(&[], TimeRange::ALL).ok()? {
        let mut points = Points::default();
        part.read(id, TimeRange::ALL, &mut points).ok()?;
        content.insert(part.labels(id).ok()?, rows(&points));
    }
    Some(content)
}

#[test]
fn a_changed_byte_is_an_error_or_changes_nothing() {
    let part = {
        let mut builder = MetricPartBuilder::new(&options(64));
        for (labels, points) in assorted().iter().step_by(20) {
            builder.add_series(labels, points).unwrap();
        }
        builder.add_exemplars(&labels("__name__=latency"), &[exemplar(9)]);
        builder.add_metadata("cpu", &metadata("help"));
        builder.finish().unwrap()
    };
    let whole = read_all(part.bytes.clone()).unwrap();
    for at in 0..part.bytes.len() {
        let mut changed = part.bytes.to_vec();
        changed[at] ^= 1 << (at % 8);
        if let Some(content) = read_all(Bytes::from(changed)) {
            assert!(content == whole, "byte {at}");
        }
    }
    for length in 0..part.bytes.len() {
        assert!(MetricPart::open(Arc::new(part.bytes.slice(..length))).is_err());
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = build(&[], 10).bytes.to_vec();
    let at = bytes.len() - 12;
    bytes[at] = 9;
    let error = MetricPart::open(Arc::new(Bytes::from(bytes))).unwrap_err();
    assert!(error.to_string().contains("version 9"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_series_come_back(
        series in prop::collection::btree_map(
            prop::collection::btree_map("[a-c]", "[a-zé\\x00]{0,3}", 0..3),
            prop::collection::btree_map(any::<i32>(), any::<u64>(), 1..60),
            0..40,
        ),
        chunk_points_max in 1usize..70,
    ) {
        let mut expected = BTreeMap::new();
        for (pairs, points) in series {
            let times = points.keys().map(|time| i64::from(*time)).collect();
            let values = points.values().map(|bits| f64::from_bits(*bits)).collect();
            let points = Points { timestamps_ms: times, values, ..Points::default() };
            expected.insert(Labels::from_pairs(pairs), points);
        }
        let series: Vec<(Labels, Points)> = expected.into_iter().collect();
        let part = open(&build(&series, chunk_points_max));
        let expected = series.iter().map(|(l, p)| (l.clone(), rows(p))).collect();
        prop_assert_eq!(content(&part), expected);
    }
}

/// Bytes of nearly right blocks: what fuzzing finds first, found in every test run.
#[test]
fn blocks_with_any_bytes_do_not_panic() {
    let mut state = 1u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut points = floats(0..40, |_| f64::NAN);
    points.histograms = (0..40).map(|at| (at, histogram(i64::from(at), at > 9))).collect();
    let mut seeds = vec![vec![0; 64], vec![1; 64]];
    let mut scratch = super::chunk::Scratch::default();
    let mut chunk = Vec::new();
    let piece = super::chunk::Piece { points: &points, from: 0, to: 40 };
    super::chunk::encode(piece, &mut scratch, &mut chunk).unwrap();
    seeds.push(chunk);
    seeds.push(super::series::encode_labels([labels("a=1"), labels("b=2")].iter()));
    let all = [labels("a=1,b=2"), labels("a=15,b=2"), labels("a=152")];
    let mut index = super::index::IndexBuilder::default();
    (0..3).for_each(|id| index.add(id, &all[id as usize]));
    let (names, values) = index.finish();
    seeds.push(names);
    seeds.extend(values);
    let mut times = super::times::TimesBuilder::default();
    times.column(&[1, 5, 9, 14], scratch.floats.integers());
    times.column(&[1, 5, 9, 13], scratch.floats.integers());
    seeds.extend(times.finish().0);
    for _ in 0..20_000 {
        let mut bytes = seeds[next() as usize % seeds.len()].clone();
        for _ in 0..=next() % 3 {
            let at = next() as usize % bytes.len();
            bytes[at] = next() as u8;
        }
        bytes.truncate(next() as usize % (bytes.len() * 2) + 1);
        crate::fuzzing::fuzz_part_blocks(&bytes);
    }
}
