//! Durations as Prometheus writes them: `1h30m`, `1d`, `15s`.

use std::fmt::Write as _;

/// Units from large to small with their milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3600 * 1000),
    ("w", 7 * 24 * 3600 * 1000),
    ("d", 24 * 3600 * 1000),
    ("h", 3600 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration, in milliseconds: Go counts nanoseconds in 63 bits.
const MAX_MS: i64 = i64::MAX / 1_000_000;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("empty duration string")]
    Empty,
    /// It is not made of numbers with units, in descending order of units.
    #[error("not a valid duration string: {}", super::quote::go_quote(.0))]
    Invalid(String),
    /// It is longer than 292 years.
    #[error("duration out of range")]
    OutOfRange,
}

/// Reads a duration: numbers with units `y w d h m s ms`, each at most once and in that order,
/// or `0`. Gives milliseconds.
pub fn parse_duration_ms(text: &str) -> Result<i64, DurationError> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let invalid = || DurationError::Invalid(text.to_owned());
    let mut total_ms: i64 = 0;
    let mut units = &UNITS[..];
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, tail) = tail.split_at(letters);
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
        if number.is_empty() {
            return Err(invalid());
        }
        let number: i64 = number.parse().map_err(|_| DurationError::OutOfRange)?;
        total_ms = number
            .checked_mul(units[at].1)
            .and_then(|ms| total_ms.checked_add(ms))
            .filter(|ms| *ms <= MAX_MS)
            .ok_or(DurationError::OutOfRange)?;
        units = &units[at + 1..];
        rest = tail;
    }
    Ok(total_ms)
}

/// Writes a duration of milliseconds as Prometheus does: `1h30m`, `15s`, `0s`.
///
/// Years and weeks are used only when nothing remains (`1w`, but `8d`), so that `90d` does not
/// become `12w6d`.
pub fn format_duration_ms(duration_ms: i64) -> String {
    if duration_ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if duration_ms < 0 {
        text.push('-');
    }
    let mut rest_ms = duration_ms.unsigned_abs();
    for (unit, unit_ms) in UNITS {
        let unit_ms = unit_ms.unsigned_abs();
        let exact = matches!(unit, "y" | "w");
        if exact && !rest_ms.is_multiple_of(unit_ms) {
            continue;
        }
        let count = rest_ms / unit_ms;
        if count > 0 {
            // Writing to a String cannot fail.
            write!(text, "{count}{unit}").ok();
            rest_ms -= count * unit_ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_prometheus_does() {
        for (text, ms, canonical) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("324ms", 324, "324ms"),
            ("3s", 3000, "3s"),
            ("5m", 300_000, "5m"),
            ("1h", 3_600_000, "1h"),
            ("4d", 345_600_000, "4d"),
            ("4d1h", 349_200_000, "4d1h"),
            ("14d", 1_209_600_000, "2w"),
            ("3w", 1_814_400_000, "3w"),
            ("3w2d1h", 1_990_800_000, "23d1h"),
            ("8w2d", 5_011_200_000, "58d"),
            ("10y", 315_360_000_000, "10y"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1m30s50ms", 90_050, "1m30s50ms"),
        ] {
            assert_eq!(parse_duration_ms(text), Ok(ms), "{text}");
            assert_eq!(format_duration_ms(ms), canonical, "{text}");
        }
        assert_eq!(format_duration_ms(-90_000), "-1m30s");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["1", "-1w", "1.5d", "1m1h", "1ms5", "s", "1x", "1s1s", " 1s", "1é"] {
            assert!(matches!(parse_duration_ms(text), Err(DurationError::Invalid(_))), "{text}");
        }
        assert_eq!(parse_duration_ms(""), Err(DurationError::Empty));
        assert_eq!(parse_duration_ms("293y"), Err(DurationError::OutOfRange));
        assert_eq!(parse_duration_ms("99999999999999999999y"), Err(DurationError::OutOfRange));
    }
}
