//! Vigie: one process that receives, keeps, answers and tells.
//!
//! What a process does is in [`run`]: its stages are opened in the order in which data travels and
//! stopped in that order too, receivers first, the store last.

mod args;
mod ask;
mod check;
mod config;
mod dead_letters;
mod doctor;
mod import;
mod log;
mod pipelines;
mod plan;
mod promtool;
mod rules;
mod run;
mod shipper;

use std::process::ExitCode;

use clap::Parser;
use vigie_world::World;

use crate::args::{
    CheckArgs, CheckWhat, Cli, Command, FilebeatCommand, QueryLanguage, RulesWhat, TestWhat,
};
use crate::plan::Plan;

/// Freed memory goes back to the system soon, which keeps the resident size near what is in use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::with_tool_name(std::env::args_os());
    if let Some(version) = args::tool_version(&args) {
        log::say(&version);
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse_from(args);
    // The one provider of cryptography; an error would mean that it is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
    match start(cli.command) {
        Ok(code) => code,
        Err(error) => {
            log::fatal(&error);
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> anyhow::Result<ExitCode> {
    let world = World::real();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Expressions may be a thousand operators deep; only what is touched takes memory.
        .thread_stack_size(16 << 20)
        .build()?;
    let done = match command {
        Command::Run(args) => {
            log::start(&args.log);
            runtime.block_on(run::run(Plan::from_run(args)?, world))
        }
        Command::Prometheus(args) => {
            log::start(&args.log);
            runtime.block_on(run::run(Plan::from_prometheus(*args)?, world))
        }
        Command::Alertmanager(args) => {
            log::start(&args.log);
            runtime.block_on(run::run(Plan::from_alertmanager(&args)?, world))
        }
        Command::DeadLetters(args) => runtime.block_on(dead_letters::dead_letters(&args, &world)),
        Command::Process(args) => pipelines::process(&args, &world),
        Command::Logstash(args) if args.tests => pipelines::test(&args, &world),
        Command::Logstash(args) => {
            log::start(&args.log);
            runtime.block_on(run::run(Plan::from_logstash(&args)?, world))
        }
        Command::Filebeat(args) if args.command.as_ref().is_some_and(FilebeatCommand::is_test) => {
            shipper::test(&args.config(), &world)
        }
        Command::Filebeat(args) => {
            log::start(&args::LogArgs::default());
            runtime.block_on(run::run(Plan::from_filebeat(&args)?, world))
        }
        Command::Amtool(args) => runtime.block_on(ask::ask_amtool(args, world)),
        Command::Alert(args) => runtime.block_on(ask::ask_alert(args, world.clock.now_ms())),
        Command::Silence(args) => runtime.block_on(ask::ask_silence(args, world.clock.now_ms())),
        Command::Export(args) => runtime.block_on(ask::export(args)),
        Command::Incident(args) => runtime.block_on(ask::ask_incident(args)),
        Command::NodeExporter(args) => {
            log::start(&args::LogArgs::default());
            runtime.block_on(run::run(Plan::from_node_exporter(args)?, world))
        }
        Command::Check(CheckArgs { what: Some(CheckWhat::Rules(args)), .. }) => {
            return rules::check_rules(&args, &world);
        }
        Command::Check(args) => check::check(&args.paths),
        Command::Doctor(args) => return runtime.block_on(doctor::doctor(&args, &world)),
        Command::Rules { what: RulesWhat::Replay(args) } => {
            runtime.block_on(rules::replay(&args, &world))
        }
        Command::Test { what: TestWhat::Rules(args) } => {
            return runtime.block_on(rules::test_rules(&args, &world));
        }
        Command::Query(args) => match args.language {
            QueryLanguage::Promql(args) => {
                runtime.block_on(ask::ask_promql(args, world.clock.now_ms()))
            }
            QueryLanguage::Sql(args) => runtime.block_on(ask::ask_sql(args)),
        },
        Command::Import(args) => runtime.block_on(import::import(args)),
        Command::Promtool(args) => return promtool::run(args.command, &runtime, &world),
    };
    done.map(|()| ExitCode::SUCCESS)
}
