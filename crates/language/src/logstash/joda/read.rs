//! Text into a moment.

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::tz::{Offset, TimeZone};

use super::pattern::{Item, JodaPattern};
use super::text::{ZONES, short};
use crate::calendar_names::{DAYS, MONTHS};

/// What a pattern without a year stands on until the year is guessed: a leap year.
const YEAR_UNKNOWN: i16 = 2000;

/// What a text says of a moment; the rest is open.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) year: Option<i64>,
    pub(super) week_year: Option<i64>,
    pub(super) week: Option<i64>,
    pub(super) weekday: Option<i64>,
    pub(super) day_of_year: Option<i64>,
    pub(super) month: Option<i64>,
    pub(super) day: Option<i64>,
    pub(super) hour: Option<i64>,
    half_day_hour: Option<i64>,
    is_afternoon: Option<bool>,
    pub(super) minute: Option<i64>,
    pub(super) second: Option<i64>,
    pub(super) millisecond: Option<i64>,
    pub(super) zone: Option<TimeZone>,
}

impl JodaPattern {
    /// Milliseconds since the epoch, when all of `text` is as the pattern says. A text without an
    /// offset is in `zone`; one without a year is in the year that makes it nearest to `now_ms`
    /// around the turn of the year, as the `date` filter guesses.
    pub fn read(&self, text: &str, zone: &TimeZone, now_ms: i64) -> Option<i64> {
        let parts = self.parts(text, zone, now_ms)?;
        if self.has_year() { parts.to_ms(zone) } else { guess_year(parts, zone, now_ms) }
    }

    /// The same without the guess: what Joda itself reads.
    #[cfg(test)]
    pub(super) fn read_plain(&self, text: &str, zone: &TimeZone, now_ms: i64) -> Option<i64> {
        self.parts(text, zone, now_ms)?.to_ms(zone)
    }

    fn parts(&self, text: &str, zone: &TimeZone, now_ms: i64) -> Option<Parts> {
        let mut reader = Reader { rest: text, parts: Parts::default() };
        let now_year = year_and_month(now_ms, zone)?.0;
        for (at, item) in self.items.iter().enumerate() {
            match item {
                Item::Literal(literal) => reader.literal(literal)?,
                Item::Field(letter, count) => {
                    let is_packed = self.items.get(at + 1).is_some_and(Item::is_number);
                    reader.field(*letter, *count, is_packed, now_year.into())?;
                }
            }
        }
        reader.rest.is_empty().then_some(reader.parts)
    }
}

fn year_and_month(time_ms: i64, zone: &TimeZone) -> Option<(i16, i8)> {
    let now = jiff::Timestamp::from_millisecond(time_ms).ok()?;
    let civil = zone.to_offset(now).to_datetime(now);
    Some((civil.year(), civil.month()))
}

/// In January, December is last year's; in December, January is next year's.
fn guess_year(mut parts: Parts, zone: &TimeZone, now_ms: i64) -> Option<i64> {
    let (year, month) = year_and_month(now_ms, zone)?;
    let event_zone = parts.zone.clone().unwrap_or_else(|| zone.clone());
    parts.zone = None;
    let civil = parts.to_civil()?;
    let event_year = match (civil.month(), month) {
        (12, 1) => year.checked_sub(1)?,
        (1, 12) => year.checked_add(1)?,
        _ => year,
    };
    // The 29th of February of a year without one is the 28th.
    let last = Date::new(event_year, civil.month(), 1).ok()?.days_in_month();
    let date = Date::new(event_year, civil.month(), civil.day().min(last)).ok()?;
    let zoned = DateTime::from_parts(date, civil.time()).to_zoned_datetime(event_zone).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

impl Parts {
    /// The moment; nothing for one that the zone's clocks skip.
    pub(super) fn to_ms(&self, zone: &TimeZone) -> Option<i64> {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let ambiguous = zone.to_ambiguous_timestamp(self.to_civil()?);
        if matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. }) {
            return None;
        }
        Some(ambiguous.compatible().ok()?.as_millisecond())
    }

    fn to_civil(&self) -> Option<DateTime> {
        let hour = match (self.hour, self.half_day_hour) {
            (Some(hour), _) => hour,
            (None, half) => {
                half.unwrap_or(0) + if self.is_afternoon == Some(true) { 12 } else { 0 }
            }
        };
        let small = |value: i64| i8::try_from(value).ok();
        let time = Time::new(
            small(hour)?,
            small(self.minute.unwrap_or(0))?,
            small(self.second.unwrap_or(0))?,
            i32::try_from(self.millisecond.unwrap_or(0)).ok()?.checked_mul(1_000_000)?,
        );
        Some(DateTime::from_parts(self.to_date()?, time.ok()?))
    }

    fn to_date(&self) -> Option<Date> {
        let small = |value: i64| i8::try_from(value).ok();
        let wide = |value: i64| i16::try_from(value).ok();
        let has_day = self.month.is_some() || self.day.is_some() || self.day_of_year.is_some();
        let has_week = self.week_year.is_some() || self.week.is_some() || self.weekday.is_some();
        // A time by itself is on the epoch's day; a month or a day without a year in 2000.
        let default_year = if has_day || has_week { YEAR_UNKNOWN } else { 1970 };
        let year = match self.year {
            Some(year) => wide(year)?,
            None => default_year,
        };
        if let Some(day) = self.day_of_year.filter(|_| self.month.is_none()) {
            let first = Date::new(year, 1, 1).ok()?;
            if !(1..=i64::from(first.days_in_year())).contains(&day) {
                return None;
            }
            return first.checked_add(jiff::Span::new().days(day - 1)).ok();
        }
        // A day of the week beside a month and a day is read and not believed.
        if has_week && !has_day && (self.week.is_some() || self.week_year.is_some()) {
            let week_year = match self.week_year {
                Some(week_year) => wide(week_year)?,
                None => year,
            };
            let weekday =
                Weekday::from_monday_one_offset(small(self.weekday.unwrap_or(1))?).ok()?;
            let week = ISOWeekDate::new(week_year, small(self.week.unwrap_or(1))?, weekday).ok()?;
            return Some(week.date());
        }
        Date::new(year, small(self.month.unwrap_or(1))?, small(self.day.unwrap_or(1))?).ok()
    }
}

pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
    pub(super) parts: Parts,
}

impl Reader<'_> {
    fn literal(&mut self, literal: &str) -> Option<()> {
        let (found, rest) = self.rest.split_at_checked(literal.len())?;
        // Joda compares literals without regard to case.
        (found.to_lowercase() == literal.to_lowercase()).then(|| self.rest = rest)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// One to `most` digits, however many the pattern has letters.
    pub(super) fn digits(&mut self, most: usize) -> Option<i64> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        digits.parse().ok()
    }

    fn signed(&mut self, most: usize) -> Option<i64> {
        let is_negative = self.eat("-");
        if !is_negative {
            self.eat("+");
        }
        let value = self.digits(most)?;
        Some(if is_negative { -value } else { value })
    }

    /// Digits after the point; those beyond milliseconds are dropped.
    pub(super) fn fraction(&mut self, most: usize) -> Option<i64> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        let three: String = format!("{digits:0<3}").chars().take(3).collect();
        three.parse().ok()
    }

    fn field(&mut self, letter: char, count: usize, is_packed: bool, now_year: i64) -> Option<()> {
        match letter {
            'y' | 'Y' | 'x' => {
                // A year of an era has no sign.
                if letter == 'Y' && count != 2 && self.rest.starts_with(['-', '+']) {
                    return None;
                }
                let year = self.year(count, is_packed, now_year)?;
                if letter == 'x' {
                    self.parts.week_year = Some(year);
                } else {
                    self.parts.year = Some(year);
                }
            }
            'C' => {
                self.digits(count)?;
            }
            'M' if count >= 3 => self.parts.month = Some(self.name(&MONTHS)? + 1),
            'M' => self.parts.month = Some(self.within(2, 1, 12)?),
            'd' => self.parts.day = Some(self.within(2, 1, 31)?),
            'D' => self.parts.day_of_year = Some(self.within(3, 1, 366)?),
            'w' => self.parts.week = Some(self.within(2, 1, 53)?),
            'e' => self.parts.weekday = Some(self.within(1, 1, 7)?),
            'E' => self.parts.weekday = Some(self.name(&DAYS)? + 1),
            'H' => self.parts.hour = Some(self.within(2, 0, 23)?),
            'k' => self.parts.hour = Some(self.within(2, 1, 24)? % 24),
            'K' => self.parts.half_day_hour = Some(self.within(2, 0, 11)?),
            'h' => self.parts.half_day_hour = Some(self.within(2, 1, 12)? % 12),
            'm' => self.parts.minute = Some(self.within(2, 0, 59)?),
            's' => self.parts.second = Some(self.within(2, 0, 59)?),
            'S' => self.parts.millisecond = Some(self.fraction(count)?),
            'a' => {
                let (found, rest) = self.rest.split_at_checked(2)?;
                let is_afternoon = found.eq_ignore_ascii_case("pm");
                if !is_afternoon && !found.eq_ignore_ascii_case("am") {
                    return None;
                }
                self.parts.is_afternoon = Some(is_afternoon);
                self.rest = rest;
            }
            'G' => {
                let era = ["AD", "CE"].into_iter().find(|era| self.eat(era));
                era?;
            }
            'Z' if count >= 3 => self.zone_id()?,
            'Z' => self.offset()?,
            _ => self.zone_name()?,
        }
        Some(())
    }

    fn within(&mut self, most: usize, low: i64, high: i64) -> Option<i64> {
        self.digits(most).filter(|value| (low..=high).contains(value))
    }

    /// Two letters mean a year within a hundred years around thirty years ago, if two digits
    /// stand there.
    fn year(&mut self, count: usize, is_packed: bool, now_year: i64) -> Option<i64> {
        if count != 2 {
            return self.signed(if is_packed { count } else { 9 });
        }
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if !is_packed && length != 2 {
            return self.signed(9);
        }
        if length < 2 {
            return None;
        }
        let two = self.digits(2)?;
        let low = now_year - 30 - 50;
        let pivot = low.rem_euclid(100);
        Some(low + if two < pivot { 100 } else { 0 } - pivot + two)
    }

    /// A name in full or short, as it is, in small or in capital letters; the longest wins.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        let fits = |rest: &str, name: &str| {
            rest.get(..name.len()).is_some_and(|found| {
                found == name || found == name.to_lowercase() || found == name.to_uppercase()
            })
        };
        for cut in [false, true] {
            for (index, full) in names.iter().enumerate() {
                let name = if cut { short(full) } else { full };
                if fits(self.rest, name) {
                    self.rest = self.rest.get(name.len()..)?;
                    return i64::try_from(index).ok();
                }
            }
        }
        None
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, with seconds too.
    pub(super) fn offset(&mut self) -> Option<()> {
        if self.eat("Z") || self.eat("z") {
            self.parts.zone = Some(TimeZone::UTC);
            return Some(());
        }
        let sign = if self.eat("-") {
            -1
        } else if self.eat("+") {
            1
        } else {
            return None;
        };
        let hours = self.two_digits().filter(|hours| *hours <= 23)?;
        let has_colon = self.eat(":");
        let next_is_digit = self.rest.starts_with(|c: char| c.is_ascii_digit());
        let mut seconds = hours * 3_600;
        if has_colon || next_is_digit {
            seconds += self.two_digits().filter(|minutes| *minutes <= 59)? * 60;
            let has_more = if has_colon {
                self.eat(":")
            } else {
                self.rest.starts_with(|c: char| c.is_ascii_digit())
            };
            if has_more {
                seconds += self.two_digits().filter(|seconds| *seconds <= 59)?;
            }
        }
        let offset = Offset::from_seconds(i32::try_from(sign * seconds).ok()?).ok()?;
        self.parts.zone = Some(TimeZone::fixed(offset));
        Some(())
    }

    fn two_digits(&mut self) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        digits.parse().ok()
    }

    /// `Europe/Paris`, or an offset.
    fn zone_id(&mut self) -> Option<()> {
        if self.rest.starts_with(['+', '-']) {
            return self.offset();
        }
        let ends = |c: char| !(c.is_ascii_alphanumeric() || "/_+-".contains(c));
        let length = self.rest.find(ends).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(length)?;
        self.parts.zone = Some(TimeZone::get(name).ok()?);
        self.rest = rest;
        Some(())
    }

    fn zone_name(&mut self) -> Option<()> {
        let (_, id) = ZONES.into_iter().find(|(name, _)| self.eat(name))?;
        self.parts.zone = Some(TimeZone::get(id).ok()?);
        Some(())
    }
}
