//! Asks Vigie and Prometheus thousands of random queries (crates/vigie/tests/it/differential).

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, check};

/// `--queries N`, `--seed N`, `--prometheus PATH`, each at most once.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let test = ["-p", "vigie", "--test", "it", "thousands_of_answers"];
    let mut command = cargo(&[&["test"][..], &test, &["--", "--ignored", "--nocapture"]].concat())?;
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let variable = match name.as_str() {
            "--queries" => "VIGIE_DIFFERENTIAL_QUERIES",
            "--seed" => "VIGIE_DIFFERENTIAL_SEED",
            "--prometheus" => "VIGIE_DIFFERENTIAL_PROMETHEUS",
            other => bail!("differential knows no {other:?}"),
        };
        command.env(variable, args.next().with_context(|| format!("{name} needs a value"))?);
    }
    check(&mut command)
}
