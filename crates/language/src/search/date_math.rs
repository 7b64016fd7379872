//! `now-1d/d`, `2025-11-21||+1M/d`: dates with arithmetic.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::calendar::{CalendarUnit, floor_date};
use super::date_format::DateFormat;

/// What dates are resolved with.
#[derive(Debug, Clone)]
pub struct DateContext<'a> {
    /// What `now` means, milliseconds since the epoch.
    pub now_ms: i64,
    /// Where texts without an offset, and rounding, are at home.
    pub zone: &'a TimeZone,
    /// How dates are written.
    pub format: &'a DateFormat,
}

/// Why a text is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateMathError {
    /// The date itself cannot be read.
    #[error("failed to parse date field [{text}] with format [{format}]")]
    Date {
        /// As given.
        text: String,
        /// What was expected.
        format: String,
    },
    /// The arithmetic cannot be read.
    #[error("{0}")]
    Math(String),
}

/// How many steps an expression may have.
const STEPS_MAX: usize = 50;

/// Milliseconds since the epoch. With `rounds_up` (for `gt` and `lte`) what is left out or
/// rounded away is its last millisecond.
pub fn resolve(
    text: &str,
    rounds_up: bool,
    context: &DateContext<'_>,
) -> Result<i64, DateMathError> {
    if let Some(math) = text.strip_prefix("now") {
        return apply(context.now_ms, math, rounds_up, context.zone);
    }
    let read = |date: &str, rounds_up: bool| {
        context.format.read(date, rounds_up, context.zone).ok_or_else(|| DateMathError::Date {
            text: date.chars().take(200).collect(),
            format: context.format.as_str().to_owned(),
        })
    };
    match text.split_once("||") {
        Some((date, math)) => apply(read(date, false)?, math, rounds_up, context.zone),
        None => read(text, rounds_up),
    }
}

fn apply(from_ms: i64, math: &str, rounds_up: bool, zone: &TimeZone) -> Result<i64, DateMathError> {
    let fail = |detail: &str| DateMathError::Math(format!("{detail} in date math [{math}]"));
    let out_of_range = || fail("the date is out of range");
    let start = Timestamp::from_millisecond(from_ms).map_err(|_| out_of_range())?;
    let mut moment = start.to_zoned_datetime(zone.clone());
    let mut rest = math;
    let mut steps = 0;
    while let Some(operator) = rest.chars().next() {
        steps += 1;
        if !matches!(operator, '+' | '-' | '/') || steps > STEPS_MAX {
            return Err(fail("operator not supported"));
        }
        let after = rest.get(1..).unwrap_or_default();
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = after.split_at(digits);
        let count: i64 = match number {
            "" => 1,
            digits => digits.parse().map_err(|_| fail("number too large"))?,
        };
        let Some(unit) = after.chars().next() else { return Err(fail("truncated date math")) };
        rest = after.get(unit.len_utf8()..).unwrap_or_default();
        if operator == '/' {
            if count != 1 {
                return Err(fail("rounding `/` can only be used on single unit types"));
            }
            moment = round(&moment, unit, rounds_up).ok_or_else(|| unit_error(unit, math))?;
        } else {
            let count = if operator == '-' { -count } else { count };
            moment = shift(&moment, count, unit, math)?.ok_or_else(out_of_range)?;
        }
    }
    Ok(moment.timestamp().as_millisecond())
}

fn unit_error(unit: char, math: &str) -> DateMathError {
    DateMathError::Math(format!("unit [{unit}] not supported for date math [{math}]"))
}

/// `Ok(None)`: past what dates can be.
fn shift(
    moment: &ZonedDateTime,
    count: i64,
    unit: char,
    math: &str,
) -> Result<Option<ZonedDateTime>, DateMathError> {
    // Far more than the calendar holds, and still no overflow in a span.
    if count.unsigned_abs() > 100_000_000_000 {
        return Ok(None);
    }
    let small = i32::try_from(count).ok().filter(|count| count.unsigned_abs() < 1_000_000);
    let span = match (unit, small) {
        ('y', Some(count)) if count.abs() < 10_000 => count.years(),
        ('M', Some(count)) if count.abs() < 100_000 => count.months(),
        ('w', Some(count)) => count.weeks(),
        ('d', Some(count)) => count.days(),
        ('h' | 'H', Some(count)) => count.hours(),
        ('m', _) if count.abs() < 10_000_000_000 => count.minutes(),
        ('s', _) => count.seconds(),
        ('y' | 'M' | 'w' | 'd' | 'h' | 'H' | 'm', _) => return Ok(None),
        _ => return Err(unit_error(unit, math)),
    };
    Ok(moment.checked_add(span).ok())
}

/// The beginning of the unit, or its last millisecond.
fn round(moment: &ZonedDateTime, unit: char, up: bool) -> Option<ZonedDateTime> {
    let calendar = match unit {
        'y' => CalendarUnit::Year,
        'M' => CalendarUnit::Month,
        'w' => CalendarUnit::Week,
        'd' => CalendarUnit::Day,
        'h' | 'H' => CalendarUnit::Hour,
        'm' => CalendarUnit::Minute,
        's' => CalendarUnit::Second,
        _ => return None,
    };
    let zone = moment.time_zone().clone();
    let (start, span) = match calendar {
        CalendarUnit::Hour | CalendarUnit::Minute | CalendarUnit::Second => {
            let length = match calendar {
                CalendarUnit::Hour => 3_600_000,
                CalendarUnit::Minute => 60_000,
                _ => 1_000,
            };
            let offset = i64::from(moment.offset().seconds()) * 1_000;
            let local = moment.timestamp().as_millisecond() + offset;
            let start = local.div_euclid(length) * length - offset;
            (
                Timestamp::from_millisecond(start).ok()?.to_zoned_datetime(zone),
                length.milliseconds(),
            )
        }
        _ => {
            let date = floor_date(moment.date(), calendar)?;
            let start = date.to_zoned_datetime(zone).ok()?;
            let span = match calendar {
                CalendarUnit::Year => 1.year(),
                CalendarUnit::Month => 1.month(),
                CalendarUnit::Week => 1.week(),
                _ => 1.day(),
            };
            (start, span)
        }
    };
    if !up {
        return Some(start);
    }
    start.checked_add(span).ok()?.checked_sub(1.millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{format_strict_date_time, time_zone};

    fn check(text: &str, up: bool, zone: &str, expected: &str) {
        let context = DateContext {
            // 2025-11-21T10:20:30.400Z
            now_ms: 1_763_720_430_400,
            zone: &time_zone(zone).unwrap(),
            format: &DateFormat::default(),
        };
        let found = resolve(text, up, &context).map(format_strict_date_time);
        assert_eq!(found.as_deref(), Ok(expected), "{text} {up} {zone}");
    }

    #[test]
    fn arithmetic_is_elasticsearchs() {
        check("now", false, "UTC", "2025-11-21T10:20:30.400Z");
        check("now-1h", false, "UTC", "2025-11-21T09:20:30.400Z");
        check("now-1d/d", false, "UTC", "2025-11-20T00:00:00.000Z");
        check("now/d", true, "UTC", "2025-11-21T23:59:59.999Z");
        check("now/d", false, "Europe/Paris", "2025-11-20T23:00:00.000Z");
        check("now/w", false, "UTC", "2025-11-17T00:00:00.000Z");
        check("now+1M/M", false, "UTC", "2025-12-01T00:00:00.000Z");
        check("now/h", false, "+05:30", "2025-11-21T09:30:00.000Z");
        check("2025-01-31||+1M", false, "UTC", "2025-02-28T00:00:00.000Z");
        check("2025-11-21||+1M/d", true, "UTC", "2025-12-21T23:59:59.999Z");
        check("2025-11-21", true, "UTC", "2025-11-21T23:59:59.999Z");
        check("now-15m", false, "UTC", "2025-11-21T10:05:30.400Z");
        check("0||/y", false, "UTC", "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn nonsense_is_refused() {
        let zone = TimeZone::UTC;
        let format = DateFormat::default();
        let context = DateContext { now_ms: 0, zone: &zone, format: &format };
        for text in [
            "now-",
            "now*2d",
            "now-1x",
            "now/2d",
            "tomorrow",
            "now+99999999999999999999d",
            "now+999999999999y",
            "9999||+99999y",
        ] {
            assert!(resolve(text, false, &context).is_err(), "{text}");
        }
        assert!(resolve(&format!("now{}", "+1d".repeat(100)), false, &context).is_err());
    }
}
