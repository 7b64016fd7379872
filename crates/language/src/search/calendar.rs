//! Intervals of dates: fixed spans and calendar units, in a time zone, as buckets are cut.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CalendarUnit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// How wide buckets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// So many milliseconds.
    Fixed(i64),
    /// One unit of the calendar, whatever its length.
    Calendar(CalendarUnit),
}

/// `1d`, `day`, ...: the calendar intervals, which are always one unit.
pub fn parse_calendar_unit(text: &str) -> Option<CalendarUnit> {
    Some(match text {
        "second" | "1s" => CalendarUnit::Second,
        "minute" | "1m" => CalendarUnit::Minute,
        "hour" | "1h" => CalendarUnit::Hour,
        "day" | "1d" => CalendarUnit::Day,
        "week" | "1w" => CalendarUnit::Week,
        "month" | "1M" => CalendarUnit::Month,
        "quarter" | "1q" => CalendarUnit::Quarter,
        "year" | "1y" => CalendarUnit::Year,
        _ => return None,
    })
}

/// `30s`, `5m`, `1h`, `1d`, `100ms`: a span of milliseconds above zero.
pub fn parse_fixed_interval(text: &str) -> Option<i64> {
    let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms = match text.trim().get(digits.len()..)? {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        "micros" => 0.001,
        "nanos" => 0.000_001,
        _ => return None,
    };
    let count: f64 = digits.parse().ok()?;
    let span = count * unit_ms;
    (1.0..1e15).contains(&span).then_some(span as i64)
}

/// A zone by name (`Europe/Paris`, `UTC`) or offset (`+02:00`).
pub fn time_zone(name: &str) -> Option<TimeZone> {
    if matches!(name, "Z" | "UTC" | "utc" | "GMT") {
        return Some(TimeZone::UTC);
    }
    if let Some(seconds) = offset_seconds(name) {
        return Offset::from_seconds(seconds).ok().map(TimeZone::fixed);
    }
    TimeZone::get(name).ok()
}

/// `+02:00`, `-0730`, `+2` in seconds.
pub(super) fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let plain: String = digits.chars().filter(|c| *c != ':').collect();
    if plain.is_empty() || plain.len() > 6 || !plain.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours_length = if plain.len() % 2 == 1 { 1 } else { 2 };
    let number = |from: usize, to: usize| match plain.get(from..to) {
        Some(digits) => digits.parse::<i32>().ok(),
        None => Some(0),
    };
    let hours = number(0, hours_length)?;
    let minutes = number(hours_length, hours_length + 2)?;
    let seconds = number(hours_length + 2, hours_length + 4)?;
    (hours <= 18 && minutes < 60 && seconds < 60)
        .then_some(sign * (hours * 3_600 + minutes * 60 + seconds))
}

/// Where buckets begin.
#[derive(Debug, Clone)]
pub struct Rounding {
    interval: Interval,
    zone: TimeZone,
    /// Added to every beginning, milliseconds.
    offset_ms: i64,
}

impl Rounding {
    /// Buckets of `interval` in `zone`, moved by `offset_ms`.
    pub fn new(interval: Interval, zone: TimeZone, offset_ms: i64) -> Self {
        Self { interval, zone, offset_ms }
    }

    /// The beginning of the bucket that holds `time_ms`.
    pub fn floor(&self, time_ms: i64) -> i64 {
        let shifted = time_ms.saturating_sub(self.offset_ms);
        self.floor_plain(shifted).saturating_add(self.offset_ms)
    }

    /// The beginning of the bucket after the one that begins at `start_ms`.
    pub fn next(&self, start_ms: i64) -> i64 {
        let plain = start_ms.saturating_sub(self.offset_ms);
        let next = match self.interval {
            Interval::Fixed(span) if self.fixed_offset_ms().is_some() => plain.saturating_add(span),
            Interval::Fixed(span) => {
                self.moment_of_local(self.to_local(plain).saturating_add(span))
            }
            Interval::Calendar(unit) => self.next_calendar(plain, unit).unwrap_or(i64::MAX / 2),
        };
        // The end of daylight saving may put the local beginning before the one it follows.
        next.max(plain.saturating_add(1)).saturating_add(self.offset_ms)
    }

    fn floor_plain(&self, time_ms: i64) -> i64 {
        match self.interval {
            Interval::Fixed(span) => match self.fixed_offset_ms() {
                Some(offset) => (time_ms + offset).div_euclid(span) * span - offset,
                None => self
                    .moment_of_local(self.to_local(time_ms).div_euclid(span) * span)
                    .min(time_ms),
            },
            Interval::Calendar(unit) => self.floor_calendar(time_ms, unit).unwrap_or(time_ms),
        }
    }

    fn fixed_offset_ms(&self) -> Option<i64> {
        self.zone.to_fixed_offset().ok().map(|offset| i64::from(offset.seconds()) * 1_000)
    }

    fn floor_calendar(&self, time_ms: i64, unit: CalendarUnit) -> Option<i64> {
        let short = match unit {
            CalendarUnit::Second => Some(1_000),
            CalendarUnit::Minute => Some(60_000),
            // Hours follow one another without a gap, also when the clock is changed.
            CalendarUnit::Hour => Some(3_600_000),
            _ => None,
        };
        if let Some(span) = short {
            let timestamp = Timestamp::from_millisecond(time_ms).ok()?;
            let offset = i64::from(self.zone.to_offset(timestamp).seconds()) * 1_000;
            return Some((time_ms + offset).div_euclid(span) * span - offset);
        }
        let date =
            Timestamp::from_millisecond(time_ms).ok()?.to_zoned_datetime(self.zone.clone()).date();
        self.begin(floor_date(date, unit)?)
    }

    fn next_calendar(&self, start_ms: i64, unit: CalendarUnit) -> Option<i64> {
        match unit {
            CalendarUnit::Second => return Some(start_ms + 1_000),
            CalendarUnit::Minute => return Some(start_ms + 60_000),
            CalendarUnit::Hour => return Some(start_ms + 3_600_000),
            _ => {}
        }
        let date =
            Timestamp::from_millisecond(start_ms).ok()?.to_zoned_datetime(self.zone.clone()).date();
        let span = match unit {
            CalendarUnit::Week => 1.week(),
            CalendarUnit::Month => 1.month(),
            CalendarUnit::Quarter => 3.months(),
            CalendarUnit::Year => 1.year(),
            _ => 1.day(),
        };
        self.begin(date.checked_add(span).ok()?)
    }

    /// The first moment of a day.
    fn begin(&self, date: Date) -> Option<i64> {
        let start = date.to_datetime(Time::midnight()).to_zoned_datetime(self.zone.clone()).ok()?;
        Some(start.timestamp().as_millisecond())
    }

    fn to_local(&self, time_ms: i64) -> i64 {
        let offset = Timestamp::from_millisecond(time_ms)
            .map_or(0, |timestamp| self.zone.to_offset(timestamp).seconds());
        time_ms + i64::from(offset) * 1_000
    }

    fn moment_of_local(&self, local_ms: i64) -> i64 {
        let civil = Timestamp::from_millisecond(local_ms)
            .map(|timestamp| TimeZone::UTC.to_datetime(timestamp));
        let moment = civil.and_then(|civil: DateTime| civil.to_zoned_datetime(self.zone.clone()));
        moment.map_or(local_ms, |zoned| zoned.timestamp().as_millisecond())
    }
}

/// The first day of the unit in which `date` lies.
pub(super) fn floor_date(date: Date, unit: CalendarUnit) -> Option<Date> {
    match unit {
        CalendarUnit::Week => {
            let back = date.weekday().since(Weekday::Monday);
            date.checked_sub(i64::from(back).days()).ok()
        }
        CalendarUnit::Month => Some(date.first_of_month()),
        CalendarUnit::Quarter => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok(),
        CalendarUnit::Year => Some(date.first_of_year()),
        _ => Some(date),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn calendar_buckets_follow_the_zone() {
        let paris = time_zone("Europe/Paris").unwrap();
        let day = Rounding::new(Interval::Calendar(CalendarUnit::Day), paris, 0);
        // The day on which clocks go forward has 23 hours.
        let start = day.floor(ms("2025-03-30T10:00:00Z"));
        assert_eq!(start, ms("2025-03-29T23:00:00Z"));
        assert_eq!(day.next(start) - start, 23 * 3_600_000);
        let month = Rounding::new(Interval::Calendar(CalendarUnit::Month), TimeZone::UTC, 0);
        assert_eq!(month.floor(ms("2024-02-29T10:00:00Z")), ms("2024-02-01T00:00:00Z"));
        assert_eq!(month.next(ms("2024-02-01T00:00:00Z")), ms("2024-03-01T00:00:00Z"));
        let week = Rounding::new(Interval::Calendar(CalendarUnit::Week), TimeZone::UTC, 0);
        assert_eq!(week.floor(ms("2025-11-21T10:00:00Z")), ms("2025-11-17T00:00:00Z"));
        let quarter = Rounding::new(Interval::Calendar(CalendarUnit::Quarter), TimeZone::UTC, 0);
        assert_eq!(quarter.floor(ms("2025-11-21T10:00:00Z")), ms("2025-10-01T00:00:00Z"));
    }

    #[test]
    fn fixed_buckets_and_offsets() {
        let hour = Rounding::new(Interval::Fixed(3_600_000), TimeZone::UTC, 600_000);
        assert_eq!(hour.floor(ms("2025-11-21T10:05:00Z")), ms("2025-11-21T09:10:00Z"));
        assert_eq!(hour.floor(-1), -3_000_000);
        let shifted = time_zone("+05:30").unwrap();
        let day = Rounding::new(Interval::Fixed(86_400_000), shifted, 0);
        assert_eq!(day.floor(ms("2025-11-21T20:00:00Z")), ms("2025-11-21T18:30:00Z"));
    }

    #[test]
    fn intervals_are_read() {
        assert_eq!(parse_fixed_interval("90m"), Some(5_400_000));
        assert_eq!(parse_fixed_interval("1.5h"), Some(5_400_000));
        assert_eq!(parse_fixed_interval("1M"), None);
        assert_eq!(parse_fixed_interval("0s"), None);
        assert_eq!(parse_calendar_unit("1q"), Some(CalendarUnit::Quarter));
        assert_eq!(offset_seconds("-07:30"), Some(-27_000));
        assert!(time_zone("Nowhere/Land").is_none());
    }
}
