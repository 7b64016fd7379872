//! What is kept: by labels, by age, of replicas, up to limits.

use vigie_world::{ManualClock, RealDisk};

use super::*;
use crate::{Downsampling, ReplicaOptions, RetentionRule};

const HOUR_MS: i64 = 3_600_000;

fn series(name: &str, job: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", job)])
}

async fn write_series(store: &Store, labels: &Labels, points: impl Iterator<Item = (i64, f64)>) {
    let mut batch = MetricBatch::new();
    let mut builder = batch.push_series(labels);
    for (time_ms, value) in points {
        builder.sample(time_ms, value);
    }
    write(store, batch).await;
}

/// Times of each series, by name and job.
async fn times(store: &Store) -> Vec<(String, Vec<i64>)> {
    let all = read_all(store, &[]).await.into_iter();
    let name = |labels: &Labels| {
        format!("{}/{}", labels.metric_name().unwrap(), labels.get("job").unwrap_or_default())
    };
    let mut all: Vec<_> =
        all.map(|(labels, points)| (name(&labels), points.timestamps_ms)).collect();
    all.sort();
    all
}

fn rule(matcher: Matcher, keep_hours: Option<u64>) -> RetentionRule {
    RetentionRule { matchers: vec![matcher], keep: keep_hours.map(Duration::from_hours) }
}

#[tokio::test]
async fn series_with_certain_labels_are_kept_longer_or_shorter_than_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.retention = Some(Duration::from_hours(10));
    options.retention_rules = vec![
        rule(Matcher::equal("job", "slo"), Some(100)),
        rule(Matcher::equal("__name__", "audit"), None),
        rule(Matcher::new("job", vigie_model::MatchOp::Regex, "de.*"), Some(2)),
    ];
    let store = open_options(options.clone()).await;
    let all =
        [series("a", "slo"), series("a", "web"), series("audit", "debug"), series("a", "debug")];
    for hour in [0, 5, 20, 120] {
        for labels in &all {
            write_series(&store, labels, [(hour * HOUR_MS, hour as f64)].into_iter()).await;
        }
        store.flush().await.unwrap();
        store.tidy().await.unwrap();
        if hour == 5 {
            let [_, debug, web, _] = &times(&store).await[..] else { panic!("four series") };
            assert_eq!((debug.0.as_str(), debug.1.len()), ("a/slo", 2));
            assert_eq!((web.0.as_str(), web.1.len()), ("a/web", 2));
        }
    }
    let hours = |hours: &[i64]| hours.iter().map(|hour| hour * HOUR_MS).collect::<Vec<_>>();
    let expected = [
        ("a/debug".to_owned(), hours(&[120])),
        ("a/slo".to_owned(), hours(&[20, 120])),
        ("a/web".to_owned(), hours(&[120])),
        ("audit/debug".to_owned(), hours(&[0, 5, 20, 120])),
    ];
    assert_eq!(times(&store).await, expected);
    // What was rewritten is not rewritten again, also after a start.
    let rewritten = store.counters().aged_parts.load(std::sync::atomic::Ordering::Relaxed);
    assert!(rewritten > 0);
    store.close().await.unwrap();
    forget(store).await;
    let store = open_options(options).await;
    store.tidy().await.unwrap();
    assert_eq!(store.counters().aged_parts.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_eq!(times(&store).await, expected);
}

#[tokio::test]
async fn of_old_data_one_sample_an_interval_stays_and_counters_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.retention = None;
    let downsampling = |hours, minutes, extremes| Downsampling {
        matchers: Vec::new(),
        after: Duration::from_hours(hours),
        every: Duration::from_mins(minutes),
        extremes,
    };
    let mut only_gauges = downsampling(100, 60, true);
    only_gauges.matchers = vec![Matcher::equal("__name__", "gauge")];
    options.downsampling = vec![only_gauges, downsampling(10, 5, false)];
    let store = open_options(options).await;
    let (gauge, counter) = (series("gauge", "x"), series("work_total", "x"));
    let minute = |at: i64| at * 60_000;
    // Two hours, one sample a minute; the counter is reset after 33 minutes.
    write_series(&store, &gauge, (1..=120).map(|at| (minute(at), (at % 7) as f64))).await;
    write_series(&store, &counter, (1..=120).map(|at| (minute(at), (at % 33) as f64))).await;
    store.flush().await.unwrap();
    let points = async |name: &str| {
        let matcher = Matcher::equal("__name__", name);
        read_all(&store, &[matcher]).await.into_iter().map(|(_, points)| points).next().unwrap()
    };
    store.tidy().await.unwrap();
    assert_eq!(points("gauge").await.len(), 120, "new data stays whole");

    write_series(&store, &gauge, [(20 * HOUR_MS, 1.0)].into_iter()).await;
    store.flush().await.unwrap();
    store.tidy().await.unwrap();
    let kept = points("gauge").await;
    assert_eq!(kept.len(), 24 + 1);
    assert!(kept.timestamps_ms.iter().all(|time| time % minute(5) == 0), "the last of each five");
    let kept = points("work_total").await;
    let grown: f64 = kept
        .values
        .windows(2)
        .map(|pair| if pair[1] < pair[0] { pair[1] } else { pair[1] - pair[0] })
        .sum();
    // From minute 5 on: up to 32, then three times from 0 up to 32 and the rest up to 21.
    assert_eq!(grown, 27.0 + 32.0 + 32.0 + 21.0);
    assert!(kept.len() < 40, "{}", kept.len());

    write_series(&store, &gauge, [(200 * HOUR_MS, 1.0)].into_iter()).await;
    store.flush().await.unwrap();
    store.tidy().await.unwrap();
    let kept = points("gauge").await;
    let old: Vec<_> = kept.values[..kept.len() - 2].to_vec();
    assert!(old.len() <= 6 && old.contains(&0.0) && old.contains(&6.0), "{old:?}");
    assert!(points("work_total").await.len() < 40, "the other rule still holds for counters");
}

#[tokio::test]
async fn one_sample_an_interval_stays_of_what_a_pair_of_senders_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.dedup_interval = Some(Duration::from_secs(15));
    let store = open_options(options).await;
    let labels = series("up", "x");
    // Two senders with their own times, every 15 seconds.
    for shift in [3_000, 9_000] {
        write_series(&store, &labels, (0..8).map(|at| (at * 15_000 + shift, shift as f64))).await;
    }
    let expected: Vec<i64> = (0..8).map(|at| at * 15_000 + 9_000).collect();
    for step in ["head", "part"] {
        assert_eq!(times(&store).await[0].1, expected, "{step}");
        store.flush().await.unwrap();
    }
    assert_eq!(store.parts(&tenant())[0].meta.samples, 8, "the others are not even stored");
}

#[tokio::test]
async fn one_replica_is_listened_to_until_it_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.retention = None;
    options.replicas = Some(ReplicaOptions {
        cluster_label: "cluster".to_owned(),
        replica_label: "__replica__".to_owned(),
        failover: Duration::from_secs(30),
    });
    let clock = Arc::new(ManualClock::at(1_000_000));
    let world = World {
        clock: Arc::clone(&clock) as _,
        disk: Arc::new(RealDisk::new()),
        random: Arc::new(vigie_world::Random::from_seed(1)),
    };
    let store = Store::open(options, world).await.unwrap();
    store.replayed().await.unwrap();
    let sink = store.sink();
    let send = async |cluster: &str, replica: &str, time_ms: i64, value: f64| {
        let pairs = [("__name__", "up"), ("cluster", cluster), ("__replica__", replica)];
        let mut batch = MetricBatch::new();
        batch.push_series(&Labels::from_pairs(pairs)).sample(time_ms, value);
        batch.push_series(&series("plain", replica)).sample(time_ms, value);
        sink.write(&tenant(), batch, Acknowledge::Durable).await.unwrap().samples
    };
    assert_eq!(send("c", "a", 1000, 1.0).await, 2);
    assert_eq!(send("c", "b", 1001, 2.0).await, 1, "only what has no replica label");
    assert_eq!(send("d", "b", 1002, 3.0).await, 2, "another cluster has its own");
    clock.advance(Duration::from_secs(20));
    assert_eq!(send("c", "a", 2000, 4.0).await, 2);
    clock.advance(Duration::from_secs(25));
    assert_eq!(send("c", "b", 2001, 5.0).await, 1, "not silent for long enough");
    clock.advance(Duration::from_secs(6));
    assert_eq!(send("c", "b", 3000, 6.0).await, 2, "now it is its turn");
    assert_eq!(send("c", "a", 3001, 7.0).await, 1, "and the other's is over");
    let found = read_all(&store, &[Matcher::equal("cluster", "c")]).await;
    assert_eq!(found.len(), 1, "one series, without the label of the replica");
    assert_eq!(found[0].0.get("__replica__"), None);
    assert_eq!(found[0].1.values, [1.0, 4.0, 6.0]);
    let counters = store.counters();
    assert_eq!(counters.replica_samples.load(std::sync::atomic::Ordering::Relaxed), 3);
    assert_eq!(counters.replica_changes.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn limits_of_metric_label_and_tenant_name_what_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.limits.general.series_per_metric_max = 3;
    options.limits.general.values_per_label_max = 4;
    let big = TenantId::new("big").unwrap();
    let more = crate::TenantLimits { series_max: 9, ..crate::TenantLimits::default() };
    options.limits.tenants.push((big.clone(), more));
    let store = open_options(options).await;
    let report = write(&store, batch("one", 5, 1000, 0.0)).await;
    assert_eq!((report.samples, report.rejected), (3, 2));
    assert_eq!(report.rejections[0].reason, RejectionReason::MetricLimit);
    let message = &report.rejections[0].message;
    assert!(message.contains("the metric one has as many series as it may (3)"), "{message}");
    // Three values of `instance` are there; one more is allowed, with any metric.
    let mut other = MetricBatch::new();
    for instance in [0, 7, 8] {
        other.push_series(&labels("two", instance)).sample(1000, 1.0);
    }
    let report = write(&store, other).await;
    assert_eq!((report.samples, report.rejected), (2, 1));
    assert_eq!(report.rejections[0].reason, RejectionReason::LabelLimit);
    let message = &report.rejections[0].message;
    assert!(message.contains("the label instance has as many values as it may (4)"), "{message}");
    assert_eq!(
        write(&store, batch("one", 3, 2000, 0.0)).await.rejected,
        0,
        "what is there goes on"
    );
    let report =
        store.write(&big, batch("one", 12, 1000, 0.0), Acknowledge::Durable).await.unwrap();
    assert_eq!((report.samples, report.rejected), (9, 3), "a tenant with limits of its own");
    let counter =
        |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    let counters = store.counters();
    assert_eq!(
        [&counters.metric_limit, &counters.label_limit, &counters.series_limit].map(counter),
        [2, 1, 3]
    );
}

#[tokio::test]
async fn metrics_that_nobody_asked_for_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    for name in ["asked", "found", "unused"] {
        write(&store, batch(name, 2, 1000, 0.0)).await;
    }
    read_all(&store, &[Matcher::equal("__name__", "asked")]).await;
    read_all(&store, &[Matcher::equal("__name__", "asked")]).await;
    let regex = vigie_model::MatchOp::Regex;
    read_all(&store, &[Matcher::new("__name__", regex, "fou.*")]).await;
    store.flush().await.unwrap();
    let usage = store.metric_usage(&tenant()).await.unwrap();
    let counts: Vec<_> = usage.iter().map(|m| (m.name.as_str(), m.usage.requests)).collect();
    assert_eq!(counts, [("unused", 0), ("found", 1), ("asked", 2)]);
    assert!(usage[2].usage.last_ms > 0 && usage[0].usage.last_ms == 0);
}
