//! Answering and writing while the log is not replayed yet.

use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use vigie_world::{ManualClock, Random, SimDisk};

use super::*;
use crate::catalog::memory::MemoryCatalog;

/// A simulated machine whose stores replay when they are told to.
struct Machine {
    disk: SimDisk,
    catalog: MemoryCatalog,
}

impl Machine {
    fn new() -> Self {
        let disk = SimDisk::from_seed(1);
        let catalog = MemoryCatalog { state: Arc::new(Mutex::default()), disk: disk.clone() };
        Self { disk, catalog }
    }

    async fn open_early(&self) -> Arc<Store> {
        let world = World {
            clock: Arc::new(ManualClock::at(1_000_000)),
            disk: Arc::new(self.disk.clone()),
            random: Arc::new(Random::from_seed(1)),
        };
        let options = StoreOptions::new(PathBuf::from("/data"));
        Store::open_with(options, world, Arc::new(self.catalog.clone())).await.unwrap()
    }

    async fn open(&self) -> Arc<Store> {
        let store = self.open_early().await;
        store.replay_log().unwrap();
        store
    }
}

async fn values(store: &Store) -> Vec<f64> {
    read_all(store, &[]).await.into_iter().flat_map(|(_, points)| points.values).collect()
}

#[tokio::test]
async fn parts_answer_and_writes_are_taken_before_the_log_is_replayed() {
    let machine = Machine::new();
    let store = machine.open().await;
    assert_eq!(store.wal_replay(), (0, 0, 0), "nothing was there");
    write(&store, batch("up", 1, 1000, 1.0)).await;
    store.flush().await.unwrap();
    write(&store, batch("up", 1, 2000, 2.0)).await;
    drop(store);
    machine.disk.crash();

    let store = machine.open_early().await;
    assert!(!store.is_replayed());
    assert_eq!(store.wal_replay(), (0, 1, 0));
    assert_eq!(values(&store).await, [1.0], "only what is in parts");
    // Another value for a time that only the log has: the first written must stay.
    write(&store, batch("up", 1, 2000, 9.0)).await;
    write(&store, batch("up", 1, 3000, 3.0)).await;
    assert_eq!(values(&store).await, [1.0, 9.0, 3.0], "what is known so far");
    let waiting = tokio::time::timeout(Duration::from_millis(50), store.flush()).await;
    assert!(waiting.is_err(), "sealing waits for the replay");

    store.replay_log().unwrap();
    assert!(store.is_replayed());
    assert_eq!(store.wal_replay(), (0, 1, 1));
    assert_eq!(values(&store).await, [1.0, 2.0, 3.0]);
    store.flush().await.unwrap();
    assert_eq!(values(&store).await, [1.0, 2.0, 3.0], "sealed in the same order");
    let parts = store.parts(&tenant());
    assert_eq!(parts.len(), 3, "sealed before, replayed, and written since");
    drop(store);
    machine.disk.crash();
    let store = machine.open().await;
    assert_eq!(values(&store).await, [1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn a_replayed_head_goes_on_when_nothing_was_written_meanwhile() {
    let machine = Machine::new();
    let store = machine.open().await;
    write(&store, batch("up", 1, 1000, 1.0)).await;
    drop(store);
    machine.disk.crash();
    let store = machine.open().await;
    assert_eq!(store.head_stats(&tenant()).samples, 1);
    let report = write(&store, batch("up", 1, 1000, 5.0)).await;
    assert_eq!(report.rejections[0].reason, RejectionReason::DuplicateTimestamp);
    assert!(store.parts(&tenant()).is_empty(), "nothing is sealed only because of a restart");
}

#[tokio::test]
async fn what_was_written_before_the_replay_survives_a_crash_before_its_end() {
    let machine = Machine::new();
    let mut expected = Vec::new();
    for life in 0..4_i64 {
        let store = machine.open_early().await;
        write(&store, batch("up", 1, life * 1000, life as f64)).await;
        expected.push(life as f64);
        drop(store);
        machine.disk.crash();
    }
    let store = machine.open().await;
    assert_eq!(store.wal_replay(), (0, 4, 4));
    assert_eq!(values(&store).await, expected);
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_is_tried_again_and_nothing_is_sealed_meanwhile() {
    let machine = Machine::new();
    for life in 0..3_i64 {
        let store = machine.open_early().await;
        write(&store, batch("up", 1, life * 1000, life as f64)).await;
        drop(store);
        machine.disk.crash();
    }
    let names: Vec<_> = {
        use vigie_world::Disk as _;
        machine.disk.list(&PathBuf::from("/data/wal")).unwrap()
    };
    let path = PathBuf::from("/data/wal").join(&names[1].name);
    let hidden = PathBuf::from("/data/hidden");
    let store = machine.open_early().await;
    {
        use vigie_world::Disk as _;
        machine.disk.rename(&path, &hidden).unwrap();
    }
    assert!(store.replay_log().is_err());
    assert!(!store.is_replayed());
    assert_eq!(store.wal_replay(), (0, 3, 1));
    assert!(store.seal().await.is_err());
    assert_eq!(values(&store).await, [0.0], "what is replayed so far is found");
    {
        use vigie_world::Disk as _;
        machine.disk.rename(&hidden, &path).unwrap();
    }
    store.replay_log().unwrap();
    assert_eq!(values(&store).await, [0.0, 1.0, 2.0]);
}

#[tokio::test]
async fn a_store_closed_before_the_end_of_the_replay_loses_nothing() {
    let machine = Machine::new();
    let store = machine.open().await;
    write(&store, batch("up", 1, 1000, 1.0)).await;
    drop(store);
    machine.disk.crash();
    let store = machine.open_early().await;
    write(&store, batch("up", 1, 2000, 2.0)).await;
    store.close().await.unwrap();
    assert!(store.replayed().await.is_err(), "whoever waits is told");
    drop(store);
    let store = machine.open().await;
    assert_eq!(values(&store).await, [1.0, 2.0]);
}
