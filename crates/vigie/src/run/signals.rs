//! Signals: SIGTERM and Ctrl-C end the process, SIGHUP reloads.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Returns when the process should end: by a signal, or because `stop` was cancelled.
pub(crate) async fn until_stopped(stop: &CancellationToken, reload: impl AsyncFn()) {
    let mut terminate = open(SignalKind::terminate());
    let mut interrupt = open(SignalKind::interrupt());
    let mut hang_up = open(SignalKind::hangup());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = next(&mut terminate) => break,
            () = next(&mut interrupt) => break,
            () = next(&mut hang_up) => reload().await,
        }
    }
    stop.cancel();
}

fn open(kind: SignalKind) -> Option<Signal> {
    signal(kind).inspect_err(|error| tracing::warn!(%error, "a signal cannot be received")).ok()
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
