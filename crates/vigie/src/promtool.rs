//! `promtool`: checks, questions and edits with the original's output and exit codes.

mod config;
mod connection;
mod discovery;
mod expression;
mod lint;
mod metrics;
mod push;
mod query;

use std::process::ExitCode;

pub(crate) use config::check_agent;

use anyhow::{Result, bail};
use vigie_world::World;

use crate::args::{PromtoolCheck, PromtoolCommand, PromtoolPush, PromtoolTsdb, TestWhat};
use crate::log::warn;
use crate::rules;
use connection::Connection;

/// Exit code for findings that are no errors.
const LINT_EXIT_CODE: u8 = 3;

/// Standard input and files are read up to this.
const INPUT_BYTES_MAX: u64 = 256 << 20;

/// Carries out one command.
pub(crate) fn run(
    command: PromtoolCommand,
    runtime: &tokio::runtime::Runtime,
    world: &World,
) -> Result<ExitCode> {
    match command {
        PromtoolCommand::Check { what, lookback_delta } => {
            check(what, &lookback_delta, runtime, world)
        }
        PromtoolCommand::Query(args) => {
            let asked = runtime.block_on(query::query(args, world));
            Ok(failed_with("query error", asked))
        }
        PromtoolCommand::Push { what: PromtoolPush::Metrics(args), http_config } => {
            let connection = Connection::new(http_config.as_deref(), world)?;
            Ok(runtime.block_on(push::push(&args, &connection, world)))
        }
        PromtoolCommand::Test { what: TestWhat::Rules(args) } => {
            runtime.block_on(rules::test_rules(&args, world))
        }
        PromtoolCommand::Promql { what } => expression::edit(what).map(|()| ExitCode::SUCCESS),
        PromtoolCommand::Debug { .. } => {
            bail!("Vigie has no profiles of Go; its metrics are at /metrics of the server")
        }
        PromtoolCommand::Tsdb { what } => bail!("{}", instead_of(&what)),
    }
}

fn check(
    what: PromtoolCheck,
    lookback: &str,
    runtime: &tokio::runtime::Runtime,
    world: &World,
) -> Result<ExitCode> {
    match what {
        PromtoolCheck::Config(args) => config::check(&args, lookback, world),
        PromtoolCheck::WebConfig { files } => Ok(config::check_web(&files, world)),
        PromtoolCheck::Rules(args) => rules::check_rules(&args, world),
        PromtoolCheck::Metrics(args) => metrics::check(&args),
        PromtoolCheck::ServiceDiscovery(args) => runtime.block_on(discovery::check(&args, world)),
        PromtoolCheck::Healthy(args) => runtime.block_on(query::probe(&args, "/-/healthy", world)),
        PromtoolCheck::Ready(args) => runtime.block_on(query::probe(&args, "/-/ready", world)),
    }
}

/// What serves the same of a store that has no blocks of Prometheus.
const fn instead_of(what: &PromtoolTsdb) -> &'static str {
    match what {
        PromtoolTsdb::CreateBlocksFrom { .. } => {
            "there are no blocks of Prometheus here; `vigie rules replay --start TIME FILES` \
             evaluates rules over the past, `vigie import openmetrics FILE` reads samples, and \
             both write to the server itself"
        }
        PromtoolTsdb::Analyze { .. } => {
            "there are no blocks of Prometheus here; /api/v1/status/tsdb of the server tells of \
             cardinality"
        }
        PromtoolTsdb::List { .. } => {
            "there are no blocks of Prometheus here; /api/v1/status/tsdb/blocks of the server \
             lists its parts"
        }
        PromtoolTsdb::Dump { .. } => {
            "there are no blocks of Prometheus here; /api/v1/export of the server and `vigie \
             export metrics` write its samples"
        }
        PromtoolTsdb::Bench { .. } => {
            "there are no blocks of Prometheus here; docs/performance.md says how Vigie is measured"
        }
    }
}

/// Says what went wrong as promtool does.
fn failed_with(what: &str, result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(&format!("{what}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
