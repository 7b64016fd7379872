//! Reading floats as Go's `strconv.ParseFloat` does.

/// Powers of ten that a float holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads a float in any form that Go's `strconv.ParseFloat` takes: decimal, hexadecimal with a
/// binary exponent, `NaN`, `Inf`, `Infinity` in any case. Underscores are refused, and so are
/// numbers too large for a float. `None` if `text` is none of these.
pub fn parse_float(text: &[u8]) -> Option<f64> {
    if let Some(value) = parse_short(text) {
        return Some(value);
    }
    let unsigned = match text.first()? {
        b'+' | b'-' => text.get(1..)?,
        _ => text,
    };
    match unsigned.first()? {
        b'0'..=b'9' | b'.' => {}
        b'n' | b'N' if unsigned.len() == text.len() => {
            return text.eq_ignore_ascii_case(b"nan").then_some(f64::NAN);
        }
        b'i' | b'I' => return parse_infinity(unsigned, text.first() == Some(&b'-')),
        _ => return None,
    }
    if unsigned.len() > 2 && unsigned[0] == b'0' && unsigned[1] | 0x20 == b'x' {
        let value = parse_hexadecimal(unsigned.get(2..)?)?;
        return Some(if text.first() == Some(&b'-') { -value } else { value });
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

fn parse_infinity(unsigned: &[u8], negative: bool) -> Option<f64> {
    let known = unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity");
    known.then_some(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
}

/// Digits with at most one point, at most 15 digits in all: digits and power of ten are both
/// exact floats, so that one division is exactly rounded (Clinger's fast path).
fn parse_short(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut mantissa, mut count, mut fraction) = (0_u64, 0, None);
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
            count += 1;
        } else if byte == b'.' && fraction.is_none() {
            fraction = Some(count);
        } else {
            return None;
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let scale = fraction.map_or(0, |before| count - before);
    let value = mantissa as f64 / POWERS_OF_TEN.get(scale)?;
    Some(if negative { -value } else { value })
}

/// `1.8p3` after the `0x`: Go demands the exponent.
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let at = text.iter().position(|byte| byte | 0x20 == b'p')?;
    let (digits, exponent) = (text.get(..at)?, text.get(at + 1..)?);
    let (mut mantissa, mut shift, mut sticky) = (0_u64, 0_i64, false);
    let (mut seen, mut seen_point) = (false, false);
    for &byte in digits {
        if byte == b'.' && !seen_point {
            seen_point = true;
            continue;
        }
        let digit = u64::from((byte as char).to_digit(16)?);
        seen = true;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            shift -= i64::from(seen_point) * 4;
        } else {
            // Digits past 64 bits can only decide a tie.
            sticky |= digit != 0;
            shift += i64::from(!seen_point) * 4;
        }
    }
    let exponent = parse_exponent(exponent)?;
    seen.then_some(())?;
    let value = scale_binary(mantissa, sticky, exponent.saturating_add(shift));
    value.is_finite().then_some(value)
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude =
        digits.iter().fold(0_i64, |sum, d| (sum * 10 + i64::from(d - b'0')).min(1 << 40));
    Some(if negative { -magnitude } else { magnitude })
}

/// `mantissa` × 2^`exponent`, rounded to nearest, ties to even, also into subnormals.
fn scale_binary(mantissa: u64, sticky: bool, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let bits = 64 - i64::from(mantissa.leading_zeros());
    let top = exponent.saturating_add(bits - 1);
    if top > 1023 {
        return f64::INFINITY;
    }
    // Unit of the last place that a float of this size has.
    let unit = (top - 52).max(-1074);
    let drop = unit.saturating_sub(exponent);
    let mut kept = mantissa;
    if drop > 0 {
        let whole = if drop >= 64 { 0 } else { mantissa >> drop };
        let rest = if drop >= 64 { mantissa } else { mantissa & ((1_u64 << drop) - 1) };
        let half = if drop > 64 { u64::MAX } else { 1_u64 << (drop - 1) };
        let up = rest > half || (rest == half && (sticky || whole & 1 == 1));
        kept = whole + u64::from(up && drop <= 64);
    }
    let power = if drop > 0 { unit } else { exponent };
    // `kept` has at most 53 bits unless nothing was dropped, so both factors are exact.
    let (first, second) = (power / 2, power - power / 2);
    kept as f64 * exp2_exact(first) * exp2_exact(second)
}

fn exp2_exact(power: i64) -> f64 {
    f64::from_bits(((power + 1023).clamp(1, 2046) as u64) << 52)
}
