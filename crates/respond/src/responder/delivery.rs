//! One attempt to tell somebody: a place in the queue, a deadline, an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use vigie_world::World;

use crate::Delivery;
use crate::notify::{NotifyError, NotifyFailure, NotifyReceipt};

/// How an attempt went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) id: u64,
    pub(super) result: Result<NotifyReceipt, NotifyError>,
}

/// Performs `delivery` and says how it went.
pub(super) async fn deliver(
    delivery: Delivery,
    world: World,
    slots: Arc<Semaphore>,
    outcomes: mpsc::Sender<Outcome>,
    cancel: CancellationToken,
) {
    let id = delivery.id;
    let attempt = async {
        // The queue's wait counts: the deadline is the flush's.
        let _slot = slots.acquire().await;
        let told = delivery.integration.notifier.notify(&delivery.context, &delivery.alerts);
        // A panic of an integration ends this attempt only.
        AssertUnwindSafe(told).catch_unwind().await.unwrap_or_else(|_| {
            Err(failed(false, NotifyFailure::Other, "the integration panicked"))
        })
    };
    let timeout = world.clock.sleep(delivery.context.timeout);
    let result = tokio::select! {
        result = attempt => result,
        () = timeout => Err(failed(true, NotifyFailure::Timeout, "no answer before the deadline")),
        () = cancel.cancelled() => Err(failed(true, NotifyFailure::Cancelled, "the process ends")),
    };
    // An error means that nobody waits any more.
    outcomes.send(Outcome { id, result }).await.ok();
}

fn failed(retry: bool, failure: NotifyFailure, reason: &str) -> NotifyError {
    NotifyError { retry, failure, reason: reason.to_owned() }
}
