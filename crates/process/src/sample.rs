//! What is kept of many lines: sampling, repeats, cardinality; and the ids that tie lines together.
//!
//! [`Stages`] is a sink before a sink: for every door and pipeline that writes to Vigie's store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use vigie_language::logstash::{FieldReference, Sprintf};
use vigie_model::event::{DeliverFuture, Event, EventBatch, EventSink, Value};
use vigie_world::World;

use crate::correlate::correlate;
use crate::{field, text};

/// Keys of rates and of repeats that are known at once; further ones pass.
const KEYS_MAX: usize = 100_000;

/// What to do with lines before they are kept.
#[derive(Debug, Clone, Default)]
pub struct StageConfig {
    /// Recognise ids of traces, spans, requests.
    pub correlates: bool,
    /// Rules of sampling; the first that fits a line counts.
    pub samples: Vec<SampleRule>,
    /// Drop lines that repeat.
    pub deduplicate: Option<Deduplicate>,
    /// Limits of values.
    pub limits: Vec<ValueLimit>,
}

/// Which lines are kept.
#[derive(Debug, Clone)]
pub struct SampleRule {
    /// Levels that it is for; none: all.
    pub levels: Vec<String>,
    /// Which part is kept, 0 to 1.
    pub ratio: f64,
    /// Lines of the same key are kept or dropped together; without one each line by itself.
    /// `%{trace_id}` keeps whole traces, the same ones in every process.
    pub key: Option<Sprintf>,
    /// Most lines a second of the same key (of all, without one).
    pub per_second_max: Option<u32>,
}

/// Lines that are the same.
#[derive(Debug, Clone)]
pub struct Deduplicate {
    /// What makes lines the same.
    pub key: Sprintf,
    /// For how long.
    pub window_ms: i64,
}

/// A field's values.
#[derive(Debug, Clone)]
pub struct ValueLimit {
    /// The field.
    pub field: FieldReference,
    /// Different values until the process ends; further ones become `_other`.
    pub values_max: usize,
}

#[derive(Debug, Default)]
struct State {
    /// For each rule and key: the second, and how many lines in it.
    rates: HashMap<(usize, String), (i64, u32)>,
    /// For each key: when it was kept, and how many were dropped since.
    repeats: HashMap<String, (i64, u64)>,
    values: Vec<HashSet<String>>,
}

/// The stages before a sink.
#[derive(Debug)]
pub struct Stages {
    config: StageConfig,
    inner: Arc<dyn EventSink>,
    world: World,
    state: Mutex<State>,
    dropped: AtomicU64,
}

impl Stages {
    /// The stages of `config` before `inner`.
    pub fn new(config: StageConfig, inner: Arc<dyn EventSink>, world: World) -> Self {
        let values = config.limits.iter().map(|_| HashSet::new()).collect();
        let state = Mutex::new(State { values, ..State::default() });
        Self { config, inner, world, state, dropped: AtomicU64::new(0) }
    }

    /// Lines dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Changes `event`; false when it is not kept.
    fn keeps(&self, event: &mut Event, now_ms: i64) -> bool {
        if self.config.correlates {
            correlate(event);
        }
        let now_ns = now_ms.saturating_mul(1_000_000);
        let mut state = self.state.lock();
        if !self.is_sampled(event, now_ms, &mut state) {
            return false;
        }
        if let Some(same) = &self.config.deduplicate {
            let key = text::render(&same.key, event, now_ns);
            let repeats = &mut state.repeats;
            if repeats.len() >= KEYS_MAX && !repeats.contains_key(&key) {
                repeats.retain(|_, (kept, _)| now_ms - *kept < same.window_ms);
            }
            let has_room = repeats.len() < KEYS_MAX;
            match repeats.get_mut(&key) {
                Some((kept, dropped)) if now_ms - *kept < same.window_ms => {
                    *dropped += 1;
                    return false;
                }
                Some((kept, dropped)) => {
                    // The next one that is kept tells how many like it were not.
                    let count = std::mem::take(dropped);
                    *kept = now_ms;
                    if count > 0 {
                        event.fields.insert("repeated", Value::Integer(count as i64));
                    }
                }
                None if has_room => {
                    repeats.insert(key, (now_ms, 0));
                }
                None => {}
            }
        }
        for (limit, known) in self.config.limits.iter().zip(&mut state.values) {
            let Some(value) = field::get_mut(event, &limit.field) else { continue };
            let shown = text::of_value(value);
            if known.contains(&shown) {
                continue;
            }
            if known.len() < limit.values_max {
                known.insert(shown);
            } else {
                *value = Value::from("_other");
            }
        }
        true
    }

    fn is_sampled(&self, event: &Event, now_ms: i64, state: &mut State) -> bool {
        let level = level_of(event);
        let fits = |rule: &SampleRule| {
            rule.levels.is_empty() || rule.levels.iter().any(|one| level.eq_ignore_ascii_case(one))
        };
        let Some((at, rule)) = self.config.samples.iter().enumerate().find(|(_, rule)| fits(rule))
        else {
            return true;
        };
        let key = rule.key.as_ref().map(|key| text::render(key, event, now_ms * 1_000_000));
        // A key that names a field which the line lacks is none.
        let key = key.filter(|key| !key.contains("%{"));
        let chance = match &key {
            Some(key) => chance_of(key),
            None => self.world.random.unit(),
        };
        if chance >= rule.ratio {
            return false;
        }
        let Some(most) = rule.per_second_max else { return true };
        let second = now_ms.div_euclid(1_000);
        let slot = (at, key.unwrap_or_default());
        if state.rates.len() >= KEYS_MAX && !state.rates.contains_key(&slot) {
            state.rates.retain(|_, (known, _)| *known == second);
            if state.rates.len() >= KEYS_MAX {
                return true;
            }
        }
        let (known, count) = state.rates.entry(slot).or_insert((second, 0));
        if *known != second {
            (*known, *count) = (second, 0);
        }
        *count = count.saturating_add(1);
        *count <= most
    }
}

/// The level of a line, wherever it is written.
fn level_of(event: &Event) -> String {
    let found = ["level", "log.level", "severity", "loglevel", "severity_text"]
        .iter()
        .find_map(|name| event.fields.get(name).and_then(Value::as_str));
    let nested = || event.fields.get("log")?.as_object()?.get("level")?.as_str();
    found.or_else(nested).unwrap_or_default().to_owned()
}

/// A number from 0 to 1 that depends on the key alone: every process decides alike.
fn chance_of(key: &str) -> f64 {
    let hash = Sha256::digest(key.as_bytes());
    let bits = hash.iter().take(7).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    bits as f64 / (1_u64 << 56) as f64
}

impl EventSink for Stages {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        let now_ms = self.world.clock.now_ms();
        let mut batch = batch;
        let before = batch.events.len();
        batch.events.retain_mut(|event| self.keeps(event, now_ms));
        self.dropped.fetch_add((before - batch.events.len()) as u64, Ordering::Relaxed);
        self.inner.deliver(batch)
    }
}
