//! What a change must pass.

use anyhow::Result;

use crate::shell::{cargo, check};
use crate::test;

/// Formatting, lints and documentation, then the tests.
pub(crate) fn run() -> Result<()> {
    check(&mut cargo(&["fmt", "--all", "--check"])?)?;
    check(
        cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?
            .arg("--no-deps"),
    )?;
    check(
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])?
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    test::run()
}
