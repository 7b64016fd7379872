//! Whether a run may begin: rests, rates, breakers, how much one runbook may touch.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vigie_language::runbook::Runbook;

use super::{Run, RunState, RunbookOptions};

const HOUR_MS: i64 = 3_600_000;

/// A runbook that failed several times in a row rests until then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breaker {
    /// Failures in a row.
    pub failures: u32,
    /// Until when it rests; milliseconds since the epoch.
    pub open_until_ms: Option<i64>,
}

/// What limits are counted from.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By runbook.
    pub breakers: BTreeMap<String, Breaker>,
}

/// Decides whether a run may begin.
#[derive(Debug, Clone, Copy)]
pub struct Gate<'a> {
    /// The limits.
    pub options: &'a RunbookOptions,
    /// All runs that are kept.
    pub runs: &'a BTreeMap<u64, Run>,
    /// Breakers.
    pub ledger: &'a Ledger,
    /// Now, in milliseconds since the epoch.
    pub now_ms: i64,
}

impl Gate<'_> {
    /// Why a run of `runbook` on `target` may not begin now.
    pub fn refusal(&self, runbook: &Runbook, target: &str) -> Option<String> {
        let of_it: Vec<&Run> =
            self.runs.values().filter(|run| run.runbook == runbook.name && !run.is_dry).collect();
        if let Some(run) = of_it.iter().find(|run| run.target == target && !run.state.is_over()) {
            return Some(format!("run {} on the same target is not over", run.id));
        }
        let at_once = of_it.iter().filter(|run| !run.state.is_over()).count();
        if runbook.concurrency_max.is_some_and(|max| at_once >= max as usize) {
            return Some(format!("{at_once} runs of it are not over"));
        }
        let breaker = self.ledger.breakers.get(&runbook.name);
        if let Some(until) = breaker.and_then(|breaker| breaker.open_until_ms)
            && until > self.now_ms
        {
            let failures = breaker.map_or(0, |breaker| breaker.failures);
            return Some(format!("its breaker is open after {failures} failures in a row"));
        }
        let cooldown = runbook.cooldown_ms.unwrap_or(self.options.cooldown_ms);
        let cooldown = i64::try_from(cooldown).unwrap_or(i64::MAX);
        let rests = |run: &&&Run| {
            run.target == target
                && self.now_ms.saturating_sub(run.ended_ms.unwrap_or(run.started_ms)) < cooldown
        };
        if let Some(run) = of_it.iter().find(rests) {
            return Some(format!("it rests on this target after run {}", run.id));
        }
        self.rate(runbook, &of_it)
    }

    fn rate(&self, runbook: &Runbook, of_it: &[&Run]) -> Option<String> {
        let recent = |run: &&Run| self.now_ms.saturating_sub(run.started_ms) < HOUR_MS;
        let own_max = runbook
            .runs_per_hour_max
            .map_or(self.options.runs_per_hour_max, |max| max.min(self.options.runs_per_hour_max));
        let own = of_it.iter().filter(|run| recent(run)).count();
        if own >= own_max as usize {
            return Some(format!("it ran {own} times within the hour"));
        }
        let all = self.runs.values().filter(|run| !run.is_dry && recent(run)).count();
        if all >= self.options.all_runs_per_hour_max as usize {
            return Some(format!("all runbooks together ran {all} times within the hour"));
        }
        let at_once = self.runs.values().filter(|run| run.state == RunState::Running).count();
        if at_once >= self.options.concurrency_max {
            return Some(format!("{at_once} runs are under way"));
        }
        None
    }

    /// Targets that a runbook acted on within the hour, without `target`.
    pub fn others_touched(&self, runbook: &str, target: &str) -> usize {
        let touched: BTreeSet<&str> = self
            .runs
            .values()
            .filter(|run| run.runbook == runbook && !run.is_dry && run.has_acted())
            .filter(|run| self.now_ms.saturating_sub(run.started_ms) < HOUR_MS)
            .map(|run| run.target.as_str())
            .filter(|other| *other != target)
            .collect();
        touched.len()
    }
}

impl Ledger {
    /// Counts how a run ended. Gives the breaker when it changed.
    pub fn ended(
        &mut self,
        runbook: &str,
        is_failure: bool,
        options: &RunbookOptions,
        now_ms: i64,
    ) -> Breaker {
        let breaker = self.breakers.entry(runbook.to_owned()).or_default();
        if is_failure {
            breaker.failures = breaker.failures.saturating_add(1);
            if breaker.failures >= options.breaker_failures {
                let rest = i64::try_from(options.breaker_ms).unwrap_or(i64::MAX);
                breaker.open_until_ms = Some(now_ms.saturating_add(rest));
            }
        } else {
            *breaker = Breaker::default();
        }
        breaker.clone()
    }
}
