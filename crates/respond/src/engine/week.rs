//! A simulated week: alerts that flap, receivers that are out, restarts, reloads, clocks that are
//! set, all from a seed; and what must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vigie_model::{Alert, Labels};
use vigie_world::Random;

use super::tests::running;
use super::{Engine, EngineTimes, Restored};
use crate::Limits;
use crate::alert::Now;
use crate::notify::{NotifyError, NotifyFailure, NotifyReason, NotifyReceipt};

const MINUTE_MS: u64 = 60_000;
const WEEK_MS: u64 = 7 * 24 * 60 * MINUTE_MS;
const GROUP_INTERVAL_MS: u64 = 5 * MINUTE_MS;
const REPEAT_MS: u64 = 4 * 60 * MINUTE_MS;

const YAML: &str = "
route:
  receiver: one
  group_by: [g]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
  - {receiver: one, matchers: [team=x], continue: true}
  - {receiver: two, matchers: ['g=~\"[0-3]\"']}
receivers: [{name: one}, {name: two}]
";

/// What a receiver knows of a group: which alerts it believes to fire, and what it was told when.
#[derive(Debug, Default)]
struct Known {
    firing: BTreeSet<String>,
    last_same: Option<(u64, BTreeSet<String>)>,
}

struct Week {
    engine: Engine,
    now: Now,
    random: Arc<Random>,
    firing: BTreeMap<usize, u64>,
    /// Alerts by the time since which they are over.
    over_since: BTreeMap<usize, u64>,
    outage_until: BTreeMap<String, u64>,
    known: BTreeMap<(String, String), Known>,
    told: u64,
    restarts: u64,
    last_disturbance: u64,
}

const ALERTS: usize = 40;

fn labels(alert: usize) -> Labels {
    let group = (alert % 8).to_string();
    let name = alert.to_string();
    let team = if alert % 8 < 2 { "x" } else { "y" };
    Labels::from_pairs([("a", name.as_str()), ("g", group.as_str()), ("team", team)])
}

impl Week {
    fn new(seed: u64) -> Self {
        let now = Now { wall_ms: 1_780_000_000_000, mono_ms: 1_000 };
        let random = Arc::new(Random::from_seed(seed));
        let with = (Limits::default(), EngineTimes::default());
        Self {
            engine: Engine::new(running(YAML), with, Arc::clone(&random), now),
            now,
            random,
            firing: BTreeMap::new(),
            over_since: BTreeMap::new(),
            outage_until: BTreeMap::new(),
            known: BTreeMap::new(),
            told: 0,
            restarts: 0,
            last_disturbance: 0,
        }
    }

    fn chance(&self, one_in: u64) -> bool {
        self.random.below(one_in) == 0
    }

    /// One minute: alerts change and are sent, the world misbehaves, what is due is done.
    fn minute(&mut self) {
        for alert in 0..ALERTS {
            let fires = self.firing.contains_key(&alert);
            if self.chance(if fires { 90 } else { 400 }) {
                if fires {
                    self.firing.remove(&alert);
                    self.over_since.insert(alert, self.now.mono_ms);
                } else {
                    self.firing.insert(alert, self.now.wall_ms as u64);
                    self.over_since.remove(&alert);
                }
            }
        }
        self.send();
        if self.chance(1_500) {
            self.restart();
        }
        if self.chance(700) {
            self.engine.reload(running(YAML), self.now);
        }
        if self.chance(2_000) {
            // The sender's clock is set with ours; alerts keep their beginning.
            let jump = self.random.below(7_200_000) as i64 - 3_600_000;
            self.now.wall_ms += jump;
        }
        if self.chance(500) {
            let receiver = if self.chance(2) { "one" } else { "two" };
            let minutes = self.random.below(60);
            self.outage_until.insert(receiver.to_owned(), self.now.mono_ms + minutes * MINUTE_MS);
        }
        self.pass(MINUTE_MS);
        self.engine.take_records();
    }

    /// As Prometheus does: what fires is sent with an end to come, what is over for 15 minutes.
    fn send(&mut self) {
        let mut alerts = Vec::new();
        for (alert, since) in &self.firing {
            alerts.push(Self::alert(*alert, *since as i64, self.now.wall_ms + 240_000));
        }
        for (alert, over) in &self.over_since {
            let ago = self.now.mono_ms - over;
            if ago < 15 * MINUTE_MS {
                let ended = self.now.wall_ms - ago as i64;
                alerts.push(Self::alert(*alert, ended - 1, ended));
            }
        }
        let outcome = self.engine.put(alerts, self.now);
        assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
    }

    fn alert(alert: usize, starts: i64, ends: i64) -> Alert {
        Alert {
            labels: labels(alert),
            annotations: BTreeMap::new(),
            starts_at_ms: Some(starts.min(ends)),
            ends_at_ms: Some(ends),
            generator_url: String::new(),
        }
    }

    fn restart(&mut self) {
        self.restarts += 1;
        let records = self.engine.snapshot();
        let away = self.random.below(10) * MINUTE_MS;
        self.now.mono_ms += away;
        self.now.wall_ms += away as i64;
        self.last_disturbance = self.now.mono_ms;
        let with = (Limits::default(), EngineTimes::default());
        self.engine = Engine::new(running(YAML), with, Arc::clone(&self.random), self.now);
        self.engine.restore(Restored::from_records(records, 200), self.now);
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now.mono_ms + ms;
        loop {
            for delivery in self.engine.tick(self.now) {
                let receiver = delivery.context.receiver.clone();
                let is_out =
                    self.outage_until.get(&receiver).is_some_and(|until| *until > self.now.mono_ms);
                let answer = if is_out {
                    let retry = self.chance(2);
                    let failure = NotifyFailure::ServerError;
                    Err(NotifyError { retry, failure, reason: "out".into() })
                } else {
                    self.check(&delivery);
                    Ok(NotifyReceipt::default())
                };
                self.engine.complete(delivery.id, answer, self.now);
            }
            let due = self.engine.next_due_ms();
            if due > end {
                break;
            }
            let step = due.saturating_sub(self.now.mono_ms);
            self.now.mono_ms += step;
            self.now.wall_ms += step as i64;
        }
        self.now.wall_ms += (end - self.now.mono_ms) as i64;
        self.now.mono_ms = end;
    }

    /// Nothing is repeated before its time; resolved follows firing.
    fn check(&mut self, delivery: &super::Delivery) {
        self.told += 1;
        let key = (delivery.context.receiver.clone(), delivery.context.group_key.clone());
        let known = self.known.entry(key).or_default();
        let name = |alert: &crate::notify::NotifyAlert| alert.labels.get("a").unwrap().to_owned();
        let firing: BTreeSet<String> =
            delivery.alerts.iter().filter(|alert| !alert.is_resolved()).map(name).collect();
        let resolved: BTreeSet<String> =
            delivery.alerts.iter().filter(|alert| alert.is_resolved()).map(name).collect();
        let content: BTreeSet<String> = firing
            .iter()
            .map(|name| format!("+{name}"))
            .chain(resolved.iter().map(|name| format!("-{name}")))
            .collect();
        if let Some((at, same)) = &known.last_same
            && *same == content
            && delivery.context.reason == NotifyReason::Repeat
        {
            let age = self.now.mono_ms - at;
            // Restarts count by the wall clock, which may have been set.
            let since_restart = self.last_disturbance >= *at;
            assert!(age >= REPEAT_MS || since_restart, "repeated after {age} ms: {delivery:?}");
        }
        if delivery.context.reason == NotifyReason::AllResolved {
            assert!(!known.firing.is_empty(), "resolved without firing: {delivery:?}");
            assert!(firing.is_empty());
        }
        known.firing.extend(firing);
        known.firing.retain(|name| !resolved.contains(name));
        known.last_same = Some((self.now.mono_ms, content));
    }

    /// After quiet time everybody knows exactly what fires.
    fn settle(&mut self) {
        self.outage_until.clear();
        for _ in 0..(GROUP_INTERVAL_MS / MINUTE_MS * 3 + 10) {
            self.send();
            self.pass(MINUTE_MS);
        }
        let routes = Arc::clone(&self.engine.running().config.routes);
        let mut expected: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for alert in self.firing.keys() {
            let labels = labels(*alert);
            for route in routes.matching(&labels) {
                let key = route.group_key(&route.grouping.labels_of(&labels));
                let key = (route.receiver.to_string(), key);
                expected.entry(key).or_default().insert(alert.to_string());
            }
        }
        for (key, known) in &self.known {
            let fires = expected.remove(key).unwrap_or_default();
            assert_eq!(known.firing, fires, "what {key:?} believes");
        }
        assert!(expected.is_empty(), "lost: {expected:?}");
    }
}

#[test]
fn nothing_is_lost_and_nothing_repeated_in_a_week() {
    for seed in 0..2 {
        let mut week = Week::new(seed);
        let mut next_check = 12 * 60;
        for minute in 0..(WEEK_MS / MINUTE_MS) {
            week.minute();
            if minute == next_check {
                week.settle();
                next_check += 12 * 60;
            }
        }
        week.settle();
        assert!(week.told > 500 && week.restarts > 1, "{} told, {}", week.told, week.restarts);
        assert!(week.engine.queue_length() == 0);
    }
}
