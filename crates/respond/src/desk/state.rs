//! Everything that a desk knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::kept::{Audit, Kept, Override, Switch};
use crate::incident::{Book, EscalationState, Moment, MomentKind};
use crate::runbook::{Ledger, Run, RunState, StepStatus};

/// Entries of the audit log that are kept.
const AUDIT_MAX: usize = 5_000;
/// Messages of providers that are remembered, so that none counts twice.
const EVENTS_MAX: usize = 10_000;

/// Everything that a desk knows.
#[derive(Debug)]
pub struct State {
    /// Incidents.
    pub book: Book,
    /// Runs of runbooks.
    pub runs: BTreeMap<u64, Run>,
    /// Breakers.
    pub ledger: Ledger,
    /// The switch that stops all.
    pub switch: Switch,
    /// Who did what, the oldest first.
    pub audit: VecDeque<Audit>,
    /// Shifts that somebody takes.
    pub overrides: BTreeMap<u64, Override>,
    /// When each runbook with a schedule was started last.
    pub(super) scheduled: BTreeMap<String, i64>,
    pub(super) run_next: u64,
    pub(super) override_next: u64,
    events: BTreeSet<String>,
    events_order: VecDeque<String>,
    records: Vec<Kept>,
}

impl State {
    pub(super) fn new(book: Book) -> Self {
        Self {
            book,
            runs: BTreeMap::new(),
            ledger: Ledger::default(),
            switch: Switch::default(),
            audit: VecDeque::new(),
            overrides: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            run_next: 1,
            override_next: 1,
            events: BTreeSet::new(),
            events_order: VecDeque::new(),
            records: Vec::new(),
        }
    }

    /// Reads what was kept, in the order in which it was written.
    pub(super) fn restore(&mut self, records: Vec<Kept>) {
        for record in records {
            match record {
                Kept::Run(run) => {
                    self.run_next = self.run_next.max(run.id + 1);
                    if run.by == "schedule" {
                        let last = self.scheduled.entry(run.runbook.clone()).or_default();
                        *last = (*last).max(run.started_ms);
                    }
                    self.runs.insert(run.id, *run);
                }
                Kept::RunGone { run } => {
                    self.runs.remove(&run);
                }
                Kept::Breaker { runbook, breaker } => {
                    self.ledger.breakers.insert(runbook, breaker);
                }
                Kept::Switch(switch) => self.switch = switch,
                Kept::Audit(audit) => self.push_audit(audit),
                Kept::Override(given) => {
                    self.override_next = self.override_next.max(given.id + 1);
                    self.overrides.insert(given.id, given);
                }
                Kept::OverrideGone { id } => {
                    self.overrides.remove(&id);
                }
                Kept::Event { event } => {
                    self.remember(event);
                }
                other => self.book.restore(other),
            }
        }
        self.book.restored();
    }

    /// After a restart: what was under way when the process ended.
    pub(super) fn recover(&mut self, now_ms: i64) {
        let in_the_air = |run: &&Run| {
            !run.state.is_over()
                && run.steps.iter().any(super::super::runbook::StepRun::is_in_the_air)
        };
        let ids: Vec<u64> = self.runs.values().filter(in_the_air).map(|run| run.id).collect();
        for id in ids {
            let mut names = Vec::new();
            self.change_run(id, |run| {
                run.state = RunState::Unknown;
                for step in run.steps.iter_mut().filter(|step| step.is_in_the_air()) {
                    step.status = StepStatus::Unknown;
                    "was running when Vigie ended: somebody has to say what became of it"
                        .clone_into(&mut step.detail);
                    names.push(step.name.clone());
                }
            });
            for name in names {
                let text = format!("{name}: was running when Vigie ended, its outcome is unknown");
                self.note_run(id, None, MomentKind::Step, &text, now_ms);
            }
        }
        let sending: Vec<u64> = self
            .book
            .iter()
            .filter(|i| i.escalation.iter().any(|t| t.state == EscalationState::Sending))
            .map(|incident| incident.id)
            .collect();
        for id in sending {
            // Whether somebody was told is not known. Being called twice is better than not at all.
            self.book.change(id, now_ms, |incident| {
                for timer in &mut incident.escalation {
                    if timer.state == EscalationState::Sending {
                        timer.state = EscalationState::Waiting;
                    }
                }
            });
        }
    }

    /// Everything that has to be kept.
    pub(super) fn snapshot(&self) -> Vec<Kept> {
        let mut records = self.book.snapshot();
        records.extend(self.runs.values().map(|run| Kept::Run(Box::new(run.clone()))));
        let breakers = self.ledger.breakers.iter();
        records.extend(breakers.map(|(runbook, breaker)| Kept::Breaker {
            runbook: runbook.clone(),
            breaker: breaker.clone(),
        }));
        records.push(Kept::Switch(self.switch.clone()));
        records.extend(self.audit.iter().cloned().map(Kept::Audit));
        records.extend(self.overrides.values().cloned().map(Kept::Override));
        records.extend(self.events_order.iter().cloned().map(|event| Kept::Event { event }));
        records
    }

    pub(super) fn take_records(&mut self) -> Vec<Kept> {
        let mut records = self.book.take_records();
        records.append(&mut self.records);
        records
    }

    pub(super) fn keep(&mut self, record: Kept) {
        self.records.push(record);
    }

    /// Changes a run; what changed is kept.
    pub(super) fn change_run<T>(
        &mut self,
        id: u64,
        change: impl FnOnce(&mut Run) -> T,
    ) -> Option<T> {
        let run = self.runs.get_mut(&id)?;
        let result = change(run);
        let record = Kept::Run(Box::new(run.clone()));
        self.keep(record);
        Some(result)
    }

    /// Adds to the timeline of a run's incident.
    pub(super) fn note_run(
        &mut self,
        id: u64,
        step: Option<usize>,
        kind: MomentKind,
        text: &str,
        now_ms: i64,
    ) {
        let Some(run) = self.runs.get(&id) else { return };
        let Some(incident) = run.incident else { return };
        let mut moment = Moment::new(now_ms, kind, &format!("runbook {}", run.runbook), text);
        moment.run = Some(id);
        moment.step = step;
        if let Some(step) = step.and_then(|step| run.steps.get(step)) {
            moment.detail.clone_from(&step.output);
        }
        self.book.note(incident, moment);
    }

    /// Writes down who did what.
    pub(super) fn audit(&mut self, audit: Audit) {
        tracing::info!(
            by = audit.by,
            action = audit.action,
            detail = audit.detail,
            run = audit.run,
            "audit"
        );
        self.push_audit(audit.clone());
        self.keep(Kept::Audit(audit));
    }

    fn push_audit(&mut self, audit: Audit) {
        self.audit.push_back(audit);
        while self.audit.len() > AUDIT_MAX {
            self.audit.pop_front();
        }
    }

    /// Whether a provider's message is new; it is remembered.
    pub(super) fn is_new_event(&mut self, event: &str) -> bool {
        let is_new = self.remember(event.to_owned());
        if is_new {
            self.keep(Kept::Event { event: event.to_owned() });
        }
        is_new
    }

    fn remember(&mut self, event: String) -> bool {
        if !self.events.insert(event.clone()) {
            return false;
        }
        self.events_order.push_back(event);
        while self.events_order.len() > EVENTS_MAX {
            if let Some(old) = self.events_order.pop_front() {
                self.events.remove(&old);
            }
        }
        true
    }

    /// Forgets runs that are over when there are too many.
    pub(super) fn forget_runs(&mut self, runs_max: usize) {
        while self.runs.len() > runs_max {
            let over = self.runs.values().find(|run| run.state.is_over()).map(|run| run.id);
            let Some(id) = over else { return };
            self.runs.remove(&id);
            self.keep(Kept::RunGone { run: id });
        }
    }
}
