//! Parts in a bucket, the catalog in PostgreSQL: what a machine that is lost leaves behind.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vigie_testkit::{Postgres, Server, free_port, python};

use crate::{remote_write, remote_write_body, vigie};

/// Ends a stand-in when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A stand-in for S3 with the bucket `vigie-parts`: its address, or `None` when there is none.
#[expect(clippy::print_stderr, reason = "tests say why they skip")]
async fn simple_storage(test: &str) -> Option<(Running, String)> {
    let python = python(test)?;
    let has = Command::new(&python).args(["-c", "import moto.server"]).output().unwrap();
    if !has.status.success() {
        eprintln!("skipped: {test} needs the Python package moto");
        return None;
    }
    let port = free_port().unwrap();
    let mut command = Command::new(python);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
    let running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let url = format!("http://127.0.0.1:{port}");
    let client = vigie_testkit::client().unwrap();
    let started = Instant::now();
    while started.elapsed() < Duration::from_mins(1) {
        let made = client.put(format!("{url}/vigie-parts")).send().await;
        if made.is_ok_and(|answer| answer.status().is_success()) {
            return Some((running, url));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the stand-in for S3 does not start");
}

fn settings(url: &str, more: &str) -> String {
    format!(
        "[store]\nretention = \"0\"\nparts_url = \"s3://vigie-parts/some/where\"\n{more}\n[store.parts_options]\n\
         endpoint = \"{url}\"\nregion = \"us-east-1\"\n"
    )
}

async fn write_squares(server: &Server, ticks: std::ops::Range<i64>) {
    for tick in ticks {
        let names: Vec<String> = (0..50).map(|at| at.to_string()).collect();
        let labels: Vec<_> = names.iter().map(|at| [("__name__", "kept"), ("at", at)]).collect();
        let points = [(tick * 15_000, (tick * tick) as f64)];
        let series: Vec<_> = labels.iter().map(|labels| (&labels[..], &points[..])).collect();
        let sent = remote_write(server, remote_write_body(&series)).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    }
}

async fn answer(server: &Server) -> serde_json::Value {
    let parameters = [("query", "sum by (at) (kept)"), ("start", "0"), ("end", "900")];
    let parameters = [&parameters[..], &[("step", "15")]].concat();
    let answer = server.get("/api/v1/query_range", &parameters).await.unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    answer["data"]["result"].clone()
}

fn remove(folder: &Path) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[tokio::test]
async fn parts_in_s3_answer_after_the_local_folder_is_emptied() {
    const NAME: &str = "parts_in_s3_answer_after_the_local_folder_is_emptied";
    let Some((stand_in, url)) = simple_storage(NAME).await else { return };
    let mut server = vigie()
        .settings(&settings(&url, ""))
        .environment("AWS_ACCESS_KEY_ID", "a")
        .environment("AWS_SECRET_ACCESS_KEY", "b")
        .start()
        .await
        .unwrap();
    // A stop seals what was written; several parts come of it.
    for round in 0..3 {
        write_squares(&server, round * 20..(round + 1) * 20).await;
        if round < 2 {
            assert!(server.stop().await.unwrap().success(), "{}", server.log());
            server.launch().await.unwrap();
        }
    }
    let before = answer(&server).await;
    assert_eq!(before.as_array().unwrap().len(), 50);
    assert_eq!(before[0]["values"].as_array().unwrap().len(), 61);
    assert!(server.stop().await.unwrap().success(), "{}", server.log());
    let data = server.folder().join("data");
    assert!(!data.join("parts").exists(), "no part is on the local disk");
    remove(&data.join("tails"));
    server.launch().await.unwrap();
    assert!(answer(&server).await == before, "the same answer");

    // The bucket goes away: questions that need it fail with its name, writes go on.
    drop(stand_in);
    server.kill().unwrap();
    server.spawn().unwrap();
    let error = server.until_ready().await.unwrap_err().to_string();
    assert!(error.contains("s3://vigie-parts/some/where"), "the log names the bucket: {error}");
}

#[tokio::test]
async fn a_new_machine_finds_everything_in_the_bucket_and_the_database() {
    const NAME: &str = "a_new_machine_finds_everything_in_the_bucket_and_the_database";
    let Some(database) = Postgres::start(NAME).unwrap() else { return };
    let Some((_stand_in, url)) = simple_storage(NAME).await else { return };
    let more = format!("catalog_url = \"{}\"", database.url());
    let machine = || {
        let keys = vigie().environment("AWS_ACCESS_KEY_ID", "a");
        keys.environment("AWS_SECRET_ACCESS_KEY", "b").settings(&settings(&url, &more))
    };
    let mut first = machine().start().await.unwrap();
    write_squares(&first, 0..60).await;
    let before = answer(&first).await;
    // Beside it, a second machine is refused and changes nothing.
    let refused = machine().start().await.unwrap_err().to_string();
    assert!(refused.contains("in use by another Vigie"), "{refused}");
    assert!(first.stop().await.unwrap().success(), "{}", first.log());

    let second = machine().start().await.unwrap();
    assert!(answer(&second).await == before, "the same answer");
    // What the first wrote is sealed by its own count, not by the second's.
    let refused = first.launch().await.unwrap_err().to_string();
    assert!(refused.contains("in use by another Vigie"), "{refused}");
    drop(second);
    first.launch().await.unwrap();
    assert!(answer(&first).await == before, "the same answer");
}
