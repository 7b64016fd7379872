//! `timestamp`: when an event happened, by Go's layouts; `now`: what time it is.

use jiff::tz::TimeZone;
use vigie_language::filebeat::Section;
use vigie_language::yaml::ConfigError;
use vigie_model::event::{Event, TIMESTAMP, Value};
use vigie_world::World;

use super::{ProcessorContext, Step, access};
use crate::text;

type Built = Result<Box<dyn Step>, ConfigError>;

#[derive(Debug)]
struct Timestamp {
    field: String,
    target: String,
    layouts: Vec<Layout>,
    zone: TimeZone,
    world: World,
    ignores_missing: bool,
    ignores_failure: bool,
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Layout {
    /// Seconds since the epoch.
    Unix,
    /// Milliseconds.
    UnixMs,
    /// By `strptime`; whether it has a zone and a year of its own.
    Format { format: String, has_zone: bool, has_year: bool },
}

pub(super) fn timestamp(section: &mut Section<'_>, context: &ProcessorContext) -> Built {
    section.ignore(&["id"]);
    let zone = match section.text("timezone")?.as_deref() {
        None | Some("" | "UTC") => TimeZone::UTC,
        Some("Local") => TimeZone::system(),
        Some(name) => {
            zone(name).ok_or_else(|| section.error(format!("timezone `{name}` is not known")))?
        }
    };
    let layouts: Vec<Layout> = section.texts("layouts")?.iter().map(|text| layout(text)).collect();
    if layouts.is_empty() {
        return Err(section.error("`layouts` is missing"));
    }
    let made = Timestamp {
        field: section.required("field")?,
        target: section.text("target_field")?.unwrap_or_else(|| TIMESTAMP.to_owned()),
        layouts,
        zone,
        world: context.world.clone(),
        ignores_missing: section.boolean("ignore_missing", false)?,
        ignores_failure: section.boolean("ignore_failure", false)?,
    };
    // Each is tried when the configuration is read, as the writer asks for.
    for example in section.texts("test")? {
        if made.read(&example).is_none() {
            return Err(section.error(format!("test: `{example}` is no time by the layouts")));
        }
    }
    Ok(Box::new(made))
}

fn zone(name: &str) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    let (sign, rest) = match name.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest.get(..2)?, rest.get(2..)?));
    let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().unwrap_or(0) * 60;
    Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(sign * seconds).ok()?))
}

/// Go's reference time, part by part, longest first, and what `strptime` calls it.
const PARTS: [(&str, &str); 38] = [
    ("January", "%B"),
    ("Monday", "%A"),
    ("Z07:00:00", "%:z"),
    ("-07:00:00", "%:z"),
    ("2006", "%Y"),
    ("Z07:00", "%:z"),
    ("-07:00", "%:z"),
    ("Z0700", "%z"),
    ("-0700", "%z"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("002", "%j"),
    (".000000000", "%.f"),
    (".999999999", "%.f"),
    (".000000", "%.f"),
    (".999999", "%.f"),
    (".000", "%.f"),
    (".999", "%.f"),
    (",000000", ",%f"),
    (",999999", ",%f"),
    (",000", ",%f"),
    (",999", ",%f"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("PM", "%p"),
    ("pm", "%p"),
    ("_2", "%e"),
    ("1", "%m"),
    ("2", "%d"),
    ("3", "%I"),
    ("4", "%M"),
    ("5", "%S"),
];

fn layout(text: &str) -> Layout {
    match text {
        "UNIX" => return Layout::Unix,
        "UNIX_MS" => return Layout::UnixMs,
        _ => {}
    }
    let mut format = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let part = PARTS.iter().find(|(go, _)| rest.starts_with(go));
        match part {
            Some((go, ours)) => {
                format.push_str(ours);
                rest = rest.get(go.len()..).unwrap_or_default();
            }
            None => {
                if first == '%' {
                    format.push('%');
                }
                format.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    let has_zone = format.contains("%z") || format.contains("%:z");
    let has_year = format.contains("%Y") || format.contains("%y");
    // A fraction may follow the seconds whether the layout has one or not.
    if !format.contains("%.f") && !format.contains("%f") {
        format = format.replace("%S", "%S%.f");
    }
    Layout::Format { format, has_zone, has_year }
}

impl Timestamp {
    /// This year, where the times are.
    fn year(&self) -> i16 {
        let now = jiff::Timestamp::from_millisecond(self.world.clock.now_ms()).unwrap_or_default();
        now.to_zoned_datetime(self.zone.clone()).year()
    }

    fn read(&self, text: &str) -> Option<i64> {
        self.layouts.iter().find_map(|layout| match layout {
            Layout::Unix => {
                let seconds: f64 = text.parse().ok()?;
                Some((seconds * 1e9) as i64)
            }
            Layout::UnixMs => text.parse::<i64>().ok()?.checked_mul(1_000_000),
            Layout::Format { format, has_zone, has_year } => {
                self.by_format(text, format, *has_zone, *has_year)
            }
        })
    }

    fn by_format(&self, text: &str, format: &str, has_zone: bool, has_year: bool) -> Option<i64> {
        // `Z` stands for an offset of nothing.
        let zulu;
        let text = match text.strip_suffix('Z') {
            Some(rest) if has_zone => {
                zulu = format!("{rest}+00:00");
                &zulu
            }
            _ => text,
        };
        // Without a year it is this one.
        let parse = |format: &str| {
            if has_year {
                jiff::fmt::strtime::parse(format, text).ok()
            } else {
                let (format, year) = (format!("%Y {format}"), self.year());
                jiff::fmt::strtime::parse(&format, format!("{year:04} {text}")).ok()
            }
        };
        // Offsets are written with a colon or without one, whatever the layout says.
        let (with, without) = (format.replace("%z", "%:z"), format.replace("%:z", "%z"));
        let parsed = parse(&with).or_else(|| parse(&without))?;
        let time = if has_zone {
            parsed.to_timestamp().ok()?
        } else {
            self.zone.to_timestamp(parsed.to_datetime().ok()?).ok()?
        };
        i64::try_from(time.as_nanosecond()).ok()
    }
}

impl Step for Timestamp {
    fn apply(&self, event: &mut Event) -> bool {
        let Some(value) = access::get(event, &self.field) else {
            if !self.ignores_missing {
                access::fail(event, format!("failed to get time field {}", self.field));
            }
            return true;
        };
        let text = text::of_value(value);
        match self.read(text.trim()) {
            Some(time_ns) => {
                access::set(event, &self.target, Value::Time(time_ns));
            }
            None if self.ignores_failure => {}
            None => {
                let message = format!("failed parsing time field {}='{text}'", self.field);
                access::fail(event, message);
            }
        }
        true
    }
}

#[derive(Debug)]
struct Now {
    field: String,
    world: World,
}

pub(super) fn now(section: &mut Section<'_>, context: &ProcessorContext) -> Built {
    let field = section.text("field")?.unwrap_or_else(|| "event.ingested".to_owned());
    Ok(Box::new(Now { field, world: context.world.clone() }))
}

impl Step for Now {
    fn apply(&self, event: &mut Event) -> bool {
        let now_ns = self.world.clock.now_ms().saturating_mul(1_000_000);
        access::set(event, &self.field, Value::Time(now_ns));
        true
    }
}
