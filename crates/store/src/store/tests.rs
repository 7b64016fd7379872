//! The store as a whole.

use std::sync::Arc;
use std::time::Duration;

use vigie_model::{
    Acknowledge, Exemplar, Histogram, HistogramPoint, Labels, Matcher, Metadata, MetricBatch,
    MetricSink, MetricType, Points, RejectionReason, Span, TenantId, TimeRange, stale_nan,
};
use vigie_world::World;

use crate::{Budget, Select, Store, StoreError, StoreErrorKind, StoreOptions};

mod crash;
mod objects;
mod policy;
mod replay;

const ALL: TimeRange = TimeRange::ALL;

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

fn labels(name: &str, instance: u64) -> Labels {
    Labels::from_pairs([("__name__", name), ("instance", &format!("host{instance}"))])
}

fn batch(name: &str, instances: u64, time_ms: i64, value: f64) -> MetricBatch {
    let mut batch = MetricBatch::new();
    for instance in 0..instances {
        batch.push_series(&labels(name, instance)).sample(time_ms, value + instance as f64);
    }
    batch
}

async fn write(store: &Store, batch: MetricBatch) -> vigie_model::WriteReport {
    store.write(&tenant(), batch, Acknowledge::Durable).await.unwrap()
}

async fn read_all(store: &Store, matchers: &[Matcher]) -> Vec<(Labels, Points)> {
    let budget = Budget::new(u64::MAX);
    let snapshot = store.snapshot(&tenant());
    let set = snapshot.select(Select { matchers, range: ALL }, &budget).await.unwrap();
    let mut all = Vec::new();
    for at in 0..set.len() {
        let mut points = Points::default();
        set.read(at, ALL, &mut points, &budget).unwrap();
        assert!(points.timestamps_ms.is_sorted_by(|a, b| a < b), "times ascend strictly");
        all.push((set.labels(at).clone(), points));
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

async fn open(folder: &tempfile::TempDir) -> Arc<Store> {
    open_options(StoreOptions::new(folder.path())).await
}

/// An open store that has replayed its log.
async fn open_options(options: StoreOptions) -> Arc<Store> {
    let store = Store::open(options, World::real()).await.unwrap();
    store.replayed().await.unwrap();
    store
}

/// Lets go of a store without closing it, as if the process had been killed, and waits until its
/// background work has let go too.
async fn forget(store: Arc<Store>) {
    let weak = Arc::downgrade(&store);
    drop(store);
    while weak.strong_count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_is_written_is_found_in_the_log_the_head_and_parts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    for tick in 0..10 {
        write(&store, batch("up", 3, tick * 1000, tick as f64)).await;
    }
    let before = read_all(&store, &[Matcher::equal("instance", "host2")]).await;
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].1.values, (2..12).map(f64::from).collect::<Vec<_>>());
    // As if the process had been killed: nothing is closed, the lock goes with the store.
    forget(store).await;
    let store = open(&folder).await;
    assert_eq!(store.head_stats(&tenant()).samples, 30, "replayed");
    let all = read_all(&store, &[]).await;
    store.flush().await.unwrap();
    assert_eq!(store.head_stats(&tenant()).samples, 0, "sealed");
    assert_eq!(store.parts(&tenant()).len(), 1);
    for tick in 10..12 {
        write(&store, batch("up", 3, tick * 1000, tick as f64)).await;
    }
    let (old, new) = (all, read_all(&store, &[]).await);
    for ((_, old), (_, new)) in old.iter().zip(&new) {
        assert_eq!(old.timestamps_ms[..], new.timestamps_ms[..10]);
        assert_eq!(old.values[..], new.values[..10]);
        assert_eq!(new.len(), 12, "head and part together");
    }
    store.close().await.unwrap();
    forget(store).await;
    let store = open(&folder).await;
    assert_eq!(store.head_stats(&tenant()).samples, 0, "nothing is left to replay");
    let again = read_all(&store, &[]).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().zip(&new).all(|((_, a), (_, b))| a.values == b.values));
}

#[tokio::test]
async fn two_stores_cannot_have_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _store = open(&folder).await;
    let second = Store::open(StoreOptions::new(folder.path()), World::real()).await;
    let error = second.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[tokio::test]
async fn points_of_any_age_are_taken_and_the_first_value_of_a_time_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let one = |time_ms, value| {
        let mut batch = MetricBatch::new();
        batch.push_series(&labels("a", 0)).sample(time_ms, value);
        batch
    };
    for (time_ms, value) in [(5000, 5.0), (0, 0.0), (3000, 3.0), (7000, 7.0), (-1000, -1.0)] {
        assert_eq!(write(&store, one(time_ms, value)).await.samples, 1);
    }
    for (time_ms, value) in [(5000, 5.0), (3000, 3.0), (7000, stale_nan())] {
        assert_eq!(write(&store, one(time_ms, value)).await.rejected, 0, "at {time_ms}");
    }
    for time_ms in [5000, 3000, 7000, 0] {
        let report = write(&store, one(time_ms, 9.0)).await;
        assert_eq!((report.samples, report.rejected), (0, 1));
        assert_eq!(report.rejections[0].reason, RejectionReason::DuplicateTimestamp);
    }
    let values = [-1.0, 0.0, 3.0, 5.0, 7.0];
    assert_eq!(read_all(&store, &[]).await[0].1.values, values);
    store.flush().await.unwrap();
    // In another part now: the write is not told, and the first written still stays.
    write(&store, one(3000, 9.0)).await;
    write(&store, one(4000, 4.0)).await;
    let values = [-1.0, 0.0, 3.0, 4.0, 5.0, 7.0];
    assert_eq!(read_all(&store, &[]).await[0].1.values, values);
    for _ in 0..5 {
        store.flush().await.unwrap();
        write(&store, one(8000, 8.0)).await;
    }
    store.flush().await.unwrap();
    store.tidy().await.unwrap();
    assert!(store.parts(&tenant()).len() < 5, "compacted");
    let values = [-1.0, 0.0, 3.0, 4.0, 5.0, 7.0, 8.0];
    assert_eq!(read_all(&store, &[]).await[0].1.values, values);
}

#[tokio::test]
async fn histograms_start_times_exemplars_and_metadata_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let histogram = Arc::new(Histogram {
        schema: 3,
        count: 3.0,
        sum: 4.5,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        positive_buckets: vec![1.0, 2.0],
        ..Histogram::default()
    });
    let broken = Histogram { positive_buckets: vec![1.0], ..Histogram::clone(&histogram) };
    let exemplar = Exemplar {
        labels: Labels::from_pairs([("trace_id", "abc")]),
        value: 0.7,
        timestamp_ms: 1500,
    };
    let point = |timestamp_ms, histogram| HistogramPoint {
        timestamp_ms,
        start_timestamp_ms: 500,
        histogram,
    };
    let mut batch = MetricBatch::new();
    batch
        .push_series(&labels("h", 0))
        .sample_started(1000, 1.0, 500)
        .histogram(point(2000, Arc::clone(&histogram)))
        .histogram(point(3000, Arc::new(broken)))
        .exemplar(exemplar.clone());
    let help = Metadata { kind: MetricType::Histogram, help: "H".into(), unit: String::new() };
    batch.metadata.push(("h".into(), help.clone()));
    let report = write(&store, batch).await;
    assert_eq!((report.samples, report.histograms, report.exemplars), (1, 1, 1));
    assert_eq!(report.rejections[0].reason, RejectionReason::InvalidHistogram);
    for step in ["head", "log", "part"] {
        let store = if step == "head" { Arc::clone(&store) } else { open_again(&folder).await };
        let (_, points) = read_all(&store, &[]).await.remove(0);
        assert_eq!(points.timestamps_ms, [1000, 2000], "{step}");
        assert_eq!(points.start_timestamps_ms, [500, 500], "{step}");
        assert_eq!(points.histogram_at(1).unwrap(), &histogram, "{step}");
        let snapshot = store.snapshot(&tenant());
        let sets = [vec![Matcher::equal("__name__", "h")]];
        let exemplars = snapshot.exemplars(&sets, ALL).await.unwrap();
        assert_eq!(exemplars[0].exemplars, std::slice::from_ref(&exemplar), "{step}");
        let metadata = snapshot.metadata(None).await.unwrap();
        assert_eq!(metadata["h"], std::slice::from_ref(&help), "{step}");
        if step == "log" {
            store.close().await.unwrap();
        } else if step == "head" {
            // A copy of the folder stands for the disk after a kill.
            copy_folder(folder.path(), &folder.path().join("copy"));
        }
    }

    async fn open_again(folder: &tempfile::TempDir) -> Arc<Store> {
        let options = StoreOptions::new(folder.path().join("copy"));
        open_options(options).await
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source == to || target == source {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&source, &target);
        } else {
            std::fs::copy(source, target).unwrap();
        }
    }
}

#[tokio::test]
async fn deleted_points_are_gone_at_once_and_later_ones_stay() -> Result<(), StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    for tick in 0..10 {
        write(&store, batch("up", 2, tick * 1000, 0.0)).await;
    }
    let host0 = vec![Matcher::equal("instance", "host0")];
    let sets = [host0.clone()];
    assert_eq!(store.delete_series(&tenant(), &sets, TimeRange::new(3000, 5000)).await?, 1);
    let times = |all: Vec<(Labels, Points)>| all[0].1.timestamps_ms.clone();
    let left = [0, 1000, 2000, 6000, 7000, 8000, 9000];
    assert_eq!(times(read_all(&store, &host0).await), left);
    write(&store, batch("up", 2, 4000, 1.0)).await;
    let with_new = [0, 1000, 2000, 4000, 6000, 7000, 8000, 9000];
    assert_eq!(times(read_all(&store, &host0).await), with_new);
    assert_eq!(times(read_all(&store, &[Matcher::equal("instance", "host1")]).await).len(), 10);
    store.clean_tombstones().await?;
    assert_eq!(times(read_all(&store, &host0).await), with_new);
    assert_eq!(store.delete_series(&tenant(), &sets, ALL).await?, 1);
    assert!(read_all(&store, &host0).await.is_empty(), "a series without points is not there");
    store.close().await?;
    forget(store).await;
    let store = open(&folder).await;
    assert!(read_all(&store, &host0).await.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_snapshot_opens_as_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    write(&store, batch("up", 2, 1000, 0.0)).await;
    let name = store.create_snapshot(false).await.unwrap();
    write(&store, batch("up", 2, 2000, 0.0)).await;
    let options = StoreOptions::new(folder.path().join("snapshots").join(name));
    let copy = open_options(options).await;
    let all = read_all(&copy, &[]).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].1.timestamps_ms, [1000]);
}

#[tokio::test]
async fn retention_by_time_and_size_removes_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.retention = Some(Duration::from_secs(100));
    let store = open_options(options.clone()).await;
    for second in [0, 50, 120] {
        write(&store, batch("up", 2, second * 1000, 0.0)).await;
        store.flush().await.unwrap();
    }
    store.tidy().await.unwrap();
    assert_eq!(read_all(&store, &[]).await[0].1.timestamps_ms, [50_000, 120_000]);
    let bytes = store.parts(&tenant())[1].meta.bytes;
    store.close().await.unwrap();
    forget(store).await;
    options.retention_bytes = Some(bytes);
    let store = open_options(options).await;
    store.tidy().await.unwrap();
    assert_eq!(read_all(&store, &[]).await[0].1.timestamps_ms, [120_000]);
    let files = std::fs::read_dir(folder.path().join("parts/default")).unwrap().count();
    assert_eq!(files, 1, "files of removed parts are gone");
}

#[tokio::test]
async fn limits_refuse_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.limits.general.series_max = 2;
    let store = open_options(options.clone()).await;
    let report = write(&store, batch("up", 3, 1000, 0.0)).await;
    assert_eq!((report.samples, report.rejected), (2, 1));
    assert_eq!(report.rejections[0].reason, RejectionReason::SeriesLimit);
    store.close().await.unwrap();
    forget(store).await;
    options.free_bytes_min = u64::MAX;
    let store = open_options(options).await;
    let refused = store.write(&tenant(), batch("up", 1, 2000, 0.0), Acknowledge::Durable).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind, vigie_model::WriteErrorKind::Unavailable);
    assert!(error.message.contains("is full"), "{error}");
    assert_eq!(read_all(&store, &[]).await.len(), 2, "reading goes on");
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let other = TenantId::new("other").unwrap();
    write(&store, batch("up", 1, 1000, 0.0)).await;
    store.write(&other, batch("down", 1, 1000, 0.0), Acknowledge::Durable).await.unwrap();
    store.flush().await.unwrap();
    for (id, name) in [(tenant(), "up"), (other, "down")] {
        let names = store.snapshot(&id).label_values("__name__", &[], ALL, 0).await.unwrap();
        assert_eq!(names, [name]);
    }
    assert_eq!(store.tenants().len(), 2);
}
