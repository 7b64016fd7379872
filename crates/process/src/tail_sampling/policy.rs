//! Policies, and what they decide of a trace.

use vigie_model::span::TraceId;

use super::facts::{Facts, SpanTest};

/// Ways in which the hashes of a trace could have come out that are gone through for its weight.
const WAYS_MAX: usize = 1_024;

/// A policy and what it is called.
#[derive(Debug, Clone)]
pub(super) struct NamedPolicy {
    pub(super) name: String,
    pub(super) policy: Policy,
}

/// One way to decide.
#[derive(Debug, Clone)]
pub(super) enum Policy {
    /// Sample.
    Always,
    /// Sample what takes longer than `above_ms` and no longer than `upto_ms`.
    Latency { above_ms: u64, upto_ms: Option<u64> },
    /// Sample when some span passed a test, or when none did.
    Found { test: usize, inverts: bool },
    /// Sample by the number of spans.
    SpanCount { least: u64, most: Option<u64> },
    /// Sample when the hash of the trace's id is no larger.
    Chance { salt: usize, upto: u64 },
    /// Sample while a limit allows it.
    Limited(usize),
    /// Sample when all of these do.
    All(Vec<Self>),
    /// Sample when this does not.
    Not(Box<Self>),
    /// Never keep what all of these sample.
    Drop(Vec<Self>),
    /// Sample by the first of several that samples, each within its share of a rate.
    Composite(Composite),
}

/// Several policies that share a rate.
#[derive(Debug, Clone)]
pub(super) struct Composite {
    /// Its limit, [`Limit::Shares`].
    pub(super) at: usize,
    /// Spans a second of all.
    pub(super) total: u64,
    pub(super) parts: Vec<Part>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) policy: Policy,
    /// Spans a second.
    pub(super) spans_max: u64,
}

/// A rate that is not exceeded.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Limit {
    /// Spans in each second.
    Spans { most: u64, second: i64, used: u64 },
    /// A bucket of bytes that is filled continuously.
    Bytes { per_second: f64, burst: f64, left: f64, filled_ms: Option<i64> },
    /// Spans in this second of each policy of a composite, which knows how many they may be.
    Shares { second: i64, used: Vec<u64> },
}

impl Limit {
    pub(super) const fn spans(most: u64) -> Self {
        Self::Spans { most, second: i64::MIN, used: 0 }
    }

    pub(super) const fn bytes(per_second: u64, burst: u64) -> Self {
        let burst = burst as f64;
        Self::Bytes { per_second: per_second as f64, burst, left: burst, filled_ms: None }
    }

    /// Takes what a trace needs, if that is there.
    fn take(&mut self, facts: &Facts, now_ms: i64) -> bool {
        match self {
            Self::Spans { most, second, used } => {
                let now = now_ms.div_euclid(1_000);
                if *second != now {
                    (*second, *used) = (now, 0);
                }
                let sum = used.saturating_add(facts.spans);
                if sum > *most {
                    return false;
                }
                *used = sum;
                true
            }
            Self::Bytes { per_second, burst, left, filled_ms } => {
                let passed_ms = filled_ms.map_or(0, |then| now_ms.saturating_sub(then).max(0));
                *filled_ms = Some(now_ms);
                *left = (*left + *per_second * passed_ms as f64 / 1_000.0).min(*burst);
                let needed = facts.bytes as f64;
                if needed > *left {
                    return false;
                }
                *left -= needed;
                true
            }
            Self::Shares { .. } => false,
        }
    }
}

/// What one policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sample,
    Not,
    Drop,
    InvertedSample,
    InvertedNot,
}

impl Verdict {
    const fn is_sample(self) -> bool {
        matches!(self, Self::Sample | Self::InvertedSample)
    }
}

/// What becomes of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Decision {
    /// It is kept.
    Keep {
        /// The policy that wants it, by its place.
        policy: usize,
        /// With which probability such a trace is kept: it stands for one over this many.
        probability: f64,
    },
    /// It is sampled away.
    Away,
}

/// How rates are asked: for real, or as they answered a moment ago.
struct Asked<'a> {
    facts: &'a Facts,
    now_ms: i64,
    hashes: &'a [u64],
    live: Option<&'a mut [Limit]>,
    /// Answers of limits.
    answers: &'a mut [bool],
}

/// All policies.
#[derive(Debug, Clone)]
pub(super) struct Policies {
    pub(super) top: Vec<NamedPolicy>,
    pub(super) tests: Vec<SpanTest>,
    salts: Vec<String>,
    limits: Vec<Limit>,
    /// For each salt where chances end, ascending; the last one is the largest hash.
    ends: Vec<Vec<u64>>,
}

impl Policies {
    pub(super) fn new(
        top: Vec<NamedPolicy>,
        tests: Vec<SpanTest>,
        salts: Vec<String>,
        limits: Vec<Limit>,
    ) -> Self {
        let mut ends: Vec<Vec<u64>> = salts.iter().map(|_| vec![u64::MAX]).collect();
        top.iter().for_each(|named| named.policy.ends(&mut ends));
        for ends in &mut ends {
            ends.sort_unstable();
            ends.dedup();
        }
        Self { top, tests, salts, limits, ends }
    }

    /// Rates that nothing has used yet.
    pub(super) fn limits(&self) -> Vec<Limit> {
        self.limits.clone()
    }

    /// Decides of a trace.
    pub(super) fn decide(
        &self,
        trace: TraceId,
        facts: &Facts,
        (limits, now_ms): (&mut [Limit], i64),
        first_match: bool,
    ) -> Decision {
        let hashes: Vec<u64> = self.salts.iter().map(|salt| hash(salt, trace)).collect();
        let mut answers = vec![false; self.limits.len()];
        let mut asked =
            Asked { facts, now_ms, hashes: &hashes, live: Some(limits), answers: &mut answers };
        let Some(policy) = self.sampling(&mut asked, first_match) else { return Decision::Away };
        let probability = self.probability(facts, &mut answers, first_match);
        Decision::Keep { policy, probability }
    }

    /// The policy that wants the trace, unless another does not.
    fn sampling(&self, asked: &mut Asked<'_>, first_match: bool) -> Option<usize> {
        let (mut sample, mut inverted, mut is_against) = (None, None, false);
        // Those that drop come first: with `first_match` they would not be asked.
        let drops = |named: &NamedPolicy| matches!(named.policy, Policy::Drop(_));
        for (_, named) in self.top.iter().enumerate().filter(|(_, named)| drops(named)) {
            if named.policy.verdict(asked) == Verdict::Drop {
                return None;
            }
        }
        for (at, named) in self.top.iter().enumerate().filter(|(_, named)| !drops(named)) {
            match named.policy.verdict(asked) {
                Verdict::Sample => {
                    sample = sample.or(Some(at));
                    if first_match {
                        break;
                    }
                }
                Verdict::InvertedSample => inverted = inverted.or(Some(at)),
                Verdict::InvertedNot | Verdict::Drop => return None,
                Verdict::Not => is_against = true,
            }
        }
        sample.or(inverted.filter(|_| !is_against))
    }

    /// How likely it was that a trace with these facts is kept: the sum over all ways in which the
    /// hashes could have come out. Rates count as they answered.
    fn probability(&self, facts: &Facts, answers: &mut [bool], first_match: bool) -> f64 {
        let ways = self.ends.iter().try_fold(1_usize, |ways, ends| ways.checked_mul(ends.len()));
        let Some(ways) = ways.filter(|ways| (2..=WAYS_MAX).contains(ways)) else { return 1.0 };
        let mut sum = 0.0;
        for way in 0..ways {
            let (mut rest, mut share) = (way, 1.0);
            let mut hashes = Vec::with_capacity(self.ends.len());
            for ends in &self.ends {
                let at = rest % ends.len();
                rest /= ends.len();
                let end = ends.get(at).copied().unwrap_or(u64::MAX);
                let start = at.checked_sub(1).and_then(|at| ends.get(at)).copied().unwrap_or(0);
                share *= (end - start) as f64 / u64::MAX as f64;
                hashes.push(end);
            }
            let mut asked = Asked { facts, now_ms: 0, hashes: &hashes, live: None, answers };
            if self.sampling(&mut asked, first_match).is_some() {
                sum += share;
            }
        }
        if sum > 0.0 { sum.min(1.0) } else { 1.0 }
    }
}

impl Policy {
    /// Notes where chances end.
    fn ends(&self, ends: &mut [Vec<u64>]) {
        match self {
            Self::Chance { salt, upto } => {
                ends.get_mut(*salt).into_iter().for_each(|ends| ends.push(*upto));
            }
            Self::All(policies) | Self::Drop(policies) => {
                policies.iter().for_each(|policy| policy.ends(ends));
            }
            Self::Not(policy) => policy.ends(ends),
            // A composite counts as its rates answered.
            _ => {}
        }
    }

    fn verdict(&self, asked: &mut Asked<'_>) -> Verdict {
        let facts = asked.facts;
        let is = match self {
            Self::Always => true,
            Self::Latency { above_ms, upto_ms } => {
                let took_ms = facts.duration_ms();
                took_ms > *above_ms && upto_ms.is_none_or(|most| took_ms <= most)
            }
            Self::SpanCount { least, most } => {
                facts.spans >= *least && most.is_none_or(|most| facts.spans <= most)
            }
            Self::Found { test, inverts: true } if facts.has(*test) => return Verdict::InvertedNot,
            Self::Found { inverts: true, .. } => return Verdict::InvertedSample,
            Self::Found { test, .. } => facts.has(*test),
            Self::Chance { salt, upto } => asked.hashes.get(*salt).is_some_and(|hash| hash <= upto),
            Self::Limited(at) => asked.limited(*at),
            Self::All(policies) => policies.iter().all(|policy| policy.verdict(asked).is_sample()),
            Self::Drop(policies) => {
                if policies.iter().all(|policy| policy.verdict(asked).is_sample()) {
                    return Verdict::Drop;
                }
                false
            }
            Self::Not(policy) => !policy.verdict(asked).is_sample(),
            Self::Composite(composite) => composite.samples(asked),
        };
        if is { Verdict::Sample } else { Verdict::Not }
    }
}

impl Asked<'_> {
    fn limited(&mut self, at: usize) -> bool {
        let Some(answer) = self.answers.get_mut(at) else { return false };
        if let Some(limit) = self.live.as_mut().and_then(|live| live.get_mut(at)) {
            *answer = limit.take(self.facts, self.now_ms);
        }
        *answer
    }
}

impl Composite {
    fn samples(&self, asked: &mut Asked<'_>) -> bool {
        if asked.live.is_some() {
            let wanted = self.parts.iter().position(|part| part.policy.verdict(asked).is_sample());
            let fits = wanted.is_some_and(|part| self.fits(part, asked));
            asked.answers.get_mut(self.at).into_iter().for_each(|answer| *answer = fits);
        }
        asked.answers.get(self.at).copied().unwrap_or(false)
    }

    /// Takes the trace's spans from the share of one of the policies.
    fn fits(&self, at: usize, asked: &mut Asked<'_>) -> bool {
        let (spans, now) = (asked.facts.spans, asked.now_ms.div_euclid(1_000));
        let live = asked.live.as_mut().and_then(|live| live.get_mut(self.at));
        let (Some(Limit::Shares { second, used }), Some(part)) = (live, self.parts.get(at)) else {
            return false;
        };
        if *second != now || used.len() != self.parts.len() {
            (*second, *used) = (now, vec![0; self.parts.len()]);
        }
        let all: u64 = used.iter().sum();
        let Some(used) = used.get_mut(at) else { return false };
        if *used + spans > part.spans_max || all + spans > self.total {
            return false;
        }
        *used += spans;
        true
    }
}

/// FNV-1a of a salt and a trace's id, as the collector: the same traces are chosen.
pub(super) fn hash(salt: &str, trace: TraceId) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = salt.bytes().chain(trace.0);
    bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}
