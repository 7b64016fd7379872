//! Loads documents (one JSON object a line) into a store of logs and asks the questions of the log
//! benchmark: `cargo run --release -p vigie-store --example log_load -- DATA CORPUS [TRUTH]`.
//! Prints CPU seconds, bytes on disk, memory, and milliseconds of CPU for each question.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a tool of measurement")]

use std::time::Instant;

use serde_json::Value;
use vigie_formats::log_document::{DocumentOptions, pack_json_document};
use vigie_model::{Acknowledge, LogAction, LogBatch, LogSink, TenantId};
use vigie_store::logs::{
    BLOCK_ROWS, LogColumnKind, LogFilter, LogOrder, LogQuery, LogSnapshot, LogTest, TokenPattern,
};
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

type Failure = Box<dyn std::error::Error>;

const BATCH: usize = 2_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, data, corpus, rest @ ..] = arguments.as_slice() else {
        return Err("log_load DATA CORPUS [TRUTH]".into());
    };
    let store = Store::open(StoreOptions::new(data), World::real()).await?;
    let tenant = TenantId::default_tenant();
    let text = std::fs::read_to_string(corpus)?;
    let before = usage()?;
    let started = Instant::now();
    let mut lines = 0;
    for some in text.lines().collect::<Vec<_>>().chunks(BATCH) {
        let mut batch = LogBatch::new();
        let index = batch.index("bench");
        for line in some {
            let options = DocumentOptions { time_field: "@timestamp", now_ns: 0 };
            batch.push(LogAction::Index, index, None, |w| pack_json_document(line, options, w))?;
        }
        lines += some.len();
        loop {
            match store.write_logs(&tenant, batch.clone(), Acknowledge::Durable).await {
                Ok(_) => break,
                Err(error) => {
                    println!("{error}");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
    let loaded = usage()?;
    println!(
        "loaded {lines} in {:.2} s, CPU {:.2} s",
        started.elapsed().as_secs_f64(),
        loaded.0 - before.0
    );
    store.flush().await?;
    let flushed = usage()?;
    println!(
        "sealed: CPU {:.2} s = {:.2} s a million; resident at most {:.0} MiB (with the corpus, {:.0})",
        flushed.0 - before.0,
        (flushed.0 - before.0) * 1e6 / lines as f64,
        flushed.1,
        text.len() as f64 / 1_048_576.0,
    );
    let snapshot = store.log_snapshot(&tenant);
    let bytes: u64 = snapshot.indexes()?.iter().map(|index| index.bytes).sum();
    println!(
        "{} parts, {bytes} bytes, {:.1} a line",
        snapshot.parts().len(),
        bytes as f64 / lines as f64
    );
    if let [truth, ..] = rest {
        let truth: Value = serde_json::from_str(&std::fs::read_to_string(truth)?)?;
        ask_all(&snapshot, &truth)?;
    }
    store.close().await?;
    Ok(())
}

/// CPU seconds so far, and the most resident memory in MiB.
fn usage() -> Result<(f64, f64), Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<f64>().ok());
    Ok(((ticks(11) + ticks(12)) / 100.0, kib.unwrap_or(0.0) / 1024.0))
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_lowercase).collect()
}

fn ask_all(snapshot: &LogSnapshot, truth: &Value) -> Result<(), Failure> {
    let var = |name: &str| truth["vars"][name].as_str().unwrap_or_default().to_owned();
    let time = |name: &str| vigie_model::parse_any_time(&var(name)).unwrap_or(0);
    let equals =
        |field: &str, value: &str| LogFilter::field(field, LogTest::Equals(vec![value.to_owned()]));
    let tokens = |name: &str| LogFilter::field("message", LogTest::AllTokens(words(&var(name))));
    let phrase = LogTest::Phrase { tokens: words(&var("PHRASE")), slop: 0, last_is_prefix: false };
    let phrase = LogFilter::field("message", phrase);
    let piece = LogFilter::field("message", LogTest::Token(TokenPattern::Contains(var("SUB"))));
    let substring = LogFilter::field("message", LogTest::Contains(var("SUB")));
    let service = LogQuery {
        start_ns: time("T90"),
        ..LogQuery::new(LogFilter::And(vec![
            equals("service", &var("SERVICE")),
            equals("level", "ERROR"),
        ]))
    };
    let discover = LogQuery { start_ns: time("T96"), ..LogQuery::new(equals("level", "ERROR")) };
    let prefix = LogFilter::field("request_id", LogTest::Prefix(var("REQ")));
    let questions = [
        ("trace", LogQuery::new(equals("trace_id", &var("TRACE"))), true, true),
        ("rare", LogQuery::new(tokens("RARE")), true, false),
        ("rare_count", LogQuery::new(tokens("RARE")), false, true),
        ("common", LogQuery::new(tokens("COMMON")), true, false),
        ("common_count", LogQuery::new(tokens("COMMON")), false, true),
        ("service_error", service, true, true),
        ("phrase", LogQuery::new(phrase.clone()), true, false),
        ("phrase_count", LogQuery::new(phrase), false, true),
        ("substring", LogQuery::new(piece.clone()), true, false),
        ("substring_count", LogQuery::new(piece), false, true),
        ("substring_count", LogQuery::new(substring), false, true),
        ("prefix", LogQuery::new(prefix), true, true),
        ("dynamic_key", LogQuery::new(equals("feature_flag", &var("FLAG"))), true, true),
        ("discover", discover, true, true),
        ("count", LogQuery::new(LogFilter::All), false, true),
    ];
    for (name, query, latest, count) in &questions {
        measure(name, truth, || {
            let mut found = None;
            if *latest {
                let mut out = Vec::new();
                for hit in snapshot.hits(query, LogOrder::Newest, 100, None)? {
                    snapshot.source(&hit, &mut out)?;
                }
            }
            if *count {
                found = Some(snapshot.count(query)?);
            }
            Ok(found)
        })?;
    }
    measure("level_minute", truth, || level_minute(snapshot))?;
    measure("top_paths", truth, || top_paths(snapshot))?;
    Ok(())
}

fn measure(
    name: &str,
    truth: &Value,
    mut ask: impl FnMut() -> Result<Option<u64>, Failure>,
) -> Result<(), Failure> {
    let mut best = f64::MAX;
    let (mut first, mut answer) = (0.0, None);
    for run in 0..7 {
        let started = Instant::now();
        answer = ask()?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        best = best.min(ms);
        if run == 0 {
            first = ms;
        }
    }
    let known = &truth["answers"][name];
    let expected = known["count"].as_u64();
    let right = answer.is_none() || expected.is_none() || answer == expected;
    println!(
        "{name:16} first {first:8.2} ms, best {best:8.2} ms, {answer:?} of {expected:?} {}",
        if right { "" } else { "WRONG" }
    );
    Ok(())
}

/// Count by level and minute.
fn level_minute(snapshot: &LogSnapshot) -> Result<Option<u64>, Failure> {
    let mut total = std::collections::HashMap::<(i64, String), u64>::new();
    for part in snapshot.parts() {
        let Some(column) = part.column("level", LogColumnKind::Text)? else { continue };
        let Some(length) = column.dictionary_len() else { continue };
        let mut counts = std::collections::HashMap::<i64, Vec<u64>>::new();
        let (mut times, mut codes) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
        for block in 0..part.blocks() {
            part.times(block, &mut times)?;
            column.codes(block, &mut codes)?;
            let rows = (part.rows() as usize - block * BLOCK_ROWS).min(BLOCK_ROWS);
            let (mut minute, mut row) = (i64::MIN, None);
            for (time, code) in times.iter().zip(&codes).take(rows) {
                let now = time.div_euclid(60_000_000_000);
                if now != minute || row.is_none() {
                    minute = now;
                    row = Some(counts.entry(now).or_insert_with(|| vec![0; length]).clone());
                }
                if let Some(count) =
                    counts.get_mut(&now).and_then(|counts| counts.get_mut(*code as usize))
                {
                    *count += 1;
                }
            }
        }
        for (minute, counts) in counts {
            for (code, count) in counts.iter().enumerate() {
                let level =
                    String::from_utf8_lossy(column.dictionary_value(code as u32)?).into_owned();
                *total.entry((minute, level)).or_default() += count;
            }
        }
    }
    Ok(Some(total.values().sum()))
}

/// Ten paths with the mean of a number.
fn top_paths(snapshot: &LogSnapshot) -> Result<Option<u64>, Failure> {
    let mut total = std::collections::HashMap::<Vec<u8>, (u64, f64)>::new();
    for part in snapshot.parts() {
        let (Some(path), Some(number)) = (
            part.column("path", LogColumnKind::Text)?,
            part.column("response_time_ms", LogColumnKind::Number)?,
        ) else {
            continue;
        };
        let mut sums = vec![(0_u64, 0.0); path.dictionary_len().unwrap_or(0)];
        let (mut codes, mut numbers) = ([0; BLOCK_ROWS], [0.0; BLOCK_ROWS]);
        for block in 0..part.blocks() {
            path.codes(block, &mut codes)?;
            number.numbers(block, &mut numbers)?;
            let rows = (part.rows() as usize - block * BLOCK_ROWS).min(BLOCK_ROWS);
            for (code, number) in codes.iter().zip(&numbers).take(rows) {
                if let Some(sum) = sums.get_mut(*code as usize) {
                    sum.0 += 1;
                    sum.1 += number;
                }
            }
        }
        for (code, (count, sum)) in sums.iter().enumerate() {
            let entry = total.entry(path.dictionary_value(code as u32)?.to_vec()).or_default();
            entry.0 += count;
            entry.1 += sum;
        }
    }
    let mut top: Vec<_> = total.into_values().collect();
    top.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    Ok(top.first().map(|(count, _)| *count))
}
