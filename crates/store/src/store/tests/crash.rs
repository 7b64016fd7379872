//! A seeded run with a fault at every operation of the disk: nothing acknowledged is lost, nothing
//! is there that was not written, nothing is there twice, and nothing panics.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use vigie_model::{Acknowledge, Labels, Matcher, MetricBatch, MetricSink, TimeRange};
use vigie_world::{Fault, ManualClock, Random, SimDisk, World};

use super::{labels, read_all, tenant};
use crate::catalog::memory::MemoryCatalog;
use crate::{Store, StoreError, StoreOptions};

const STEPS: u64 = 24;

/// What is known of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// Acknowledged: must be there.
    Kept(f64),
    /// Written without an answer, or deleted without one: may be there.
    Unsure(f64),
    /// Deleted: must not be there.
    Gone,
}

struct Run {
    seed: u64,
    disk: SimDisk,
    catalog: MemoryCatalog,
    random: Random,
    fates: BTreeMap<(Labels, i64), Fate>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let disk = SimDisk::from_seed(seed);
        let catalog = MemoryCatalog { state: Arc::new(Mutex::default()), disk: disk.clone() };
        Self { seed, disk, catalog, random: Random::from_seed(seed), fates: BTreeMap::new() }
    }

    async fn open(&self) -> Result<Arc<Store>, StoreError> {
        let store = self.open_early().await?;
        store.replay_log()?;
        Ok(store)
    }

    /// A store that has not replayed its log yet.
    async fn open_early(&self) -> Result<Arc<Store>, StoreError> {
        let world = World {
            clock: Arc::new(ManualClock::at(1_000_000)),
            disk: Arc::new(self.disk.clone()),
            random: Arc::new(Random::from_seed(self.seed)),
        };
        let mut options = StoreOptions::new(PathBuf::from("/data"));
        options.retention = None;
        // The last instance's series go early, so that parts are rewritten because of their age.
        let matchers = vec![Matcher::equal("instance", "host3")];
        let keep = Some(std::time::Duration::from_millis(60));
        options.retention_rules = vec![crate::RetentionRule { matchers, keep }];
        Store::open_with(options, world, Arc::new(self.catalog.clone())).await
    }

    async fn write(&mut self, store: &Store, step: u64) -> bool {
        let mut batch = MetricBatch::new();
        let mut written = Vec::new();
        for instance in 0..=self.random.below(4) {
            let labels = labels("m", instance);
            // Mostly in order, sometimes late; a value is a function of its place, so that
            // every point that is there can be checked.
            let late = if self.random.below(4) == 0 { self.random.below(50) } else { 0 };
            let time_ms = (step * 10 + 1000 - late) as i64;
            let value = time_ms as f64 + instance as f64 / 8.0;
            batch.push_series(&labels).sample(time_ms, value);
            written.push(((labels, time_ms), value, instance == 3));
        }
        let answer = store.write(&tenant(), batch, Acknowledge::Durable).await;
        for (place, value, goes_early) in written {
            let known = self.fates.entry(place).or_insert(Fate::Unsure(value));
            if answer.is_ok() && !goes_early {
                *known = Fate::Kept(value);
            } else if *known == Fate::Gone {
                *known = Fate::Unsure(value);
            }
        }
        answer.is_ok()
    }

    async fn delete(&mut self, store: &Store, step: u64) {
        let (name, range) = (labels("m", 0), TimeRange::new(0, (step * 5 + 1000) as i64));
        let sets = [vec![Matcher::equal("instance", "host0")]];
        let answer = store.delete_series(&tenant(), &sets, range).await;
        for ((labels, time_ms), fate) in &mut self.fates {
            if *labels == name && range.contains(*time_ms) {
                *fate = match (*fate, &answer) {
                    (_, Ok(_)) | (Fate::Gone, Err(_)) => Fate::Gone,
                    (Fate::Kept(value) | Fate::Unsure(value), Err(_)) => Fate::Unsure(value),
                };
            }
        }
    }

    async fn steps(&mut self, store: &Store) {
        for step in 0..STEPS {
            match self.random.below(12) {
                0 | 1 => drop(store.flush().await),
                2 => drop(store.tidy().await),
                3 if step > STEPS / 2 => self.delete(store, step).await,
                4 if step > STEPS / 2 => drop(store.clean_tombstones().await),
                _ => drop(self.write(store, step).await),
            }
        }
        drop(store.flush().await);
        drop(store.tidy().await);
    }

    async fn check(&self, store: &Store, what: &str) {
        let mut there = HashMap::new();
        for (labels, points) in read_all(store, &[]).await {
            for (time_ms, value) in points.timestamps_ms.iter().zip(&points.values) {
                there.insert((labels.clone(), *time_ms), *value);
            }
        }
        for (place, fate) in &self.fates {
            let found = there.remove(place);
            let right = match *fate {
                Fate::Kept(value) => found == Some(value),
                Fate::Unsure(value) => found.is_none_or(|found| found == value),
                Fate::Gone => found.is_none(),
            };
            assert!(right, "{what}: {place:?} is {found:?}, expected {fate:?}");
        }
        assert!(there.is_empty(), "{what}: never written: {there:?}");
    }
}

/// Runs with `fault` at operation `at`; returns the number of operations, and how many parts were
/// rewritten because of their age.
async fn run(seed: u64, at: Option<(u64, Fault)>) -> (u64, u64) {
    let what = format!("seed {seed}, {at:?}");
    let mut run = Run::new(seed);
    if let Some((at, fault)) = at {
        run.disk.set_fault(at, fault);
    }
    if let Ok(store) = run.open().await {
        run.steps(&store).await;
        if !run.disk.is_off() {
            run.check(&store, &format!("{what}, before the crash")).await;
            let mut recovered = false;
            for attempt in 0..3 {
                recovered |= run.write(&store, STEPS + attempt).await;
            }
            assert!(recovered || run.disk.is_off(), "{what}: writes go on after a fault");
        }
        let operations = run.disk.operations();
        let aged = store.counters().aged_parts.load(std::sync::atomic::Ordering::Relaxed);
        run.disk.crash();
        drop(store);
        check_reopened(&mut run, &what).await;
        return (operations, aged);
    }
    run.disk.crash();
    check_reopened(&mut run, &what).await;
    (run.disk.operations(), 0)
}

async fn check_reopened(run: &mut Run, what: &str) {
    let store = run.open().await.unwrap_or_else(|error| panic!("{what}: reopening: {error}"));
    run.check(&store, what).await;
    // And once more, writing while the log is not replayed yet: both are found, also when the
    // power goes in the middle.
    run.disk.crash();
    drop(store);
    let early = run.open_early().await.unwrap_or_else(|error| panic!("{what}: early: {error}"));
    assert!(run.write(&early, STEPS + 8).await, "{what}");
    if run.random.below(2) == 0 {
        early.replay_log().unwrap_or_else(|error| panic!("{what}: replaying: {error}"));
        run.check(&early, &format!("{what}, early")).await;
        early.flush().await.unwrap_or_else(|error| panic!("{what}: flushing: {error}"));
        run.check(&early, &format!("{what}, early, flushed")).await;
    }
    run.disk.crash();
    drop(early);
    let store = run.open().await.unwrap_or_else(|error| panic!("{what}: after early: {error}"));
    run.check(&store, &format!("{what}, after early")).await;
    // And once more: what was replayed is written on, sealed and replayed again.
    assert!(run.write(&store, STEPS + 9).await, "{what}");
    run.disk.crash();
    drop(store);
    let store = run.open().await.unwrap_or_else(|error| panic!("{what}: third life: {error}"));
    run.check(&store, &format!("{what}, third life")).await;
    store.close().await.unwrap_or_else(|error| panic!("{what}: closing: {error}"));
    drop(store);
    let store = run.open().await.unwrap_or_else(|error| panic!("{what}: last life: {error}"));
    run.check(&store, &format!("{what}, last life")).await;
}

#[tokio::test]
async fn a_fault_at_every_operation_loses_nothing_acknowledged() {
    let mut aged_parts = 0;
    for seed in 0..2 {
        let (operations, aged) = run(seed, None).await;
        aged_parts += aged;
        assert!(operations > 60, "the run is long enough: {operations}");
        for at in 0..operations {
            for fault in [Fault::Error, Fault::Full, Fault::PowerLoss] {
                run(seed, Some((at, fault))).await;
            }
        }
    }
    assert!(aged_parts > 0, "parts were rewritten because of their age");
}

#[tokio::test]
async fn random_faults_of_many_seeds_lose_nothing_acknowledged() {
    for seed in 100..160 {
        let random = Random::from_seed(seed);
        let faults = [Fault::Error, Fault::Full, Fault::PowerLoss];
        let fault = faults[random.below(3) as usize];
        run(seed, Some((random.below(140), fault))).await;
    }
}
