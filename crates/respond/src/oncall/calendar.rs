//! Calendars that others keep (iCalendar, RFC 5545): whoever an event names is on call.
//!
//! Read are VEVENT with DTSTART, DTEND or DURATION, SUMMARY, daily and weekly RRULE (INTERVAL,
//! COUNT, UNTIL, BYDAY), EXDATE. Other rules are refused, since a wrong answer would be worse.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

/// Events of one calendar.
const EVENTS_MAX: usize = 10_000;
/// The longest event, in days.
const DAYS_MAX: i64 = 400;
/// Occurrences that a COUNT may name.
const COUNT_MAX: u32 = 10_000;

/// Why a calendar cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct CalendarError {
    /// Line from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Which days an event falls on again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    is_weekly: bool,
    interval: i64,
    days: Vec<Weekday>,
    count: Option<u32>,
    until: Option<DateTime>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    person: String,
    start: DateTime,
    zone: TimeZone,
    length_seconds: i64,
    rule: Option<Rule>,
    except: BTreeSet<Date>,
}

/// A calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    events: Vec<Event>,
}

impl Calendar {
    /// Reads a calendar; times without a zone are in `zone`.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, CalendarError> {
        let mut events = Vec::new();
        let mut draft: Option<Draft> = None;
        for (line, content) in unfolded(text) {
            let fail = |message: String| CalendarError { line, message };
            match content.as_str() {
                "BEGIN:VEVENT" => draft = Some(Draft::default()),
                "END:VEVENT" => {
                    if let Some(draft) = draft.take() {
                        events.extend(draft.finish(zone).map_err(fail)?);
                    }
                    if events.len() > EVENTS_MAX {
                        return Err(fail(format!("more than {EVENTS_MAX} events")));
                    }
                }
                property => {
                    if let Some(draft) = &mut draft {
                        draft.take(property, zone).map_err(fail)?;
                    }
                }
            }
        }
        Ok(Self { events })
    }

    /// Whom events name at a time.
    pub(super) fn at(&self, at_ms: i64) -> Vec<String> {
        let mut people = Vec::new();
        for event in &self.events {
            if event.holds(at_ms) && !people.contains(&event.person) {
                people.push(event.person.clone());
            }
        }
        people
    }
}

/// Lines with what was folded put together again, and their numbers.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some((_, last))) => last.push_str(more),
            _ => lines.push((at + 1, line.to_owned())),
        }
    }
    lines
}

#[derive(Debug, Default)]
struct Draft {
    person: String,
    start: Option<(DateTime, TimeZone, bool)>,
    end: Option<DateTime>,
    length_seconds: Option<i64>,
    rule: Option<Rule>,
    except: BTreeSet<Date>,
    is_cancelled: bool,
}

impl Draft {
    fn take(&mut self, property: &str, zone: &TimeZone) -> Result<(), String> {
        let Some((name, value)) = property.split_once(':') else { return Ok(()) };
        let mut parts = name.split(';');
        let name = parts.next().unwrap_or_default().to_ascii_uppercase();
        let own_zone = parts.find_map(|part| part.strip_prefix("TZID="));
        match name.as_str() {
            "SUMMARY" => self.person = unescaped(value),
            "STATUS" => self.is_cancelled = value == "CANCELLED",
            "DTSTART" => self.start = Some(time(value, own_zone, zone)?),
            "DTEND" => {
                let (end, end_zone, _) = time(value, own_zone, zone)?;
                // By the zone of the beginning, so that the length is one of time.
                let start_zone = self.start.as_ref().map_or(zone, |(_, zone, _)| zone);
                let moment = end.to_zoned_datetime(end_zone).map_err(|error| error.to_string())?;
                self.end = Some(moment.with_time_zone(start_zone.clone()).datetime());
            }
            "DURATION" => {
                let span: jiff::Span =
                    value.parse().map_err(|_| format!("DURATION {value:?} is not understood"))?;
                let total = span
                    .total(jiff::SpanTotal::from(jiff::Unit::Second).days_are_24_hours())
                    .map_err(|error| error.to_string())?;
                self.length_seconds = Some(total as i64);
            }
            "RRULE" => self.rule = Some(rule(value, zone)?),
            "EXDATE" => {
                for one in value.split(',') {
                    self.except.insert(time(one, own_zone, zone)?.0.date());
                }
            }
            "RDATE" => return Err("RDATE is not read".to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn finish(self, zone: &TimeZone) -> Result<Option<Event>, String> {
        if self.is_cancelled {
            return Ok(None);
        }
        let Some((start, own_zone, is_day)) = self.start else {
            return Err("an event without DTSTART".to_owned());
        };
        let zone = if is_day { zone.clone() } else { own_zone };
        let length = match (self.end, self.length_seconds) {
            (Some(end), _) => end.duration_since(start).as_secs(),
            (None, Some(length)) => length,
            (None, None) => {
                if is_day {
                    86_400
                } else {
                    0
                }
            }
        };
        if !(0..=DAYS_MAX * 86_400).contains(&length) {
            return Err(format!("an event of {length} seconds"));
        }
        let person = self.person.trim().to_owned();
        if person.is_empty() {
            return Err("an event without SUMMARY, which names the person".to_owned());
        }
        let (length_seconds, rule, except) = (length, self.rule, self.except);
        Ok(Some(Event { person, start, zone, length_seconds, rule, except }))
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\,", ",").replace("\\;", ";").replace("\\n", " ").replace("\\\\", "\\")
}

/// `20261126T090000`, with `Z` or a zone, or a day alone.
fn time(
    value: &str,
    own_zone: Option<&str>,
    zone: &TimeZone,
) -> Result<(DateTime, TimeZone, bool), String> {
    let fail = || format!("{value:?} is no time");
    if value.len() == 8 {
        let date = Date::strptime("%Y%m%d", value).map_err(|_| fail())?;
        return Ok((date.to_datetime(jiff::civil::Time::midnight()), zone.clone(), true));
    }
    let (text, zone) = match (value.strip_suffix('Z'), own_zone) {
        (Some(text), _) => (text, TimeZone::UTC),
        (None, Some(name)) => {
            let found = TimeZone::get(name.trim_matches('"'));
            (value, found.map_err(|_| format!("the time zone {name:?} is not known"))?)
        }
        (None, None) => (value, zone.clone()),
    };
    let time = DateTime::strptime("%Y%m%dT%H%M%S", text).map_err(|_| fail())?;
    Ok((time, zone, false))
}

fn rule(text: &str, zone: &TimeZone) -> Result<Rule, String> {
    let mut rule =
        Rule { is_weekly: false, interval: 1, days: Vec::new(), count: None, until: None };
    let mut has_frequency = false;
    for part in text.split(';') {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("RRULE {part:?}"))?;
        let fail = || format!("RRULE {name}={value} is not read");
        match name {
            "FREQ" => {
                has_frequency = true;
                rule.is_weekly = match value {
                    "WEEKLY" => true,
                    "DAILY" => false,
                    _ => return Err(fail()),
                };
            }
            "INTERVAL" => rule.interval = value.parse().ok().filter(|n| *n > 0).ok_or_else(fail)?,
            "COUNT" => {
                let count = value.parse().ok().filter(|n| *n <= COUNT_MAX);
                rule.count = Some(count.ok_or_else(fail)?);
            }
            "UNTIL" => {
                let (until, own, is_day) = time(value, None, zone)?;
                let end = jiff::civil::Time::constant(23, 59, 59, 0);
                let until = if is_day { until.date().to_datetime(end) } else { until };
                let moment = until.to_zoned_datetime(own).map_err(|error| error.to_string())?;
                rule.until = Some(moment.with_time_zone(zone.clone()).datetime());
            }
            "BYDAY" => {
                for day in value.split(',') {
                    rule.days.push(weekday(day).ok_or_else(fail)?);
                }
            }
            "WKST" if value == "MO" => {}
            _ => return Err(fail()),
        }
    }
    if has_frequency { Ok(rule) } else { Err("RRULE without FREQ".to_owned()) }
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

impl Event {
    fn holds(&self, at_ms: i64) -> bool {
        let Ok(moment) = jiff::Timestamp::from_millisecond(at_ms) else { return false };
        let local = moment.to_zoned_datetime(self.zone.clone()).datetime();
        let Some(_) = &self.rule else { return self.covers(self.start, at_ms) };
        // An occurrence that covers this moment began at most its length ago.
        let days = self.length_seconds / 86_400 + 1;
        let mut date = local.date();
        for _ in 0..=days {
            if self.falls_on(date) && self.covers(date.to_datetime(self.start.time()), at_ms) {
                return true;
            }
            match date.yesterday() {
                Ok(before) => date = before,
                Err(_) => return false,
            }
        }
        false
    }

    /// Whether an occurrence that begins then covers a moment.
    fn covers(&self, start: DateTime, at_ms: i64) -> bool {
        let Ok(start) = start.to_zoned_datetime(self.zone.clone()) else { return false };
        // A length of days is one by the calendar: the hour of handing over stays.
        let start_ms = start.timestamp().as_millisecond();
        let span = jiff::Span::new()
            .days(self.length_seconds / 86_400)
            .seconds(self.length_seconds % 86_400);
        let end = start.checked_add(span);
        let end_ms = end.map_or(start_ms, |end| end.timestamp().as_millisecond());
        (start_ms..end_ms).contains(&at_ms)
    }

    /// Whether the rule has an occurrence on that day.
    fn falls_on(&self, date: Date) -> bool {
        let Some(rule) = &self.rule else { return date == self.start.date() };
        let start = self.start.date();
        if date < start || self.except.contains(&date) || !rule.has(start, date) {
            return false;
        }
        if rule.until.is_some_and(|until| date.to_datetime(self.start.time()) > until) {
            return false;
        }
        let Some(count) = rule.count else { return true };
        let mut before = 0;
        let mut day = start;
        while day < date && before < count {
            before += u32::from(rule.has(start, day));
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => return false,
            }
        }
        before < count
    }
}

impl Rule {
    fn has(&self, start: Date, date: Date) -> bool {
        let days = |from: Date, to: Date| i64::from((to - from).get_days());
        if !self.is_weekly {
            let is_day = self.days.is_empty() || self.days.contains(&date.weekday());
            return is_day && days(start, date) % self.interval == 0;
        }
        let is_day = if self.days.is_empty() {
            date.weekday() == start.weekday()
        } else {
            self.days.contains(&date.weekday())
        };
        let monday = |date: Date| {
            let since = i64::from(date.weekday().to_monday_zero_offset());
            date.checked_sub(jiff::Span::new().days(since)).unwrap_or(date)
        };
        is_day && (days(monday(start), monday(date)) / 7) % self.interval == 0
    }
}
