//! The tasks of the house, in the house's language: `cargo xtask run|test|ci|differential|tidy|web`.
//!
//! One toolbox for people and for continuous integration: no Makefile, no second task runner.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod ci;
mod differential;
mod needs;
mod shell;
mod start;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <task>

  run [ARGS...]   build the page and the binary, start Vigie on this host's data; ARGS go to
                  `vigie run` (for example --port-offset 10000)
  test            install what the tests need, then run everything: tidy, web, Rust
  ci              test, and what a change must pass besides: formatting, lints, documentation
  differential [--queries N] [--seed N] [--prometheus PATH]
                  random queries over random data, Vigie beside Prometheus (5000 unless said)
  tidy            the structure alone: dependencies between crates, headers, lengths, links
  web             build the page into web/dist
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match task.as_str() {
        "run" => start::run(&rest),
        "test" => test::run(),
        "ci" => ci::run(),
        "differential" => differential::run(&rest),
        "tidy" => tidy::run(),
        "web" => web::build(),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("no task is called {other:?}\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
