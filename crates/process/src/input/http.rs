//! Events of requests, as Logstash's input `http` makes them.

use std::net::IpAddr;

use vigie_language::logstash::{ConfigError, Value as OptionValue};
use vigie_model::event::{Event, Object, Value};

use super::{Decoder, Input};
use crate::options::Options;

/// How requests become events, and are answered.
#[derive(Debug, Clone)]
pub struct HttpInputOptions {
    decoder: Decoder,
    /// Whether every line of a body is an event.
    by_line: bool,
    /// Who may send, when not everybody may.
    pub user: Option<(String, String)>,
    /// The answer when everything is kept.
    pub response_code: u16,
}

/// What a request says besides its body.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequestFacts<'a> {
    /// `POST`
    pub method: &'a str,
    /// With the query.
    pub path: &'a str,
    /// `HTTP/1.1`
    pub version: &'a str,
    /// Names in small letters, and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// Who sent it.
    pub sender: IpAddr,
}

impl HttpRequestFacts<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

impl HttpInputOptions {
    /// Of an input of a pipeline.
    pub fn of_input(input: &Input) -> Result<Self, ConfigError> {
        let options = Options::new("input", &input.plugin);
        let codec = match options.value("codec") {
            Some(OptionValue::Text(name)) => name.as_str(),
            Some(OptionValue::Plugin(plugin)) => plugin.name.as_str(),
            _ => "plain",
        };
        let user = match (options.text("user")?, options.text("password")?) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            _ => return Err(options.error("user and password belong together")),
        };
        let code = options.number("response_code", 200.0)?;
        if ![200.0, 201.0, 202.0, 204.0].contains(&code) {
            return Err(options.error("response_code: must be 200, 201, 202 or 204"));
        }
        let by_line = matches!(codec, "line" | "json_lines");
        Ok(Self { decoder: input.decoder, by_line, user, response_code: code as u16 })
    }

    /// The events of a body.
    pub fn events(&self, body: &[u8], facts: &HttpRequestFacts<'_>, now_ns: i64) -> Vec<Event> {
        let content_type = facts.header("content-type").unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let mut events = if kind.eq_ignore_ascii_case("application/json") {
            Decoder::Json.decode(body, now_ns)
        } else if self.by_line {
            let lines = body.split(|byte| *byte == b'\n');
            let lines = lines.map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty());
            lines.flat_map(|line| self.decoder.decode(line, now_ns)).collect()
        } else {
            self.decoder.decode(body, now_ns)
        };
        for event in &mut events {
            add(event, facts, body.len());
        }
        events
    }
}

/// What is known of the request, where the event does not say it itself.
fn add(event: &mut Event, facts: &HttpRequestFacts<'_>, body_bytes: usize) {
    let text = |text: &str| Value::String(text.to_owned());
    let (domain, port) = domain(facts.header("host").unwrap_or_default());
    let members = [
        ("host", "ip", Some(text(&facts.sender.to_string()))),
        ("http", "version", Some(text(facts.version))),
        ("http", "method", Some(text(facts.method))),
        ("url", "path", Some(text(facts.path))),
        ("url", "domain", domain.map(text)),
        ("url", "port", port.map(|port| Value::Integer(i64::from(port)))),
        ("user_agent", "original", facts.header("user-agent").map(text)),
    ];
    for (object, name, value) in members {
        let Some(value) = value else { continue };
        if let Some(object) = object_of(&mut event.fields, object)
            && object.get(name).is_none()
        {
            object.push(name, value);
        }
    }
    let bytes = Value::String(body_bytes.to_string());
    let request = object_of(&mut event.fields, "http").and_then(|http| object_of(http, "request"));
    if let Some(request) = request {
        if let Some(kind) = facts.header("content-type") {
            request.insert("mime_type", text(kind));
        }
        if let Some(body) = object_of(request, "body") {
            body.insert("bytes", bytes);
        }
    }
    let headers = facts.headers.iter().filter(|(name, _)| *name != "authorization");
    let headers: Object =
        headers.map(|(name, value)| (name.replace('-', "_"), text(value))).collect();
    let mut at = Some(&mut event.metadata);
    for name in ["input", "http", "request"] {
        at = at.and_then(|object| object_of(object, name));
    }
    if let Some(request) = at {
        request.insert("headers", headers.into());
    }
}

/// The object of that name, made when there is nothing.
fn object_of<'a>(object: &'a mut Object, name: &str) -> Option<&'a mut Object> {
    let value = object.entry(name);
    if *value == Value::Null {
        *value = Value::Object(Object::new());
    }
    value.as_object_mut()
}

fn domain(host: &str) -> (Option<&str>, Option<u16>) {
    let all = Some(host).filter(|host| !host.is_empty());
    match host.rsplit_once(':').map(|(name, port)| (name, port.parse::<u16>())) {
        Some((name, Ok(port))) => (Some(name.trim_matches(['[', ']'])), Some(port)),
        _ => (all, None),
    }
}

#[cfg(test)]
mod tests {
    use vigie_model::event::write_object_json;

    use super::*;

    fn written(options: &HttpInputOptions, kind: &str, body: &str) -> Vec<String> {
        let facts = HttpRequestFacts {
            method: "POST",
            path: "/a?b=c",
            version: "HTTP/1.1",
            headers: &[("host", "[::1]:8080"), ("content-type", kind), ("authorization", "x")],
            sender: [10, 0, 0, 7].into(),
        };
        let events = options.events(body.as_bytes(), &facts, 0);
        let json = |event: &Event| {
            assert!(!format!("{:?}", event.metadata).contains("authorization"));
            let mut out = Vec::new();
            write_object_json(&event.fields, &mut out);
            String::from_utf8(out).unwrap()
        };
        events.iter().map(json).collect()
    }

    #[test]
    fn bodies_become_events() {
        let plain = HttpInputOptions {
            decoder: Decoder::Plain,
            by_line: false,
            user: None,
            response_code: 200,
        };
        let found = written(&plain, "application/json; charset=UTF-8", "[{\"host\":\"h\"},{}]");
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"host\":\"h\",\
             \"http\":{\"version\":\"HTTP/1.1\",\"method\":\"POST\",\"request\":{\
             \"mime_type\":\"application/json; charset=UTF-8\",\"body\":{\"bytes\":\"17\"}}},\
             \"url\":{\"path\":\"/a?b=c\",\"domain\":\"::1\",\"port\":8080}}"
        );
        assert!(found[1].contains("\"host\":{\"ip\":\"10.0.0.7\"}"), "{}", found[1]);
        assert_eq!(written(&plain, "text/plain", "a\nb").len(), 1);
        let lines = HttpInputOptions { by_line: true, decoder: Decoder::Json, ..plain };
        assert_eq!(written(&lines, "text/plain", "{}\r\n\n{\"a\":1}\n").len(), 2);
    }
}
