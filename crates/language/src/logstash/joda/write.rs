//! A moment as text.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::pattern::{Item, JodaPattern};
use super::text::short;
use crate::calendar_names::{DAYS, MONTHS};

impl JodaPattern {
    /// `time_ms` as text in `zone`.
    pub fn write(&self, time_ms: i64, zone: &TimeZone) -> String {
        let Ok(timestamp) = Timestamp::from_millisecond(time_ms) else {
            return time_ms.to_string();
        };
        let zoned = timestamp.to_zoned_datetime(zone.clone());
        let mut out = String::new();
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field(letter, count) => field(&zoned, *letter, *count, &mut out),
            }
        }
        out
    }
}

fn field(zoned: &jiff::ZonedDateTime, letter: char, count: usize, out: &mut String) {
    let hour = i64::from(zoned.hour());
    let number = |value: i64| format!("{value:0count$}");
    let name = |names: &[&'static str], index: usize| {
        let full = names.get(index).copied().unwrap_or_default();
        if count >= 4 { full } else { short(full) }.to_owned()
    };
    let year = i64::from(zoned.year());
    let iso = || zoned.date().iso_week_date();
    out.push_str(&match letter {
        'G' => "AD".to_owned(),
        'C' => number(year / 100),
        'y' | 'Y' if count == 2 => format!("{:02}", year.rem_euclid(100)),
        'y' | 'Y' => number(year),
        'x' if count == 2 => format!("{:02}", i64::from(iso().year()).rem_euclid(100)),
        'x' => number(iso().year().into()),
        'w' => number(iso().week().into()),
        'e' => number(i64::from(zoned.weekday().since(Weekday::Monday)) + 1),
        'D' => number(zoned.date().day_of_year().into()),
        'M' if count >= 3 => name(&MONTHS, (zoned.month() - 1) as usize),
        'M' => number(zoned.month().into()),
        'd' => number(zoned.day().into()),
        'E' => name(&DAYS, zoned.weekday().since(Weekday::Monday) as usize),
        'a' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'K' => number(hour % 12),
        'h' => number((hour + 11) % 12 + 1),
        'H' => number(hour),
        'k' => number(if hour == 0 { 24 } else { hour }),
        'm' => number(zoned.minute().into()),
        's' => number(zoned.second().into()),
        'S' => {
            let digits = format!("{:03}", zoned.millisecond());
            format!("{digits:0<count$}").chars().take(count).collect()
        }
        'Z' if count >= 3 => zone_name(zoned),
        'Z' => offset(zoned.offset().seconds(), count == 2),
        _ => short_zone(zoned),
    });
}

fn zone_name(zoned: &jiff::ZonedDateTime) -> String {
    match zoned.time_zone().iana_name() {
        Some(name) => name.to_owned(),
        None if zoned.offset().seconds() == 0 => "UTC".to_owned(),
        None => offset(zoned.offset().seconds(), true),
    }
}

fn short_zone(zoned: &jiff::ZonedDateTime) -> String {
    zoned.strftime("%Z").to_string()
}

fn offset(seconds: i32, has_colon: bool) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() / 60 % 60);
    format!("{sign}{hours:02}{}{minutes:02}", if has_colon { ":" } else { "" })
}
