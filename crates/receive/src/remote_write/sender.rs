//! One remote's task: takes records from its queue in order, spreads them over senders, and notes
//! how far everything is delivered.
//!
//! A slot's records go to one sender at a time, so samples of a series stay in order. How many
//! senders work follows from what arrives, what waits and how long a sample takes; before the
//! number changes, everything on its way is waited for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outgoing::samples_max;
use super::queue::{OpenSegment, Position, Queue};
use super::shard::{Done, Shard, Work};

/// How long a sender goes on when it should stop, as long as the remote takes everything.
const DRAIN: Duration = Duration::from_secs(5);

/// How often the number of senders is thought over.
const RESHARD_EVERY: Duration = Duration::from_secs(10);

/// How often what was appended is made durable.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A slot is a byte: more senders would have nothing to do.
const SHARDS_MAX: usize = 256;

/// Sends what is in a queue.
#[derive(Debug)]
pub(super) struct Sender {
    shared: Arc<Shard>,
    queue: Arc<Queue>,
    shards: Vec<mpsc::UnboundedSender<Work>>,
    tasks: JoinSet<()>,
    done: (mpsc::UnboundedSender<Done>, mpsc::UnboundedReceiver<Done>),
    /// Records on their way, oldest first; the number of the first is `first_number`.
    window: VecDeque<OnItsWay>,
    first_number: u64,
    /// Samples in the window.
    on_their_way: usize,
    /// Where the next record is.
    next: Position,
    rates: Rates,
}

#[derive(Debug)]
struct OnItsWay {
    end: Position,
    samples: u32,
    done: bool,
}

/// What was seen since the number of senders was thought over.
#[derive(Debug, Default)]
struct Rates {
    since: Duration,
    taken: usize,
    delivered: usize,
    spent: Duration,
}

impl Sender {
    /// A sender of what is in `queue`.
    pub(super) fn new(shared: Shard, queue: Arc<Queue>) -> Self {
        Self {
            shared: Arc::new(shared),
            queue,
            shards: Vec::new(),
            tasks: JoinSet::new(),
            done: mpsc::unbounded_channel(),
            window: VecDeque::new(),
            first_number: 0,
            on_their_way: 0,
            next: Position::default(),
            rates: Rates::default(),
        }
    }

    /// Runs until cancelled.
    pub(super) async fn run(mut self, cancel: CancellationToken) {
        let clock = Arc::clone(&self.shared.world.clock);
        self.rates.since = clock.monotonic();
        let (fewest, most) = self.bounds();
        self.start_shards(fewest).await;
        let mut wanted = fewest;
        let mut open = OpenSegment::default();
        let mut save = clock.sleep(SAVE_EVERY);
        loop {
            let mut waits = wanted != self.shards.len();
            if waits && self.window.is_empty() {
                self.start_shards(wanted).await;
                waits = false;
            }
            if !waits && self.on_their_way < self.room() && self.take(&mut open) {
                // Lets other tasks run, and shards tell what they have done.
                tokio::task::yield_now().await;
                while let Ok(done) = self.done.1.try_recv() {
                    self.note(done);
                }
                if !cancel.is_cancelled() {
                    continue;
                }
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(done) = self.done.1.recv() => self.note(done),
                () = &mut save => {
                    self.queue.save_appended();
                    save = clock.sleep(SAVE_EVERY);
                    if wanted == self.shards.len() {
                        wanted = self.wanted_shards(clock.monotonic(), fewest, most);
                    }
                }
                () = self.queue.changed.notified() => {}
            }
        }
        // What is not taken now waits on disk for the next start.
        self.shared.stopping.cancel();
        tokio::time::timeout(DRAIN, self.drain(&mut open)).await.ok();
        let gauge = &self.shared.metrics.shards;
        gauge.fetch_sub(self.shards.len() as u64, Ordering::Relaxed);
        self.queue.save();
    }

    /// Fewest and most senders.
    fn bounds(&self) -> (usize, usize) {
        let queue = &self.shared.config.queue_config;
        let most = usize::try_from(queue.max_shards).unwrap_or(SHARDS_MAX).clamp(1, SHARDS_MAX);
        (usize::try_from(queue.min_shards).unwrap_or(1).clamp(1, most), most)
    }

    /// Most samples on their way.
    fn room(&self) -> usize {
        let queue = &self.shared.config.queue_config;
        let one = usize::try_from(queue.capacity).unwrap_or(usize::MAX);
        one.max(samples_max(&self.shared.config)).saturating_mul(self.shards.len())
    }

    /// Replaces the senders; nothing is on its way.
    async fn start_shards(&mut self, count: usize) {
        let gauge = &self.shared.metrics.shards;
        gauge.fetch_sub(self.shards.len() as u64, Ordering::Relaxed);
        gauge.fetch_add(count as u64, Ordering::Relaxed);
        // Those of before end when what they listen to is closed.
        self.shards.clear();
        while self.tasks.join_next().await.is_some() {}
        for _ in 0..count {
            let (sender, receiver) = mpsc::unbounded_channel();
            self.shards.push(sender);
            self.tasks.spawn(Arc::clone(&self.shared).run(receiver, self.done.0.clone()));
        }
    }

    /// Gives the next record to its sender; false when nothing waits, or its sender has ended.
    fn take(&mut self, open: &mut OpenSegment) -> bool {
        let Some(peeked) = self.queue.next(self.next, open) else { return false };
        let at = usize::from(peeked.record.slot) % self.shards.len().max(1);
        let samples = peeked.record.samples;
        let number = self.first_number + self.window.len() as u64;
        let work = Work { number, record: peeked.record };
        if self.shards.get(at).is_none_or(|shard| shard.send(work).is_err()) {
            return false;
        }
        self.next = peeked.end;
        self.on_their_way += samples as usize;
        self.rates.taken += samples as usize;
        self.window.push_back(OnItsWay { end: peeked.end, samples, done: false });
        true
    }

    /// Notes what a shard is done with.
    fn note(&mut self, done: Done) {
        self.rates.delivered += done.samples;
        self.rates.spent += done.spent;
        for number in done.numbers {
            let at = usize::try_from(number.saturating_sub(self.first_number));
            if let Some(record) = at.ok().and_then(|at| self.window.get_mut(at)) {
                record.done = true;
            }
        }
        while let Some(first) = self.window.pop_front_if(|first| first.done) {
            self.first_number += 1;
            self.on_their_way = self.on_their_way.saturating_sub(first.samples as usize);
            self.queue.advance(first.end, u64::from(first.samples));
        }
    }

    /// How many senders would keep up with what arrives, and work off a twentieth of what waits
    /// each second. Unchanged as long as nothing was delivered: a remote that is down is not
    /// helped by more senders.
    fn wanted_shards(&mut self, now: Duration, fewest: usize, most: usize) -> usize {
        let current = self.shards.len();
        let passed = now.saturating_sub(self.rates.since);
        if passed < RESHARD_EVERY {
            return current;
        }
        let rates = std::mem::replace(&mut self.rates, Rates { since: now, ..Rates::default() });
        if rates.delivered == 0 {
            return current;
        }
        let a_sample = rates.spent.as_secs_f64() / rates.delivered as f64;
        let waiting = usize::try_from(self.queue.waiting()).unwrap_or(usize::MAX);
        // What waits for a deadline is no backlog.
        let backlog = waiting.saturating_sub(samples_max(&self.shared.config) * current) as f64;
        let arriving = rates.taken as f64 / passed.as_secs_f64();
        wanted(arriving, backlog, a_sample, current).clamp(fewest, most)
    }

    /// Goes on until nothing waits or a shard has ended because its remote took something not.
    async fn drain(&mut self, open: &mut OpenSegment) {
        loop {
            while self.on_their_way < self.room() && self.take(open) {}
            if self.window.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                Some(done) = self.done.1.recv() => self.note(done),
                Some(_) = self.tasks.join_next() => return,
            }
        }
    }
}

/// The number of senders for that many samples a second and in the backlog, at that many seconds
/// each. Within 30 % it is left as it is: a change waits for everything on its way.
fn wanted(arriving: f64, backlog: f64, a_sample: f64, current: usize) -> usize {
    let wanted = a_sample * (arriving + backlog / 20.0);
    if (wanted / current as f64 - 1.0).abs() < 0.3 { current } else { wanted.ceil() as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_follow_what_arrives_and_what_waits() {
        let at = |arriving: f64, backlog: f64, a_sample: f64, current| {
            wanted(arriving, backlog, a_sample, current)
        };
        // 10,000 samples/s at 0.1 ms each keep one sender busy, at 1 ms ten.
        assert_eq!(at(10_000.0, 0.0, 1e-4, 1), 1);
        assert_eq!(at(10_000.0, 0.0, 1e-3, 1), 10);
        // Ten do not become eleven, but two when that is enough.
        assert_eq!(at(10_800.0, 0.0, 1e-3, 10), 10);
        assert_eq!(at(2_000.0, 0.0, 1e-3, 10), 2);
        // Of 400,000 that wait 20,000 are to go each second.
        assert_eq!(at(10_000.0, 400_000.0, 1e-3, 10), 30);
    }
}
