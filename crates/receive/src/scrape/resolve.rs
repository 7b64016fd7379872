//! Whether the system knows a host, remembered for a minute.

use std::collections::HashMap;
use std::net::ToSocketAddrs as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use vigie_world::World;

/// How long an answer counts: a container that appears is noticed within this time.
const KEPT: Duration = Duration::from_mins(1);

/// An answer, and until when it counts.
type Answer = (bool, Duration);

/// Answers of the system's resolver. Only addresses of `LocalTargets` are asked for, so that
/// there are a handful at most.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolver(Arc<Mutex<HashMap<String, Answer>>>);

impl Resolver {
    /// Whether the system knows the host of `address`.
    pub(super) async fn resolves(&self, address: &str, world: &World) -> bool {
        let now = world.clock.monotonic();
        if let Some((answer, until)) = self.0.lock().get(address)
            && now < *until
        {
            return *answer;
        }
        let (answers, address) = (Arc::clone(&self.0), address.to_owned());
        // The thread itself remembers the answer: one that comes after the scrape's timeout
        // serves the next scrape.
        let looked_up = tokio::task::spawn_blocking(move || {
            let answer = address.to_socket_addrs().is_ok();
            answers.lock().insert(address, (answer, now + KEPT));
            answer
        });
        looked_up.await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_counts_for_a_minute() {
        let clock = Arc::new(vigie_world::ManualClock::at(0));
        let world =
            World { clock: Arc::<vigie_world::ManualClock>::clone(&clock), ..World::real() };
        let resolver = Resolver::default();
        assert!(resolver.resolves("127.0.0.1:1", &world).await);
        resolver.0.lock().insert("127.0.0.1:1".to_owned(), (false, KEPT));
        assert!(!resolver.resolves("127.0.0.1:1", &world).await, "remembered");
        clock.advance(KEPT);
        assert!(resolver.resolves("127.0.0.1:1", &world).await, "asked again");
    }
}
