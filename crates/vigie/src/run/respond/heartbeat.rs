//! The dead man's switch on Vigie itself: an address elsewhere is asked as long as reacting works,
//! so that somebody notices when it does not.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie_dial::{HttpClient, HttpConfig, HttpEnvironment, RequestLimits};
use vigie_respond::Responder;
use vigie_world::World;

/// How long one heartbeat may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks `url` every `interval`, as long as what reacts can write what it decides.
pub(crate) async fn beat(
    (url, interval): (String, Duration),
    responder: Arc<Responder>,
    (world, http): (World, HttpEnvironment),
    stop: CancellationToken,
) {
    let client = match HttpClient::new(&HttpConfig::default(), &http, &world) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "the heartbeat cannot be sent");
            return;
        }
    };
    let limits = RequestLimits { body_bytes: 64 << 10, timeout: TIMEOUT };
    let interval = interval.max(Duration::from_secs(1));
    loop {
        if works(&responder).await {
            let answer = client
                .get(&url, vigie_dial::HeaderMap::new(), limits)
                .await
                .and_then(|answer| answer.success());
            if let Err(error) = answer {
                tracing::warn!(%error, "the heartbeat was not taken");
            }
        } else {
            tracing::error!("what was decided is not on disk, no heartbeat is sent");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = world.clock.sleep(interval) => {}
        }
    }
}

async fn works(responder: &Responder) -> bool {
    for (_, tenant) in responder.tenants() {
        if tenant.persist().await.is_err() {
            return false;
        }
    }
    true
}
