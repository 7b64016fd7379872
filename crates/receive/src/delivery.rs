//! Handing events on: again and again while they are not taken.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie_model::event::{EventBatch, EventSink, RefusalKind};
use vigie_world::World;

/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Hands `batch` on until it is taken, can never be, or everything stops. Gives how many events are
/// kept: none where they can never be. `None`: everything stops, and the sender must not be told
/// that they are.
pub(crate) async fn deliver(
    sink: &dyn EventSink,
    world: &World,
    batch: EventBatch,
    stop: &CancellationToken,
) -> Option<u64> {
    let (mut wait, count) = (Duration::from_millis(100), batch.events.len() as u64);
    loop {
        match sink.deliver(batch.clone()).await {
            Ok(()) => return Some(count),
            Err(refusal) if refusal.kind == RefusalKind::Invalid => {
                tracing::warn!(count, error = %refusal, "events that can never be kept are dropped");
                return Some(0);
            }
            Err(refusal) => {
                tracing::warn!(count, error = %refusal, "events are not taken now, trying again");
                tokio::select! {
                    () = stop.cancelled() => return None,
                    () = world.clock.sleep(wait) => wait = (wait * 2).min(WAIT_MAX),
                }
            }
        }
    }
}
