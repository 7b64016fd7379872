//! A pipeline as a sink of events: through the filters, to the outputs.

use std::sync::Arc;

use vigie_model::event::{DeliverFuture, Event, EventBatch, EventSink, Value};

use crate::build::Built;

/// Takes batches from doors, runs them through the filters, and answers when the outputs have them.
#[derive(Debug)]
pub struct PipelineSink {
    built: Arc<Built>,
    /// What an input adds to each of its events: `type`, `tags`, `add_field`.
    adds: Vec<(String, Value)>,
}

impl PipelineSink {
    /// The sink of an input that adds nothing.
    pub fn new(built: Arc<Built>) -> Self {
        Self { built, adds: Vec::new() }
    }

    /// The sink of an input that adds fields (and tags, as the field `tags`).
    pub fn adding(built: Arc<Built>, adds: Vec<(String, Value)>) -> Self {
        Self { built, adds }
    }

    fn prepare(&self, event: &mut Event) {
        // Every event of Logstash has it.
        if event.fields.get("@version").is_none() {
            event.fields.push("@version", Value::from("1"));
        }
        for (key, value) in &self.adds {
            match value {
                Value::List(tags) if key == "tags" => {
                    tags.iter().filter_map(Value::as_str).for_each(|tag| event.add_tag(tag));
                }
                // An input's `type` does not take the place of one that the sender gave.
                value if event.fields.get(key).is_none() => {
                    event.fields.push(key.clone(), value.clone());
                }
                _ => {}
            }
        }
    }
}

impl EventSink for PipelineSink {
    fn deliver(&self, batch: EventBatch) -> DeliverFuture<'_> {
        Box::pin(async move {
            let mut events = batch.events;
            for event in &mut events {
                self.prepare(event);
            }
            let events = self.built.pipeline.run(events);
            self.built.outputs.deliver(events).await
        })
    }
}
