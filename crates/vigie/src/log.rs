//! Where log lines go and how they look.

use std::io::IsTerminal;

use tracing::Level;

use crate::args::{LogArgs, LogFormat, LogLevel};

/// Begins to log to standard error.
pub(crate) fn start(args: &LogArgs) {
    let level = match args.level {
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warn => Level::WARN,
        LogLevel::Error => Level::ERROR,
    };
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // An error would mean that somebody logs already, which is as good.
    match args.format {
        LogFormat::Logfmt => lines.try_init().ok(),
        LogFormat::Json => lines.json().try_init().ok(),
    };
}

/// Says why the process ends.
#[expect(clippy::print_stderr, reason = "the last words, also when nothing logs yet")]
pub(crate) fn fatal(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Says what was asked for.
#[expect(clippy::print_stdout, reason = "the answer is the output")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Writes text as it is; nobody may be reading.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// Says what is wrong with what was asked for, beside the answer.
#[expect(clippy::print_stderr, reason = "tools print what is wrong beside their output")]
pub(crate) fn warn(text: &str) {
    eprintln!("{text}");
}
