//! `ISO8601`: Joda's `dateTimeParser`, and what the `date` filter takes besides.

use jiff::tz::TimeZone;

use super::read::{Parts, Reader};

/// Milliseconds since the epoch of a date, a time (after `T`) or both, with or without an offset;
/// a blank may stand for `T` where a second with its fraction follows. Without an offset it is in
/// `zone`.
pub fn read_iso8601(text: &str, zone: &TimeZone) -> Option<i64> {
    strict(text).or_else(|| casual(text))?.to_ms(zone)
}

fn strict(text: &str) -> Option<Parts> {
    let mut reader = Reader { rest: text, parts: Parts::default() };
    if reader.eat("T") {
        time(&mut reader)?;
    } else {
        date(&mut reader)?;
        if reader.rest.is_empty() {
            return Some(reader.parts);
        }
        if !reader.eat("T") {
            return None;
        }
        if reader.rest.starts_with(|c: char| c.is_ascii_digit()) {
            time(&mut reader)?;
        }
    }
    if !reader.rest.is_empty() {
        reader.offset()?;
    }
    reader.rest.is_empty().then_some(reader.parts)
}

/// `yyyy-MM-dd HH:mm:ss.SSS`, with a comma for the point, with an offset.
fn casual(text: &str) -> Option<Parts> {
    let mut reader = Reader { rest: text, parts: Parts::default() };
    date(&mut reader)?;
    reader.parts.day.filter(|_| reader.eat(" "))?;
    reader.parts.hour = Some(reader.digits(2)?);
    reader.parts.minute = Some(reader.eat(":").then(|| reader.digits(2)).flatten()?);
    reader.parts.second = Some(reader.eat(":").then(|| reader.digits(2)).flatten()?);
    if !reader.eat(".") && !reader.eat(",") {
        return None;
    }
    reader.parts.millisecond = Some(reader.fraction(3)?);
    if !reader.rest.is_empty() {
        reader.offset()?;
    }
    reader.rest.is_empty().then_some(reader.parts)
}

/// `yyyy[-MM[-dd]]`, `yyyy-DDD`, `xxxx-Www[-e]`
fn date(reader: &mut Reader<'_>) -> Option<()> {
    let sign = if reader.eat("-") { -1 } else { 1 };
    if sign == 1 {
        reader.eat("+");
    }
    let year = sign * reader.digits(9)?;
    if reader.rest.starts_with("-W") {
        reader.eat("-W");
        reader.parts.week_year = Some(year);
        reader.parts.week = Some(reader.digits(2)?);
        if reader.eat("-") {
            reader.parts.weekday = Some(reader.digits(1)?);
        }
        return Some(());
    }
    reader.parts.year = Some(year);
    if !reader.eat("-") {
        return Some(());
    }
    let digits = reader.rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 3 {
        reader.parts.day_of_year = Some(reader.digits(3)?);
        return Some(());
    }
    reader.parts.month = Some(reader.digits(2)?);
    if reader.eat("-") {
        reader.parts.day = Some(reader.digits(2)?);
    }
    Some(())
}

/// `HH[:mm[:ss]]`, the last of them with a fraction.
fn time(reader: &mut Reader<'_>) -> Option<()> {
    reader.parts.hour = Some(reader.digits(2)?);
    let mut unit_ms = 3_600_000.0;
    if reader.eat(":") {
        reader.parts.minute = Some(reader.digits(2)?);
        unit_ms = 60_000.0;
        if reader.eat(":") {
            reader.parts.second = Some(reader.digits(2)?);
            unit_ms = 1_000.0;
        }
    }
    if reader.rest.starts_with(['.', ',']) {
        let (_, rest) = reader.rest.split_at_checked(1)?;
        let length = rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = rest.split_at_checked(length)?;
        reader.rest = rest;
        let part: f64 = format!("0.{digits}").parse().ok()?;
        fraction_of(reader, (part * unit_ms).floor() as i64);
    }
    Some(())
}

/// Spreads milliseconds over what was not said.
fn fraction_of(reader: &mut Reader<'_>, ms: i64) {
    let parts = &mut reader.parts;
    if parts.minute.is_none() {
        parts.minute = Some(ms / 60_000);
    }
    if parts.second.is_none() {
        parts.second = Some(ms / 1_000 % 60);
    }
    parts.millisecond = Some(ms % 1_000);
}
