//! Runs PromQL scripts (`load`, `eval`, `clear`; the language of Prometheus' `promqltest`)
//! against the engine over a store in memory: those of `tests/golden/promql`, and the
//! conformance suite when it is there.

#![expect(clippy::print_stderr, reason = "tests say what failed and what was skipped")]

mod compare;
mod limits;
mod nhcb;
mod run;
mod script;
mod series;
mod value;

use std::path::{Path, PathBuf};

/// Failures that are printed in full.
const FAILURES_SHOWN_MAX: usize = 400;

/// Cases that are known to differ, and why. Remove an entry with what makes it pass.
const KNOWN: &[(&str, &str)] = &[(
    "count_values(\"a\\xc5z\", version)",
    "the parser refuses strings that are not UTF-8 before anybody looks at label names",
)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_scripts_pass() {
    let folder = workspace().join("tests/golden/promql");
    let (passed, failures) = run_folder(&folder).await;
    report(&failures);
    assert!(passed > 0, "no script in {}", folder.display());
    assert!(failures.is_empty(), "{} of {} failed", failures.len(), failures.len() + passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_scripts_pass() {
    let folder = shared().join("conformance/promql");
    if !folder.is_dir() {
        eprintln!("skipped: conformance_scripts_pass needs shared/conformance/promql");
        return;
    }
    let (passed, mut failures) = run_folder(&folder).await;
    failures.retain(|failure| {
        let known = KNOWN.iter().find(|(query, _)| failure.contains(query));
        if let Some((query, reason)) = known {
            eprintln!("known difference: {query}: {reason}");
        }
        known.is_none()
    });
    report(&failures);
    assert!(failures.is_empty(), "{} of {} failed", failures.len(), failures.len() + passed);
}

async fn run_folder(folder: &Path) -> (usize, Vec<String>) {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    files.sort();
    let only = option_env!("GOLDEN_ONLY");
    let (mut passed, mut failures) = (0, Vec::new());
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("the script can be read");
        let (file_passed, file_failures) = run::run_script(&name, &text).await;
        eprintln!("{name}: {file_passed} passed, {} failed", file_failures.len());
        passed += file_passed;
        failures.extend(file_failures);
    }
    (passed, failures)
}

fn report(failures: &[String]) {
    for failure in failures.iter().take(FAILURES_SHOWN_MAX) {
        eprintln!("{failure}");
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shared() -> PathBuf {
    match option_env!("VIGIE_SHARED") {
        Some(path) => PathBuf::from(path),
        None => workspace().join("../shared"),
    }
}
