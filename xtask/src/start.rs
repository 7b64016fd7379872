//! Starts Vigie from the checkout.

use anyhow::Result;

use crate::shell::{cargo, check};
use crate::web;

/// Builds page and binary and runs `vigie run` on real input: this host and Vigie itself.
pub(crate) fn run(args: &[String]) -> Result<()> {
    web::build()?;
    check(&mut cargo(&["build", "--release", "--package", "vigie"])?)?;
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "vigie", "--", "run"])?;
    check(command.args(args))
}
