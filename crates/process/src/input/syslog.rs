//! Events of syslog's messages, under the names of the Elastic Common Schema that Logstash's input
//! and Filebeat's processor use.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use vigie_formats::syslog::{FACILITIES, SEVERITIES, SyslogMessage, SyslogTime, parse};
use vigie_language::logstash::ConfigError;
use vigie_model::event::{Event, Object, Value};
use vigie_world::World;

use super::{DecodeText, Input};
use crate::options::Options;

/// What RFC 3164 gives a message that has no priority: user-level, notice.
const PRIORITY_NONE: u8 = 13;
/// What Logstash tags such a message with.
const NO_SYSLOG: &str = "_grokparsefailure_sysloginput";
/// Words for `log.level`.
const LEVELS: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// How messages become events.
#[derive(Debug, Clone)]
pub struct SyslogOptions {
    /// Where clocks without a zone stand.
    pub zone: TimeZone,
    /// Whether numbers of facility and severity get their names.
    pub names: bool,
    /// Whether the severity is `log.level` too, which Logstash does not say.
    pub level: bool,
}

impl Default for SyslogOptions {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, names: true, level: true }
    }
}

impl SyslogOptions {
    /// Of an input of a pipeline.
    pub fn of_input(input: &Input) -> Result<Self, ConfigError> {
        let options = Options::new("input", &input.plugin);
        let zone = match options.text("timezone")? {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(&name)
                .map_err(|error| options.error(&format!("timezone: `{name}`: {error}")))?,
        };
        Ok(Self { zone, names: options.boolean("use_labels", true)?, level: false })
    }
}

/// Makes events of syslog's messages.
pub fn decode_syslog(options: SyslogOptions, world: World) -> DecodeText {
    Arc::new(move |bytes, peer| {
        let text = String::from_utf8_lossy(bytes);
        let message = parse(&text);
        if message.priority.is_none() && message.message.is_empty() {
            return Vec::new();
        }
        let now_ns = world.clock.now_ms().saturating_mul(1_000_000);
        vec![event(&message, peer, now_ns, &options)]
    })
}

fn event(
    message: &SyslogMessage<'_>,
    peer: SocketAddr,
    now_ns: i64,
    options: &SyslogOptions,
) -> Event {
    let time_ns = message.time.and_then(|time| time_ns(time, now_ns, &options.zone));
    let mut event = Event::of_message(time_ns.unwrap_or(now_ns), message.message);
    let mut host = Object::new();
    if let Some(name) = message.hostname {
        host.push("hostname", name.into());
    }
    host.push("ip", peer.ip().to_string().into());
    event.fields.push("host", host.into());
    let mut process = Object::new();
    if let Some(name) = message.application {
        process.push("name", name.into());
    }
    if let Some(id) = message.process.and_then(|process| process.parse::<i64>().ok()) {
        process.push("pid", Value::Integer(id));
    }
    if !process.is_empty() {
        event.fields.push("process", process.into());
    }
    event.fields.push("log", log(message, options).into());
    if message.priority.is_none() {
        event.add_tag(NO_SYSLOG);
    }
    event
}

fn log(message: &SyslogMessage<'_>, options: &SyslogOptions) -> Object {
    let priority = message.priority.unwrap_or(PRIORITY_NONE);
    let (facility, severity) = (priority / 8, priority % 8);
    let coded = |code: u8, names: &[&str]| {
        let mut object = Object::new();
        object.push("code", Value::Integer(i64::from(code)));
        if let Some(name) = names.get(usize::from(code)).filter(|_| options.names) {
            object.push("name", (*name).into());
        }
        Value::Object(object)
    };
    let mut syslog = Object::new();
    syslog.push("priority", Value::Integer(i64::from(priority)));
    syslog.push("facility", coded(facility, &FACILITIES));
    syslog.push("severity", coded(severity, &SEVERITIES));
    if let Some(version) = message.version {
        syslog.push("version", version.to_string().into());
    }
    if let Some(id) = message.message_id {
        syslog.push("msgid", id.into());
    }
    if let Some(process) = message.process.filter(|process| process.parse::<i64>().is_err()) {
        syslog.push("procid", process.into());
    }
    if !message.elements.is_empty() {
        syslog.push("structured_data", structured(message).into());
    }
    let mut log = Object::new();
    if let Some(level) = LEVELS.get(usize::from(severity)).filter(|_| options.level) {
        log.push("level", (*level).into());
    }
    log.push("syslog", syslog.into());
    log
}

fn structured(message: &SyslogMessage<'_>) -> Object {
    let mut structured = Object::new();
    for element in &message.elements {
        let mut parameters = Object::new();
        for (name, value) in &element.parameters {
            parameters.insert(*name, Value::from(&**value));
        }
        structured.insert(element.id, parameters.into());
    }
    structured
}

/// The moment, if there is such a one.
fn time_ns(time: SyslogTime<'_>, now_ns: i64, zone: &TimeZone) -> Option<i64> {
    let timestamp = match time {
        SyslogTime::Full(text) => match text.parse::<Timestamp>() {
            Ok(timestamp) => timestamp,
            Err(_) => zone.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
        },
        SyslogTime::Local { year: Some(year), month, day, clock } => {
            local(i16::try_from(year).ok()?, (month, day, clock), zone)?
        }
        SyslogTime::Local { year: None, month, day, clock } => {
            // Of the years around now, that in which it is nearest: in January, December was.
            let now = Timestamp::from_nanosecond(i128::from(now_ns)).ok()?;
            let year = zone.to_datetime(now).year();
            let near = [year - 1, year, year + 1].into_iter();
            let near = near.filter_map(|year| local(year, (month, day, clock), zone));
            near.min_by_key(|time| SignedDuration::abs(now.duration_since(*time)))?
        }
    };
    i64::try_from(timestamp.as_nanosecond()).ok()
}

fn local(
    year: i16,
    (month, day, (hour, minute, second)): (u8, u8, (u8, u8, u8)),
    zone: &TimeZone,
) -> Option<Timestamp> {
    let part = |number: u8| i8::try_from(number).ok();
    // A leap second is the one before.
    let second = part(second.min(59))?;
    let (month, day, hour, minute) = (part(month)?, part(day)?, part(hour)?, part(minute)?);
    let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    zone.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use vigie_model::event::write_object_json;

    use super::*;

    /// 2024-01-02T03:04:05Z
    const NOW_NS: i64 = 1_704_164_645_000_000_000;

    fn json(text: &str, options: &SyslogOptions) -> String {
        let event = event(&parse(text), ([10, 0, 0, 7], 1).into(), NOW_NS, options);
        let mut out = Vec::new();
        write_object_json(&event.fields, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn messages_become_events() {
        let options = SyslogOptions::default();
        assert_eq!(
            json("<34>Dec 31 22:14:15 web su[7]: failed", &options),
            "{\"@timestamp\":\"2023-12-31T22:14:15.000Z\",\"message\":\"failed\",\
             \"host\":{\"hostname\":\"web\",\"ip\":\"10.0.0.7\"},\
             \"process\":{\"name\":\"su\",\"pid\":7},\"log\":{\"level\":\"critical\",\
             \"syslog\":{\"priority\":34,\
             \"facility\":{\"code\":4,\"name\":\"security/authorization\"},\
             \"severity\":{\"code\":2,\"name\":\"Critical\"}}}}"
        );
        let bare = SyslogOptions { names: false, level: false, ..options.clone() };
        assert_eq!(
            json("<165>1 2003-10-11T22:14:15.003+02:00 - app main ID47 [a@1 x=\"1\"] text", &bare),
            "{\"@timestamp\":\"2003-10-11T20:14:15.003Z\",\"message\":\"text\",\
             \"host\":{\"ip\":\"10.0.0.7\"},\"process\":{\"name\":\"app\"},\
             \"log\":{\"syslog\":{\"priority\":165,\"facility\":{\"code\":20},\
             \"severity\":{\"code\":5},\"version\":\"1\",\"msgid\":\"ID47\",\
             \"procid\":\"main\",\"structured_data\":{\"a@1\":{\"x\":\"1\"}}}}}"
        );
        assert!(
            json("no syslog", &options).contains("\"tags\":[\"_grokparsefailure_sysloginput\"]")
        );
    }

    #[test]
    fn times_without_years_and_zones_find_theirs() {
        let utc = TimeZone::UTC;
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let local = |month, day, clock| SyslogTime::Local { year: None, month, day, clock };
        for (time, zone, expected) in [
            (local(12, 31, (23, 0, 0)), &utc, "2023-12-31T23:00:00Z"),
            (local(1, 2, (3, 4, 6)), &utc, "2024-01-02T03:04:06Z"),
            (local(1, 2, (3, 4, 6)), &zone, "2024-01-02T01:04:06Z"),
            (SyslogTime::Full("2020-01-01T00:00:00"), &zone, "2019-12-31T22:00:00Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            let found = time_ns(time, NOW_NS, zone).unwrap();
            assert_eq!(Timestamp::from_nanosecond(i128::from(found)).unwrap(), expected);
        }
        assert_eq!(time_ns(local(2, 30, (0, 0, 0)), NOW_NS, &utc), None);
        assert_eq!(time_ns(SyslogTime::Full("2020-13-01T"), NOW_NS, &utc), None);
    }
}
