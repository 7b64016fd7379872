//! One tenant's traces: those that wait, and what became of the others.

use std::collections::{HashMap, HashSet, VecDeque};

use vigie_model::span::{SpanBatch, SpanOutcome, TraceId};

use super::facts::Facts;
use super::policy::{Decision, Limit};
use super::weight::restated;
use super::{TailSamplingOptions, TailSamplingStatistics};

/// Ranges of numbers of waiting spans in memory, 16 bytes each; past them the oldest traces are
/// decided early.
const RANGES_MAX: usize = 4_000_000;

/// A trace that waits.
#[derive(Debug)]
struct Waiting {
    facts: Facts,
    numbers: Numbers,
    /// It is among those that wait after their root.
    is_after_root: bool,
}

/// Numbers of spans: those of one batch often follow each other.
#[derive(Debug, Default)]
struct Numbers {
    ranges: Vec<(u64, u32)>,
}

impl Numbers {
    /// Returns whether a range more is needed.
    fn push(&mut self, number: u64) -> bool {
        if let Some((start, count)) = self.ranges.last_mut()
            && *start + u64::from(*count) == number
            && *count < u32::MAX
        {
            *count += 1;
            return false;
        }
        self.ranges.push((number, 1));
        true
    }

    fn iter(&self) -> impl Iterator<Item = u64> {
        self.ranges.iter().flat_map(|(start, count)| *start..*start + u64::from(*count))
    }
}

/// Decisions that are remembered; the oldest are forgotten first.
#[derive(Debug)]
struct Remembered<T> {
    known: HashMap<TraceId, T>,
    order: VecDeque<TraceId>,
    max: usize,
}

impl<T> Remembered<T> {
    fn new(max: usize) -> Self {
        Self { known: HashMap::new(), order: VecDeque::new(), max }
    }

    fn insert(&mut self, trace: TraceId, value: T) {
        if self.known.insert(trace, value).is_none() {
            self.order.push_back(trace);
        }
        while self.order.len() > self.max {
            let Some(oldest) = self.order.pop_front() else { return };
            self.known.remove(&oldest);
        }
    }
}

/// What the store is to be told.
#[derive(Debug)]
pub(super) enum Work {
    /// These spans go.
    Remove(Vec<u64>),
    /// These spans of a trace stand for more than themselves.
    Restate { trace: TraceId, probability: f64, numbers: Vec<u64> },
}

/// Spans of a batch, looked at before they went on to the store.
#[derive(Debug)]
pub(super) struct Arrived {
    /// For each span of the batch as it came, whether it goes no further.
    away: Vec<bool>,
    /// The others: their trace and what they tell.
    seen: Vec<(TraceId, Facts)>,
}

impl Arrived {
    pub(super) fn has_away(&self) -> bool {
        self.away.len() != self.seen.len()
    }

    pub(super) fn away(&self) -> &[bool] {
        &self.away
    }
}

/// The traces of one tenant.
#[derive(Debug)]
pub(super) struct Traces {
    waiting: HashMap<TraceId, Waiting>,
    /// When which trace is to be decided, in the order of time; it may be decided already.
    due: VecDeque<(i64, TraceId)>,
    due_after_root: VecDeque<(i64, TraceId)>,
    ranges: usize,
    /// Traces that are kept, and with which probability.
    kept: Remembered<f64>,
    away: Remembered<()>,
    limits: Vec<Limit>,
    to_remove: Vec<u64>,
    to_restate: Vec<(TraceId, f64, Vec<u64>)>,
    counts: TailSamplingStatistics,
}

impl Traces {
    pub(super) fn new(options: &TailSamplingOptions) -> Self {
        Self {
            waiting: HashMap::new(),
            due: VecDeque::new(),
            due_after_root: VecDeque::new(),
            ranges: 0,
            kept: Remembered::new(options.kept_max),
            away: Remembered::new(options.away_max),
            limits: options.policies.limits(),
            to_remove: Vec::new(),
            to_restate: Vec::new(),
            counts: TailSamplingStatistics {
                by_policy: vec![0; options.policies.top.len()],
                ..TailSamplingStatistics::default()
            },
        }
    }

    /// Adds what is counted here.
    pub(super) fn tell(&self, sum: &mut TailSamplingStatistics) {
        sum.waiting += self.waiting.len() as u64;
        sum.kept += self.counts.kept;
        sum.away += self.counts.away;
        sum.early += self.counts.early;
        sum.late += self.counts.late;
        sum.to_remove += self.to_remove.len() as u64;
        sum.by_policy.iter_mut().zip(&self.counts.by_policy).for_each(|(sum, own)| *sum += own);
    }

    /// Looks at a batch before it is stored. Spans of traces that are sampled away are taken out.
    pub(super) fn arrive(
        &mut self,
        options: &TailSamplingOptions,
        batch: &mut SpanBatch,
    ) -> Arrived {
        let mut away = Vec::with_capacity(batch.spans.len());
        let mut seen = Vec::with_capacity(batch.spans.len());
        let mut restated_spans = Vec::new();
        for (at, span) in batch.spans.iter().enumerate() {
            let is_away = self.away.known.contains_key(&span.trace_id);
            away.push(is_away);
            if is_away {
                self.counts.late += 1;
                continue;
            }
            if let Some(probability) = self.kept.known.get(&span.trace_id) {
                self.counts.late += 1;
                if *probability < 1.0 {
                    let state = batch.text(span.trace_state);
                    restated_spans.push((at, restated(state, span.trace_id, *probability)));
                }
            }
            seen.push((span.trace_id, Facts::of(batch, span, &options.policies.tests)));
        }
        for (at, state) in restated_spans {
            let state = batch.keep(&state);
            batch.spans.get_mut(at).into_iter().for_each(|span| span.trace_state = state);
        }
        let mut is_away = away.iter();
        batch.spans.retain(|_| !is_away.next().copied().unwrap_or(false));
        Arrived { away, seen }
    }

    /// Takes note of spans that are in the store now. `outcomes` are those of the spans that went
    /// on, in their order.
    pub(super) fn stored(
        &mut self,
        options: &TailSamplingOptions,
        now_ms: i64,
        arrived: &Arrived,
        outcomes: &[SpanOutcome],
    ) {
        for ((trace, facts), outcome) in arrived.seen.iter().zip(outcomes) {
            let SpanOutcome::Kept(number) = *outcome else { continue };
            if self.away.known.contains_key(trace) {
                // It was decided while this was on its way.
                self.to_remove.push(number);
            } else if !self.kept.known.contains_key(trace) {
                self.wait(options, now_ms, (*trace, facts), number);
            }
        }
        while self.waiting.len() > options.traces_max || self.ranges > RANGES_MAX {
            let Some((_, trace)) = self.due.pop_front() else { return };
            if self.waiting.contains_key(&trace) {
                self.counts.early += 1;
                self.decide(options, trace, now_ms);
            }
        }
    }

    fn wait(
        &mut self,
        options: &TailSamplingOptions,
        now_ms: i64,
        (trace, facts): (TraceId, &Facts),
        number: u64,
    ) {
        let after = |wait: std::time::Duration| {
            now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
        };
        let waiting = match self.waiting.entry(trace) {
            std::collections::hash_map::Entry::Occupied(known) => {
                let waiting = known.into_mut();
                waiting.facts.add(facts);
                waiting
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                self.due.push_back((after(options.decision_wait), trace));
                place.insert(Waiting {
                    facts: facts.clone(),
                    numbers: Numbers::default(),
                    is_after_root: false,
                })
            }
        };
        self.ranges += usize::from(waiting.numbers.push(number));
        if let Some(wait) = options.wait_after_root
            && waiting.facts.has_root
            && !waiting.is_after_root
        {
            waiting.is_after_root = true;
            self.due_after_root.push_back((after(wait), trace));
        }
    }

    /// Decides of the traces whose time has come.
    pub(super) fn decide_due(&mut self, options: &TailSamplingOptions, now_ms: i64) {
        let mut due = Vec::new();
        for queue in [&mut self.due, &mut self.due_after_root] {
            while queue.front().is_some_and(|(when, _)| *when <= now_ms) {
                due.extend(queue.pop_front().map(|(_, trace)| trace));
            }
        }
        due.into_iter().for_each(|trace| self.decide(options, trace, now_ms));
    }

    /// Decides of all, at the end.
    pub(super) fn decide_all(&mut self, options: &TailSamplingOptions, now_ms: i64) {
        let all: HashSet<TraceId> = self.waiting.keys().copied().collect();
        let in_order: Vec<TraceId> = self.due.drain(..).map(|(_, trace)| trace).collect();
        for trace in in_order.into_iter().filter(|trace| all.contains(trace)) {
            if options.drops_pending {
                self.settle(trace, Decision::Away);
            } else {
                self.decide(options, trace, now_ms);
            }
        }
    }

    fn decide(&mut self, options: &TailSamplingOptions, trace: TraceId, now_ms: i64) {
        let Some(waiting) = self.waiting.get(&trace) else { return };
        let limits = (self.limits.as_mut_slice(), now_ms);
        let decision = options.policies.decide(trace, &waiting.facts, limits, options.first_match);
        self.settle(trace, decision);
    }

    fn settle(&mut self, trace: TraceId, decision: Decision) {
        let Some(waiting) = self.waiting.remove(&trace) else { return };
        self.ranges -= waiting.numbers.ranges.len();
        match decision {
            Decision::Keep { policy, probability } => {
                self.counts.kept += 1;
                self.counts.by_policy.get_mut(policy).into_iter().for_each(|count| *count += 1);
                self.kept.insert(trace, probability);
                if probability < 1.0 {
                    let numbers = waiting.numbers.iter().collect();
                    self.to_restate.push((trace, probability, numbers));
                }
            }
            Decision::Away => {
                self.counts.away += 1;
                self.away.insert(trace, ());
                self.to_remove.extend(waiting.numbers.iter());
            }
        }
    }

    /// Something to tell the store; at most so many spans.
    pub(super) fn take_work(&mut self, spans_max: usize) -> Option<Work> {
        if let Some((trace, probability, numbers)) = self.to_restate.pop() {
            return Some(Work::Restate { trace, probability, numbers });
        }
        if self.to_remove.is_empty() {
            return None;
        }
        let rest = self.to_remove.len().saturating_sub(spans_max);
        Some(Work::Remove(self.to_remove.split_off(rest)))
    }

    /// What could not be done.
    pub(super) fn put_back(&mut self, work: Work) {
        match work {
            Work::Remove(numbers) => self.to_remove.extend(numbers),
            Work::Restate { trace, probability, numbers } => {
                self.to_restate.push((trace, probability, numbers));
            }
        }
    }
}
