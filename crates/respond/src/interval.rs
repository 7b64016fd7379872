//! Time intervals: when a route is muted, or the only times at which it speaks.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// First and last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: i32,
    /// The last.
    pub last: i32,
}

impl Span {
    const fn has(self, value: i32) -> bool {
        self.first <= value && value <= self.last
    }
}

/// Minutes of a day, the end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteSpan {
    /// First minute of the day that belongs to it.
    pub start: i32,
    /// First minute after it; 1440 is the end of the day.
    pub end: i32,
}

/// What must hold together for a time to be in an interval. An absent part always holds.
#[derive(Debug, Clone, Default)]
pub struct TimeInterval {
    /// Minutes of the day.
    pub times: Option<Vec<MinuteSpan>>,
    /// Days of the week, 0 is Sunday.
    pub weekdays: Option<Vec<Span>>,
    /// Days of the month from 1; negative ones count from its end, -1 is the last day.
    pub days_of_month: Option<Vec<Span>>,
    /// Months from 1.
    pub months: Option<Vec<Span>>,
    /// Years.
    pub years: Option<Vec<Span>>,
    /// Where; UTC when it is absent.
    pub location: Option<TimeZone>,
}

impl TimeInterval {
    /// Whether `time_ms` is in it.
    pub fn contains(&self, time_ms: i64) -> bool {
        let Ok(timestamp) = Timestamp::from_millisecond(time_ms) else { return false };
        let zone = self.location.clone().unwrap_or(TimeZone::UTC);
        let time = timestamp.to_zoned_datetime(zone);
        self.has_minute(&time)
            && self.has_day(&time)
            && in_any(self.months.as_deref(), i32::from(time.month()))
            && in_any(self.weekdays.as_deref(), i32::from(time.weekday().to_sunday_zero_offset()))
            && in_any(self.years.as_deref(), i32::from(time.year()))
    }

    fn has_minute(&self, time: &ZonedDateTime) -> bool {
        let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
        let spans = self.times.as_deref();
        spans.is_none_or(|all| all.iter().any(|span| span.start <= minute && minute < span.end))
    }

    fn has_day(&self, time: &ZonedDateTime) -> bool {
        let length = i32::from(time.days_in_month());
        let from_start = |day: i32| if day < 0 { length + day + 1 } else { day };
        self.days_of_month.as_deref().is_none_or(|spans| {
            spans.iter().any(|span| {
                let (first, last) = (from_start(span.first), from_start(span.last));
                // A span that begins after the month's end does not move back into it.
                first <= length && first <= i32::from(time.day()) && i32::from(time.day()) <= last
            })
        })
    }
}

fn in_any(spans: Option<&[Span]>, value: i32) -> bool {
    spans.is_none_or(|spans| spans.iter().any(|span| span.has(value)))
}

/// Intervals under one name; a time is in it when it is in one of them.
#[derive(Debug, Clone)]
pub struct NamedIntervals {
    /// The name routes use.
    pub name: String,
    /// The intervals.
    pub intervals: Vec<TimeInterval>,
}

impl NamedIntervals {
    /// Whether `time_ms` is in one of the intervals.
    pub fn contains(&self, time_ms: i64) -> bool {
        self.intervals.iter().any(|interval| interval.contains(time_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn spans(first: i32, last: i32) -> Vec<Span> {
        vec![Span { first, last }]
    }

    #[test]
    fn parts_must_hold_together_where_the_location_is() {
        let office = TimeInterval {
            times: Some(vec![MinuteSpan { start: 9 * 60, end: 17 * 60 }]),
            weekdays: Some(spans(1, 5)),
            location: TimeZone::get("Europe/Paris").ok(),
            ..TimeInterval::default()
        };
        // A Monday; Paris is two hours ahead of UTC in summer, one in winter.
        assert!(office.contains(at("2026-07-06T07:00:00Z")));
        assert!(!office.contains(at("2026-07-06T06:59:59Z")));
        assert!(!office.contains(at("2026-07-06T15:00:00Z")), "the end is excluded");
        assert!(!office.contains(at("2026-12-07T07:30:00Z")));
        assert!(office.contains(at("2026-12-07T08:30:00Z")));
        assert!(!office.contains(at("2026-07-05T10:00:00Z")), "a Sunday");
    }

    #[test]
    fn days_count_from_both_ends_of_a_month() {
        let interval = |first, last| TimeInterval {
            days_of_month: Some(spans(first, last)),
            ..TimeInterval::default()
        };
        let last_three = interval(-3, -1);
        assert!(last_three.contains(at("2026-02-26T00:00:00Z")));
        assert!(!last_three.contains(at("2026-02-25T23:59:59Z")));
        assert!(interval(28, 31).contains(at("2026-02-28T12:00:00Z")));
        assert!(!interval(30, 31).contains(at("2026-02-28T12:00:00Z")), "no moving back");
        assert!(interval(1, -1).contains(at("2026-02-28T12:00:00Z")));
        // As in the original, more days back than the month has reach its first day.
        assert!(interval(-31, -28).contains(at("2026-02-01T12:00:00Z")));
    }

    #[test]
    fn an_empty_interval_is_always() {
        assert!(TimeInterval::default().contains(0));
        let years = TimeInterval { years: Some(spans(2020, 2025)), ..TimeInterval::default() };
        assert!(years.contains(at("2025-12-31T23:59:59Z")));
        assert!(!years.contains(at("2026-01-01T00:00:00Z")));
        let months = TimeInterval { months: Some(spans(5, 5)), ..TimeInterval::default() };
        assert!(months.contains(at("2026-05-31T00:00:00Z")));
    }
}
