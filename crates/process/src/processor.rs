//! Processors of `filebeat.yml`: what is done to events before they are handed on.
//!
//! The tree that `vigie_language::filebeat` reads is compiled here. Fields are dotted names; the
//! root is what the document is. A processor that cannot do its work leaves the event as it was and
//! says so in `error.message`, where the original does.

mod access;
mod change;
mod condition;
mod decode;
mod dissect;
mod docker;
mod enrich;
mod lists;
#[cfg(test)]
mod tests;
mod time;

use std::fmt;
use std::sync::Arc;

use vigie_dial::HttpEnvironment;
use vigie_language::filebeat::{Processor as Tree, Section, Warning};
use vigie_language::yaml::{ConfigError, Source};
use vigie_model::event::{DeliverFuture, Event, EventBatch, EventSink};
use vigie_world::World;

use condition::Test;
use docker::Containers;

/// What processors are built with.
#[derive(Debug, Clone)]
pub struct ProcessorContext {
    /// Clock, disk, randomness.
    pub world: World,
    /// For those that dial.
    pub http: HttpEnvironment,
}

/// One step.
trait Step: Send + Sync + fmt::Debug {
    /// Changes `event`; false: it ends here.
    fn apply(&self, event: &mut Event) -> bool;
}

#[derive(Debug)]
enum Part {
    Step {
        when: Option<Test>,
        step: Box<dyn Step>,
    },
    /// Asks a container runtime first.
    Docker {
        when: Option<Test>,
        containers: Arc<Containers>,
    },
    Branch {
        when: Test,
        then: Vec<Self>,
        otherwise: Vec<Self>,
    },
}

/// Processors in their order.
#[derive(Debug, Default)]
pub struct Processors(Vec<Part>);

impl Processors {
    /// Compiles `trees`. What has no effect here is a warning.
    pub fn build(
        trees: &[Tree],
        source: &Source,
        context: &ProcessorContext,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ConfigError> {
        Ok(Self(parts(trees, source, context, warnings)?))
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs all events through all processors. Those that ended are gone.
    pub async fn run(&self, events: &mut Vec<Event>) {
        prepare(&self.0, events).await;
        events.retain_mut(|event| apply(&self.0, event));
    }
}

/// Asks for what processors have to know of these events, so that they need not wait.
fn prepare<'a>(
    parts: &'a [Part],
    events: &'a [Event],
) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    Box::pin(async move {
        for part in parts {
            match part {
                Part::Step { .. } => {}
                Part::Docker { containers, .. } => containers.learn(events).await,
                Part::Branch { then, otherwise, .. } => {
                    prepare(then, events).await;
                    prepare(otherwise, events).await;
                }
            }
        }
    })
}

fn apply(parts: &[Part], event: &mut Event) -> bool {
    parts.iter().all(|part| match part {
        Part::Step { when, step } => {
            !when.as_ref().is_none_or(|test| test.holds(event)) || step.apply(event)
        }
        Part::Docker { when, containers } => {
            if when.as_ref().is_none_or(|test| test.holds(event)) {
                containers.enrich(event);
            }
            true
        }
        Part::Branch { when, then, otherwise } => {
            apply(if when.holds(event) { then } else { otherwise }, event)
        }
    })
}

fn parts(
    trees: &[Tree],
    source: &Source,
    context: &ProcessorContext,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Part>, ConfigError> {
    let mut made = Vec::with_capacity(trees.len());
    for tree in trees {
        match tree {
            Tree::Branch { when, then, otherwise } => made.push(Part::Branch {
                when: Test::new(when),
                then: parts(then, source, context, warnings)?,
                otherwise: parts(otherwise, source, context, warnings)?,
            }),
            Tree::Step { name, options, when } => {
                let when = when.as_ref().map(Test::new);
                let mut section = Section::of(options, source)?;
                section.ignore(&["when", "id"]);
                if name == "add_docker_metadata" {
                    let containers = Containers::build(&mut section, context)?;
                    made.push(Part::Docker { when, containers: Arc::new(containers) });
                } else if let Some(step) = step(name, &mut section, context, warnings)? {
                    made.push(Part::Step { when, step });
                }
                section.finish(&format!("{name}."), warnings);
            }
        }
    }
    Ok(made)
}

/// Names of the processors that are served.
const KNOWN: &str = "add_docker_metadata, add_fields, add_host_metadata, add_id, \
    add_kubernetes_metadata, add_labels, add_locale, add_tags, append, convert, copy_fields, \
    decode_base64_field, decode_csv_fields, decode_json_fields, dissect, drop_event, drop_fields, \
    extract_array, fingerprint, include_fields, lowercase, now, rename, replace, syslog, timestamp, \
    truncate_fields, uppercase, urldecode";

fn step(
    name: &str,
    section: &mut Section<'_>,
    context: &ProcessorContext,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Box<dyn Step>>, ConfigError> {
    Ok(Some(match name {
        "add_fields" => enrich::add_fields(section, "fields")?,
        "add_labels" => enrich::add_labels(section)?,
        "add_tags" => enrich::add_tags(section)?,
        "add_id" => enrich::add_id(section, context)?,
        "add_host_metadata" => enrich::add_host(section, context)?,
        "add_locale" => enrich::add_locale(section)?,
        "add_kubernetes_metadata" => {
            let message = "add_kubernetes_metadata: what the file's name tells is added; labels \
                 and annotations are not there yet";
            warnings.push(Warning { line: section.line(), message: message.to_owned() });
            enrich::add_kubernetes(section)
        }
        "add_cloud_metadata" | "add_process_metadata" | "add_observer_metadata" => {
            let message = format!("{name} is not there yet and adds nothing");
            warnings.push(Warning { line: section.line(), message });
            section.names().collect::<Vec<_>>().iter().for_each(|name| section.ignore(&[name]));
            return Ok(None);
        }
        "append" => lists::append(section)?,
        "convert" => change::convert(section)?,
        "copy_fields" => change::copy_fields(section)?,
        "drop_event" => change::drop_event(),
        "drop_fields" => change::drop_fields(section)?,
        "extract_array" => lists::extract_array(section)?,
        "include_fields" => change::include_fields(section)?,
        "lowercase" => change::letters(section, false)?,
        "uppercase" => change::letters(section, true)?,
        "rename" => change::rename(section)?,
        "replace" => change::replace(section)?,
        "truncate_fields" => change::truncate_fields(section)?,
        "decode_base64_field" => decode::base64(section)?,
        "decode_csv_fields" => decode::csv(section)?,
        "decode_json_fields" => decode::json(section)?,
        "syslog" => decode::syslog(section)?,
        "urldecode" => decode::urldecode(section)?,
        "fingerprint" => decode::fingerprint(section)?,
        "dissect" => dissect::build(section, context)?,
        "timestamp" => time::timestamp(section, context)?,
        "now" => time::now(section, context)?,
        "script" => {
            return Err(section
                .error("processor `script` is refused: Vigie runs no JavaScript")
                .advise("say the same with the other processors, or in a logstash.conf"));
        }
        other => {
            return Err(section
                .error(format!("processor `{other}` is not there yet"))
                .advise(format!("there are {KNOWN}")));
        }
    }))
}

/// What is done with what an input reads before it goes on.
#[derive(Debug)]
pub struct ProcessorSink {
    /// The input's own, then those of all.
    processors: Vec<Arc<Processors>>,
    next: Arc<dyn EventSink>,
}

impl ProcessorSink {
    /// Hands what `processors` leave on to `next`.
    pub fn new(processors: Vec<Arc<Processors>>, next: Arc<dyn EventSink>) -> Self {
        Self { processors, next }
    }
}

impl EventSink for ProcessorSink {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            let mut batch = batch;
            for processors in &self.processors {
                processors.run(&mut batch.events).await;
            }
            if batch.events.is_empty() {
                return Ok(());
            }
            self.next.deliver(batch).await
        })
    }
}
