//! Go's `time.Time` and `time.Duration`.

mod layout;
mod methods;
mod read;

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::calendar_names::MONTHS;

pub(super) use methods::{DURATION_METHODS, TIME_METHODS};
pub(super) use read::{parse, parse_duration};

/// An instant, seen from a time zone.
#[derive(Debug, Clone)]
pub struct Time {
    instant: Timestamp,
    zone: Zone,
}

#[derive(Debug, Clone)]
enum Zone {
    Utc,
    /// Known by its offset only, as RFC 3339 has it.
    Fixed(Offset),
    Named(TimeZone),
}

/// 0001-01-01 00:00:00 UTC, the zero of Go's time.
const ZERO_SECONDS: i64 = -62_135_596_800;

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Time {
    /// Go's zero, which stands for "not known".
    pub const ZERO: Self = Self { instant: Timestamp::constant(ZERO_SECONDS, 0), zone: Zone::Utc };

    /// An instant in UTC; one beyond the years that calendars know is cut to them.
    pub fn from_unix_ms(milliseconds: i64) -> Self {
        Self::from_unix_ns(i128::from(milliseconds) * 1_000_000)
    }

    /// An instant in UTC.
    pub fn from_unix_ns(nanoseconds: i128) -> Self {
        let limit = |bound: Timestamp| bound.as_nanosecond();
        let nanoseconds = nanoseconds.clamp(limit(Timestamp::MIN), limit(Timestamp::MAX));
        let instant = Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { instant, zone: Zone::Utc }
    }

    /// RFC 3339, keeping its offset.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        parse("2006-01-02T15:04:05Z07:00", text).ok()
    }

    /// The same instant in another zone of the system's time zone database.
    pub(super) fn in_zone(&self, name: &str) -> Result<Self, String> {
        let zone = match name {
            // "Local" is the machine's zone in Go; ours is UTC, whatever the machine's.
            "" | "UTC" | "Local" => Zone::Utc,
            name => Zone::Named(
                jiff::tz::db().get(name).map_err(|_| format!("unknown time zone {name}"))?,
            ),
        };
        Ok(Self { instant: self.instant, zone })
    }

    /// When a clock on the wall of another zone shows what this one does; UTC where there is no
    /// such zone.
    pub(super) fn on_clock_of(&self, name: &str) -> Self {
        let Ok(zone) = jiff::tz::db().get(name) else { return self.utc() };
        let instant = zone.to_timestamp(self.civil()).unwrap_or(self.instant);
        Self { instant, zone: Zone::Named(zone) }
    }

    pub(super) fn utc(&self) -> Self {
        Self { instant: self.instant, zone: Zone::Utc }
    }

    /// Nanoseconds since 1970.
    pub fn unix_ns(&self) -> i128 {
        self.instant.as_nanosecond()
    }

    /// Whether it is Go's zero.
    pub fn is_zero(&self) -> bool {
        self.instant.as_nanosecond() == Self::ZERO.instant.as_nanosecond()
    }

    pub(super) fn add_ns(&self, nanoseconds: i128) -> Self {
        let moved = Self::from_unix_ns(self.unix_ns().saturating_add(nanoseconds));
        Self { instant: moved.instant, zone: self.zone.clone() }
    }

    /// From `other` to this, within what a duration can hold.
    pub(super) fn since_ns(&self, other: &Self) -> i64 {
        let difference = self.unix_ns() - other.unix_ns();
        i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
    }

    fn offset(&self) -> Offset {
        match &self.zone {
            Zone::Utc => Offset::UTC,
            Zone::Fixed(offset) => *offset,
            Zone::Named(zone) => zone.to_offset(self.instant),
        }
    }

    /// What a clock on the wall shows.
    fn civil(&self) -> jiff::civil::DateTime {
        self.offset().to_datetime(self.instant)
    }

    /// `UTC`, `CEST`; empty where only the offset is known.
    fn abbreviation(&self) -> String {
        match &self.zone {
            Zone::Utc => "UTC".to_owned(),
            Zone::Fixed(_) => String::new(),
            Zone::Named(zone) => zone.to_offset_info(self.instant).abbreviation().to_owned(),
        }
    }

    /// As Go's `Format` writes it by a layout such as `2006-01-02 15:04:05 MST`.
    pub fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

pub(super) fn month_name(month: i64) -> String {
    let name = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index));
    name.map_or_else(|| format!("%!Month({month})"), |name| (*name).to_owned())
}

pub(super) fn weekday_name(day: i64) -> String {
    let name = usize::try_from(day).ok().and_then(|index| WEEKDAYS.get(index));
    name.map_or_else(|| format!("%!Weekday({day})"), |name| (*name).to_owned())
}

/// As Go prints a duration: `1h2m3.5s`, `20ms`, `0s`.
pub fn duration_text(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    match magnitude {
        0 => "0s".to_owned(),
        ns @ 1..1_000 => format!("{sign}{ns}ns"),
        ns @ 1_000..1_000_000 => format!("{sign}{}µs", with_fraction(ns, 1_000)),
        ns @ 1_000_000..1_000_000_000 => format!("{sign}{}ms", with_fraction(ns, 1_000_000)),
        ns => {
            let minutes = ns / 60_000_000_000;
            let seconds = with_fraction(ns % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

fn with_fraction(value: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", value % unit);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", value / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_in_go() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (-20_000_000, "-20ms"),
            (3_500_000_000, "3.5s"),
            (60_000_000_000, "1m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (90_061_000_000_000, "25h1m1s"),
        ] {
            assert_eq!(duration_text(nanoseconds), text);
        }
    }

    #[test]
    fn layouts_are_gos() {
        let time = Time::from_rfc3339("2023-02-05T15:04:05.012345+02:00").unwrap();
        for (layout, text) in [
            ("2006-01-02 15:04:05 MST", "2023-02-05 15:04:05 +0200"),
            ("Mon, 2 Jan 06 3:04:05PM -07:00", "Sun, 5 Feb 23 3:04:05PM +02:00"),
            ("Monday January _2 002 Z0700", "Sunday February  5 036 +0200"),
            ("15:04:05.000 .999999 ,00", "15:04:05.012 .012345 ,01"),
            ("Janet Monk Mst 20060102150405", "Janet Monk Mst 20230205150405"),
        ] {
            assert_eq!(time.format(layout), text, "{layout}");
        }
        assert_eq!(Time::ZERO.to_string(), "0001-01-01 00:00:00 +0000 UTC");
    }

    #[test]
    fn what_is_written_by_a_layout_is_read_by_it() {
        for layout in [
            "2006-01-02T15:04:05.999999999Z07:00",
            "Mon Jan _2 15:04:05.000000 -0700 2006",
            "02 January 2006 03:04:05.000000PM -07:00",
        ] {
            let time = Time::from_rfc3339("2024-02-29T23:59:01.5+01:00").unwrap();
            let text = time.format(layout);
            let again = parse(layout, &text).unwrap();
            assert_eq!(again.unix_ns(), time.unix_ns(), "{layout}: {text}");
        }
        assert!(parse("2006-01-02", "2023-02-30").is_err());
        assert!(parse("2006-01-02", "yesterday").is_err());
    }
}
