//! What time it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

/// Ends when the time has come.
pub type SleepFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds since the Unix epoch, by the wall clock.
    fn now_ms(&self) -> i64;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits for `duration`.
    fn sleep(&self, duration: Duration) -> SleepFuture;
}

/// The machine's clock.
#[derive(Debug)]
pub struct RealClock {
    started: Instant,
}

impl RealClock {
    /// The machine's clock.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn now_ms(&self) -> i64 {
        let now = std::time::SystemTime::now();
        match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> SleepFuture {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    start_ms: i64,
    elapsed: watch::Sender<Duration>,
    moving: Mutex<()>,
}

impl ManualClock {
    /// A clock that shows `now_ms`.
    pub fn at(now_ms: i64) -> Self {
        Self { start_ms: now_ms, elapsed: watch::channel(Duration::ZERO).0, moving: Mutex::new(()) }
    }

    /// Moves the clock forward and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        let _one_at_a_time = self.moving.lock();
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.start_ms + i64::try_from(self.elapsed.borrow().as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep(&self, duration: Duration) -> SleepFuture {
        let mut elapsed = self.elapsed.subscribe();
        let until = *self.elapsed.borrow() + duration;
        Box::pin(async move {
            // An error means that the clock is gone, and with it whoever could wait for it.
            elapsed.wait_for(|now| *now >= until).await.ok();
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_the_clock_is_moved() {
        let clock = ManualClock::at(1_000);
        let sleep = clock.sleep(Duration::from_millis(50));
        clock.advance(Duration::from_millis(49));
        let mut sleep = Box::pin(sleep);
        let early = tokio::time::timeout(Duration::from_millis(5), &mut sleep).await;
        assert!(early.is_err(), "woke one millisecond early");
        clock.advance(Duration::from_millis(1));
        sleep.await;
        assert_eq!(clock.now_ms(), 1_050);
    }
}
