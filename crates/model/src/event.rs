//! Events of logs between the doors that take them and whatever keeps them.
//!
//! A door (Beats, files, syslog, ...) reads the wire, makes [`Event`]s, and hands a bounded
//! [`EventBatch`] to an [`EventSink`]. The answer comes once: the whole batch is durable, or it is
//! refused and nothing of it may be acknowledged to its sender. Pipelines are sinks before sinks;
//! [`LogIndexes`] is the last one: it packs events as documents of log indices.

mod indexes;
mod pack;
mod pattern;
mod sink;
mod value;

pub use indexes::{LogIndexes, NowNs};
pub use pack::{pack_event, write_object_json, write_value_json};
pub use pattern::IndexPattern;
pub use sink::{DeliverFuture, EventSink, Refusal, RefusalKind};
pub use value::{Object, Value};

use std::net::SocketAddr;
use std::sync::Arc;

/// The field with the time of what an event tells.
pub const TIMESTAMP: &str = "@timestamp";

/// One event: what will be a document, and what is known of it besides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// The document. `@timestamp` is a [`Value::Time`] when a door made it.
    pub fields: Object,
    /// `[@metadata]`: pipelines see it, stores do not.
    pub metadata: Object,
}

impl Event {
    /// An event of that time without other fields.
    pub fn at(time_ns: i64) -> Self {
        let mut fields = Object::with_capacity(8);
        fields.push(TIMESTAMP, Value::Time(time_ns));
        Self { fields, metadata: Object::new() }
    }

    /// An event of a line of text.
    pub fn of_message(time_ns: i64, message: impl Into<String>) -> Self {
        let mut event = Self::at(time_ns);
        event.fields.push("message", Value::String(message.into()));
        event
    }

    /// Its time, when `@timestamp` holds one.
    pub fn time_ns(&self) -> Option<i64> {
        match self.fields.get(TIMESTAMP) {
            Some(Value::Time(time_ns)) => Some(*time_ns),
            _ => None,
        }
    }

    /// Adds `tag` to `tags` unless it is there.
    pub fn add_tag(&mut self, tag: &str) {
        let tags = self.fields.entry("tags");
        match tags {
            Value::List(list) => {
                if !list.iter().any(|known| known.as_str() == Some(tag)) {
                    list.push(Value::String(tag.to_owned()));
                }
            }
            Value::String(known) if known == tag => {}
            Value::String(_) => {
                let known = std::mem::take(tags);
                *tags = Value::List(vec![known, Value::String(tag.to_owned())]);
            }
            _ => *tags = Value::List(vec![Value::String(tag.to_owned())]),
        }
    }
}

/// Where a batch came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventOrigin {
    /// The kind of input (`beats`, `tcp`, `filestream`, ...).
    pub kind: Arc<str>,
    /// The input itself, where several of a kind have names or ports of their own.
    pub input: Arc<str>,
    /// Who sent it, if it came over the network.
    pub peer: Option<SocketAddr>,
    /// The index that the input's configuration names; `None`: the sink's own.
    pub index: Option<Arc<str>>,
}

/// Events of one sender, in order. Doors keep batches to a few thousand events and some MiB.
#[derive(Debug, Clone, Default)]
pub struct EventBatch {
    /// Where they came from.
    pub origin: EventOrigin,
    /// The events.
    pub events: Vec<Event>,
}
