//! When a group is evaluated.
//!
//! The times are multiples of the interval, shifted by a hash of the group's name and file, so
//! that groups do not all run at once and each runs at the same times after every restart. The
//! hash is Prometheus' (`rules/group.go`, `EvalTimestamp`): a move keeps the times.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh64::xxh64;

use super::Group;
use crate::metrics::add;

const NANOSECONDS: i64 = 1_000_000;

/// The last time at or before `now_ms` at which a group of this hash and interval is due.
pub(crate) fn slot_ms(hash: u64, interval_ms: i64, now_ms: i64) -> i64 {
    let interval = interval_ms.max(1).saturating_mul(NANOSECONDS);
    let offset = (hash % interval.unsigned_abs()) as i64;
    let now = now_ms.saturating_mul(NANOSECONDS).saturating_sub(offset);
    // Rounded down, also before the epoch.
    (now.div_euclid(interval) * interval + offset).div_euclid(NANOSECONDS)
}

/// Prometheus' hash of the label set `{file, name}`.
pub(crate) fn hash(name: &str, file: &str) -> u64 {
    let mut bytes = Vec::with_capacity(name.len() + file.len() + 16);
    for text in ["file", file, "name", name] {
        match u8::try_from(text.len()) {
            Ok(length) if length < 255 => bytes.push(length),
            _ => {
                bytes.push(255);
                bytes.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
            }
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    xxh64(&bytes, 0)
}

impl Group {
    fn slot_ms(&self, now_ms: i64) -> i64 {
        let hash = hash(&self.definition.name, &self.definition.file);
        slot_ms(hash, self.definition.interval_ms, now_ms)
    }

    /// Evaluates at every slot between `go` and `stop`.
    pub(crate) async fn run_after(self: Arc<Self>, go: CancellationToken, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = go.cancelled() => self.run(stop).await,
        }
    }

    async fn run(self: Arc<Self>, stop: CancellationToken) {
        let interval_ms = self.definition.interval_ms.max(1);
        let clock = Arc::clone(&self.environment.world.clock);
        let mut at_ms = self.slot_ms(clock.now_ms()) + interval_ms;
        let mut evaluated = 0_u64;
        loop {
            let wait_ms = (at_ms - clock.now_ms()).clamp(0, interval_ms);
            let sleep = clock.sleep(Duration::from_millis(wait_ms.unsigned_abs()));
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep => {}
            }
            let now_ms = clock.now_ms();
            if now_ms < at_ms {
                // The wall clock went back; what is due by it now is due.
                at_ms = self.slot_ms(now_ms) + interval_ms;
                continue;
            }
            let missed = (now_ms - at_ms) / interval_ms;
            if missed > 0 && evaluated > 0 {
                add(&self.numbers.missed, missed.unsigned_abs());
                add(&self.numbers.scheduled, missed.unsigned_abs());
            }
            at_ms += missed * interval_ms;
            self.iterate(at_ms, &stop).await;
            evaluated += 1;
            // After the second evaluation: before it, targets may not have been scraped and
            // recorded series may not be there.
            if evaluated == 2 && self.should_restore.swap(false, Ordering::AcqRel) {
                self.restore(clock.now_ms()).await;
            }
            at_ms += interval_ms;
        }
    }

    /// What becomes of the series of a group that is no more: they end, when by two intervals
    /// later no other group has taken them over.
    pub(crate) async fn end_series(self: Arc<Self>, stop: CancellationToken) {
        {
            let mut ended = self.ended.lock();
            for state in &self.rules {
                ended.extend(state.lock().series.drain());
            }
            if ended.is_empty() {
                return;
            }
        }
        let clock = Arc::clone(&self.environment.world.clock);
        let now_ms = clock.now_ms();
        let wait_ms = 2 * self.definition.interval_ms.max(1);
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(Duration::from_millis(wait_ms.unsigned_abs())) => {
                self.write_ended(now_ms).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_whole_intervals_apart_and_not_in_the_future() {
        for now_ms in [0, 1, 14_999, 15_000, 1_700_000_000_123, -7] {
            let slot = slot_ms(0x1234_5678_9abc_def0, 15_000, now_ms);
            assert!(slot <= now_ms && now_ms - slot <= 15_000, "{now_ms}: {slot}");
            assert_eq!(slot_ms(0x1234_5678_9abc_def0, 15_000, slot + 15_001), slot + 15_000);
        }
    }

    #[test]
    fn the_hash_is_that_of_the_label_set() {
        // xxHash64 of the packed labels {file="f", name="n"}.
        assert_eq!(hash("n", "f"), xxh64(b"\x04file\x01f\x04name\x01n", 0));
        let long = "x".repeat(300);
        assert_ne!(hash(&long, "f"), hash("x", "f"));
    }
}
