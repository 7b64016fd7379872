//! Loads a store with made-up series as fast as it takes them, and prints what that costs:
//! `cargo run --release -p vigie-store --example store_load -- FOLDER SERIES TICKS`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for measuring")]

use std::time::Instant;

use vigie_model::{
    Acknowledge, Labels, Matcher, MetricBatch, MetricSink, Points, TenantId, TimeRange,
};
use vigie_store::{Budget, Select, Store, StoreOptions};
use vigie_world::World;

const TARGETS: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let number = |at: usize| arguments[at].parse::<usize>().unwrap();
    runtime.block_on(load(&arguments[1], number(2), number(3)));
}

async fn load(folder: &str, series: usize, ticks: usize) {
    let store = Store::open(StoreOptions::new(folder), World::real()).await.unwrap();
    let tenant = TenantId::default_tenant();
    let labels: Vec<Labels> = (0..series).map(made_up_labels).collect();
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut batch = MetricBatch::new();
    let mut making = 0.0;
    for tick in 0..ticks {
        for target in 0..TARGETS {
            let making_from = cpu_seconds();
            batch.clear();
            let time_ms = 1_700_000_000_000 + tick as i64 * 15_000 + target as i64 * 37;
            for (at, labels) in labels.iter().enumerate().skip(target).step_by(TARGETS) {
                batch.push_series(labels).sample(time_ms, made_up_value(at, tick));
            }
            making += cpu_seconds() - making_from;
            store.write(&tenant, batch.clone(), Acknowledge::Durable).await.unwrap();
        }
    }
    let samples = (series * ticks) as f64 / 1e6;
    println!(
        "load: {samples:.1} M samples in {:.1} s; {:.3} CPU s a million; peak {} MiB; {:?}",
        started.elapsed().as_secs_f64(),
        (cpu_seconds() - cpu - making) / samples,
        peak_mib(),
        store.head_stats(&tenant)
    );
    let cpu = cpu_seconds();
    store.close().await.unwrap();
    let parts = store.parts(&tenant);
    let bytes: u64 = parts.iter().map(|part| part.meta.bytes).sum();
    println!(
        "close: {:.2} CPU s; {} parts, {:.3} bytes a sample; peak {} MiB",
        cpu_seconds() - cpu,
        parts.len(),
        bytes as f64 / samples / 1e6,
        peak_mib()
    );
    drop(store);
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let store = Store::open(StoreOptions::new(folder), World::real()).await.unwrap();
    query(&store, &[Matcher::equal("__name__", "metric_7")], "first").await;
    let elapsed = started.elapsed().as_secs_f64();
    println!("cold: {elapsed:.3} s, {:.3} CPU s", cpu_seconds() - cpu);
    for _ in 0..2 {
        query(&store, &[Matcher::equal("__name__", "metric_7")], "one metric").await;
        query(&store, &[Matcher::equal("instance", "host3:9100")], "one target").await;
        query(&store, &[], "all").await;
    }
    store.close().await.unwrap();
}

async fn query(store: &Store, matchers: &[Matcher], name: &str) {
    let started = Instant::now();
    let (budget, range) = (Budget::new(u64::MAX), TimeRange::ALL);
    let snapshot = store.snapshot(&TenantId::default_tenant());
    let set = snapshot.select(Select { matchers, range }, &budget).await.unwrap();
    let selected = started.elapsed();
    let (mut points, mut count) = (Points::default(), 0);
    for at in 0..set.len() {
        set.read(at, range, &mut points, &budget).unwrap();
        count += points.len();
    }
    println!(
        "{name}: select {} in {selected:?}, {count} points in {:?}",
        set.len(),
        started.elapsed().saturating_sub(selected)
    );
}

fn made_up_labels(at: usize) -> Labels {
    let (target, metric) = (at % TARGETS, at / TARGETS);
    Labels::from_pairs([
        ("__name__", format!("metric_{}", metric / 8)),
        ("instance", format!("host{target}:9100")),
        ("job", "node".to_owned()),
        ("device", format!("device-{}", metric % 8)),
        ("mode", format!("mode-{}", metric % 3)),
        ("datacenter", "paris-1".to_owned()),
    ])
}

fn made_up_value(at: usize, tick: usize) -> f64 {
    let noise = (at as u64 * 31 + tick as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    match at / TARGETS % 11 {
        0 | 1 => (tick as u64 * 1000 + noise % 1000) as f64,
        2 => (noise % 10_000) as f64 / 100.0,
        3 => tick as f64 * 1.25 + (noise % 100) as f64 / 1000.0,
        _ => at as f64,
    }
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
