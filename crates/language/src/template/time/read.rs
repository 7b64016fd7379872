//! Reads a time by one of Go's layouts.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::layout::{Fill, Part, next_part};
use super::{Time, WEEKDAYS, Zone};
use crate::calendar_names::MONTHS;
use crate::promql::go_quote;

/// What has been read so far; Go's defaults are the year 0 and the first of January.
#[derive(Debug)]
struct Read {
    year: i32,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: i32,
    nanosecond: i32,
    afternoon: Option<bool>,
    offset: Option<i32>,
}

/// The time that a text tells by a layout; without a zone it is UTC.
pub(in crate::template) fn parse(layout: &str, text: &str) -> Result<Time, String> {
    let fail = || {
        let (text, layout) = (go_quote(text), go_quote(layout));
        format!("parsing time {text} as {layout}: cannot parse")
    };
    let mut read = Read {
        year: 0,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        afternoon: None,
        offset: None,
    };
    let mut rest_of_layout = layout;
    let mut rest = text;
    while let Some((before, part, after)) = next_part(rest_of_layout) {
        rest = rest.strip_prefix(before).ok_or_else(fail)?;
        rest = read.part(part, rest).ok_or_else(fail)?;
        rest_of_layout = after;
    }
    if rest != rest_of_layout {
        return Err(fail());
    }
    read.time().ok_or_else(fail)
}

impl Read {
    fn part<'t>(&mut self, part: Part, text: &'t str) -> Option<&'t str> {
        let (place, least, most) = match part {
            Part::Year => (&mut self.year, 4, 4),
            Part::Month { padded } => (&mut self.month, 1 + usize::from(padded), 2),
            Part::Day(fill) => {
                let text = if fill == Fill::Space { text.trim_start_matches(' ') } else { text };
                let least = if fill == Fill::Zero { 2 } else { 1 };
                return number(text, least, 2).map(|(value, rest)| {
                    self.day = value;
                    rest
                });
            }
            Part::Hour24 => (&mut self.hour, 1, 2),
            Part::Hour12 { padded } => (&mut self.hour, 1 + usize::from(padded), 2),
            Part::Minute { padded } => (&mut self.minute, 1 + usize::from(padded), 2),
            Part::Second { padded } => {
                let (value, rest) = number(text, 1 + usize::from(padded), 2)?;
                self.second = value;
                // Go takes a fraction after the seconds that the layout does not name.
                return self.fraction(rest).or(Some(rest));
            }
            _ => return self.other(part, text),
        };
        let (value, rest) = number(text, least, most)?;
        *place = value;
        Some(rest)
    }

    fn other<'t>(&mut self, part: Part, text: &'t str) -> Option<&'t str> {
        match part {
            Part::ShortYear => {
                let (value, rest) = number(text, 2, 2)?;
                self.year = if value >= 69 { 1900 + value } else { 2000 + value };
                Some(rest)
            }
            Part::MonthName | Part::ShortMonthName => {
                let (index, rest) = name(&MONTHS, text, part == Part::ShortMonthName)?;
                self.month = index as i32 + 1;
                Some(rest)
            }
            Part::Weekday => name(&WEEKDAYS, text, false).map(|(_, rest)| rest),
            Part::ShortWeekday => name(&WEEKDAYS, text, true).map(|(_, rest)| rest),
            Part::Noon { upper } => {
                let (morning, afternoon) = if upper { ("AM", "PM") } else { ("am", "pm") };
                self.afternoon = Some(text.starts_with(afternoon));
                text.strip_prefix(afternoon).or_else(|| text.strip_prefix(morning))
            }
            Part::ZoneName => {
                // Only UTC's name says what it means; Go gives others an offset of zero as well.
                let rest = text.trim_start_matches(|c: char| c.is_ascii_uppercase());
                let length = text.len() - rest.len();
                (3..=5).contains(&length).then_some(rest)
            }
            Part::Offset { z_for_utc, colon, fields } => {
                if z_for_utc && let Some(rest) = text.strip_prefix('Z') {
                    self.offset = Some(0);
                    return Some(rest);
                }
                self.offset(text, colon, fields)
            }
            // Read with the seconds already, or not there.
            Part::Fraction { .. } => self.fraction(text).or(Some(text)),
            _ => None,
        }
    }

    fn offset<'t>(&mut self, text: &'t str, colon: bool, fields: usize) -> Option<&'t str> {
        let negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['+', '-'])?;
        let mut seconds = 0;
        for (index, unit) in [3600, 60, 1].into_iter().take(fields).enumerate() {
            if colon && index > 0 {
                rest = rest.strip_prefix(':')?;
            }
            let (value, after) = number(rest, 2, 2)?;
            seconds += value * unit;
            rest = after;
        }
        self.offset = Some(if negative { -seconds } else { seconds });
        Some(rest)
    }

    fn fraction<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let digits = text.strip_prefix(['.', ','])?;
        let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = digits.get(..digits.len() - rest.len())?;
        if digits.is_empty() {
            return None;
        }
        let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
        self.nanosecond = nine.parse().ok()?;
        Some(rest)
    }

    fn time(mut self) -> Option<Time> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let civil = DateTime::new(
            self.year.try_into().ok()?,
            self.month.try_into().ok()?,
            self.day.try_into().ok()?,
            self.hour.try_into().ok()?,
            self.minute.try_into().ok()?,
            self.second.try_into().ok()?,
            self.nanosecond,
        )
        .ok()?;
        let offset = Offset::from_seconds(self.offset.unwrap_or(0)).ok()?;
        let instant: Timestamp = offset.to_timestamp(civil).ok()?;
        let zone = if offset == Offset::UTC { Zone::Utc } else { Zone::Fixed(offset) };
        Some(Time { instant, zone })
    }
}

fn number(text: &str, least: usize, most: usize) -> Option<(i32, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

/// Which of the names the text begins with, in any case.
fn name<'t>(names: &[&str], text: &'t str, short: bool) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = if short { name.get(..3)? } else { name };
        let start = text.get(..name.len())?;
        start.eq_ignore_ascii_case(name).then(|| (index, text.get(name.len()..).unwrap_or("")))
    })
}

/// Units of a duration, in nanoseconds; longer names before those they begin with.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 6e10),
    ("h", 3.6e12),
];

/// Nanoseconds of a Go duration such as `1h30m` or `-1.5s`.
pub(in crate::template) fn parse_duration(text: &str) -> Result<i64, String> {
    let fail = || format!("time: invalid duration {}", go_quote(text));
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() || total == 0.0 {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = rest.get(..rest.len() - after.len()).unwrap_or("");
        let number: f64 = number.parse().map_err(|_| fail())?;
        let found = UNITS.iter().find(|(name, _)| {
            after.strip_prefix(name).is_some_and(|tail| !tail.starts_with(char::is_alphabetic))
        });
        let Some((name, unit)) = found else { return Err(fail()) };
        total += number * unit;
        rest = after.strip_prefix(name).unwrap_or("");
        if rest.is_empty() {
            break;
        }
    }
    if total > i64::MAX as f64 {
        return Err(fail());
    }
    Ok(if negative { -(total as i64) } else { total as i64 })
}
