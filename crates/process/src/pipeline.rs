//! A compiled pipeline: steps in their order, events through them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vigie_language::logstash::Position;
use vigie_model::event::Event;
use vigie_world::World;

use crate::common::Common;
use crate::condition::Test;
use crate::filter::{Filter, Scope, Verdict};

/// One step of the filters.
#[derive(Debug)]
pub(crate) enum Step {
    Filter(FilterStep),
    Branch(Branch<Self>),
}

/// A filter with what is common to all.
#[derive(Debug)]
pub(crate) struct FilterStep {
    pub(crate) filter: Box<dyn Filter>,
    pub(crate) common: Common,
    pub(crate) stats: Arc<PluginStats>,
}

/// Conditions with steps under them.
#[derive(Debug)]
pub(crate) struct Branch<T> {
    pub(crate) arms: Vec<(Test, Vec<T>)>,
    pub(crate) otherwise: Vec<T>,
}

impl<T> Branch<T> {
    /// The arm that `event` takes.
    pub(crate) fn arm(&self, event: &Event) -> usize {
        let found = self.arms.iter().position(|(test, _)| test.holds(event));
        found.unwrap_or(self.arms.len())
    }

    /// The steps of an arm.
    pub(crate) fn steps(&self, arm: usize) -> &[T] {
        self.arms.get(arm).map_or(&self.otherwise, |(_, steps)| steps)
    }
}

/// What a plugin has done.
#[derive(Debug, Default)]
pub struct PluginStats {
    /// `grok`.
    pub name: String,
    /// Its id, given or made.
    pub id: String,
    /// Where it stands.
    pub position: Position,
    /// Events that came.
    pub events_in: AtomicU64,
    /// Events that went on.
    pub events_out: AtomicU64,
    /// Events on which it failed.
    pub failures: AtomicU64,
    /// Time spent.
    pub duration_us: AtomicU64,
}

/// A step, as an observer sees it.
#[derive(Debug)]
pub struct StepView<'a> {
    /// The plugin.
    pub stats: &'a PluginStats,
    /// The event before.
    pub before: &'a Event,
    /// What became of it: none when it was dropped.
    pub after: &'a [Event],
}

/// Watches events go through the steps.
pub trait Observer {
    /// A filter has done its work on an event.
    fn step(&mut self, step: &StepView<'_>);
}

/// The filters of one `logstash.conf`.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) id: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) stats: Vec<Arc<PluginStats>>,
    pub(crate) world: World,
    /// Events that entered and left the filters.
    pub(crate) events: [AtomicU64; 2],
    pub(crate) duration_us: AtomicU64,
}

impl Pipeline {
    /// The pipeline's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What each filter has done, in the order of the configuration.
    pub fn stats(&self) -> &[Arc<PluginStats>] {
        &self.stats
    }

    /// Events that entered, events that left, microseconds spent.
    pub fn totals(&self) -> [u64; 3] {
        let [events_in, events_out] = &self.events;
        [events_in, events_out, &self.duration_us].map(|count| count.load(Ordering::Relaxed))
    }

    /// Runs `events` through the filters.
    pub fn run(&self, events: Vec<Event>) -> Vec<Event> {
        self.observed(events, None)
    }

    /// Runs `events` through the filters, with somebody watching.
    pub fn observed(&self, events: Vec<Event>, observer: Option<&mut dyn Observer>) -> Vec<Event> {
        let started = self.world.clock.monotonic();
        let [events_in, events_out] = &self.events;
        events_in.fetch_add(events.len() as u64, Ordering::Relaxed);
        let mut run = Run { world: &self.world, observer };
        let out = run.steps(&self.steps, events);
        events_out.fetch_add(out.len() as u64, Ordering::Relaxed);
        let spent = self.world.clock.monotonic().saturating_sub(started);
        self.duration_us.fetch_add(spent.as_micros() as u64, Ordering::Relaxed);
        out
    }
}

struct Run<'a, 'o> {
    world: &'a World,
    observer: Option<&'o mut dyn Observer>,
}

impl Run<'_, '_> {
    fn steps(&mut self, steps: &[Step], events: Vec<Event>) -> Vec<Event> {
        let mut events = events;
        for step in steps {
            if events.is_empty() {
                break;
            }
            events = match step {
                Step::Filter(filter) => self.filter(filter, events),
                Step::Branch(branch) => self.branch(branch, events),
            };
        }
        events
    }

    /// Events that take the same arm one after the other go through it together.
    fn branch(&mut self, branch: &Branch<Step>, events: Vec<Event>) -> Vec<Event> {
        let mut out = Vec::with_capacity(events.len());
        let mut group: Vec<Event> = Vec::new();
        let mut group_arm = 0;
        for event in events {
            let arm = branch.arm(&event);
            if arm != group_arm && !group.is_empty() {
                let taken = std::mem::take(&mut group);
                out.extend(self.steps(branch.steps(group_arm), taken));
            }
            group_arm = arm;
            group.push(event);
        }
        out.extend(self.steps(branch.steps(group_arm), group));
        out
    }

    fn filter(&mut self, step: &FilterStep, events: Vec<Event>) -> Vec<Event> {
        let started = self.world.clock.monotonic();
        let now_ns = self.world.clock.now_ms().saturating_mul(1_000_000);
        let mut out = Vec::with_capacity(events.len());
        let mut failures = 0;
        step.stats.events_in.fetch_add(events.len() as u64, Ordering::Relaxed);
        for mut event in events {
            let before = self.observer.is_some().then(|| event.clone());
            let first = out.len();
            let mut scope = Scope { now_ns, world: self.world, new_events: Vec::new() };
            match step.filter.apply(&mut event, &mut scope) {
                Verdict::Matched => {
                    step.common.matched(&mut event, now_ns);
                    out.push(event);
                }
                Verdict::Passed => out.push(event),
                Verdict::Failed => {
                    failures += 1;
                    out.push(event);
                }
                Verdict::Dropped => {}
            }
            for (mut new, is_matched) in scope.new_events {
                if is_matched {
                    step.common.matched(&mut new, now_ns);
                }
                out.push(new);
            }
            if let (Some(observer), Some(before)) = (self.observer.as_mut(), before) {
                let after = out.get(first..).unwrap_or_default();
                observer.step(&StepView { stats: &step.stats, before: &before, after });
            }
        }
        step.stats.events_out.fetch_add(out.len() as u64, Ordering::Relaxed);
        step.stats.failures.fetch_add(failures, Ordering::Relaxed);
        let spent = self.world.clock.monotonic().saturating_sub(started);
        step.stats.duration_us.fetch_add(spent.as_micros() as u64, Ordering::Relaxed);
        out
    }
}
