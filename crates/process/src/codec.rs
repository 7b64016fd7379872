//! Codecs of outputs: an event as text. And back, for what reads events from lines.

use vigie_formats::event_json::parse_json;
use vigie_language::logstash::{ConfigError, Plugin, Sprintf, Value as OptionValue};
use vigie_model::event::{Event, TIMESTAMP, Value, write_object_json};

use crate::options::Options;
use crate::rubydebug::rubydebug;
use crate::{field, text};

/// How an output writes an event.
#[derive(Debug)]
pub(crate) enum Codec {
    RubyDebug { shows_metadata: bool },
    Json,
    JsonLines,
    Dots,
    Line(Option<Sprintf>),
    Plain(Option<Sprintf>),
}

impl Codec {
    /// The codec that the option `codec` names.
    pub(crate) fn build(options: &Options<'_>, default: &str) -> Result<Self, ConfigError> {
        match options.value("codec") {
            None => Self::named(options, default),
            Some(OptionValue::Text(name)) => Self::named(options, name),
            Some(OptionValue::Plugin(plugin)) => Self::of_plugin(plugin),
            Some(_) => Err(options.error("codec: must be the name of a codec")),
        }
    }

    fn named(options: &Options<'_>, name: &str) -> Result<Self, ConfigError> {
        let position = options.plugin().position;
        Self::of_plugin(&Plugin { name: name.to_owned(), options: Vec::new(), position })
    }

    fn of_plugin(plugin: &Plugin) -> Result<Self, ConfigError> {
        let options = Options::new("codec", plugin);
        options.ignore(&["charset", "id", "enable_metric", "ecs_compatibility", "delimiter"]);
        let codec = match plugin.name.as_str() {
            "rubydebug" => Self::RubyDebug { shows_metadata: options.boolean("metadata", false)? },
            "json" => Self::Json,
            "json_lines" => Self::JsonLines,
            "dots" => Self::Dots,
            "line" => Self::Line(options.sprintf("format")?),
            "plain" => Self::Plain(options.sprintf("format")?),
            _ => {
                return Err(options.error(
                    "no such codec for outputs here; there are rubydebug, json, json_lines, dots, \
                     line, plain",
                ));
            }
        };
        options.finish()?;
        Ok(codec)
    }

    /// The event as text, with the end of the line where the codec writes one.
    pub(crate) fn encode(&self, event: &Event, now_ns: i64) -> String {
        let formatted = |format: &Option<Sprintf>| match format {
            Some(format) => text::render(format, event, now_ns),
            None => plain(event),
        };
        match self {
            Self::RubyDebug { shows_metadata } => rubydebug(event, *shows_metadata) + "\n",
            Self::Json => json(event),
            Self::JsonLines => json(event) + "\n",
            Self::Dots => ".".to_owned(),
            Self::Line(format) => formatted(format) + "\n",
            Self::Plain(format) => formatted(format),
        }
    }
}

/// The document as JSON.
pub(crate) fn json(event: &Event) -> String {
    let mut out = Vec::new();
    write_object_json(&event.fields, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// What an event is as text: time, host, message.
fn plain(event: &Event) -> String {
    let part = |name: &str| event.fields.get(name).map(text::of_value);
    let host = part("host").unwrap_or_else(|| "%{host}".to_owned());
    let message = part("message").unwrap_or_else(|| "%{message}".to_owned());
    format!("{} {host} {message}", part(TIMESTAMP).unwrap_or_default())
}

/// An event of a line as the `json` codec makes it: an object's members are its fields, anything
/// else is a message. What is no JSON is a message, tagged `_jsonparsefailure`.
pub fn event_of_json(line: &str, now_ns: i64) -> Event {
    if let Ok(value) = parse_json(line.as_bytes()) {
        return event_of_value(value, now_ns);
    }
    let mut event = Event::of_message(now_ns, line);
    event.add_tag("_jsonparsefailure");
    event
}

/// An event of a value: an object's members are its fields, anything else is a message.
pub(crate) fn event_of_value(value: Value, now_ns: i64) -> Event {
    let Value::Object(mut fields) = value else {
        return Event::of_message(now_ns, text::of_value(&value));
    };
    let mut event = Event::at(now_ns);
    if let Some(time) = fields.remove(TIMESTAMP) {
        if let Some(time_ns) = field::as_time_ns(&time) {
            event.fields.insert(TIMESTAMP, Value::Time(time_ns));
        } else {
            event.fields.insert("_@timestamp", time);
            event.add_tag("_timestampparsefailure");
        }
    }
    if let Some(Value::Object(metadata)) = fields.remove("@metadata") {
        event.metadata = metadata;
    }
    for (key, value) in fields {
        event.fields.insert(key, value);
    }
    event
}
