//! Tests of running groups, over a real store with a clock that the test moves.

use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use vigie_model::{Acknowledge, Alert, MetricBatch};
use vigie_query::{Engine, EngineOptions, SampleValue};
use vigie_store::{Store, StoreOptions};
use vigie_world::{Clock, ManualClock, Random, RealDisk};

use super::*;
use crate::template::tests::Plain;
use crate::{ManagerParts, ReadOptions, RuleExpression, RuleManager, StoreSource, parse_rule_file};

const START_MS: i64 = 1_700_000_000_000;
const MINUTE: i64 = 60_000;

/// Keeps what is sent.
#[derive(Debug, Default)]
struct Sent(Mutex<Vec<Alert>>);

impl AlertSink for Sent {
    fn send(&self, _tenant: &TenantId, alerts: Vec<Alert>) {
        self.0.lock().extend(alerts);
    }
}

/// A store with rules over it.
struct Bench {
    _folder: TempDir,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    source: Arc<StoreSource>,
    sent: Arc<Sent>,
    world: World,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START_MS));
        let world = World {
            clock: Arc::clone(&clock) as _,
            disk: Arc::new(RealDisk::new()),
            random: Arc::new(Random::from_entropy()),
        };
        let store = Store::open(StoreOptions::new(folder.path()), world.clone()).await.unwrap();
        let engine = Arc::new(Engine::new(EngineOptions::default()));
        let tenant = TenantId::default_tenant();
        let source = Arc::new(StoreSource::new(Arc::clone(&store), engine, tenant));
        Self { _folder: folder, clock, store, source, sent: Arc::default(), world }
    }

    fn manager(&self, options: ManagerOptions) -> RuleManager {
        let parts = ManagerParts {
            world: self.world.clone(),
            tenant: TenantId::default_tenant(),
            source: Arc::clone(&self.source) as _,
            sink: Arc::clone(&self.store) as _,
            alerts: Arc::clone(&self.sent) as _,
            expander: Arc::new(Plain),
        };
        RuleManager::new(parts, options)
    }

    /// The one group of `rules`, not restored.
    fn group(&self, rules: &str) -> Arc<Group> {
        let manager = self.manager(ManagerOptions::default());
        let definition = definitions(rules).remove(0);
        Arc::new(Group::new(Arc::new(definition), Arc::clone(manager.environment()), false))
    }

    async fn put(&self, labels: &[(&str, &str)], at_ms: i64, value: f64) {
        let mut batch = MetricBatch::new();
        batch.push_series(&Labels::from_pairs(labels.iter().copied())).sample(at_ms, value);
        let tenant = TenantId::default_tenant();
        self.store.write(&tenant, batch, Acknowledge::Logged).await.unwrap();
    }

    async fn ask(&self, query: &str, at_ms: i64) -> Vec<String> {
        let expression = RuleExpression::promql(query).unwrap();
        let mut found: Vec<String> = self
            .source
            .query(&expression, at_ms)
            .await
            .unwrap()
            .iter()
            .map(|sample| match sample.value {
                SampleValue::Float(value) => format!("{} {value}", sample.labels),
                SampleValue::Histogram(_) => format!("{} H", sample.labels),
            })
            .collect();
        found.sort();
        found
    }

    /// Lets every task run until it waits.
    async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn definitions(rules: &str) -> Vec<GroupDefinition> {
    let options =
        ReadOptions { default_interval_ms: MINUTE, ignore_unknown_fields: false, expander: &Plain };
    parse_rule_file(rules, "r.yml", options).unwrap()
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

#[tokio::test]
async fn later_rules_see_what_earlier_ones_recorded() {
    let bench = Bench::new().await;
    let group = bench.group(
        "groups: [{name: g, rules: [
            {record: one, expr: x * 2, labels: {instance: '', added: y}},
            {record: two, expr: one + 1},
            {record: three, expr: '7'}]}]",
    );
    bench.put(&[("__name__", "x"), ("instance", "i"), ("job", "j")], START_MS, 5.0).await;
    group.evaluate(START_MS, &never()).await;
    assert_eq!(bench.ask("one", START_MS).await, ["one{added=\"y\", job=\"j\"} 10"]);
    assert_eq!(bench.ask("two", START_MS).await, ["two{added=\"y\", job=\"j\"} 11"]);
    assert_eq!(bench.ask("three", START_MS).await, ["three 7"]);
}

#[tokio::test]
async fn series_that_a_rule_no_longer_gives_end() {
    let bench = Bench::new().await;
    let group = bench.group("groups: [{name: g, rules: [{record: big, expr: x > 5}]}]");
    bench.put(&[("__name__", "x")], START_MS, 6.0).await;
    group.evaluate(START_MS, &never()).await;
    assert_eq!(bench.ask("big", START_MS + 1).await.len(), 1);
    bench.put(&[("__name__", "x")], START_MS + MINUTE, 1.0).await;
    group.evaluate(START_MS + MINUTE, &never()).await;
    // Without the marker it would be seen for five minutes more.
    assert_eq!(bench.ask("big", START_MS + MINUTE).await, [""; 0]);
}

#[tokio::test]
async fn errors_and_limits_are_told_by_the_rules_status() {
    let bench = Bench::new().await;
    let group = bench.group(
        "groups: [{name: g, limit: 1, rules: [
            {record: many, expr: x},
            {record: same, expr: 'label_replace(x, \"a\", \"\", \"\", \"\")'},
            {record: fine, expr: 'count(x)'}]}]",
    );
    for value in ["1", "2"] {
        bench.put(&[("__name__", "x"), ("a", value)], START_MS, 1.0).await;
    }
    group.evaluate(START_MS, &never()).await;
    let status = group.status();
    let rules: Vec<_> =
        status.rules.iter().map(|r| (r.health.as_str(), r.last_error.as_str())).collect();
    assert_eq!(rules[0], ("err", "exceeded limit of 1 with 2 series"));
    assert_eq!(rules[1].0, "err");
    assert_eq!(rules[2], ("ok", ""));
    assert_eq!(group.numbers.failures.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn query_offset_asks_and_writes_in_the_past() {
    let bench = Bench::new().await;
    let group = bench.group(
        "groups: [{name: g, query_offset: 1m, rules: [{record: r, expr: 'x + time() * 0'}]}]",
    );
    bench.put(&[("__name__", "x")], START_MS - MINUTE, 1.0).await;
    bench.put(&[("__name__", "x")], START_MS, 2.0).await;
    group.evaluate(START_MS, &never()).await;
    assert_eq!(bench.ask("r", START_MS).await, ["r 1"]);
    assert_eq!(bench.ask("timestamp(r)", START_MS).await, ["{} 1699999940"]);
}

#[tokio::test]
async fn an_alert_is_written_and_handed_on_with_its_texts() {
    let bench = Bench::new().await;
    let group = bench.group(
        "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 1m,
            labels: {severity: '{{label job}}-page'},
            annotations: {summary: '{{label job}} is {{value}}, {{query up}} are known'}}]}]",
    );
    for minute in 0..3 {
        let at_ms = START_MS + minute * MINUTE;
        bench.put(&[("__name__", "up"), ("job", "a")], at_ms, 0.0).await;
        bench.put(&[("__name__", "up"), ("job", "b")], at_ms, 1.0).await;
        group.evaluate(at_ms, &never()).await;
    }
    let labels = "alertname=\"Down\", alertstate=\"firing\", job=\"a\", severity=\"a-page\"";
    let end = START_MS + 2 * MINUTE;
    assert_eq!(bench.ask("ALERTS", end).await, [format!("ALERTS{{{labels}}} 1")]);
    assert_eq!(bench.ask("ALERTS_FOR_STATE - 1700000000", end).await.len(), 1);
    let sent = bench.sent.0.lock();
    let [alert] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(alert.annotations["summary"], "a is 0, 2 are known");
    assert_eq!(alert.labels.get("severity"), Some("a-page"));
    assert_eq!(alert.starts_at_ms, Some(START_MS + MINUTE));
    assert_eq!(alert.generator_url, "/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
}

/// One alert that has been pending or firing, then a restart, then three evaluations.
async fn after_restart(pending_minutes: i64, down_minutes: i64) -> AlertInstanceView {
    let bench = Bench::new().await;
    let rules = "groups: [{name: g, interval: 1m, rules: [
        {alert: Down, expr: x > 0, for: 30m, labels: {severity: '{{label job}}'}}]}]";
    let first = bench.group(rules);
    let series = [("__name__", "x"), ("job", "a")];
    let mut at_ms = START_MS;
    for _ in 0..=pending_minutes {
        bench.put(&series, at_ms, 1.0).await;
        first.evaluate(at_ms, &never()).await;
        at_ms += MINUTE;
    }
    at_ms += (down_minutes - 1) * MINUTE;
    let manager = bench.manager(ManagerOptions::default());
    let definition = Arc::new(definitions(rules).remove(0));
    let group = Arc::new(Group::new(definition, Arc::clone(manager.environment()), true));
    for round in 0..3 {
        bench.put(&series, at_ms, 1.0).await;
        group.evaluate(at_ms, &never()).await;
        if round == 1 {
            group.restore(at_ms).await;
        }
        at_ms += MINUTE;
    }
    let status = group.status();
    let alert = &status.rules[0].alerts[0];
    AlertInstanceView {
        state: alert.state,
        active_minutes_ago: (at_ms - MINUTE - alert.active_at_ms) / MINUTE,
        has_for_state: !bench.ask("ALERTS_FOR_STATE", at_ms - MINUTE).await.is_empty(),
    }
}

#[derive(Debug, PartialEq)]
struct AlertInstanceView {
    state: AlertState,
    active_minutes_ago: i64,
    has_for_state: bool,
}

#[tokio::test]
async fn a_restart_keeps_how_long_alerts_have_waited() {
    let view = |state, active_minutes_ago| AlertInstanceView {
        state,
        active_minutes_ago,
        has_for_state: true,
    };
    // It fired; ten minutes away do not make it wait again.
    assert_eq!(after_restart(40, 10).await, view(AlertState::Firing, 52));
    // It had waited ten minutes; the ten minutes that nobody looked do not count, nor does the
    // minute before state was restored.
    assert_eq!(after_restart(10, 10).await, view(AlertState::Pending, 11));
    // Nearly there: it gets the grace period of ten minutes.
    assert_eq!(after_restart(25, 10).await, view(AlertState::Pending, 21));
    // Away for longer than the tolerance of one hour: it begins anew.
    assert_eq!(after_restart(40, 90).await, view(AlertState::Pending, 2));
}

#[tokio::test]
async fn groups_run_at_their_slots_and_count_what_they_miss() {
    let bench = Bench::new().await;
    let manager = bench.manager(ManagerOptions::default());
    manager.start();
    manager.apply(definitions("groups: [{name: g, rules: [{record: t, expr: time()}]}]")).await;
    bench.settle().await;
    for _ in 0..5 {
        bench.clock.advance(Duration::from_millis(MINUTE.unsigned_abs()));
        bench.settle().await;
    }
    let now_ms = bench.clock.now_ms();
    let slot = schedule::slot_ms(schedule::hash("g", "r.yml"), MINUTE, now_ms);
    assert_eq!(bench.ask("timestamp(t)", now_ms).await, [format!("{{}} {}", slot as f64 / 1000.0)]);
    let numbers = manager.metrics().group("r.yml;g");
    assert_eq!(numbers.scheduled.load(Ordering::Relaxed), 5);
    assert_eq!(numbers.missed.load(Ordering::Relaxed), 0);
    bench.clock.advance(Duration::from_millis(10 * MINUTE.unsigned_abs()));
    bench.settle().await;
    assert_eq!(numbers.missed.load(Ordering::Relaxed), 9);
    assert_eq!(numbers.scheduled.load(Ordering::Relaxed), 15);
    manager.stop().await;
}

#[tokio::test]
async fn a_reload_keeps_state_and_ends_series_of_groups_that_are_gone() {
    let bench = Bench::new().await;
    let manager = bench.manager(ManagerOptions::default());
    let rules = |hold: &str| {
        definitions(&format!(
            "groups: [{{name: g, rules: [{{alert: A, expr: 'vector(1)', for: {hold}}}]}},
                      {{name: old, rules: [{{record: r, expr: '1'}}]}}]"
        ))
    };
    manager.apply(rules("5m")).await;
    manager.start();
    bench.settle().await;
    let tick = async |minutes: u64| {
        for _ in 0..minutes {
            bench.clock.advance(Duration::from_mins(1));
            bench.settle().await;
        }
    };
    tick(3).await;
    let active_at = |manager: &RuleManager| manager.groups()[0].rules[0].alerts[0].active_at_ms;
    let before = active_at(&manager);
    let last_evaluation = manager.groups()[0].last_evaluation_ms;
    assert!(last_evaluation.is_some());
    manager.apply(rules("5m")).await;
    assert_eq!(manager.groups()[0].last_evaluation_ms, last_evaluation);
    let mut changed = rules("10m");
    changed.truncate(1);
    manager.apply(changed).await;
    bench.settle().await;
    tick(1).await;
    assert_eq!(active_at(&manager), before);
    assert_eq!(bench.ask("r", bench.clock.now_ms()).await.len(), 1);
    tick(2).await;
    assert_eq!(bench.ask("r", bench.clock.now_ms()).await, [""; 0]);
    manager.stop().await;
}

#[tokio::test]
async fn independent_rules_may_run_beside_each_other() {
    let bench = Bench::new().await;
    let options = ManagerOptions { is_concurrent: true, ..ManagerOptions::default() };
    let manager = bench.manager(options);
    let definition = definitions(
        "groups: [{name: g, rules: [{record: a, expr: '1'}, {record: b, expr: '2'},
            {record: c, expr: a + b}, {record: d, expr: c + 1}, {record: e, expr: c * 10}]}]",
    )
    .remove(0);
    let group =
        Arc::new(Group::new(Arc::new(definition), Arc::clone(manager.environment()), false));
    assert_eq!(group.dependencies.batches(), [vec![0, 1], vec![2], vec![3, 4]]);
    group.evaluate(START_MS, &never()).await;
    assert_eq!(bench.ask("d", START_MS).await, ["d 4"]);
    assert_eq!(bench.ask("e", START_MS).await, ["e 30"]);
}
