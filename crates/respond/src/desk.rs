//! The desk: one tenant's incidents, runs of runbooks and calls to people, and the tasks that
//! drive them.
//!
//! Everything is decided under one lock and leaves as [`Kept`] records; before anything is done to
//! the outside (a program, a request, a call) the record that says so is on disk
//! ([`Desk::persist`]). The order in which a step is let through is in `drive`: stop switch,
//! variables, `when`, values, condition, mode, allow-list, approval, blast radius, intent on disk,
//! stop switch again, execution.

mod access;
mod approve;
mod drive;
mod escalate;
mod execute;
mod feed;
mod kept;
mod live;
mod oncall;
mod pager;
mod plan;
mod start;
mod state;
#[cfg(test)]
mod tests;
mod verify;
mod watch;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_journal::Journal;
use vigie_model::TenantId;
use vigie_world::{Processes, World};

pub use access::{DeskError, DeskErrorKind, Who};
pub use kept::{Audit, Kept, Override, Switch};
pub use pager::{HttpCaller, HttpRequest, Page, Pager, TenantPager};
pub use plan::{DeskPlan, ReadyRunbook};
pub use start::StartRequest;
pub use state::State;

use crate::incident::Book;
use crate::runbook::Evidence;

/// Cuts a text from outside to so many bytes.
pub(crate) fn shortened(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let mut end = bytes_max;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What a desk needs of the outside.
#[derive(Debug, Clone)]
pub struct DeskParts {
    /// Clock, disk, randomness.
    pub world: World,
    /// Answers queries.
    pub evidence: Arc<dyn Evidence>,
    /// Runs programs.
    pub processes: Arc<dyn Processes>,
    /// Tells receivers.
    pub pager: Arc<dyn Pager>,
    /// Makes requests.
    pub http: Arc<dyn HttpCaller>,
}

/// One tenant's incidents, runs and calls.
#[derive(Debug)]
pub struct Desk {
    id: TenantId,
    parts: DeskParts,
    plan: ArcSwap<DeskPlan>,
    state: Mutex<State>,
    journal: tokio::sync::Mutex<Journal<Kept>>,
    unwritten: Mutex<Vec<Kept>>,
    changed: Notify,
    /// Output of steps that are running.
    live: live::Live,
    /// Runs that a task drives, and how to stop what they run.
    driven: Mutex<HashMap<u64, CancellationToken>>,
    /// Escalation steps that are being told.
    telling: Mutex<HashSet<(u64, usize)>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Desk {
    /// Opens what was kept in `folder`. Steps that were running are unknown from now on.
    pub fn open(
        id: &TenantId,
        folder: &Path,
        plan: DeskPlan,
        parts: DeskParts,
    ) -> std::io::Result<Arc<Self>> {
        let (journal, records) = Journal::open(Arc::clone(&parts.world.disk), folder)?;
        let mut state = State::new(Book::new(plan.book.clone()));
        state.restore(records);
        state.recover(parts.world.clock.now_ms());
        Ok(Arc::new(Self {
            id: id.clone(),
            parts,
            plan: ArcSwap::from_pointee(plan),
            state: Mutex::new(state),
            journal: tokio::sync::Mutex::new(journal),
            unwritten: Mutex::default(),
            changed: Notify::new(),
            live: live::Live::default(),
            driven: Mutex::default(),
            telling: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// Whose it is.
    pub const fn tenant(&self) -> &TenantId {
        &self.id
    }

    /// What is configured.
    pub fn plan(&self) -> Arc<DeskPlan> {
        self.plan.load_full()
    }

    /// Works by another configuration from now on.
    pub fn reload(&self, plan: DeskPlan) {
        self.plan.store(Arc::new(plan));
        self.changed.notify_one();
    }

    /// Asks something.
    pub fn ask<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        question(&self.state.lock())
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.parts.world.clock.now_ms()
    }

    /// Changes something in memory; [`persist`](Self::persist) makes it durable.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock())
    }

    /// Writes what has to be kept; returns when it would survive the loss of power.
    pub async fn persist(&self) -> std::io::Result<()> {
        let mut journal = self.journal.lock().await;
        let records = {
            let mut unwritten = self.unwritten.lock();
            let mut records = std::mem::take(&mut *unwritten);
            records.extend(self.state.lock().take_records());
            records
        };
        if records.is_empty() {
            return Ok(());
        }
        let snapshot = journal.is_long().then(|| self.state.lock().snapshot());
        let result = crate::responder::blocking(|| match snapshot {
            Some(snapshot) => journal.replace(&snapshot),
            None => journal.write(&records),
        });
        if result.is_err() {
            // Written again later: reading takes the last record of each thing.
            self.unwritten.lock().splice(0..0, records);
        }
        result
    }

    /// Writes until it is written or the desk is stopped; gives whether it is.
    pub(crate) async fn persist_surely(&self) -> bool {
        loop {
            match self.persist().await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::error!(tenant = %self.id, %error, "incidents are not on disk");
                }
            }
            let pause = self.parts.world.clock.sleep(std::time::Duration::from_secs(5));
            tokio::select! {
                () = pause => {}
                () = self.stop.cancelled() => return false,
            }
        }
    }

    /// Ends: what is running is ended, and unknown after the next start.
    pub async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = self.persist().await {
            tracing::error!(tenant = %self.id, %error, "the last of incidents is not on disk");
        }
    }
}
