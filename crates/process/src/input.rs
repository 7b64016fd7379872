//! Inputs of a `logstash.conf`: what they listen on, how they read, what they add. Doors are opened
//! by whoever runs the pipeline.

use std::net::SocketAddr;
use std::sync::Arc;

use vigie_formats::event_json::parse_json;
use vigie_language::logstash::{
    Config, ConfigError, FieldReference, Plugin, Position, Statement, Value as OptionValue,
};
use vigie_model::event::{Event, Value};
use vigie_world::World;

use crate::codec::event_of_value;
use crate::field;
use crate::options::Options;

/// An input.
#[derive(Debug, Clone)]
pub struct Input {
    /// `tcp`.
    pub kind: String,
    /// The port that it listens on, where it does.
    pub port: Option<u16>,
    /// The address that it listens on, when it names one.
    pub host: Option<String>,
    /// How it reads.
    pub decoder: Decoder,
    /// What it adds to each event.
    pub adds: Vec<(String, Value)>,
    /// Its id, given or made.
    pub id: String,
    /// Where it stands.
    pub position: Position,
    /// All of its options, for doors that have more.
    pub plugin: Plugin,
}

/// How an input makes events of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// JSON; a list is several events.
    Json,
    /// Text.
    Plain,
}

impl Decoder {
    /// The events of one line or datagram.
    pub fn decode(self, bytes: &[u8], now_ns: i64) -> Vec<Event> {
        let text = || String::from_utf8_lossy(bytes).into_owned();
        if self == Self::Plain {
            let text = text();
            return vec![Event::of_message(now_ns, text.trim_end_matches(['\r', '\n']))];
        }
        match parse_json(bytes) {
            Ok(Value::List(items)) => {
                items.into_iter().map(|item| event_of_value(item, now_ns)).collect()
            }
            Ok(value) => vec![event_of_value(value, now_ns)],
            Err(_) => {
                let mut event = Event::of_message(now_ns, text());
                event.add_tag("_jsonparsefailure");
                vec![event]
            }
        }
    }
}

/// Inputs that need no door of their own here: those of other doors, or of none.
const WITHOUT_DOOR: [&str; 4] = ["beats", "elastic_agent", "stdin", "generator"];

/// Reads the inputs of `config`.
pub fn inputs(config: &Config) -> Result<Vec<Input>, ConfigError> {
    let mut found = Vec::new();
    for statement in &config.inputs {
        match statement {
            Statement::Plugin(plugin) => found.push(input(plugin)?),
            Statement::Branch(branch) => {
                return Err(ConfigError::new(branch.position, "an input cannot stand under `if`"));
            }
        }
    }
    Ok(found)
}

fn input(plugin: &Plugin) -> Result<Input, ConfigError> {
    let options = Options::new("input", plugin);
    let default = match plugin.name.as_str() {
        "tcp" | "stdin" => "line",
        "udp" => "plain",
        "http" => "json",
        name if WITHOUT_DOOR.contains(&name) => "plain",
        "file" | "syslog" | "gelf" => "plain",
        other => {
            return Err(options.error(&format!(
                "no such input here: `{other}`; there are tcp, udp, stdin, and beats where its \
                 door is open"
            )));
        }
    };
    let port = options.number("port", 0.0)?;
    let port = Some(port as u16).filter(|port| *port > 0);
    if matches!(plugin.name.as_str(), "tcp" | "udp") && port.is_none() {
        return Err(options.error("the option port is missing"));
    }
    if options.text("mode")?.is_some_and(|mode| mode != "server") {
        return Err(options.error("mode: only server is served"));
    }
    if matches!(plugin.name.as_str(), "tcp")
        && (options.boolean("ssl_enable", false)? || options.boolean("ssl_enabled", false)?)
    {
        return Err(options.error("TLS is not served on this input"));
    }
    Ok(Input {
        kind: plugin.name.clone(),
        port,
        host: options.text("host")?,
        decoder: decoder(&options, default)?,
        adds: adds(&options)?,
        id: options
            .text("id")?
            .unwrap_or_else(|| format!("{}_{}", plugin.name, plugin.position.line)),
        position: plugin.position,
        plugin: plugin.clone(),
    })
}

fn decoder(options: &Options<'_>, default: &str) -> Result<Decoder, ConfigError> {
    let name = match options.value("codec") {
        None => default,
        Some(OptionValue::Text(name)) => name,
        Some(OptionValue::Plugin(plugin)) => &plugin.name,
        Some(_) => return Err(options.error("codec: must be the name of a codec")),
    };
    match name {
        "json" | "json_lines" => Ok(Decoder::Json),
        "plain" | "line" => Ok(Decoder::Plain),
        other => Err(options.error(&format!(
            "codec: `{other}` is not served; there are json, json_lines, line, plain"
        ))),
    }
}

/// `add_field`, `type`, `tags`.
fn adds(options: &Options<'_>) -> Result<Vec<(String, Value)>, ConfigError> {
    let mut adds = Vec::new();
    for (key, values) in options.hash("add_field")?.unwrap_or_default() {
        let mut values: Vec<_> = values.into_iter().map(Value::String).collect();
        let value = if values.len() == 1 { values.remove(0) } else { Value::List(values) };
        adds.push((key, value));
    }
    if let Some(kind) = options.text("type")? {
        adds.push(("type".to_owned(), Value::String(kind)));
    }
    if let Some(tags) = options.list("tags")? {
        adds.push(("tags".to_owned(), Value::List(tags.into_iter().map(Value::String).collect())));
    }
    Ok(adds)
}

/// Makes events of what comes over the network: decoded, with the sender's address where the
/// Elastic Common Schema has it for this input.
pub fn decode_from(
    kind: &str,
    decoder: Decoder,
    world: World,
) -> Arc<dyn Fn(&[u8], SocketAddr) -> Vec<Event> + Send + Sync> {
    let address = match kind {
        "udp" => FieldReference::of_name("host").child("ip"),
        kind => ["input", kind, "source", "ip"]
            .iter()
            .fold(FieldReference::of_name("@metadata"), |inner, name| inner.child(name)),
    };
    Arc::new(move |bytes, peer| {
        let now_ns = world.clock.now_ms().saturating_mul(1_000_000);
        let mut events = decoder.decode(bytes, now_ns);
        for event in &mut events {
            if !field::has(event, &address) {
                // A `host` that is a text has no `ip`; then nothing is said.
                let is_free = address.path().first().is_none_or(|name| {
                    name == "@metadata"
                        || event.fields.get(name).is_none_or(|value| value.as_object().is_some())
                });
                if is_free {
                    field::set(event, &address, Value::String(peer.ip().to_string()));
                }
            }
        }
        events
    })
}
