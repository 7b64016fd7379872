//! Vigie beside Prometheus: random queries over random data, the same answers.
//!
//! `cargo xtask differential --queries 5000 --seed 7` asks more than the few hundred of
//! `cargo xtask test`. `VIGIE_DIFFERENTIAL_PROMETHEUS` names another Prometheus than Debian's; with
//! one of version 3, texts of errors, warnings and infos are compared too, native histograms are in
//! the data, and ranges begin on samples.

mod compare;
mod data;
mod errors;
mod explained;
mod generate;
pub(crate) mod peer;
mod random;

use std::collections::BTreeMap;

use crate::vigie;
use generate::{Generator, Query};
use peer::{Answer, Peer, ask, start};

/// How many differences are told before the rest is only counted.
const TOLD_MAX: usize = 40;

#[tokio::test]
async fn answers_are_prometheus() {
    run("answers_are_prometheus", 300, 1).await;
}

#[tokio::test]
#[ignore = "minutes; cargo xtask differential runs it"]
async fn thousands_of_answers_are_prometheus() {
    let queries = setting("VIGIE_DIFFERENTIAL_QUERIES").unwrap_or(5_000);
    let seed = setting("VIGIE_DIFFERENTIAL_SEED").unwrap_or(1);
    run("thousands_of_answers_are_prometheus", queries, seed).await;
}

#[expect(clippy::disallowed_methods, reason = "cargo xtask differential says how many")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What came out of all queries.
#[derive(Default)]
struct Tally {
    same: u64,
    with_values: u64,
    with_errors: u64,
    explained: BTreeMap<&'static str, u64>,
    differences: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "who runs thousands wants the numbers")]
async fn run(test: &str, queries: u64, seed: u64) {
    let builder = vigie().arg("empty.yml");
    std::fs::write(builder.folder().join("empty.yml"), "scrape_configs: []\n").unwrap();
    let server = builder.start().await.unwrap();
    let Some(peer) = start(test, &server.client).await else { return };
    for batch in data::batches(seed, peer.level) {
        let mut message = Vec::new();
        vigie_formats::remote_write::encode_v1(&batch, &mut message);
        let body = snap::raw::Encoder::new().compress_vec(&message).unwrap();
        for api in [&peer.api, &server.api] {
            let request = server.client.post(format!("{api}/api/v1/write"));
            let request = request
                .header("Content-Type", "application/x-protobuf")
                .header("Content-Encoding", "snappy")
                .header("X-Prometheus-Remote-Write-Version", "0.1.0");
            let answer = request.body(body.clone()).send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{api}: {status} {text}");
        }
    }
    let mut generator = Generator::new(seed, peer.level);
    let mut tally = Tally::default();
    for _ in 0..queries {
        let query = generator.query();
        one(&peer, &server.api, &query, &mut tally).await;
    }
    let found = tally.differences.len();
    println!(
        "{queries} queries, seed {seed}: {} same ({} with values, {} with an error), {found} differ, \
         explained: {:?}",
        tally.same, tally.with_values, tally.with_errors, tally.explained
    );
    let told: Vec<_> = tally.differences.into_iter().take(TOLD_MAX).collect();
    assert!(told.is_empty(), "{found} of {queries} differ, seed {seed}:\n{}", told.join("\n"));
}

async fn one(peer: &Peer, api: &str, query: &Query, tally: &mut Tally) {
    let (path, parameters) = query.request();
    let theirs = ask(&peer.client, &peer.api, path, &parameters).await;
    let ours = ask(&peer.client, api, path, &parameters).await;
    let ordered = query.text.starts_with("sort") && path == "/api/v1/query";
    match compare::difference(&theirs, &ours, peer.level, ordered) {
        None => {
            tally.same += 1;
            tally.with_values += u64::from(has_values(&theirs));
            tally.with_errors += u64::from(theirs.status != 200);
        }
        Some(text) => match explained::reason(query, &theirs, &ours, &text, peer.level) {
            Some(reason) => *tally.explained.entry(reason).or_default() += 1,
            None => tally.differences.push(format!("{} {:?}\n    {text}", query.text, query.when)),
        },
    }
}

fn has_values(answer: &Answer) -> bool {
    answer.body["data"]["result"].as_array().is_some_and(|list| !list.is_empty())
}
