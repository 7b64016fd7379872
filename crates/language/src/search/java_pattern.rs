//! Date patterns of Java's `DateTimeFormatter`: the letters that dates in logs need.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::calendar::offset_seconds;
use super::date_format::{fraction, offset_text};
use crate::calendar_names::{DAYS, MONTHS};

const LENGTH_MAX: usize = 200;

/// What a text says of a date; the rest is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) year: Option<i32>,
    pub(super) month: Option<u32>,
    pub(super) day: Option<u32>,
    pub(super) hour: Option<u32>,
    pub(super) minute: Option<u32>,
    pub(super) second: Option<u32>,
    pub(super) nanosecond: Option<u32>,
    pub(super) offset_seconds: Option<i32>,
}

/// A pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JavaPattern(Vec<Item>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// A letter and how often it stands there.
    Field(char, usize),
    OptionalStart,
    OptionalEnd,
}

impl JavaPattern {
    /// `None`: a letter is not known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > LENGTH_MAX {
            return None;
        }
        let mut items = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\'' => {
                    let quoted: String = rest.by_ref().take_while(|c| *c != '\'').collect();
                    items.push(Item::Literal(if quoted.is_empty() {
                        "'".to_owned()
                    } else {
                        quoted
                    }));
                }
                '[' => items.push(Item::OptionalStart),
                ']' => items.push(Item::OptionalEnd),
                c if c.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while rest.next_if_eq(&c).is_some() {
                        count += 1;
                    }
                    if !"yuMLdDHhkKmsSnaEZXxzVwe".contains(c) {
                        return None;
                    }
                    items.push(Item::Field(c, count));
                }
                other => items.push(Item::Literal(other.to_string())),
            }
        }
        Some(Self(items))
    }

    /// What `text`, all of it, says.
    pub(super) fn read(&self, text: &str) -> Option<Parts> {
        let mut state = State { rest: text, parts: Parts::default(), is_afternoon: None };
        let mut at = 0;
        let mut saved: Option<(usize, State<'_>)> = None;
        while let Some(item) = self.0.get(at) {
            at += 1;
            let is_read = match item {
                Item::OptionalStart => {
                    saved = Some((self.after_optional(at), state));
                    true
                }
                Item::OptionalEnd => {
                    saved = None;
                    true
                }
                Item::Literal(literal) => state.literal(literal),
                Item::Field(letter, count) => {
                    let next_is_number = matches!(self.0.get(at), Some(Item::Field(..)));
                    state.field(*letter, *count, next_is_number).is_some()
                }
            };
            if !is_read {
                let (after, before) = saved.take()?;
                (at, state) = (after, before);
            }
        }
        let mut parts = state.parts;
        if let (Some(is_afternoon), Some(hour)) = (state.is_afternoon, parts.hour) {
            parts.hour = Some(hour % 12 + if is_afternoon { 12 } else { 0 });
        }
        state.rest.is_empty().then_some(parts)
    }

    fn after_optional(&self, from: usize) -> usize {
        let rest = self.0.iter().skip(from);
        from + rest.take_while(|item| **item != Item::OptionalEnd).count() + 1
    }

    /// `time_ms` in `zone`.
    pub(super) fn write(&self, time_ms: i64, zone: &TimeZone) -> String {
        let Ok(timestamp) = Timestamp::from_millisecond(time_ms) else {
            return time_ms.to_string();
        };
        let zoned = timestamp.to_zoned_datetime(zone.clone());
        let mut out = String::new();
        for item in &self.0 {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field(letter, count) => out.push_str(&write_field(&zoned, *letter, *count)),
                Item::OptionalStart | Item::OptionalEnd => {}
            }
        }
        out
    }
}

fn write_field(zoned: &jiff::ZonedDateTime, letter: char, count: usize) -> String {
    let number = |value: i64| format!("{value:0count$}");
    let name = |names: &[&str], index: usize| {
        let full = names.get(index).copied().unwrap_or_default();
        if count >= 4 { full.to_owned() } else { full.chars().take(3).collect() }
    };
    let hour = i64::from(zoned.hour());
    match letter {
        'y' | 'u' if count == 2 => format!("{:02}", zoned.year() % 100),
        'y' | 'u' => number(zoned.year().into()),
        'M' | 'L' if count >= 3 => name(&MONTHS, (zoned.month() - 1) as usize),
        'M' | 'L' => number(zoned.month().into()),
        'd' => number(zoned.day().into()),
        'D' => number(zoned.date().day_of_year().into()),
        'H' => number(hour),
        'k' => number(if hour == 0 { 24 } else { hour }),
        'h' => number((hour + 11) % 12 + 1),
        'K' => number(hour % 12),
        'm' => number(zoned.minute().into()),
        's' => number(zoned.second().into()),
        'S' => format!("{:09}", zoned.subsec_nanosecond()).chars().take(count).collect(),
        'n' => number(zoned.subsec_nanosecond().into()),
        'a' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'E' | 'e' => name(&DAYS, zoned.weekday().since(Weekday::Monday) as usize),
        'w' => number(zoned.date().iso_week_date().week().into()),
        'Z' => offset_text(zoned.offset(), count >= 5, false),
        'X' => offset_text(zoned.offset(), count == 3 || count == 5, true),
        'x' => offset_text(zoned.offset(), count == 3 || count == 5, false),
        _ => zoned.time_zone().iana_name().unwrap_or("Z").to_owned(),
    }
}

#[derive(Clone, Copy)]
struct State<'a> {
    rest: &'a str,
    parts: Parts,
    is_afternoon: Option<bool>,
}

impl State<'_> {
    fn literal(&mut self, literal: &str) -> bool {
        let after = self.rest.strip_prefix(literal);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        digits.parse().ok()
    }

    fn name(&mut self, names: &[&str], is_full: bool) -> Option<usize> {
        for (index, name) in names.iter().enumerate() {
            let wanted = if is_full { name.len() } else { 3 };
            let (found, rest) = self.rest.split_at_checked(wanted).unwrap_or(("", ""));
            if name.get(..wanted).is_some_and(|name| name.eq_ignore_ascii_case(found)) {
                self.rest = rest;
                return Some(index);
            }
        }
        None
    }

    fn field(&mut self, letter: char, count: usize, next_is_number: bool) -> Option<()> {
        // Fields next to each other have exactly as many digits as letters.
        let most = |usual: usize| if next_is_number { count } else { usual.max(count) };
        let parts = &mut self.parts;
        match letter {
            'y' | 'u' if count == 2 => {
                let year = self.digits(2, 2)?;
                self.parts.year = Some(2_000 + i32::try_from(year).ok()?);
            }
            'y' | 'u' => {
                let year = self.digits(count.min(4), most(4).min(9))?;
                self.parts.year = Some(i32::try_from(year).ok()?);
            }
            'M' | 'L' if count >= 3 => {
                self.parts.month = Some(self.name(&MONTHS, count >= 4)? as u32 + 1);
            }
            'M' | 'L' => self.parts.month = Some(self.digits(count, most(2))?),
            'd' => self.parts.day = Some(self.digits(count, most(2))?),
            'D' => {
                self.digits(count, 3)?;
            }
            'H' | 'h' | 'k' | 'K' => {
                let hour = self.digits(count, most(2))?;
                self.parts.hour = Some(if letter == 'k' { hour % 24 } else { hour });
            }
            'm' => self.parts.minute = Some(self.digits(count, most(2))?),
            's' => self.parts.second = Some(self.digits(count, most(2))?),
            'S' | 'n' => {
                let length = self.rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
                let (digits, rest) = self.rest.split_at_checked(length)?;
                parts.nanosecond = Some(fraction(digits)?);
                self.rest = rest;
            }
            'a' => {
                let (found, rest) = self.rest.split_at_checked(2)?;
                self.is_afternoon = Some(found.eq_ignore_ascii_case("pm"));
                self.rest = rest;
            }
            'E' | 'e' => {
                self.name(&DAYS, count >= 4)?;
            }
            'w' => {
                self.digits(1, 2)?;
            }
            _ => return self.zone(),
        }
        Some(())
    }

    fn zone(&mut self) -> Option<()> {
        let ends =
            |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | ':' | '/' | '_'));
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.parts.offset_seconds = match text {
            "Z" | "UTC" | "GMT" => Some(0),
            _ => Some(offset_seconds(text)?),
        };
        self.rest = rest;
        Some(())
    }
}
