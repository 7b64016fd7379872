//! Formats of dates as mappings and ranges name them: `strict_date_optional_time||epoch_millis`,
//! the built-in names, Java patterns.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::calendar::offset_seconds;
use super::java_pattern::{JavaPattern, Parts};

/// One or more formats, tried in order; the first also writes.
#[derive(Debug, Clone)]
pub struct DateFormat {
    alternatives: Vec<Alternative>,
    text: String,
}

#[derive(Debug, Clone)]
enum Alternative {
    OptionalTime,
    EpochMillis,
    EpochSecond,
    Pattern(JavaPattern),
}

impl Default for DateFormat {
    fn default() -> Self {
        Self {
            alternatives: vec![Alternative::OptionalTime, Alternative::EpochMillis],
            text: "strict_date_optional_time||epoch_millis".to_owned(),
        }
    }
}

impl DateFormat {
    /// Reads a list of formats. The error is what Elasticsearch says of an unknown one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut alternatives = Vec::new();
        for name in text.split("||").map(str::trim) {
            alternatives
                .push(alternative(name).ok_or_else(|| format!("Invalid format: [{name}]"))?);
        }
        Ok(Self { alternatives, text: text.to_owned() })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Milliseconds since the epoch. What `text` leaves out is its least, or its greatest with
    /// `rounds_up`. A text without an offset is in `zone`.
    pub fn read(&self, text: &str, rounds_up: bool, zone: &TimeZone) -> Option<i64> {
        let text = text.trim();
        self.alternatives.iter().find_map(|alternative| match alternative {
            Alternative::OptionalTime => optional_time(text)?.to_ms(rounds_up, zone),
            Alternative::EpochMillis => epoch(text, 1.0),
            Alternative::EpochSecond => epoch(text, 1_000.0),
            Alternative::Pattern(pattern) => pattern.read(text)?.to_ms(rounds_up, zone),
        })
    }

    /// `time_ms` as text in `zone`.
    pub fn write(&self, time_ms: i64, zone: &TimeZone) -> String {
        match self.alternatives.first() {
            Some(Alternative::EpochMillis) => time_ms.to_string(),
            Some(Alternative::EpochSecond) => time_ms.div_euclid(1_000).to_string(),
            Some(Alternative::Pattern(pattern)) => pattern.write(time_ms, zone),
            Some(Alternative::OptionalTime) | None => write_optional_time(time_ms, zone),
        }
    }
}

fn epoch(text: &str, unit_ms: f64) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.checked_mul(unit_ms as i64);
    }
    let number: f64 = text.parse().ok()?;
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    (is_plain && number.is_finite()).then_some((number * unit_ms).floor() as i64)
}

fn alternative(name: &str) -> Option<Alternative> {
    let plain = name.strip_prefix("strict_").unwrap_or(name);
    let pattern = match plain {
        "date_optional_time" | "date_optional_time_nanos" | "iso8601" | "dateOptionalTime" => {
            return Some(Alternative::OptionalTime);
        }
        "epoch_millis" => return Some(Alternative::EpochMillis),
        "epoch_second" => return Some(Alternative::EpochSecond),
        "date" | "year_month_day" => "yyyy-MM-dd",
        "date_time" => concat!("yyyy-MM-dd'T'HH:mm:ss.SSSXX", "X"),
        "date_time_no_millis" => concat!("yyyy-MM-dd'T'HH:mm:ssXX", "X"),
        "date_hour" => "yyyy-MM-dd'T'HH",
        "date_hour_minute" => "yyyy-MM-dd'T'HH:mm",
        "date_hour_minute_second" => "yyyy-MM-dd'T'HH:mm:ss",
        "date_hour_minute_second_millis" | "date_hour_minute_second_fraction" => {
            "yyyy-MM-dd'T'HH:mm:ss.SSS"
        }
        "basic_date" => "yyyyMMdd",
        "basic_date_time" => concat!("yyyyMMdd'T'HHmmss.SSSXX", "X"),
        "basic_date_time_no_millis" => concat!("yyyyMMdd'T'HHmmssXX", "X"),
        "year" => "yyyy",
        "year_month" => "yyyy-MM",
        "hour" => "HH",
        "hour_minute" => "HH:mm",
        "hour_minute_second" => "HH:mm:ss",
        "time" => concat!("HH:mm:ss.SSSXX", "X"),
        "time_no_millis" => concat!("HH:mm:ssXX", "X"),
        _ => name,
    };
    JavaPattern::parse(pattern).map(Alternative::Pattern)
}

/// `yyyy[-MM[-dd['T'HH[:mm[:ss[.fraction]]][offset]]]]`
fn optional_time(text: &str) -> Option<Parts> {
    let mut reader = Reader { rest: text };
    let mut parts = Parts::default();
    let sign = if reader.eat("-") { -1 } else { 1 };
    parts.year = Some(sign * i32::try_from(reader.digits(4)?).ok()?);
    if reader.eat("-") {
        parts.month = Some(reader.digits(2)?);
        if reader.eat("-") {
            parts.day = Some(reader.digits(2)?);
            if reader.eat("T") && !reader.rest.is_empty() {
                reader.time(&mut parts)?;
            }
        }
    }
    reader.rest.is_empty().then_some(parts)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn eat(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        digits.parse().ok()
    }

    fn time(&mut self, parts: &mut Parts) -> Option<()> {
        parts.hour = Some(self.digits(2)?);
        if self.eat(":") {
            parts.minute = Some(self.digits(2)?);
            if self.eat(":") {
                parts.second = Some(self.digits(2)?);
                if self.eat(".") || self.eat(",") {
                    let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                    let (digits, rest) = self.rest.split_at_checked(length)?;
                    parts.nanosecond = Some(fraction(digits)?);
                    self.rest = rest;
                }
            }
        }
        if self.eat("Z") || self.eat("z") {
            parts.offset_seconds = Some(0);
        } else if !self.rest.is_empty() {
            parts.offset_seconds = Some(offset_seconds(self.rest)?);
            self.rest = "";
        }
        Some(())
    }
}

/// Digits after the point as nanoseconds.
pub(super) fn fraction(digits: &str) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    Some(number * 10_u32.pow(9 - digits.len() as u32))
}

impl Parts {
    /// The moment, milliseconds since the epoch.
    pub(super) fn to_ms(self, rounds_up: bool, zone: &TimeZone) -> Option<i64> {
        let fill = |least: u32, greatest: u32| if rounds_up { greatest } else { least };
        let year = i16::try_from(self.year.unwrap_or(1970)).ok()?;
        let month = i8::try_from(self.month.unwrap_or(fill(1, 12))).ok()?;
        let day = match self.day {
            Some(day) => i8::try_from(day).ok()?,
            None if rounds_up => Date::new(year, month, 1).ok()?.days_in_month(),
            None => 1,
        };
        let small = |value: u32| i8::try_from(value).ok();
        let time = Time::new(
            small(self.hour.unwrap_or(fill(0, 23)))?,
            small(self.minute.unwrap_or(fill(0, 59)))?,
            small(self.second.unwrap_or(fill(0, 59)))?,
            i32::try_from(self.nanosecond.unwrap_or(fill(0, 999_000_000))).ok()?,
        );
        let civil = DateTime::from_parts(Date::new(year, month, day).ok()?, time.ok()?);
        let zone = match self.offset_seconds {
            Some(seconds) => TimeZone::fixed(Offset::from_seconds(seconds).ok()?),
            None => zone.clone(),
        };
        Some(civil.to_zoned_datetime(zone).ok()?.timestamp().as_millisecond())
    }
}

/// `2025-11-21T10:00:00.000Z`, as dates are written by default.
pub fn format_strict_date_time(time_ms: i64) -> String {
    write_optional_time(time_ms, &TimeZone::UTC)
}

fn write_optional_time(time_ms: i64, zone: &TimeZone) -> String {
    let Ok(timestamp) = Timestamp::from_millisecond(time_ms) else { return time_ms.to_string() };
    let offset = zone.to_offset(timestamp);
    let civil = offset.to_datetime(timestamp);
    let mut out = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second(),
        civil.millisecond(),
    );
    out.push_str(&offset_text(offset, true, true));
    out
}

/// `Z`, `+02:00`, `+0200`.
pub(super) fn offset_text(offset: Offset, has_colon: bool, zero_is_z: bool) -> String {
    let seconds = offset.seconds();
    if seconds == 0 && zero_is_z {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() / 60 % 60);
    let colon = if has_colon { ":" } else { "" };
    format!("{sign}{hours:02}{colon}{minutes:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, text: &str, up: bool) -> Option<String> {
        let ms = DateFormat::parse(format).unwrap().read(text, up, &TimeZone::UTC)?;
        Some(format_strict_date_time(ms))
    }

    #[test]
    fn dates_are_read() {
        let default = "strict_date_optional_time||epoch_millis";
        for (format, text, up, expected) in [
            (default, "2025-11-21", false, "2025-11-21T00:00:00.000Z"),
            (default, "2025-11-21", true, "2025-11-21T23:59:59.999Z"),
            (default, "2024-02", true, "2024-02-29T23:59:59.999Z"),
            (default, "2025-11-21T10:11:12.123456789+02:00", false, "2025-11-21T08:11:12.123Z"),
            (default, "1763676000000", false, "2025-11-20T22:00:00.000Z"),
            ("epoch_second", "1763676000", false, "2025-11-20T22:00:00.000Z"),
            (
                "dd/MMM/yyyy:HH:mm:ss Z",
                "21/Nov/2025:10:00:00 +0100",
                false,
                "2025-11-21T09:00:00.000Z",
            ),
            ("yyyy-MM-dd HH:mm:ss", "2025-11-21 10:00:00", false, "2025-11-21T10:00:00.000Z"),
            ("yyyy-MM-dd HH:mm:ss||epoch_millis", "0", false, "1970-01-01T00:00:00.000Z"),
            ("basic_date", "20251121", false, "2025-11-21T00:00:00.000Z"),
        ] {
            assert_eq!(read(format, text, up).as_deref(), Some(expected), "{format} {text}");
        }
        for text in [
            "2025-13-01",
            "2025-1-1",
            "yesterday",
            "2025-11-21T25:00",
            "2025-11-21T10:00:00+99:00",
            "",
        ] {
            assert_eq!(read("strict_date_optional_time", text, false), None, "{text}");
        }
        assert!(DateFormat::parse("yyyy-qqq-bb").is_err());
    }

    #[test]
    fn dates_are_written() {
        let paris = super::super::time_zone("Europe/Paris").unwrap();
        let write =
            |format: &str| DateFormat::parse(format).unwrap().write(1_763_676_000_123, &paris);
        assert_eq!(write("strict_date_optional_time"), "2025-11-20T23:00:00.123+01:00");
        assert_eq!(write("yyyy-MM-dd HH:mm"), "2025-11-20 23:00");
        assert_eq!(write("epoch_second"), "1763676000");
        assert_eq!(write("HH:mm 'Uhr' EEE MMM"), "23:00 Uhr Thu Nov");
    }
}
