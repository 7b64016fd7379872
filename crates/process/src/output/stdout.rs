//! `stdout`: events as text on the standard output.

use vigie_language::logstash::ConfigError;
use vigie_model::event::{DeliverFuture, Event};
use vigie_world::World;

use super::{Output, OutputContext, WriteOut};
use crate::build::Context;
use crate::codec::Codec;
use crate::options::Options;

struct Stdout {
    codec: Codec,
    write: WriteOut,
    world: World,
}

impl std::fmt::Debug for Stdout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stdout").field("codec", &self.codec).finish_non_exhaustive()
    }
}

pub(super) fn build(
    options: &Options<'_>,
    context: &Context<'_>,
    outputs: &OutputContext,
) -> Result<Box<dyn Output>, ConfigError> {
    Ok(Box::new(Stdout {
        codec: Codec::build(options, "rubydebug")?,
        write: outputs.stdout.clone(),
        world: context.options.world.clone(),
    }))
}

impl Output for Stdout {
    fn write(&self, events: Vec<Event>) -> DeliverFuture<'_> {
        Box::pin(async move {
            let now_ns = self.world.clock.now_ms().saturating_mul(1_000_000);
            let text: String =
                events.iter().map(|event| self.codec.encode(event, now_ns)).collect();
            (self.write)(&text);
            Ok(())
        })
    }
}
