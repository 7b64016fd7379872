//! `date`: a text or number becomes the event's time.

use jiff::tz::TimeZone;
use vigie_language::logstash::joda::{JodaPattern, read_iso8601};
use vigie_language::logstash::{ConfigError, FieldReference, Sprintf};
use vigie_language::search::time_zone;
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::build::Context;
use crate::options::Options;
use crate::{field, text};

/// TAI is ahead of UTC by ten seconds in this filter, as in the original, which knows no leap seconds.
const TAI_AHEAD_SECONDS: i64 = 10;

#[derive(Debug)]
struct Date {
    source: FieldReference,
    target: FieldReference,
    formats: Vec<Format>,
    zone: Zone,
    tags: Vec<String>,
}

#[derive(Debug)]
enum Format {
    Iso8601,
    Unix,
    UnixMs,
    Tai64n,
    Joda(JodaPattern),
}

#[derive(Debug)]
enum Zone {
    Fixed(TimeZone),
    /// Depends on the event.
    Rendered(Sprintf),
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let matches = options.list("match")?.unwrap_or_default();
    let Some((source, formats)) = matches.split_first().filter(|(_, formats)| !formats.is_empty())
    else {
        return Err(options.error("match: needs a field and at least one format"));
    };
    let formats: Vec<_> =
        formats.iter().map(|text| format(options, text)).collect::<Result<_, _>>()?;
    if let Some(locale) = options.text("locale")?
        && !locale.to_lowercase().starts_with("en")
    {
        context
            .warn(options.plugin(), format!("locale `{locale}`: names are read in English only"));
    }
    let zone = match options.sprintf("timezone")? {
        None => Zone::Fixed(TimeZone::UTC),
        Some(template) => match template.as_literal() {
            Some(name) => Zone::Fixed(
                zone_of(name)
                    .ok_or_else(|| options.error(&format!("timezone: `{name}` is no time zone")))?,
            ),
            None => Zone::Rendered(template),
        },
    };
    Ok(Box::new(Date {
        source: options.reference(source)?,
        target: options
            .reference(&options.text("target")?.unwrap_or_else(|| "@timestamp".into()))?,
        formats,
        zone,
        tags: options.tags("tag_on_failure", "_dateparsefailure")?,
    }))
}

fn format(options: &Options<'_>, text: &str) -> Result<Format, ConfigError> {
    Ok(match text {
        "ISO8601" => Format::Iso8601,
        "UNIX" => Format::Unix,
        "UNIX_MS" => Format::UnixMs,
        "TAI64N" => Format::Tai64n,
        pattern => Format::Joda(
            JodaPattern::parse(pattern)
                .map_err(|error| options.error(&format!("match: `{pattern}`: {error}")))?,
        ),
    })
}

fn zone_of(name: &str) -> Option<TimeZone> {
    time_zone(name)
}

impl Filter for Date {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        let value = match field::get(event, &self.source) {
            None | Some(Value::Null) => return Verdict::Passed,
            // Of a list, the first value.
            Some(Value::List(list)) => list.first().cloned().unwrap_or_default(),
            Some(value) => value.clone(),
        };
        let zone = match &self.zone {
            Zone::Fixed(zone) => Some(zone.clone()),
            Zone::Rendered(template) => zone_of(&text::render(template, event, scope.now_ns)),
        };
        let now_ms = scope.now_ns / 1_000_000;
        let found = zone.and_then(|zone| {
            self.formats.iter().find_map(|format| format.read_ns(&value, &zone, now_ms))
        });
        match found {
            Some(time_ns) if field::set(event, &self.target, Value::Time(time_ns)) => {
                Verdict::Matched
            }
            _ => fail(event, &self.tags),
        }
    }
}

impl Format {
    fn read_ns(&self, value: &Value, zone: &TimeZone, now_ms: i64) -> Option<i64> {
        if let Value::Time(time_ns) = value {
            return matches!(self, Self::Iso8601 | Self::Joda(_)).then_some(*time_ns);
        }
        let time_ms = match self {
            Self::Unix => return unix_ns(value),
            Self::UnixMs => match value {
                Value::Integer(ms) => *ms,
                Value::String(text) => text.parse().ok()?,
                Value::Float(ms) => *ms as i64,
                _ => return None,
            },
            Self::Iso8601 => read_iso8601(value.as_str()?, zone)?,
            Self::Joda(pattern) => match value {
                Value::Integer(_) => pattern.read(&text::of_value(value), zone, now_ms)?,
                other => pattern.read(other.as_str()?, zone, now_ms)?,
            },
            Self::Tai64n => tai64n_ms(value.as_str()?)?,
        };
        time_ms.checked_mul(1_000_000)
    }
}

/// Seconds with a fraction; milliseconds are kept.
fn unix_ns(value: &Value) -> Option<i64> {
    let ms = match value {
        Value::Integer(seconds) => seconds.checked_mul(1_000)?,
        Value::Float(seconds) if seconds.is_finite() => (seconds * 1_000.0).floor() as i64,
        Value::String(text) => {
            let text = text.trim();
            let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            if !is_plain || fraction.bytes().any(|b| !b.is_ascii_digit()) {
                return None;
            }
            let three: String = format!("{fraction:0<3}").chars().take(3).collect();
            let part: i64 = three.parse().ok()?;
            let sign = if whole.starts_with('-') { -1 } else { 1 };
            whole.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(sign * part)?
        }
        _ => return None,
    };
    ms.checked_mul(1_000_000)
}

/// `@4000000050d506482dbdf024`: seconds since 2^62 and nanoseconds, in hexadecimal.
fn tai64n_ms(text: &str) -> Option<i64> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let (seconds, nanoseconds) = (text.get(1..16)?, text.get(16..24)?);
    let seconds = i64::from_str_radix(seconds, 16).ok()?;
    let nanoseconds = i64::from_str_radix(nanoseconds, 16).ok()?;
    (seconds - TAI_AHEAD_SECONDS).checked_mul(1_000)?.checked_add(nanoseconds / 1_000_000)
}
