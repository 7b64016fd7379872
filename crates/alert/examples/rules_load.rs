//! What rules cost: 10,000 rules over 20,000 series, evaluated once each simulated 15 s.
//!
//! Prints processor time of the whole process per evaluation of all rules, as a share of 15 s:
//! `cargo run --release -p vigie-alert --example rules_load`.
#![expect(clippy::print_stdout, reason = "the numbers are the output")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vigie_alert::{
    GoExpander, ManagerOptions, ManagerParts, ReadOptions, RuleManager, StoreSource,
    parse_rule_file,
};
use vigie_model::{Acknowledge, Alert, AlertSink, Labels, MetricBatch, MetricSink, TenantId};
use vigie_query::{Engine, EngineOptions};
use vigie_store::{Store, StoreOptions};
use vigie_world::{Clock, ManualClock, Random, RealDisk, World};

const INSTANCES: usize = 200;
const METRICS: usize = 100;
const GROUPS: usize = 100;
const RULES_PER_GROUP: usize = 100;
const INTERVAL_MS: i64 = 15_000;
const ROUNDS: i64 = 10;
const START_MS: i64 = 1_700_000_000_000;

/// Alerts reach nobody.
#[derive(Debug)]
struct Nobody;

impl AlertSink for Nobody {
    fn send(&self, _tenant: &TenantId, _alerts: Vec<Alert>) {}
}

/// Half record a sum over a job's series or a rate of one, half alert on two series each.
fn rules() -> String {
    let mut text = "groups:\n".to_owned();
    for group in 0..GROUPS {
        writeln!(text, "- name: g{group}\n  interval: 15s\n  rules:").expect("text");
        for rule in 0..RULES_PER_GROUP {
            let instance = (group * RULES_PER_GROUP + rule) % INSTANCES;
            let line = match rule % 4 {
                0 => format!(
                    "{{record: 'g{group}:r{rule}', expr: 'sum(rate(metric_{group}_total{{instance=~\"i{}.\"}}[5m]))'}}",
                    instance / 10
                ),
                1 => format!(
                    "{{record: 'g{group}:r{rule}', expr: 'rate(metric_{group}_total{{instance=\"i{instance}\"}}[5m])'}}"
                ),
                2 => format!(
                    "{{alert: A{group}x{rule}, expr: 'rate(metric_{group}_total{{instance=\"i{instance}\"}}[5m]) > 1000', for: 5m, labels: {{severity: page}}, annotations: {{summary: '{{{{ $labels.instance }}}} is busy'}}}}"
                ),
                _ => format!(
                    "{{alert: B{group}x{rule}, expr: 'metric_{group}_total{{instance=\"i{instance}\"}} < 0 or metric_{group}_total{{instance=\"i{instance}\",job=\"none\"}}'}}"
                ),
            };
            writeln!(text, "  - {line}").expect("text");
        }
    }
    text
}

async fn scrape(store: &Store, series: &[Labels], at_ms: i64) {
    let mut batch = MetricBatch::new();
    for (at, labels) in series.iter().enumerate() {
        let value = ((at_ms - START_MS) / 1000 * (1 + at as i64 % 7)) as f64;
        batch.push_series(labels).sample(at_ms, value);
    }
    let tenant = TenantId::default_tenant();
    store.write(&tenant, batch, Acknowledge::Logged).await.expect("the store takes it");
}

/// Processor time of this process so far.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    // Fields 14 and 15, in hundredths of a second.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("tokio");
    runtime.block_on(measure());
}

#[expect(clippy::too_many_lines, reason = "one measurement, from set-up to the printed line")]
async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(START_MS));
    let world = World {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        disk: Arc::new(RealDisk::new()),
        random: Arc::new(Random::from_entropy()),
    };
    let store =
        Store::open(StoreOptions::new(folder.path()), world.clone()).await.expect("a store");
    let series: Vec<Labels> = (0..METRICS)
        .flat_map(|metric| (0..INSTANCES).map(move |instance| (metric, instance)))
        .map(|(metric, instance)| {
            Labels::from_pairs([
                ("__name__", format!("metric_{metric}_total")),
                ("instance", format!("i{instance}")),
                ("job", format!("job{}", instance % 10)),
            ])
        })
        .collect();
    let tenant = TenantId::default_tenant();
    let engine = Arc::new(Engine::new(EngineOptions::default()));
    let source = StoreSource::new(Arc::clone(&store), engine, tenant.clone());
    let expander = Arc::new(GoExpander::default());
    let parts = ManagerParts {
        world,
        tenant,
        source: Arc::new(source),
        sink: Arc::clone(&store) as _,
        alerts: Arc::new(Nobody),
        expander: Arc::clone(&expander) as _,
    };
    let manager = RuleManager::new(parts, ManagerOptions::default());
    let options = ReadOptions {
        default_interval_ms: INTERVAL_MS,
        ignore_unknown_fields: false,
        expander: expander.as_ref(),
    };
    let groups = parse_rule_file(&rules(), "load.yml", options).expect("the rules are right");
    manager.apply(groups).await;
    manager.start();
    // Every group has looked at the clock before it moves.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut at_ms = START_MS;
    for _ in 0..20 {
        scrape(&store, &series, at_ms).await;
        at_ms += INTERVAL_MS;
    }
    clock.advance(Duration::from_millis((at_ms - START_MS).unsigned_abs()));
    wait(&manager, 1).await;
    let (before, wall) = (processor_time(), Instant::now());
    for round in 0..ROUNDS {
        scrape(&store, &series, at_ms).await;
        at_ms += INTERVAL_MS;
        clock.advance(Duration::from_millis(INTERVAL_MS.unsigned_abs()));
        wait(&manager, 2 + round.unsigned_abs()).await;
    }
    let each = processor_time().saturating_sub(before) / ROUNDS as u32;
    let share = each.as_secs_f64() / (INTERVAL_MS as f64 / 1000.0) * 100.0;
    println!(
        "{} rules over {} series: {each:?} of processor time an evaluation ({share:.1} % of one \
         core every 15 s; {:?} on the clock)",
        GROUPS * RULES_PER_GROUP,
        series.len(),
        wall.elapsed() / ROUNDS as u32
    );
    let failures: u64 = manager
        .metrics()
        .groups()
        .iter()
        .map(|(_, n)| n.failures.load(std::sync::atomic::Ordering::Relaxed))
        .sum();
    println!("{failures} evaluations failed");
    manager.stop().await;
}

/// Until every group has been evaluated `times` times.
async fn wait(manager: &RuleManager, times: u64) {
    let wanted = times * (GROUPS * RULES_PER_GROUP) as u64;
    loop {
        let groups = manager.metrics().groups();
        let done: u64 = groups
            .iter()
            .map(|(_, n)| n.evaluations.load(std::sync::atomic::Ordering::Relaxed))
            .sum();
        if done >= wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
