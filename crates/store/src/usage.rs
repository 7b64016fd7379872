//! Which metrics are asked for, and which nobody ever asked for.

use std::collections::HashMap;

use parking_lot::Mutex;
use vigie_model::{MatchOp, Matcher};

/// Names that are remembered; what else is asked for goes uncounted.
const NAMES_MAX: usize = 100_000;

/// How often one metric was asked for since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricUse {
    /// How many selections found or named it.
    pub requests: u64,
    /// When the last one was, milliseconds since the epoch; 0: never.
    pub last_ms: i64,
}

/// What was asked of one tenant's metrics.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    names: Mutex<HashMap<Box<str>, MetricUse>>,
}

impl Usage {
    /// Counts a selection: by the name it asks for, or else by the names it found.
    pub(crate) fn count<'a>(
        &self,
        matchers: &[Matcher],
        found: impl Iterator<Item = &'a str>,
        now_ms: i64,
    ) {
        let names = &mut *self.names.lock();
        let is_name = |m: &&Matcher| m.name == vigie_model::METRIC_NAME && m.op == MatchOp::Equal;
        if let Some(matcher) = matchers.iter().find(is_name) {
            add(names, &matcher.value, now_ms);
            return;
        }
        let mut seen: hashbrown::HashSet<&str> = hashbrown::HashSet::new();
        for name in found {
            if seen.insert(name) {
                add(names, name, now_ms);
            }
        }
    }

    /// How often `name` was asked for.
    pub(crate) fn of(&self, name: &str) -> MetricUse {
        self.names.lock().get(name).copied().unwrap_or_default()
    }
}

fn add(names: &mut HashMap<Box<str>, MetricUse>, name: &str, now_ms: i64) {
    if let Some(counted) = names.get_mut(name) {
        counted.requests += 1;
        counted.last_ms = now_ms;
    } else if names.len() < NAMES_MAX {
        names.insert(name.into(), MetricUse { requests: 1, last_ms: now_ms });
    }
}
