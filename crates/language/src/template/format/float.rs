//! Floating-point numbers as Go prints them.

/// `%g` without a precision: the shortest text that reads back, as `%v` prints a float.
pub(in crate::template) fn shortest(value: f64) -> String {
    general(value, None, 'e', false)
}

/// `%g`; with a precision, of so many significant digits.
pub(in crate::template) fn general(
    value: f64,
    precision: Option<usize>,
    letter: char,
    keep_zeros: bool,
) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let negative = if value.is_sign_negative() { "-" } else { "" };
    let magnitude = value.abs();
    let scientific = match precision {
        Some(precision) => format!("{magnitude:.*e}", precision.max(1) - 1),
        None => format!("{magnitude:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !keep_zeros {
        let kept = digits.trim_end_matches('0').len().max(1);
        digits.truncate(kept);
    }
    // Without a precision Go decides as if it were 6; with one, numbers that are whole as written
    // keep all their digits.
    let decides = match precision {
        None => 6.max(if keep_zeros { 6 } else { 0 }),
        Some(precision) => {
            let precision = precision.max(1) as i32;
            let count = digits.len() as i32;
            if precision > count && count > exponent { count } else { precision }
        }
    };
    let limit = if precision.is_none() { 21.min(decides) } else { decides };
    if exponent < -4 || exponent >= limit {
        return format!("{negative}{}", with_exponent(&digits, exponent, letter));
    }
    format!("{negative}{}", plain(&digits, exponent))
}

/// `%e`.
pub(super) fn exponential(value: f64, precision: Option<usize>, letter: char) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{mantissa}{}", exponent_text(exponent.parse().unwrap_or(0), letter))
}

/// `%f`.
pub(super) fn fixed(value: f64, precision: usize) -> String {
    special(value).map_or_else(|| format!("{value:.precision$}"), str::to_owned)
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

fn with_exponent(digits: &str, exponent: i32, letter: char) -> String {
    let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}{}", exponent_text(exponent, letter))
}

fn exponent_text(exponent: i32, letter: char) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{letter}{sign}{:02}", exponent.unsigned_abs())
}

fn plain(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    match digits.split_at_checked(whole) {
        Some((whole, "")) => whole.to_owned(),
        Some((whole, fraction)) => format!("{whole}.{fraction}"),
        None => format!("{digits}{}", "0".repeat(whole - digits.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_is_gos() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (0.1, "0.1"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(shortest(value), text);
        }
    }

    #[test]
    fn significant_digits_are_gos() {
        for (value, text) in [
            (123_456.0, "1.235e+05"),
            (1234.0, "1234"),
            (1234.5, "1234"),
            (0.1, "0.1"),
            (100.0, "100"),
            (99_999.0, "1e+05"),
            (0.000_012_345, "1.234e-05"),
        ] {
            assert_eq!(general(value, Some(4), 'e', false), text, "{value}");
        }
    }
}
