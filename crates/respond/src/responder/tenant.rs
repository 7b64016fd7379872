//! One tenant: its engine, its files, and the task that drives both.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use vigie_journal::Journal;
use vigie_model::{Alert, TenantId};
use vigie_world::World;

use super::delivery::{Outcome, deliver};
use super::{RespondError, ResponderOptions};
use crate::{Engine, Now, PutOutcome, Record, Restored, Running};

/// The longest sleep: the wall clock decides about intervals and silences, and may be set.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// How long the task waits after a failure to write, before it tries again.
const WRITE_PAUSE: Duration = Duration::from_secs(5);

/// How long those who are being told when the process ends have to answer: whom we do not hear
/// is told again after the next start.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// One tenant's alerts, groups and silences.
#[derive(Debug)]
pub struct Tenant {
    id: TenantId,
    world: World,
    pub(super) engine: Mutex<Engine>,
    /// What is written, in order. Records that could not be written stay in `unwritten`.
    journal: tokio::sync::Mutex<Journal<Record>>,
    unwritten: Mutex<Vec<Record>>,
    changed: Notify,
    slots: Arc<Semaphore>,
}

impl Tenant {
    pub(super) fn open(
        id: &TenantId,
        running: Running,
        options: &ResponderOptions,
        world: &World,
    ) -> Result<Arc<Self>, RespondError> {
        let path = options.data.join(id.as_str());
        let opened = Journal::open(Arc::clone(&world.disk), &path);
        let (journal, records) =
            opened.map_err(|source| RespondError::Disk { path: path.clone(), source })?;
        let now = Now::of(&*world.clock);
        let with = (options.limits, options.times);
        let mut engine = Engine::new(running, with, Arc::clone(&world.random), now);
        let kept = Restored::from_records(records, options.limits.timeline_entries_max);
        engine.restore(kept, now);
        Ok(Arc::new(Self {
            id: id.clone(),
            world: world.clone(),
            engine: Mutex::new(engine),
            journal: tokio::sync::Mutex::new(journal),
            unwritten: Mutex::default(),
            changed: Notify::new(),
            slots: Arc::new(Semaphore::new(options.limits.deliveries_max.max(1))),
        }))
    }

    /// Now, by this tenant's clocks.
    pub fn now(&self) -> Now {
        Now::of(&*self.world.clock)
    }

    /// Asks the engine something, at now.
    pub fn ask<T>(&self, question: impl FnOnce(&Engine, Now) -> T) -> T {
        let now = self.now();
        question(&self.engine.lock(), now)
    }

    /// Keeps what is decided for [`take_feed`](Self::take_feed), or not any more.
    pub(crate) fn feed(&self, is_followed: bool) {
        self.engine.lock().follow(is_followed);
    }

    /// What was decided since the last call.
    pub(crate) fn take_feed(&self) -> Vec<crate::engine::Told> {
        self.engine.lock().take_feed()
    }

    /// Takes alerts.
    pub fn put(&self, alerts: Vec<Alert>) -> PutOutcome {
        let now = self.now();
        let outcome = self.engine.lock().put(alerts, now);
        self.changed.notify_one();
        outcome
    }

    pub(super) fn reload(&self, running: Running) {
        let now = self.now();
        self.engine.lock().reload(running, now);
        self.changed.notify_one();
    }

    /// Wakes the task, since something changed.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Waits, notifies and writes until it is told to end.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (sender, mut outcomes) = mpsc::channel::<Outcome>(1_024);
        let cancel = CancellationToken::new();
        loop {
            let now = self.now();
            let (deliveries, due_ms) = {
                let mut engine = self.engine.lock();
                engine.remind(now);
                (engine.tick(now), engine.next_due_ms())
            };
            for delivery in deliveries {
                let slots = Arc::clone(&self.slots);
                let (world, sender) = (self.world.clone(), sender.clone());
                tokio::spawn(deliver(delivery, world, slots, sender, cancel.clone()));
            }
            let written = self.persist().await;
            let pause = match written {
                Ok(()) => SLEEP_MAX,
                Err(error) => {
                    tracing::error!(tenant = %self.id, %error, "what was decided is not on disk");
                    WRITE_PAUSE
                }
            };
            let sleep = Duration::from_millis(due_ms.saturating_sub(now.mono_ms)).min(pause);
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.world.clock.sleep(sleep) => {}
                () = self.changed.notified() => {}
                Some(outcome) = outcomes.recv() => self.completed(outcome, &mut outcomes),
            }
        }
        // What was told while the others ended must be on disk, or it would be told again.
        drop(sender);
        let grace = tokio::time::sleep(STOP_GRACE);
        tokio::pin!(grace);
        loop {
            tokio::select! {
                outcome = outcomes.recv() => match outcome {
                    Some(outcome) => self.completed(outcome, &mut outcomes),
                    None => break,
                },
                () = &mut grace, if !cancel.is_cancelled() => cancel.cancel(),
            }
        }
        if let Err(error) = self.persist().await {
            tracing::error!(tenant = %self.id, %error, "what was told last is not on disk");
        }
    }

    fn completed(&self, outcome: Outcome, more: &mut mpsc::Receiver<Outcome>) {
        let now = self.now();
        let mut engine = self.engine.lock();
        let mut next = Some(outcome);
        while let Some(outcome) = next {
            engine.complete(outcome.id, outcome.result, now);
            next = more.try_recv().ok();
        }
    }

    /// Writes what has to be kept; returns when it would survive the loss of power.
    pub async fn persist(&self) -> Result<(), std::io::Error> {
        let mut journal = self.journal.lock().await;
        let records = {
            let mut unwritten = self.unwritten.lock();
            let mut records = std::mem::take(&mut *unwritten);
            records.extend(self.engine.lock().take_records());
            records
        };
        if records.is_empty() {
            return Ok(());
        }
        let snapshot = journal.is_long().then(|| self.engine.lock().snapshot());
        let result = blocking(|| match snapshot {
            Some(snapshot) => journal.replace(&snapshot),
            None => journal.write(&records),
        });
        if result.is_err() {
            // Written again later: reading takes the last record of each thing.
            self.unwritten.lock().splice(0..0, records);
        }
        result
    }
}

/// Does what blocks without holding up others, where the runtime has other threads.
pub(crate) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::current().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::CurrentThread => work(),
        _ => tokio::task::block_in_place(work),
    }
}
