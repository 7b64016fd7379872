//! A seeded run with a fault at every operation of the disk: every acknowledged document is there
//! once, no deleted one is, and nothing is there that was not written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use parking_lot::Mutex;
use vigie_world::{Fault, ManualClock, Random, SimDisk};

use super::*;
use crate::StoreError;
use crate::catalog::memory::MemoryCatalog;

const STEPS: u64 = 16;

struct Run {
    seed: u64,
    disk: SimDisk,
    catalog: MemoryCatalog,
    random: Random,
    next: u64,
    /// Of each id, what may be there: a document's number, or nothing.
    named: BTreeMap<u64, Vec<Option<u64>>>,
    /// Documents without an id: whether they must be there.
    unnamed: BTreeMap<u64, bool>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let disk = SimDisk::from_seed(seed);
        let catalog = MemoryCatalog { state: Arc::new(Mutex::default()), disk: disk.clone() };
        let random = Random::from_seed(seed);
        let (named, unnamed) = (BTreeMap::new(), BTreeMap::new());
        Self { seed, disk, catalog, random, next: 0, named, unnamed }
    }

    async fn open(&self) -> Result<Arc<Store>, StoreError> {
        let world = World {
            clock: Arc::new(ManualClock::at(1_000_000)),
            disk: Arc::new(self.disk.clone()),
            random: Arc::new(Random::from_seed(self.seed)),
        };
        let mut options = StoreOptions::new(PathBuf::from("/data"));
        options.retention = None;
        let store = Store::open_with(options, world, Arc::new(self.catalog.clone())).await?;
        store.replay_log()?;
        Ok(store)
    }

    async fn write(&mut self, store: &Store) -> bool {
        let (mut batch, mut wanted) = (LogBatch::new(), Vec::new());
        for _ in 0..=self.random.below(4) {
            let number = self.next;
            self.next += 1;
            let json = format!(r#"{{"n":{number}}}"#);
            let id = self.random.below(6);
            let name = format!("id{id}");
            match self.random.below(4) {
                0 => {
                    push(&mut batch, LogAction::Delete, Some(&name), "{}");
                    wanted.push((Some(id), None));
                }
                1 | 2 => {
                    push(&mut batch, LogAction::Index, Some(&name), &json);
                    wanted.push((Some(id), Some(number)));
                }
                _ => {
                    push(&mut batch, LogAction::Index, None, &json);
                    wanted.push((None, Some(number)));
                }
            }
        }
        let answer = store.append_logs(&tenant(), batch, Acknowledge::Durable).await;
        for (id, number) in wanted {
            match (id, number, answer.is_ok()) {
                (Some(id), number, true) => drop(self.named.insert(id, vec![number])),
                (Some(id), number, false) => {
                    self.named.entry(id).or_insert_with(|| vec![None]).push(number);
                }
                (None, Some(number), kept) => drop(self.unnamed.insert(number, kept)),
                (None, None, _) => {}
            }
        }
        answer.is_ok()
    }

    fn check(&self, store: &Store, what: &str) {
        let snapshot = store.log_snapshot(&tenant());
        let (mut named, mut unnamed) = (BTreeMap::<u64, Vec<u64>>::new(), Vec::new());
        for hit in snapshot.hits(&all(), LogOrder::Newest, usize::MAX, None).unwrap() {
            let document: Value = serde_json::from_str(&source(&snapshot, &hit)).unwrap();
            let number = document["n"].as_u64().unwrap();
            match snapshot.id(&hit).unwrap().strip_prefix("id") {
                Some(id) => named.entry(id.parse().unwrap()).or_default().push(number),
                None => unnamed.push(number),
            }
        }
        for (id, may) in &self.named {
            let there = named.remove(id).unwrap_or_default();
            assert!(there.len() <= 1, "{what}: id{id} is there {there:?}");
            assert!(
                may.contains(&there.first().copied()),
                "{what}: id{id} is {there:?} of {may:?}"
            );
        }
        assert!(named.is_empty(), "{what}: {named:?}");
        for (number, must) in &self.unnamed {
            let count = unnamed.iter().filter(|there| *there == number).count();
            assert!(count <= 1 && (count == 1 || !must), "{what}: {number} is there {count} times");
        }
    }
}

async fn run(seed: u64, at: Option<(u64, Fault)>) -> u64 {
    let what = format!("seed {seed}, {at:?}");
    let mut run = Run::new(seed);
    if let Some((at, fault)) = at {
        run.disk.set_fault(at, fault);
    }
    let mut operations = 0;
    if let Ok(store) = run.open().await {
        for _ in 0..STEPS {
            match run.random.below(6) {
                0 => drop(store.flush().await),
                1 => drop(store.tidy_documents().await),
                _ => drop(run.write(&store).await),
            }
        }
        if !run.disk.is_off() {
            run.check(&store, &format!("{what}, before the crash"));
        }
        operations = run.disk.operations();
    }
    run.disk.crash();
    for life in 0..3 {
        let store = run.open().await.unwrap_or_else(|error| panic!("{what}: {life}: {error}"));
        run.check(&store, &format!("{what}, life {life}"));
        assert!(run.write(&store).await, "{what}, life {life}");
        if life == 1 {
            store.flush().await.unwrap_or_else(|error| panic!("{what}: {life}: {error}"));
        }
        run.check(&store, &format!("{what}, life {life}, written"));
        run.disk.crash();
    }
    operations
}

#[tokio::test]
async fn a_fault_at_any_operation_loses_and_doubles_nothing() {
    for seed in 0..3 {
        let operations = run(seed, None).await;
        assert!(operations > 25, "the run does something: {operations}");
        for at in (seed % 2..operations).step_by(2) {
            for fault in [Fault::PowerLoss, Fault::Error] {
                run(seed, Some((at, fault))).await;
            }
        }
    }
}
