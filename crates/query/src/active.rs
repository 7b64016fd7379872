//! Which queries run at the moment, so that people can see and end them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use vigie_store::Budget;

/// A query that runs.
#[derive(Debug, Clone)]
pub struct ActiveQuery {
    /// Its number, unique within the engine.
    pub id: u64,
    /// Its text.
    pub text: String,
    /// When it began.
    pub started: Instant,
    budget: Arc<Budget>,
}

/// The queries that run.
#[derive(Debug, Default)]
pub struct ActiveQueries {
    next_id: AtomicU64,
    running: Mutex<BTreeMap<u64, ActiveQuery>>,
}

impl ActiveQueries {
    /// The queries that run, oldest first.
    pub fn list(&self) -> Vec<ActiveQuery> {
        self.running.lock().values().cloned().collect()
    }

    /// Ends query `id`; false when no such query runs.
    pub fn cancel(&self, id: u64) -> bool {
        let running = self.running.lock();
        running.get(&id).inspect(|query| query.budget.cancel()).is_some()
    }

    pub(crate) fn enter(self: &Arc<Self>, text: &str, budget: &Arc<Budget>) -> ActiveGuard {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let query = ActiveQuery {
            id,
            text: text.to_owned(),
            started: Instant::now(),
            budget: Arc::clone(budget),
        };
        self.running.lock().insert(id, query);
        ActiveGuard { id, queries: Arc::clone(self), budget: Arc::clone(budget) }
    }
}

/// Takes a query out of the list, and cancels what still works for it, when the asker is done
/// or has gone.
#[derive(Debug)]
pub(crate) struct ActiveGuard {
    id: u64,
    queries: Arc<ActiveQueries>,
    budget: Arc<Budget>,
}

impl Drop for ActiveGuard {
    fn drop(&mut self) {
        self.budget.cancel();
        self.queries.running.lock().remove(&self.id);
    }
}
