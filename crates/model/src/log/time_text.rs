//! Times as text that can be written again from the number alone.

/// How a time was written: `2025-11-20T23:59:59.203Z` with so many digits of the second's fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TimeFormat {
    fraction_digits: u8,
    offset_zero: bool,
}

impl TimeFormat {
    /// As a byte.
    pub const fn code(self) -> u8 {
        self.fraction_digits | if self.offset_zero { 0x10 } else { 0 }
    }

    /// From a byte.
    pub const fn from_code(code: u8) -> Option<Self> {
        let fraction_digits = code & 0x0f;
        if fraction_digits > 9 || code > 0x1f {
            return None;
        }
        Some(Self { fraction_digits, offset_zero: code & 0x10 != 0 })
    }
}

const NS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Reads `text` when it is a time in UTC that [`write_time_text`] would write the same way:
/// nanoseconds since the epoch and the form.
pub fn parse_time_text(text: &str) -> Option<(i64, TimeFormat)> {
    let bytes = text.as_bytes();
    let (head, tail) = bytes.split_at_checked(19)?;
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        if head.get(at) != Some(&mark) {
            return None;
        }
    }
    let number = |from: usize, to: usize| {
        head.get(from..to)?.iter().try_fold(0_i64, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || day < 1 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if !(1678..2262).contains(&year) || day > days_of(year, month) {
        return None;
    }
    let (fraction, zone) = match tail.strip_prefix(b".") {
        Some(rest) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest.split_at_checked(digits).filter(|_| (1..=9).contains(&digits))?
        }
        None => (&[][..], tail),
    };
    let offset_zero = match zone {
        b"Z" => false,
        b"+00:00" => true,
        _ => return None,
    };
    let mut fraction_ns = 0;
    for at in 0..9 {
        fraction_ns = fraction_ns * 10 + fraction.get(at).map_or(0, |byte| i64::from(byte - b'0'));
    }
    let seconds =
        days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    let time_ns = seconds.checked_mul(NS_PER_SECOND)?.checked_add(fraction_ns)?;
    Some((time_ns, TimeFormat { fraction_digits: fraction.len() as u8, offset_zero }))
}

/// Appends `time_ns` in the form `format`.
pub fn write_time_text(time_ns: i64, format: TimeFormat, out: &mut Vec<u8>) {
    let (seconds, fraction) =
        (time_ns.div_euclid(NS_PER_SECOND), time_ns.rem_euclid(NS_PER_SECOND));
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = civil_from_days(days);
    let mut digits = |mut value: i64, count: usize, mark: u8| {
        let start = out.len();
        out.resize(start + count, b'0');
        for slot in out.iter_mut().skip(start).rev() {
            *slot = b'0' + (value % 10) as u8;
            value /= 10;
        }
        if mark != 0 {
            out.push(mark);
        }
    };
    digits(year, 4, b'-');
    digits(month, 2, b'-');
    digits(day, 2, b'T');
    digits(second / 3600, 2, b':');
    digits(second / 60 % 60, 2, b':');
    let count = usize::from(format.fraction_digits);
    digits(second % 60, 2, if count > 0 { b'.' } else { 0 });
    if count > 0 {
        digits(fraction / 10_i64.pow(9 - count as u32), count, 0);
    }
    out.extend_from_slice(if format.offset_zero { b"+00:00" } else { b"Z" });
}

/// Reads a time in any of the forms that clients send: RFC 3339 with offset, a date and time
/// without one (then in UTC), a date, or milliseconds since the epoch.
pub fn parse_any_time(text: &str) -> Option<i64> {
    if let Some((time_ns, _)) = parse_time_text(text) {
        return Some(time_ns);
    }
    if let Ok(ms) = text.parse::<i64>() {
        // Four digits are a year in Elasticsearch's strict_date_optional_time.
        return if text.len() == 4 { year_start(text) } else { ms.checked_mul(1_000_000) };
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return i64::try_from(time.as_nanosecond()).ok();
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let timestamp = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
    i64::try_from(timestamp.as_nanosecond()).ok()
}

fn year_start(year: &str) -> Option<i64> {
    parse_time_text(&format!("{year}-01-01T00:00:00Z")).map(|(time_ns, _)| time_ns)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar, counting years from March so that
/// the leap day comes last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_were_written() {
        for text in [
            "2025-11-20T23:59:59.203Z",
            "1970-01-01T00:00:00Z",
            "2024-02-29T12:00:00.000000001Z",
            "1969-12-31T23:59:59.5+00:00",
            "2000-12-31T00:00:00.120Z",
        ] {
            let (time_ns, format) = parse_time_text(text).unwrap();
            assert_eq!(TimeFormat::from_code(format.code()), Some(format));
            let mut out = Vec::new();
            write_time_text(time_ns, format, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        assert_eq!(
            parse_time_text("2025-11-20T23:59:59.203Z").unwrap().0,
            1_763_683_199_203_000_000
        );
    }

    #[test]
    fn what_could_not_be_written_again_is_no_time() {
        for text in [
            "",
            "2025-11-20",
            "2025-02-30T00:00:00Z",
            "2025-11-20T23:59:60Z",
            "2025-11-20 23:59:59Z",
            "2025-11-20T23:59:59.Z",
            "2025-11-20T23:59:59+01:00",
            "2025-11-20T23:59:59.1234567890Z",
            "9999-11-20T23:59:59Z",
            "é025-11-20T23:59:5é",
        ] {
            assert_eq!(parse_time_text(text), None, "{text}");
        }
    }
}
