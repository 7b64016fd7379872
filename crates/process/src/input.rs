//! Inputs of a `logstash.conf`: what they listen on, how they read, what they add. Doors are opened
//! by whoever runs the pipeline.

mod gelf;
mod http;
mod syslog;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use vigie_formats::event_json::parse_json;
use vigie_language::logstash::{
    Config, ConfigError, FieldReference, Plugin, Position, Statement, Value as OptionValue,
};
use vigie_model::event::{Event, Value};
use vigie_world::World;

pub use self::gelf::{GelfOptions, TellLoss, decode_gelf};
pub use self::http::{HttpInputOptions, HttpRequestFacts};
pub use self::syslog::{SyslogOptions, decode_syslog};
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
    /// Whether lines or messages are taken over TCP.
    pub uses_tcp: bool,
    /// Whether they are in datagrams.
    pub uses_udp: bool,
    /// The address that it listens on, when it names one.
    pub host: Option<String>,
    /// How it reads.
    pub decoder: Decoder,
    /// What it adds to each event.
    pub adds: Vec<(String, Value)>,
    /// Its id, given or made.
    pub id: String,
    /// TLS, where it is asked for.
    pub tls: Option<InputTls>,
    /// A connection on which nothing happens for so many seconds is closed.
    pub idle_s: u64,
    /// Whether events of Beats are tagged with the codec that was applied.
    pub tags_codec: bool,
    /// Where it stands.
    pub position: Position,
    /// All of its options, for doors that have more.
    pub plugin: Plugin,
}

/// TLS of an input: files as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputTls {
    /// The certificate and its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Who signs senders' certificates.
    pub authorities: Vec<PathBuf>,
    /// Whether a sender without a certificate is refused; `None`: nobody is asked for one.
    pub clients_required: Option<bool>,
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

/// Makes events of a line or a datagram, and of who sent it.
pub type DecodeText = Arc<dyn Fn(&[u8], SocketAddr) -> Vec<Event> + Send + Sync>;
/// Makes an event of what a Beat sent (JSON, or pairs), and of who sent it.
pub type DecodeBeats =
    Arc<dyn Fn(Result<&[u8], BeatsPairs<'_>>, SocketAddr) -> Event + Send + Sync>;

/// Inputs that need no door of their own here: those of other doors, or of none.
const WITHOUT_DOOR: [&str; 2] = ["stdin", "generator"];

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
        "http" => "plain",
        "beats" | "elastic_agent" => "plain",
        name if WITHOUT_DOOR.contains(&name) => "plain",
        "file" | "syslog" | "gelf" => "plain",
        other => {
            return Err(options.error(&format!(
                "no such input here: `{other}`; there are beats, tcp, udp, http, syslog, gelf, stdin"
            )));
        }
    };
    let default_port = match plugin.name.as_str() {
        "syslog" => 514.0,
        "gelf" => 12201.0,
        "http" => 8080.0,
        _ => 0.0,
    };
    let port = options.number("port", default_port)?;
    let port = Some(port as u16).filter(|port| *port > 0);
    if matches!(plugin.name.as_str(), "tcp" | "udp") && port.is_none() {
        return Err(options.error("the option port is missing"));
    }
    if options.text("mode")?.is_some_and(|mode| mode != "server") {
        return Err(options.error("mode: only server is served"));
    }
    let is_beats = matches!(plugin.name.as_str(), "beats" | "elastic_agent");
    if is_beats && port.is_none() {
        return Err(options.error("the option port is missing"));
    }
    let (uses_tcp, uses_udp) = match plugin.name.as_str() {
        "gelf" => (options.boolean("use_tcp", false)?, options.boolean("use_udp", true)?),
        // TLS is of TCP, and whoever asks for it does not want the same without.
        "syslog" => (true, !tls_is_on(&options)?),
        name => (name == "tcp", name == "udp"),
    };
    Ok(Input {
        uses_tcp,
        uses_udp,
        kind: plugin.name.clone(),
        port,
        host: options.text("host")?,
        tls: tls(&options)?,
        idle_s: options.number("client_inactivity_timeout", 60.0)?.max(1.0) as u64,
        tags_codec: options.boolean("include_codec_tag", true)?,
        decoder: decoder(&options, default)?,
        adds: adds(&options)?,
        id: options
            .text("id")?
            .unwrap_or_else(|| format!("{}_{}", plugin.name, plugin.position.line)),
        position: plugin.position,
        plugin: plugin.clone(),
    })
}

fn tls_is_on(options: &Options<'_>) -> Result<bool, ConfigError> {
    let mut is_on = false;
    for name in ["ssl_enabled", "ssl_enable", "ssl"] {
        is_on |= options.boolean(name, false)?;
    }
    Ok(is_on)
}

/// TLS by the options' names of now and of earlier versions.
fn tls(options: &Options<'_>) -> Result<Option<InputTls>, ConfigError> {
    if !tls_is_on(options)? {
        return Ok(None);
    }
    let file = |names: [&str; 2]| -> Result<PathBuf, ConfigError> {
        for name in names {
            if let Some(path) = options.text(name)? {
                return Ok(PathBuf::from(path));
            }
        }
        Err(options.error(&format!("TLS is on and the option {} is missing", names[0])))
    };
    let mut authorities = Vec::new();
    for name in ["ssl_certificate_authorities", "ssl_extra_chain_certs"] {
        authorities.extend(options.list(name)?.unwrap_or_default().into_iter().map(PathBuf::from));
    }
    let asked = match options.text("ssl_client_authentication")? {
        Some(word) => Some(word),
        None => options.text("ssl_verify_mode")?,
    };
    let verifies = options.boolean("ssl_verify", !authorities.is_empty())?;
    let clients_required = match asked.as_deref() {
        Some("required" | "force_peer") => Some(true),
        Some("optional" | "peer") => Some(false),
        Some("none") => None,
        Some(other) => {
            return Err(options.error(&format!(
                "ssl_client_authentication: `{other}` is none of none, optional, required"
            )));
        }
        // The tcp input asks for certificates when it knows authorities; Beats' does not.
        None if options.plugin().name == "tcp" && verifies => Some(true),
        None => None,
    };
    if clients_required.is_some() && authorities.is_empty() {
        return Err(options.error(
            "senders' certificates are asked for, and ssl_certificate_authorities is missing",
        ));
    }
    Ok(Some(InputTls {
        certificate: file(["ssl_certificate", "ssl_cert"])?,
        key: file(["ssl_key", "ssl_key_path"])?,
        authorities,
        clients_required,
    }))
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
pub fn decode_from(kind: &str, decoder: Decoder, world: World) -> DecodeText {
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

/// Makes events of what Beats send: version 2's JSON, or version 1's keys and values.
pub fn decode_beats(decoder: Decoder, tags_codec: bool, world: World) -> DecodeBeats {
    let addresses = [&["ip_address"][..], &["input", "beats", "host", "ip"]].map(|path| {
        let root = FieldReference::of_name("@metadata");
        path.iter().fold(root, |inner, name| inner.child(name))
    });
    Arc::new(move |payload, peer| {
        let now_ns = world.clock.now_ms().saturating_mul(1_000_000);
        let mut event = match payload {
            Ok(json) => of_json(json, now_ns),
            Err(pairs) => of_pairs(pairs, now_ns),
        };
        for address in &addresses {
            field::set(&mut event, address, Value::String(peer.ip().to_string()));
        }
        let message = event.fields.get("message").and_then(Value::as_str).map(str::to_owned);
        if let Some(message) = message {
            if decoder == Decoder::Json {
                apply_json(&mut event, &message);
            }
            if tags_codec {
                event.add_tag(match decoder {
                    Decoder::Json => "beats_input_codec_json_applied",
                    Decoder::Plain => "beats_input_codec_plain_applied",
                });
            }
        }
        event
    })
}

/// Keys and values of version 1, not checked.
pub type BeatsPairs<'a> = &'a [(&'a [u8], &'a [u8])];

fn of_json(json: &[u8], now_ns: i64) -> Event {
    if let Ok(value @ Value::Object(_)) = parse_json(json) {
        return event_of_value(value, now_ns);
    }
    // A Beat sends objects; whoever sends something else gets it kept.
    let mut event = Event::of_message(now_ns, String::from_utf8_lossy(json).into_owned());
    event.add_tag("_beatsjsonfailure");
    event
}

fn of_pairs(pairs: BeatsPairs<'_>, now_ns: i64) -> Event {
    let mut event = Event::at(now_ns);
    for (key, value) in pairs {
        let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
        let key = if key == "line" { "message" } else { &key };
        event.fields.insert(key, Value::from(&*value));
    }
    event
}

/// What the codec reads of the message comes first; fields that it does not have stay.
fn apply_json(event: &mut Event, message: &str) {
    let Ok(Value::Object(fields)) = parse_json(message.as_bytes()) else {
        event.add_tag("_jsonparsefailure");
        return;
    };
    event.fields.remove("message");
    for (key, value) in fields {
        if key != "@metadata" && key != "@timestamp" {
            event.fields.insert(key, value);
        }
    }
}
