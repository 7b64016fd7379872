//! How long to wait after a failure: twice as long each time, up to a limit.

use std::time::Duration;

use super::RETRY_MIN;

/// The waits of something that is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    next: Duration,
    longest: Duration,
}

impl Retry {
    /// Waits of at most `longest`.
    pub(super) fn up_to(longest: Duration) -> Self {
        let longest = longest.max(RETRY_MIN);
        Self { next: RETRY_MIN, longest }
    }

    /// It worked: the next failure waits little again.
    pub(super) const fn worked(&mut self) {
        self.next = RETRY_MIN;
    }

    /// It failed: how long to wait now.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait
    }
}
