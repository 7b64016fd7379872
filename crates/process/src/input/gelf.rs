//! Events of GELF's messages.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use vigie_formats::event_json::parse_json_object;
use vigie_formats::gelf::{Datagram, GelfPieces, json};
use vigie_language::logstash::ConfigError;
use vigie_model::event::{Event, Object, TIMESTAMP, Value};
use vigie_world::World;

use super::{DecodeText, Input};
use crate::options::Options;

/// How messages become events.
#[derive(Debug, Clone, Copy)]
pub struct GelfOptions {
    /// `_name` becomes `name`.
    pub strips_underscores: bool,
    /// The longer of the two messages becomes `message`.
    pub remaps: bool,
    /// `host` is `host.name`, so that it does not differ from what others send.
    pub host_is_object: bool,
}

impl Default for GelfOptions {
    fn default() -> Self {
        Self { strips_underscores: true, remaps: true, host_is_object: true }
    }
}

impl GelfOptions {
    /// Of an input of a pipeline.
    pub fn of_input(input: &Input) -> Result<Self, ConfigError> {
        let options = Options::new("input", &input.plugin);
        Ok(Self {
            strips_underscores: options.boolean("strip_leading_underscore", true)?,
            remaps: options.boolean("remap", true)?,
            host_is_object: false,
        })
    }
}

/// Is told how many messages, or pieces of them, came to nothing.
pub type TellLoss = Arc<dyn Fn(u64) + Send + Sync>;

/// Makes events of datagrams, or of messages as TCP has them.
pub fn decode_gelf(options: GelfOptions, world: World, lost: TellLoss) -> DecodeText {
    let pieces: Mutex<GelfPieces<SocketAddr>> = Mutex::default();
    Arc::new(move |bytes, peer| {
        let now_ms = world.clock.now_ms();
        let completed;
        let message = {
            let mut pieces = pieces.lock();
            let before = pieces.dropped();
            let datagram = pieces.take(bytes, peer, now_ms);
            if pieces.dropped() > before {
                lost(pieces.dropped() - before);
            }
            match datagram {
                Datagram::Whole(bytes) => bytes,
                Datagram::Completed(bytes) => {
                    completed = bytes;
                    &completed
                }
                Datagram::Piece => return Vec::new(),
            }
        };
        if message.is_empty() {
            return Vec::new();
        }
        let now_ns = now_ms.saturating_mul(1_000_000);
        let mut inflated = Vec::new();
        match json(message, &mut inflated) {
            Ok(text) => vec![event(text, peer.ip(), now_ns, options)],
            Err(error) => {
                tracing::debug!(%peer, %error, "a message of GELF cannot be decompressed");
                lost(1);
                Vec::new()
            }
        }
    })
}

fn event(text: &[u8], sender: IpAddr, now_ns: i64, options: GelfOptions) -> Event {
    let Ok(members) = parse_json_object(text) else {
        let mut event = Event::of_message(now_ns, String::from_utf8_lossy(text).into_owned());
        event.add_tag("_jsonparsefailure");
        return event;
    };
    let time_ns = members.get("timestamp").and_then(seconds);
    let mut event = Event::at(time_ns.unwrap_or(now_ns));
    let mut host = Object::new();
    let renamed = members.into_iter().filter_map(|(name, value)| match name.as_str() {
        "timestamp" if time_ns.is_some() => None,
        // Nobody but us says when it happened, and metadata does not come from outside.
        TIMESTAMP | "@metadata" => None,
        "host" if options.host_is_object => {
            host.push("name", value);
            None
        }
        _ => Some(match name.strip_prefix('_').filter(|rest| !rest.is_empty()) {
            Some(rest) if options.strips_underscores => (rest.to_owned(), value),
            _ => (name, value),
        }),
    });
    // Of equal names the last one stays; a sender may have made any number of them.
    for (name, value) in renamed.collect::<Object>() {
        if name != TIMESTAMP && name != "@metadata" {
            event.fields.push(name, value);
        }
    }
    if options.remaps {
        remap(&mut event);
    }
    let address = Value::String(sender.to_string());
    if options.host_is_object {
        host.push("ip", address);
        event.fields.insert("host", host.into());
    } else {
        event.fields.insert("source_host", address);
    }
    event
}

/// As Logstash does.
fn remap(event: &mut Event) {
    let is_full = event.fields.get("full_message").and_then(Value::as_str);
    if is_full.is_some_and(|text| !text.is_empty()) {
        let Some(full) = event.fields.remove("full_message") else { return };
        if event.fields.get("short_message") == Some(&full) {
            event.fields.remove("short_message");
        }
        event.fields.insert("message", full);
    } else if let Some(short) = event.fields.remove("short_message") {
        event.fields.insert("message", short);
    }
}

/// Seconds since the epoch, with a fraction.
fn seconds(value: &Value) -> Option<i64> {
    let seconds = match value {
        Value::Integer(seconds) => return seconds.checked_mul(1_000_000_000),
        Value::Float(seconds) => *seconds,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    // A float of today has no more than microseconds.
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9e15).then(|| (micros as i64) * 1_000)
}

#[cfg(test)]
mod tests {
    use vigie_model::event::write_object_json;

    use super::*;

    fn written(text: &str, options: GelfOptions) -> String {
        let event = event(text.as_bytes(), [10, 0, 0, 7].into(), 0, options);
        let mut out = Vec::new();
        write_object_json(&event.fields, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn messages_become_events() {
        let text = "{\"version\":\"1.1\",\"host\":\"web\",\"short_message\":\"a\",\
            \"full_message\":\"a\\nb\",\"timestamp\":1385053862.3072,\"level\":1,\"_user\":9,\
            \"_@timestamp\":1,\"@metadata\":{}}";
        assert_eq!(
            written(text, GelfOptions::default()),
            "{\"@timestamp\":\"2013-11-21T17:11:02.307200Z\",\"version\":\"1.1\",\
             \"short_message\":\"a\",\"level\":1,\"user\":9,\"message\":\"a\\nb\",\
             \"host\":{\"name\":\"web\",\"ip\":\"10.0.0.7\"}}"
        );
        let logstash = GelfOptions { host_is_object: false, ..GelfOptions::default() };
        assert_eq!(
            written("{\"host\":\"web\",\"short_message\":\"a\",\"full_message\":\"\"}", logstash),
            "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"host\":\"web\",\"full_message\":\"\",\
             \"message\":\"a\",\"source_host\":\"10.0.0.7\"}"
        );
        assert!(written("[1]", logstash).contains("_jsonparsefailure"));
    }
}
