//! Outputs: where events go when the filters are done with them.

mod bulk;
mod elasticsearch;
mod file;
mod http;
mod loki;
mod lumberjack;
mod stdout;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigie_dial::HttpEnvironment;
use vigie_language::logstash::{ConfigError, Plugin, Statement};
use vigie_model::event::{DeliverFuture, Event, EventSink, Refusal, RefusalKind};
use vigie_world::World;

use crate::build::{Context, branch};
use crate::dead_letters::{DeadLetter, DeadLetterQueue};
use crate::options::Options;
use crate::pipeline::{Branch, PluginStats};

pub use lumberjack::LumberjackSink;

/// Whether a host of an output is Vigie itself.
pub type VigieHosts = Arc<dyn Fn(&str) -> bool + Send + Sync>;
/// Where `stdout` writes.
pub type WriteOut = Arc<dyn Fn(&str) + Send + Sync>;

/// What outputs write to.
#[derive(Clone)]
pub struct OutputContext {
    /// Vigie's own store.
    pub own: Arc<dyn EventSink>,
    /// Which hosts are Vigie itself.
    pub is_own_host: VigieHosts,
    /// The standard output.
    pub stdout: WriteOut,
    /// For what is refused for ever.
    pub dead_letters: Option<Arc<DeadLetterQueue>>,
    /// For outputs that dial.
    pub http: HttpEnvironment,
}

impl fmt::Debug for OutputContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputContext").field("own", &self.own).finish_non_exhaustive()
    }
}

/// An output.
pub(crate) trait Output: Send + Sync + fmt::Debug {
    /// Writes `events`. The future ends when they are written, or set aside for good.
    fn write(&self, events: Vec<Event>) -> DeliverFuture<'_>;
}

#[derive(Debug)]
enum OutputStep {
    Output(usize),
    Branch(Branch<Self>),
}

#[derive(Debug)]
struct Slot {
    output: Box<dyn Output>,
    stats: Arc<PluginStats>,
}

/// The outputs of a pipeline.
#[derive(Debug)]
pub struct Outputs {
    steps: Vec<OutputStep>,
    slots: Vec<Slot>,
    world: World,
}

impl Outputs {
    /// What each output has done.
    pub fn stats(&self) -> Vec<Arc<PluginStats>> {
        self.slots.iter().map(|slot| Arc::clone(&slot.stats)).collect()
    }

    /// Hands each event to each output that it is for. The answer is that of all of them.
    pub async fn deliver(&self, events: Vec<Event>) -> Result<(), Refusal> {
        let mut shares: Vec<Vec<Event>> = self.slots.iter().map(|_| Vec::new()).collect();
        let last = self.slots.len().saturating_sub(1);
        let plain = self.steps.iter().all(|step| matches!(step, OutputStep::Output(_)));
        if plain {
            // Every event goes everywhere; only the last takes the events themselves.
            for share in shares.iter_mut().take(last) {
                share.clone_from(&events);
            }
            if let Some(share) = shares.last_mut() {
                *share = events;
            }
        } else {
            for event in &events {
                route(&self.steps, event, &mut shares);
            }
        }
        for (slot, share) in self.slots.iter().zip(shares) {
            if share.is_empty() {
                continue;
            }
            let count = share.len() as u64;
            let started = self.world.clock.monotonic();
            slot.stats.events_in.fetch_add(count, Ordering::Relaxed);
            let written = slot.output.write(share).await;
            let spent = self.world.clock.monotonic().saturating_sub(started);
            slot.stats.duration_us.fetch_add(spent.as_micros() as u64, Ordering::Relaxed);
            match written {
                Ok(()) => slot.stats.events_out.fetch_add(count, Ordering::Relaxed),
                Err(refusal) => {
                    slot.stats.failures.fetch_add(count, Ordering::Relaxed);
                    return Err(refusal);
                }
            };
        }
        Ok(())
    }
}

/// The outputs of a pipeline without its filters, as a sink.
#[derive(Debug)]
pub struct OutputsSink(pub Arc<crate::build::Built>);

impl EventSink for OutputsSink {
    fn deliver(&self, batch: vigie_model::event::EventBatch) -> DeliverFuture<'_> {
        Box::pin(self.0.outputs.deliver(batch.events))
    }
}

fn route(steps: &[OutputStep], event: &Event, shares: &mut [Vec<Event>]) {
    for step in steps {
        match step {
            OutputStep::Output(slot) => {
                if let Some(share) = shares.get_mut(*slot) {
                    share.push(event.clone());
                }
            }
            OutputStep::Branch(branch) => {
                route(branch.steps(branch.arm(event)), event, shares);
            }
        }
    }
}

/// Builds the outputs.
pub(crate) fn build(
    statements: &[Statement],
    outputs: OutputContext,
    context: &mut Context<'_>,
) -> Result<Outputs, ConfigError> {
    let slots = parking_lot::Mutex::new(Vec::new());
    let steps = steps(statements, context, &slots, &outputs)?;
    Ok(Outputs { steps, slots: slots.into_inner(), world: context.options.world.clone() })
}

fn steps(
    statements: &[Statement],
    context: &mut Context<'_>,
    slots: &parking_lot::Mutex<Vec<Slot>>,
    outputs: &OutputContext,
) -> Result<Vec<OutputStep>, ConfigError> {
    let mut made = Vec::with_capacity(statements.len());
    for statement in statements {
        made.push(match statement {
            Statement::Plugin(plugin) => {
                let slot = slot(plugin, context, outputs)?;
                let mut slots = slots.lock();
                slots.push(slot);
                OutputStep::Output(slots.len() - 1)
            }
            Statement::Branch(found) => {
                OutputStep::Branch(branch(found, context, &|body, context| {
                    steps(body, context, slots, outputs)
                })?)
            }
        });
    }
    Ok(made)
}

fn slot(
    plugin: &Plugin,
    context: &mut Context<'_>,
    outputs: &OutputContext,
) -> Result<Slot, ConfigError> {
    let options = Options::new("output", plugin);
    let id = options.text("id")?;
    options.ignore(&["enable_metric", "workers"]);
    let output: Box<dyn Output> = match plugin.name.as_str() {
        "elasticsearch" | "opensearch" => elasticsearch::build(&options, context, outputs)?,
        "stdout" => stdout::build(&options, context, outputs)?,
        "file" => file::build(&options, context)?,
        "http" => http::build(&options, context, outputs)?,
        "loki" => loki::build(&options, context, outputs)?,
        "null" | "sink" => Box::new(Null),
        other => return Err(options.error(&refusal(other))),
    };
    options.ignore(&["ecs_compatibility", "codec"]);
    options.finish()?;
    Ok(Slot { output, stats: context.stats_of(plugin, id) })
}

fn refusal(name: &str) -> String {
    match name {
        "kafka" | "s3" | "redis" | "rabbitmq" => format!(
            "is refused: Vigie does not write to {name}; send to a collector that does by `http`"
        ),
        "pipeline" => "is refused: pipelines do not feed each other here".to_owned(),
        _ => "no such output here; there are elasticsearch, stdout, file, http, loki, null"
            .to_owned(),
    }
}

/// Takes everything, keeps nothing.
#[derive(Debug)]
struct Null;

impl Output for Null {
    fn write(&self, _events: Vec<Event>) -> DeliverFuture<'_> {
        Box::pin(async { Ok(()) })
    }
}

/// Sets events aside that can never be written. Without a queue they are lost, and the log says so.
pub(crate) fn set_aside(
    queue: Option<&Arc<DeadLetterQueue>>,
    plugin: &str,
    letters: Vec<(Event, String)>,
) -> Result<(), Refusal> {
    let Some((_, reason)) = letters.first() else { return Ok(()) };
    let count = letters.len();
    tracing::warn!(plugin, count, reason, kept = queue.is_some(), "events that an output refuses");
    let Some(queue) = queue else { return Ok(()) };
    let letter = |(event, reason)| DeadLetter { event, plugin: plugin.to_owned(), reason };
    let letters: Vec<_> = letters.into_iter().map(letter).collect();
    queue.put(&letters).map_err(|error| {
        Refusal::new(RefusalKind::Unavailable, format!("writing dead letters: {error}"))
    })
}
