//! `time_intervals` and the older `mute_time_intervals`.

use jiff::tz::TimeZone;
use vigie_language::section;
use vigie_language::yaml::{ConfigError, Field, Node, Out, Source};

use super::At;
use crate::interval::{MinuteSpan, NamedIntervals, Span, TimeInterval};

section! {
    /// Intervals under a name.
    pub struct WrittenIntervals("config.TimeInterval", check = check_name) {
        /// The name that routes use.
        name: At<String> = At::default(),
        /// The intervals.
        time_intervals: Vec<WrittenInterval> = Vec::new(),
    }
}

section! {
    /// One interval.
    pub struct WrittenInterval("timeinterval.TimeInterval") {
        /// Times of the day.
        times: Option<Vec<WrittenTimes>> = None,
        /// `monday:friday`
        weekdays: Option<Vec<Range<Weekday>>> = None,
        /// `1:5`, `-3:-1`
        days_of_month: Option<Vec<Range<DayOfMonth>>> = None,
        /// `may:august`, `1:3`
        months: Option<Vec<Range<Month>>> = None,
        /// `2020:2022`
        years: Option<Vec<Range<Year>>> = None,
        /// A name of the time zone database.
        location: Option<Location> = None,
    }
}

section! {
    /// A span of the day.
    pub struct WrittenTimes("timeinterval.yamlTimeRange", check = check_times) {
        /// `HH:MM`
        start_time: String = String::new(),
        /// `HH:MM`, excluded; `24:00` is the end of the day.
        end_time: String = String::new(),
    }
}

fn check_name(intervals: &mut WrittenIntervals) -> Result<(), String> {
    if intervals.name.is_empty() {
        return Err("missing name in time interval".into());
    }
    Ok(())
}

fn check_times(times: &mut WrittenTimes) -> Result<(), String> {
    times.span().map(|_| ())
}

impl WrittenTimes {
    fn span(&self) -> Result<MinuteSpan, String> {
        if self.start_time.is_empty() || self.end_time.is_empty() {
            return Err("both start and end times must be provided".into());
        }
        let (start, end) = (minutes(&self.start_time)?, minutes(&self.end_time)?);
        if start >= end {
            return Err("start time cannot be equal or greater than end time".into());
        }
        Ok(MinuteSpan { start, end })
    }
}

fn minutes(text: &str) -> Result<i32, String> {
    let invalid = || format!("couldn't parse timestamp {text}, invalid format");
    let (hours, minutes) = text.split_once(':').ok_or_else(invalid)?;
    let number = |part: &str| {
        let is_two_digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i32>().ok().filter(|_| is_two_digits)
    };
    let (hours, minutes) = number(hours).zip(number(minutes)).ok_or_else(invalid)?;
    if minutes > 59 || hours > 24 || (hours == 24 && minutes > 0) {
        return Err(invalid());
    }
    Ok(hours * 60 + minutes)
}

/// A kind of number that ranges are made of.
pub trait RangeKind {
    /// Reads one end of a range.
    fn number(text: &str) -> Result<i32, String>;
    /// Whether a range may have these ends.
    fn check(span: Span) -> Result<(), String>;
}

/// A range with the text it was written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range<K> {
    span: Span,
    written: String,
    kind: std::marker::PhantomData<K>,
}

impl<K: RangeKind> Field for Range<K> {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let written = String::read(node, source)?;
        let span = read_span::<K>(&written.to_lowercase())
            .map_err(|message| node.error(source, message))?;
        Ok(Self { span, written, kind: std::marker::PhantomData })
    }

    fn write(&self) -> Option<Out> {
        Some(Out::Text(self.written.clone()))
    }
}

fn read_span<K: RangeKind>(text: &str) -> Result<Span, String> {
    let (first, last) = match text.split_once(':') {
        Some((_, last)) if last.contains(':') => {
            return Err(format!("couldn't parse range {text}, invalid format"));
        }
        Some((first, last)) => (K::number(first)?, K::number(last)?),
        None => {
            let number = K::number(text)?;
            (number, number)
        }
    };
    let span = Span { first, last };
    K::check(span)?;
    Ok(span)
}

fn integer(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

/// A day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weekday {}

const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

impl RangeKind for Weekday {
    fn number(text: &str) -> Result<i32, String> {
        let found = WEEKDAYS.iter().position(|name| *name == text);
        found.map(|at| at as i32).ok_or_else(|| format!("{text} is not a valid weekday"))
    }

    fn check(span: Span) -> Result<(), String> {
        if span.first > span.last {
            return Err("start day cannot be before end day".into());
        }
        Ok(())
    }
}

/// A day of the month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayOfMonth {}

impl RangeKind for DayOfMonth {
    fn number(text: &str) -> Result<i32, String> {
        integer(text)
    }

    fn check(span: Span) -> Result<(), String> {
        for day in [span.first, span.last] {
            if day == 0 || !(-31..=31).contains(&day) {
                return Err(format!("{day} is not a valid day of the month: out of range"));
            }
        }
        if span.first < 0 && span.last > 0 {
            return Err("end day must be negative if start day is negative".into());
        }
        // The shortest month shows what is wrong in every month.
        let in_february = |day: i32| if day < 0 { 28 + day } else { day };
        if in_february(span.first) > in_february(span.last) {
            let Span { first, last } = span;
            return Err(format!("end day {last} is always before start day {first}"));
        }
        Ok(())
    }
}

/// A month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Month {}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl RangeKind for Month {
    fn number(text: &str) -> Result<i32, String> {
        if let Some(at) = MONTHS.iter().position(|name| *name == text) {
            return Ok(at as i32 + 1);
        }
        text.parse().map_err(|_| format!("{text} is not a valid month"))
    }

    fn check(span: Span) -> Result<(), String> {
        let name = |number: i32| {
            let at = usize::try_from(number - 1).ok();
            at.and_then(|at| MONTHS.get(at)).copied().unwrap_or_default()
        };
        let Span { first, last } = span;
        if first > last {
            let (first, last) = (name(first), name(last));
            return Err(format!("end month {last} is before start month {first}"));
        }
        if name(first).is_empty() || name(last).is_empty() {
            return Err(format!("{first}:{last} are no months of the year"));
        }
        Ok(())
    }
}

/// A year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Year {}

impl RangeKind for Year {
    fn number(text: &str) -> Result<i32, String> {
        integer(text)
    }

    fn check(span: Span) -> Result<(), String> {
        let Span { first, last } = span;
        if first > last {
            return Err(format!("end year {last} is before start year {first}"));
        }
        Ok(())
    }
}

/// A place of the time zone database.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    zone: TimeZone,
    written: String,
}

impl Field for Location {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let written = String::read(node, source)?;
        // As in Go: no name is UTC, and `Local` is where the process runs.
        let zone = match written.as_str() {
            "" | "UTC" => Ok(TimeZone::UTC),
            "Local" => Ok(TimeZone::system()),
            name => TimeZone::get(name),
        };
        let zone = zone.map_err(|_| {
            node.error(source, format!("unknown time zone {written}"))
                .advise("write a name such as Europe/Paris")
        })?;
        Ok(Self { zone, written })
    }

    fn write(&self) -> Option<Out> {
        Some(Out::Text(self.written.clone()))
    }
}

impl WrittenIntervals {
    /// The intervals, ready to be asked.
    pub(super) fn compile(&self) -> NamedIntervals {
        NamedIntervals {
            name: self.name.value.clone(),
            intervals: self.time_intervals.iter().map(WrittenInterval::compile).collect(),
        }
    }
}

fn spans<K>(ranges: Option<&Vec<Range<K>>>) -> Option<Vec<Span>> {
    ranges.map(|ranges| ranges.iter().map(|range| range.span).collect())
}

impl WrittenInterval {
    fn compile(&self) -> TimeInterval {
        TimeInterval {
            times: self
                .times
                .as_ref()
                .map(|all| all.iter().filter_map(|times| times.span().ok()).collect()),
            weekdays: spans(self.weekdays.as_ref()),
            days_of_month: spans(self.days_of_month.as_ref()),
            months: spans(self.months.as_ref()),
            years: spans(self.years.as_ref()),
            location: self.location.as_ref().map(|location| location.zone.clone()),
        }
    }
}
