//! Groups, timers and what is sent, in simulated time.

use std::collections::BTreeMap;

use vigie_language::yaml::Source;

use super::*;
use crate::MatcherSyntax;
use crate::config::{ConfigOptions, parse};
use crate::notify::{Notifier, NotifyError, NotifyFailure, NotifyReason, NotifyReceipt, Rendered};
use crate::silence::SilenceRequest;

/// The engine never notifies itself, so that a test needs none.
#[derive(Debug)]
struct Nobody;

impl Notifier for Nobody {
    fn notify<'a>(
        &'a self,
        _context: &'a NotifyContext,
        _alerts: &'a [NotifyAlert],
    ) -> futures::future::BoxFuture<'a, Result<NotifyReceipt, NotifyError>> {
        Box::pin(async { Ok(NotifyReceipt::default()) })
    }

    fn render(&self, _: &NotifyContext, _: &[NotifyAlert]) -> Result<Rendered, NotifyError> {
        Ok(Rendered::default())
    }
}

pub(crate) fn running(yaml: &str) -> Running {
    let config = parse(yaml, &Source::default(), ConfigOptions::default()).unwrap();
    let integrations = config.receivers.iter().map(|receiver| {
        let integration = Integration {
            kind: "webhook",
            index: 0,
            sends_resolved: !receiver.name.ends_with("-firing-only"),
            notifier: Arc::new(Nobody),
        };
        (receiver.name.value.clone(), vec![integration])
    });
    Running { integrations: Arc::new(integrations.collect()), config: Arc::new(config) }
}

/// An engine with a clock of its own, whose deliveries succeed unless told otherwise.
struct Bench {
    engine: Engine,
    now: Now,
    answers: Vec<Result<NotifyReceipt, NotifyError>>,
    told: Vec<String>,
}

const START_MS: i64 = 1_780_000_000_000;

impl Bench {
    fn new(yaml: &str) -> Self {
        let now = Now { wall_ms: START_MS, mono_ms: 1_000_000 };
        let random = Arc::new(Random::from_seed(1));
        let with = (Limits::default(), EngineTimes::default());
        let engine = Engine::new(running(yaml), with, random, now);
        Self { engine, now, answers: Vec::new(), told: Vec::new() }
    }

    fn seconds(&self) -> f64 {
        (self.now.mono_ms - 1_000_000) as f64 / 1_000.0
    }

    fn put(&mut self, labels: &str, ends_in_s: Option<i64>) {
        let alert = Alert {
            labels: labels_of(labels),
            annotations: BTreeMap::new(),
            starts_at_ms: (ends_in_s != Some(0)).then_some(self.now.wall_ms),
            ends_at_ms: ends_in_s.map(|s| self.now.wall_ms + s * 1_000),
            generator_url: String::new(),
        };
        let outcome = self.engine.put(vec![alert], self.now);
        assert_eq!(outcome.taken, 1, "{outcome:?}");
    }

    fn fire(&mut self, labels: &str) {
        self.put(labels, Some(1_000_000));
    }

    fn resolve(&mut self, labels: &str) {
        self.put(labels, Some(0));
    }

    /// Lets time pass until `seconds`, answering deliveries at once.
    fn until(&mut self, seconds: f64) {
        let end = 1_000_000 + (seconds * 1_000.0) as u64;
        loop {
            for delivery in self.engine.tick(self.now) {
                let answer = self.answers.pop().unwrap_or_else(|| Ok(NotifyReceipt::default()));
                self.note(&delivery, answer.is_ok());
                self.engine.complete(delivery.id, answer, self.now);
            }
            let due = self.engine.next_due_ms();
            if due > end {
                break;
            }
            let step = due.saturating_sub(self.now.mono_ms);
            self.advance(step);
        }
        self.advance(end - self.now.mono_ms);
    }

    fn advance(&mut self, ms: u64) {
        self.now.mono_ms += ms;
        self.now.wall_ms += ms as i64;
    }

    fn note(&mut self, delivery: &Delivery, is_ok: bool) {
        let names: Vec<String> = delivery
            .alerts
            .iter()
            .map(|alert| {
                let sign = if alert.is_resolved() { '-' } else { '+' };
                format!("{sign}{}", alert.labels.get("a").unwrap_or("?"))
            })
            .collect();
        self.told.push(format!(
            "{} {} {} {}{}",
            self.seconds(),
            delivery.context.receiver,
            names.join(""),
            match delivery.context.reason {
                NotifyReason::First => "first",
                NotifyReason::NewAlerts => "new",
                NotifyReason::NewResolved => "some-over",
                NotifyReason::AllResolved => "all-over",
                NotifyReason::Repeat => "repeat",
                NotifyReason::Test => "test",
            },
            if is_ok { "" } else { " failed" }
        ));
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    fn restart(&mut self, yaml: &str, away_s: u64) {
        let records = self.engine.snapshot();
        self.advance(away_s * 1_000);
        let now = Now { wall_ms: self.now.wall_ms, mono_ms: self.now.mono_ms };
        let random = Arc::new(Random::from_seed(2));
        let with = (Limits::default(), EngineTimes::default());
        self.engine = Engine::new(running(yaml), with, random, now);
        self.engine.restore(Restored::from_records(records, 200), now);
    }

    fn events(&self) -> Vec<Event> {
        let entries = self.engine.timelines().flat_map(|timeline| &timeline.entries);
        entries.map(|entry| entry.event.clone()).collect()
    }
}

fn labels_of(text: &str) -> Labels {
    Labels::from_pairs(text.split(' ').filter_map(|pair| pair.split_once('=')))
}

fn failure(retry: bool) -> Result<NotifyReceipt, NotifyError> {
    let failure = if retry { NotifyFailure::ServerError } else { NotifyFailure::ClientError };
    Err(NotifyError { retry, failure, reason: "broken".into() })
}

const SIMPLE: &str = "
route: {receiver: r, group_by: [g], group_wait: 10s, group_interval: 60s, repeat_interval: 1h}
receivers: [{name: r}]
";

#[test]
fn a_group_waits_then_tells_then_repeats() {
    let mut bench = Bench::new(SIMPLE);
    bench.fire("a=1 g=x");
    bench.until(9.0);
    assert!(bench.take().is_empty(), "group_wait");
    bench.fire("a=2 g=x");
    bench.until(10.0);
    assert_eq!(bench.take(), ["10 r +1+2 first"]);
    bench.fire("a=3 g=x");
    bench.until(3_800.0);
    assert_eq!(bench.take(), ["70 r +1+2+3 new", "3670 r +1+2+3 repeat"]);
}

#[test]
fn resolved_follows_firing_once() {
    let mut bench = Bench::new(SIMPLE);
    bench.fire("a=1 g=x");
    bench.fire("a=2 g=x");
    bench.until(20.0);
    bench.resolve("a=1 g=x");
    bench.until(100.0);
    bench.resolve("a=2 g=x");
    bench.until(500.0);
    let expected = ["10 r +1+2 first", "70 r -1+2 some-over", "130 r -2 all-over"];
    assert_eq!(bench.take(), expected);
    assert_eq!(bench.engine.group_count(), 0);
    bench.fire("a=1 g=x");
    bench.until(600.0);
    assert_eq!(bench.take(), ["510 r +1 first"]);
}

#[test]
fn what_is_over_before_it_was_told_is_not_told() {
    let mut bench = Bench::new(SIMPLE);
    bench.fire("a=1 g=x");
    bench.until(5.0);
    bench.resolve("a=1 g=x");
    bench.until(100.0);
    assert!(bench.take().is_empty());
    assert!(bench.events().contains(&Event::NothingToTell { integration: "webhook[0]".into() }));
    bench.resolve("a=9 g=y");
    assert_eq!(bench.engine.group_count(), 0, "nobody will ever be told");
}

#[test]
fn an_alert_that_is_not_sent_again_is_over_after_the_timeout() {
    let mut bench = Bench::new(SIMPLE);
    bench.put("a=1 g=x", None);
    bench.until(1_000.0);
    assert_eq!(bench.take(), ["10 r +1 first", "310 r -1 all-over"]);
}

#[test]
fn those_who_are_not_told_of_resolved_alerts_are_told_when_it_fires_again() {
    let yaml = SIMPLE
        .replace("receiver: r,", "receiver: r-firing-only,")
        .replace("name: r}", "name: r-firing-only}");
    let mut bench = Bench::new(&yaml);
    bench.fire("a=1 g=x");
    bench.fire("a=2 g=x");
    bench.until(15.0);
    bench.resolve("a=1 g=x");
    bench.until(200.0);
    bench.resolve("a=2 g=x");
    bench.until(300.0);
    bench.fire("a=2 g=x");
    bench.until(400.0);
    assert_eq!(bench.take(), ["10 r-firing-only +1+2 first", "310 r-firing-only +2 first"]);
}

#[test]
fn failures_are_tried_again_until_the_deadline() {
    let mut bench = Bench::new(SIMPLE);
    bench.answers = vec![Ok(NotifyReceipt::default()), failure(true), failure(true)];
    bench.fire("a=1 g=x");
    bench.until(60.0);
    let told = bench.take();
    assert_eq!(told.len(), 3);
    assert!(told[0].ends_with("failed") && told[1].ends_with("failed"));
    assert!(!told[2].ends_with("failed"));
    bench.answers = vec![failure(true); 100];
    bench.fire("a=2 g=x");
    bench.until(129.0);
    let attempts = bench.take().len();
    assert!((5..20).contains(&attempts), "{attempts} attempts in 60 s");
    bench.answers.clear();
    bench.until(130.0);
    assert_eq!(bench.take(), ["130 r +1+2 new"], "the next flush tries again");
}

#[test]
fn a_refusal_is_final_until_the_next_flush() {
    let mut bench = Bench::new(SIMPLE);
    bench.answers = vec![failure(false)];
    bench.fire("a=1 g=x");
    bench.until(100.0);
    assert_eq!(bench.take(), ["10 r +1 first failed", "70 r +1 first"]);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Failed { .. })));
}

#[test]
fn a_receiver_that_hangs_holds_up_nobody_else() {
    let mut bench = Bench::new(SIMPLE);
    bench.fire("a=1 g=x");
    bench.advance(10_000);
    let hanging = bench.engine.tick(bench.now);
    assert_eq!(hanging.len(), 1);
    assert_eq!(hanging[0].context.timeout, Duration::from_mins(1));
    bench.fire("a=2 g=y");
    bench.until(30.0);
    assert_eq!(bench.take(), ["20 r +2 first"]);
    bench.until(70.0);
    assert_eq!(bench.take(), ["70 r +1 first"], "after the deadline the group is told anew");
    bench.engine.complete(hanging[0].id, Ok(NotifyReceipt::default()), bench.now);
    assert_eq!(bench.engine.queue_length(), 0, "a late answer changes nothing");
}

#[test]
fn silences_and_their_end() {
    let mut bench = Bench::new(SIMPLE);
    let silence = SilenceRequest {
        matchers: MatcherSyntax::Fallback.parse_list("a=1").unwrap().matchers,
        ends_at_ms: START_MS + 100_000,
        ..SilenceRequest::default()
    };
    let id = bench.engine.set_silence(silence, bench.now).unwrap().id;
    bench.fire("a=1 g=x");
    bench.fire("a=2 g=x");
    bench.until(99.0);
    assert_eq!(bench.take(), ["10 r +2 first"]);
    let silenced =
        |event: &Event| matches!(event, Event::Silenced { by, .. } if *by == [id.clone()]);
    assert!(bench.events().iter().any(silenced));
    let status = bench.engine.status_of(&labels_of("a=1 g=x"), bench.now);
    assert_eq!((status.state(), status.silenced_by), ("suppressed", vec![id]));
    bench.until(200.0);
    assert_eq!(bench.take(), ["130 r +1+2 new"]);
}

#[test]
fn inhibition_holds_while_the_source_fires() {
    let yaml = format!(
        "{SIMPLE}inhibit_rules:\n- source_matchers: [severity=critical]\n  target_matchers: \
         [severity=~\"warning|critical\"]\n  equal: [host]\n"
    );
    let mut bench = Bench::new(&yaml);
    bench.fire("a=1 severity=warning host=h g=w");
    bench.fire("a=2 severity=critical host=h g=c");
    bench.fire("a=3 severity=critical host=h g=c");
    bench.fire("a=4 severity=warning host=other g=w");
    bench.until(60.0);
    let expected = ["10 r +4 first", "10 r +2+3 first"];
    assert_eq!(bench.take(), expected, "both sides: not inhibited by another such alert");
    bench.resolve("a=2 severity=critical host=h g=c");
    bench.resolve("a=3 severity=critical host=h g=c");
    bench.until(100.0);
    assert_eq!(bench.take(), ["70 r +1+4 new", "70 r -2-3 all-over"]);
}

#[test]
fn routes_are_muted_by_their_intervals() {
    // 2026-05-28T20:26:40Z
    let yaml = "
route:
  receiver: r
  group_wait: 10s
  group_interval: 60s
  routes:
  - {matchers: [a=1], mute_time_intervals: [evening], receiver: muted}
  - {matchers: [a=2], active_time_intervals: [night], receiver: active}
receivers: [{name: r}, {name: muted}, {name: active}]
time_intervals:
- {name: evening, time_intervals: [{times: [{start_time: '18:00', end_time: '20:30'}]}]}
- {name: night, time_intervals: [{times: [{start_time: '20:30', end_time: '24:00'}]}]}
";
    let mut bench = Bench::new(yaml);
    bench.fire("a=1");
    bench.fire("a=2");
    bench.until(199.0);
    assert!(bench.take().is_empty());
    let names: Vec<String> = bench
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Muted { by, is_inactive } => Some(format!("{} {is_inactive}", by.join(","))),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["evening false", "night true"]);
    let views = bench.engine.groups(&AlertFilter::default(), bench.now);
    assert!(views.iter().all(|group| !group.alerts[0].status.muted_by.is_empty()));
    bench.until(400.0);
    assert_eq!(bench.take(), ["250 muted +1 first", "250 active +2 first"]);
}

#[test]
fn a_restart_repeats_nothing_and_owes_the_resolved() {
    let mut bench = Bench::new(SIMPLE);
    bench.fire("a=1 g=x");
    bench.until(20.0);
    assert_eq!(bench.take(), ["10 r +1 first"]);
    bench.restart(SIMPLE, 30);
    bench.until(600.0);
    assert!(bench.take().is_empty(), "nothing is repeated");
    bench.restart(SIMPLE, 2_000_000);
    bench.until(2_001_000.0);
    let told = bench.take();
    // Nobody sent it again: it fires until the grace is over, then it is resolved.
    assert_eq!(told, ["2000660 r +1 repeat", "2000900 r -1 all-over"]);
}

#[test]
fn an_alert_that_ended_while_we_were_away_is_told() {
    let mut bench = Bench::new(SIMPLE);
    bench.fire("a=1 g=x");
    bench.until(20.0);
    bench.take();
    bench.restart(SIMPLE, 30);
    bench.resolve("a=1 g=x");
    bench.until(200.0);
    assert_eq!(bench.take(), ["110 r -1 all-over"]);
    // Also when the alert itself was forgotten: the log knows what is owed.
    bench.fire("a=1 g=x");
    bench.until(300.0);
    bench.take();
    let records: Vec<Record> =
        bench.engine.snapshot().into_iter().filter(|r| !matches!(r, Record::Alert(_))).collect();
    let random = Arc::new(Random::from_seed(2));
    bench.engine = Engine::new(
        running(SIMPLE),
        (Limits::default(), EngineTimes::default()),
        random,
        bench.now,
    );
    bench.engine.restore(Restored::from_records(records, 200), bench.now);
    bench.resolve("a=1 g=x");
    bench.until(400.0);
    assert_eq!(bench.take().len(), 1);
}

#[test]
fn a_reload_keeps_pace_and_what_is_under_way() {
    let mut bench = Bench::new(SIMPLE);
    bench.fire("a=1 g=x");
    bench.advance(10_000);
    let under_way = bench.engine.tick(bench.now);
    bench.advance(5_000);
    bench.engine.reload(running(SIMPLE), bench.now);
    assert!(bench.engine.tick(bench.now).is_empty(), "nobody is told twice");
    bench.engine.complete(under_way[0].id, Ok(NotifyReceipt::default()), bench.now);
    bench.fire("a=2 g=x");
    bench.until(100.0);
    assert_eq!(bench.take(), ["70 r +1+2 new"], "group_interval goes on");
    let other = SIMPLE.replace("receiver: r,", "receiver: s,").replace("name: r}", "name: s}");
    bench.engine.reload(running(&other), bench.now);
    bench.until(200.0);
    assert_eq!(bench.take(), ["100 s +1+2 first"], "a new receiver has not been told");
}

#[test]
fn a_clock_that_is_set_neither_ends_nor_repeats() {
    let mut bench = Bench::new(SIMPLE);
    bench.put("a=1 g=x", None);
    bench.until(20.0);
    bench.take();
    for jump in [86_400_000, -172_800_000] {
        bench.now.wall_ms += jump;
        bench.put("a=1 g=x", None);
        bench.until(bench.seconds() + 200.0);
        assert!(bench.take().is_empty(), "{jump}");
    }
}

#[test]
fn too_many_alerts_and_groups_are_refused_and_counted() {
    let mut bench = Bench::new(SIMPLE);
    bench.engine.limits = Limits { alerts_max: 3, groups_max: 2, ..Limits::default() };
    for number in 0..3 {
        bench.fire(&format!("a={number} g={number}"));
    }
    assert_eq!((bench.engine.group_count(), bench.engine.stats().groups_limited), (2, 1));
    let alert = Alert {
        labels: labels_of("a=9"),
        annotations: BTreeMap::new(),
        starts_at_ms: None,
        ends_at_ms: None,
        generator_url: String::new(),
    };
    let outcome = bench.engine.put(vec![alert], bench.now);
    assert_eq!(outcome.refused, [AlertError::TooMany(3)]);
}

#[test]
fn integrations_are_told_again_what_they_wanted_to_remember() {
    let mut bench = Bench::new(SIMPLE);
    let remember = BTreeMap::from([("ts".to_owned(), "17".to_owned())]);
    bench.answers = vec![Ok(NotifyReceipt { remember: remember.clone(), detail: String::new() })];
    bench.fire("a=1 g=x");
    bench.until(20.0);
    bench.restart(SIMPLE, 1);
    bench.resolve("a=1 g=x");
    bench.advance(60_000);
    let deliveries = bench.engine.tick(bench.now);
    assert_eq!(deliveries[0].context.remembered, remember);
}
