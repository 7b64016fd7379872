//! PromQL conformance over HTTP: the shared cases, against the real binary.

use std::process::Command;

use vigie_testkit::{python, shared};

use crate::vigie;

#[tokio::test]
async fn every_conformance_case_passes() {
    const NAME: &str = "every_conformance_case_passes";
    let Some(folder) = shared(NAME, "conformance/promql") else { return };
    let Some(python) = python(NAME) else { return };
    let server = vigie().start().await.unwrap();
    let report = server.folder().join("report.json");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    files.sort();
    let output = Command::new(python)
        .arg(folder.join("run.py"))
        .args(["--isolate", "tenant", "--json"])
        .arg(&report)
        .arg(&server.api)
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let text = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("{error}\n{said}"));
    let results: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (mut cases, mut failures) = (0, Vec::new());
    for (file, rows) in results.as_object().unwrap() {
        for row in rows.as_array().unwrap() {
            cases += 1;
            let query = row["q"].as_str().unwrap();
            if let Some(error) = row["err"].as_str() {
                failures.push(format!("{file}:{}: {query}\n    {error}", row["line"]));
            }
        }
    }
    assert!(cases > 1_400, "only {cases} cases were run");
    assert!(failures.is_empty(), "{} of {cases} fail:\n{}", failures.len(), failures.join("\n"));
}
