//! The door for Beats: of a pipeline that asks for one, or by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;
use vigie_model::event::EventSink;
use vigie_process::{Decoder, decode_beats};
use vigie_receive::beats::{BeatsDoor, BeatsOptions, BeatsPayload, BeatsStats};
use vigie_show::Telemetry;
use vigie_store::Store;
use vigie_world::World;

use super::listeners::Listeners;
use crate::plan::Port;

/// A connection on which nothing happens for so long is closed, as Logstash does.
const IDLE: Duration = Duration::from_secs(60);

/// A door that is not open yet.
pub(super) fn door(
    options: BeatsOptions,
    (decoder, tags_codec): (Decoder, bool),
    sink: Arc<dyn EventSink>,
    world: &World,
) -> BeatsDoor {
    let decode = decode_beats(decoder, tags_codec, world.clone());
    let decode = Arc::new(move |payload: BeatsPayload<'_>, peer| match payload {
        BeatsPayload::Json(json) => decode(Ok(json), peer),
        BeatsPayload::Pairs(pairs) => decode(Err(pairs), peer),
    });
    BeatsDoor::new(options, decode, sink, world.clone())
}

/// Opens the door that leads straight to the store, unless a pipeline has its port.
pub(super) async fn open(
    port: Option<&Port>,
    (store, world): (&Arc<Store>, &World),
    telemetry: &Telemetry,
    (listeners, stop): (&mut Listeners, &CancellationToken),
) -> Result<()> {
    let Some(listener) = listeners.bind_wanted("beats", port).await? else { return Ok(()) };
    let sink = super::log_doors::store_sink(store, world);
    let options = BeatsOptions { input: "beats".to_owned(), idle: IDLE, tls: None };
    let door = door(options, (Decoder::Plain, false), sink, world);
    register(telemetry, &door.stats());
    if let Ok(address) = listener.local_addr() {
        tracing::info!(part = "beats", %address, "listening");
    }
    listeners.spawn(door.serve(listener, stop.clone()));
    Ok(())
}

fn register(telemetry: &Telemetry, stats: &Arc<BeatsStats>) {
    let stats = Arc::clone(stats);
    telemetry.register(Box::new(move |text| {
        for (name, help, value) in [
            (
                "vigie_receive_beats_events_total",
                "Events of Beats that are durable.",
                &stats.events,
            ),
            (
                "vigie_receive_beats_connections_total",
                "Connections of Beats that were opened.",
                &stats.connections,
            ),
            (
                "vigie_receive_beats_malformed_total",
                "Connections of Beats that ended because of what was sent.",
                &stats.malformed,
            ),
        ] {
            text.family(name, "counter", help);
            text.sample(name, &[], value.load(Ordering::Relaxed) as f64);
        }
    }));
}
