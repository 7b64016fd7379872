//! Durations and sizes as Go's programs write them.

use crate::promql::parse_duration_ms;

/// Reads a duration in either of the forms that Loki takes: Prometheus' (`1d`, `1h30m`), or Go's
/// (`1.5s`, `10us`), which may be negative. Nanoseconds.
pub fn parse_duration_ns(text: &str) -> Option<i64> {
    if let Ok(ms) = parse_duration_ms(text) {
        return ms.checked_mul(1_000_000);
    }
    go_duration_ns(text)
}

/// Units of Go's durations, longest name first.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("\u{3bc}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
];

/// Go's `time.ParseDuration`.
fn go_duration_ns(text: &str) -> Option<i64> {
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        rest = rest.get(end..)?;
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = rest.get(..unit_end)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total += number * factor;
        rest = rest.get(unit_end..)?;
    }
    if total >= i64::MAX as f64 {
        return None;
    }
    let total = total.round() as i64;
    Some(if is_negative { -total } else { total })
}

/// Writes a duration as Go does: `1h30m0s`, `1.5s`, `0s`.
pub fn format_duration_ns(duration_ns: i64) -> String {
    crate::template::duration_text(duration_ns)
}

/// Factors of the units of sizes, in lower case.
const SIZES: [(&str, f64); 26] = [
    ("", 1.0),
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("ki", 1024.0),
    ("kib", 1024.0),
    ("m", 1e6),
    ("mb", 1e6),
    ("mi", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("g", 1e9),
    ("gb", 1e9),
    ("gi", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
    ("t", 1e12),
    ("tb", 1e12),
    ("ti", 1_099_511_627_776.0),
    ("tib", 1_099_511_627_776.0),
    ("p", 1e15),
    ("pb", 1e15),
    ("pi", 1_125_899_906_842_624.0),
    ("pib", 1_125_899_906_842_624.0),
    ("e", 1e18),
    ("eb", 1e18),
    ("ei", 1_152_921_504_606_846_976.0),
    ("eib", 1_152_921_504_606_846_976.0),
];

/// Reads a size: `42`, `5KB` (1,000), `5KiB` (1,024), `1.5 MB`.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
    let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = unit.trim().to_lowercase();
    let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit)?;
    let bytes = number * factor;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// Writes a size as Loki prints it in a filter: three digits and a unit of thousands.
pub(super) fn format_bytes(bytes: u64) -> String {
    if bytes < 10 {
        return format!("{bytes}B");
    }
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut exponent = 0;
    let mut scale = 1.0_f64;
    while bytes as f64 / scale >= 1_000.0 && exponent + 1 < units.len() {
        scale *= 1_000.0;
        exponent += 1;
    }
    let value = (bytes as f64 / scale * 10.0 + 0.5).floor() / 10.0;
    let unit = units.get(exponent).copied().unwrap_or("B");
    if value < 10.0 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_both_forms() {
        for (text, ns) in [
            ("5m", Some(300_000_000_000)),
            ("1d", Some(86_400_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("-5m", Some(-300_000_000_000)),
            ("10us", Some(10_000)),
            ("10\u{b5}s", Some(10_000)),
            ("1h1.5s", Some(3_601_500_000_000)),
            ("0", Some(0)),
            ("5", None),
            ("", None),
            ("s", None),
            ("1.2.3s", None),
            ("9999999h", None),
        ] {
            assert_eq!(parse_duration_ns(text), ns, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [
            ("42", Some(42)),
            ("5KB", Some(5_000)),
            ("5KiB", Some(5_120)),
            ("1.5 MB", Some(1_500_000)),
            ("1,005 B", Some(1_005)),
            ("5x", None),
            ("KB", None),
            ("99999PB", None),
        ] {
            assert_eq!(parse_bytes(text), bytes, "{text}");
        }
        assert_eq!(format_bytes(5_000), "5.0kB");
        assert_eq!(format_bytes(20_480), "20kB");
        assert_eq!(format_bytes(9), "9B");
    }
}
