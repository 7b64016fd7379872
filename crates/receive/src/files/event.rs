//! From messages to events, with the fields that Filebeat gives them.

use vigie_formats::syslog;
use vigie_language::filebeat::{Input, JsonRules};
use vigie_model::event::{Event, Object, TIMESTAMP, Value};

use super::chain::Line;

/// The version that pipelines see in `@metadata.version` and `agent.version`.
const VERSION: &str = "8.17.0";
const ECS_VERSION: &str = "8.0.0";

/// Who ships: what all events of a process have.
#[derive(Debug, Clone, Default)]
pub struct Shipper {
    /// `agent.name`, `host.name`
    pub name: String,
    /// The host's name.
    pub hostname: String,
    /// `agent.id`
    pub id: String,
    /// `agent.ephemeral_id`, another one for each start.
    pub ephemeral_id: String,
    /// Tags of all events.
    pub tags: Vec<String>,
    /// Fields of all events.
    pub fields: Object,
    /// Whether those stand at the root.
    pub fields_under_root: bool,
}

impl Shipper {
    /// An event with what `input` gives to all of its own.
    pub fn event(&self, input: &Input, time_ns: i64) -> Event {
        let mut event = Event::at(time_ns);
        event.fields.push("input", object([("type", input.kind.as_str().into())]));
        event.fields.push("ecs", object([("version", ECS_VERSION.into())]));
        event.fields.push("host", object([("name", self.name.clone().into())]));
        event.fields.push(
            "agent",
            object([
                ("type", "filebeat".into()),
                ("version", VERSION.into()),
                ("name", self.name.clone().into()),
                ("id", self.id.clone().into()),
                ("ephemeral_id", self.ephemeral_id.clone().into()),
            ]),
        );
        event.metadata.push("beat", "filebeat".into());
        event.metadata.push("type", "_doc".into());
        event.metadata.push("version", VERSION.into());
        self.tags.iter().chain(&input.tags).for_each(|tag| event.add_tag(tag));
        add_fields(&mut event, &self.fields, self.fields_under_root);
        add_fields(&mut event, &input.fields, input.fields_under_root);
        event
    }

    /// The event of a message of the file at `path`.
    pub(super) fn event_of_line(
        &self,
        input: &Input,
        mut line: Line,
        path: &str,
        now_ns: i64,
    ) -> Event {
        let mut event = self.event(input, line.time_ns.unwrap_or(now_ns));
        let mut log = object([
            ("offset", Value::Integer(i64::try_from(line.start).unwrap_or(i64::MAX))),
            ("file", object([("path", path.to_owned().into())])),
        ]);
        let mut flags: Vec<Value> = Vec::new();
        if line.is_multiline {
            flags.push("multiline".into());
        }
        if line.is_cut {
            flags.push("truncated".into());
        }
        let is_syslog = line.flags.contains(&"syslog");
        flags
            .extend(line.flags.iter().filter(|flag| **flag != "syslog").map(|flag| (*flag).into()));
        if let (false, Some(log)) = (flags.is_empty(), log.as_object_mut()) {
            log.push("flags", Value::List(flags));
        }
        event.fields.push("log", log);
        if let Some(stream) = line.stream.take() {
            event.fields.push("stream", stream.into());
        }
        for (key, value) in line.fields {
            event.fields.insert(key, value);
        }
        if is_syslog {
            add_syslog(&mut event, &line.text);
        } else if !line.is_json {
            event.fields.insert("message", line.text.into());
        }
        for (rules, document) in line.documents {
            add_document(&mut event, &rules, document);
        }
        event
    }
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    let mut object = Object::with_capacity(N);
    for (key, value) in pairs {
        object.push(key, value);
    }
    Value::Object(object)
}

fn add_fields(event: &mut Event, fields: &Object, under_root: bool) {
    if fields.is_empty() {
        return;
    }
    if under_root {
        for (key, value) in fields.iter() {
            event.fields.insert(key.to_owned(), value.clone());
        }
        return;
    }
    let slot = event.fields.entry("fields");
    match slot.as_object_mut() {
        Some(known) => {
            for (key, value) in fields.iter() {
                known.insert(key.to_owned(), value.clone());
            }
        }
        None => *slot = Value::Object(fields.clone()),
    }
}

/// Puts what was JSON where the rules say.
fn add_document(event: &mut Event, rules: &JsonRules, document: Object) {
    let target = rules.target.as_deref().unwrap_or_default();
    if !target.is_empty() {
        event.fields.insert(target, Value::Object(document));
        return;
    }
    for (key, value) in document {
        if key == TIMESTAMP {
            let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let time = time.and_then(|time| i64::try_from(time.as_nanosecond()).ok());
            if let (true, Some(time_ns)) = (rules.overwrite_keys, time) {
                event.fields.insert(TIMESTAMP, Value::Time(time_ns));
            }
            continue;
        }
        if rules.overwrite_keys || event.fields.get(&key).is_none() {
            merge(event.fields.entry(&key), value);
        }
    }
}

/// Objects are merged, anything else takes the place of what is there.
fn merge(slot: &mut Value, value: Value) {
    match (slot, value) {
        (Value::Object(known), Value::Object(new)) => {
            for (key, value) in new {
                merge(known.entry(&key), value);
            }
        }
        (slot, value) => *slot = value,
    }
}

/// Adds the parts of a syslog message under the names of the Elastic Common Schema.
pub fn add_syslog(event: &mut Event, text: &str) {
    let message = syslog::parse(text);
    event.fields.insert("message", message.message.into());
    let mut told = Object::new();
    if let Some(priority) = message.priority {
        let (facility, severity) = (i64::from(priority) / 8, i64::from(priority) % 8);
        told.push("priority", Value::Integer(i64::from(priority)));
        told.push("facility", object([("code", facility.into())]));
        told.push("severity", object([("code", severity.into())]));
    }
    let parts = [
        ("hostname", message.hostname),
        ("appname", message.application),
        ("procid", message.process),
        ("msgid", message.message_id),
    ];
    for (name, part) in parts {
        if let Some(part) = part {
            told.push(name, part.into());
        }
    }
    if let Some(log) = event.fields.entry("log").as_object_mut() {
        log.push("syslog", Value::Object(told));
    }
}
