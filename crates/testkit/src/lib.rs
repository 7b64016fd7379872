//! Development only: the server under test, shared fixtures, reasons to skip.
#![expect(clippy::print_stderr, reason = "tests say why they skip")]

mod postgres;
mod server;

use std::path::PathBuf;

pub use postgres::Postgres;
pub use server::{Server, ServerBuilder, client, free_port};

/// A file or folder of the shared test data, or `None` after saying that `test` is skipped.
#[expect(clippy::disallowed_methods, reason = "the test runner passes the folder on")]
pub fn shared(test: &str, path: &str) -> Option<PathBuf> {
    let folder = std::env::var("VIGIE_SHARED").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let found = Some(folder.join(path)).filter(|found| found.exists());
    if found.is_none() {
        eprintln!("skipped: {test} needs shared/{path}");
    }
    found
}

/// The Python interpreter with the official clients, or `None` after saying that `test` is skipped.
pub fn python(test: &str) -> Option<PathBuf> {
    from_runner(test, "VIGIE_TEST_PYTHON", "Python clients")
}

/// The Python interpreter with the packages that the seed's applications need, or `None` after
/// saying that `test` is skipped.
pub fn python_of_seed(test: &str) -> Option<PathBuf> {
    from_runner(test, "VIGIE_TEST_PYTHON_SEED", "the seed's Python packages")
}

/// The `node_modules` with the packages that the seed's applications need, or `None` after saying
/// that `test` is skipped.
pub fn node_of_seed(test: &str) -> Option<PathBuf> {
    from_runner(test, "VIGIE_TEST_NODE_SEED", "the seed's Node packages")
}

#[expect(clippy::disallowed_methods, reason = "the test runner passes on what it has installed")]
fn from_runner(test: &str, variable: &str, what: &str) -> Option<PathBuf> {
    let found = std::env::var(variable).ok().map(PathBuf::from);
    if found.is_none() {
        eprintln!("skipped: {test} needs {what}; run it by cargo xtask test");
    }
    found
}

/// A program on the path, or `None` after saying that `test` is skipped.
pub fn program(test: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: {test} needs the program {name}");
    }
    found
}
