//! Floats as text, exactly as the Go programs that people know read and write them.
//!
//! Writing starts from the shortest digits that read back to the same float (by `ryu`) and lays
//! them out by the rules of Go's `strconv`; reading accepts what `strconv.ParseFloat` accepts.

mod read;
#[cfg(test)]
mod tests;

pub use read::parse_float;

/// The most bytes one formatted float takes: sign, 309 digits before the point, or
/// "0." and 324 zeros and 17 digits after it.
const LENGTH_BYTES_MAX: usize = 352;

/// The digits of a finite float and where its decimal point stands.
struct Decimal {
    negative: bool,
    digits: [u8; 20],
    length: usize,
    /// Number of digits before the point; may be negative or more than there are digits.
    point: i32,
}

/// How a float is laid out.
#[derive(Clone, Copy)]
struct Layout {
    /// Smallest decimal exponent written without an exponent part.
    exponent_min: i32,
    /// First decimal exponent that is written with an exponent part.
    exponent_end: i32,
    /// Whether a number that would look like an integer gets ".0".
    point_always: bool,
}

/// Writes `value` as text exposition does: Go's `strconv.FormatFloat(value, 'g', -1, 64)`.
///
/// `1e+06`, `0.0001`, `1e-05`, `NaN`, `+Inf`, `-Inf`.
pub fn format_float(value: f64, out: &mut Vec<u8>) {
    write(value, Layout { exponent_min: -4, exponent_end: 6, point_always: false }, out);
}

/// Writes `value` as OpenMetrics and normalised `le` and `quantile` labels have it: like
/// [`format_float`], but integers keep a point (`1.0`).
pub fn format_float_openmetrics(value: f64, out: &mut Vec<u8>) {
    write(value, Layout { exponent_min: -4, exponent_end: 6, point_always: true }, out);
}

/// Writes `value` as values in the answers of the Prometheus API: positional, except below 1e-6
/// and from 1e21 on. Quotes are the caller's.
pub fn format_float_api(value: f64, out: &mut Vec<u8>) {
    write(value, Layout { exponent_min: -6, exponent_end: 21, point_always: false }, out);
}

/// Writes `value` as Go's `%v` and text templates do: an exponent below 1e-4 and from 1e21 on.
pub fn format_float_go_v(value: f64, out: &mut Vec<u8>) {
    write(value, Layout { exponent_min: -4, exponent_end: 21, point_always: false }, out);
}

/// Writes `value` without any exponent: Go's `strconv.FormatFloat(value, 'f', -1, 64)`, used
/// by `count_values`.
pub fn format_float_positional(value: f64, out: &mut Vec<u8>) {
    let layout = Layout { exponent_min: i32::MIN, exponent_end: i32::MAX, point_always: false };
    write(value, layout, out);
}

/// [`format_float`] as a string.
pub fn float_to_string(value: f64) -> String {
    to_string(format_float, value)
}

/// [`format_float_openmetrics`] as a string.
pub fn float_to_openmetrics_string(value: f64) -> String {
    to_string(format_float_openmetrics, value)
}

/// [`format_float_api`] as a string.
pub fn float_to_api_string(value: f64) -> String {
    to_string(format_float_api, value)
}

fn to_string(format: impl Fn(f64, &mut Vec<u8>), value: f64) -> String {
    let mut out = Vec::with_capacity(24);
    format(value, &mut out);
    // Only ASCII is written.
    String::from_utf8(out).unwrap_or_default()
}

fn write(value: f64, layout: Layout, out: &mut Vec<u8>) {
    if !value.is_finite() {
        let text: &[u8] = match (value.is_nan(), value > 0.0) {
            (true, _) => b"NaN",
            (false, true) => b"+Inf",
            (false, false) => b"-Inf",
        };
        out.extend_from_slice(text);
        return;
    }
    // Counters are small integers most of the time.
    if value.trunc() == value && value.abs() < 1e6 && (value != 0.0 || value.is_sign_positive()) {
        let mut buffer = itoa::Buffer::new();
        out.extend_from_slice(buffer.format(value as i64).as_bytes());
        if layout.point_always {
            out.extend_from_slice(b".0");
        }
        return;
    }
    let decimal = Decimal::of(value);
    let exponent = decimal.point - 1;
    if exponent < layout.exponent_min || exponent >= layout.exponent_end {
        decimal.write_exponential(exponent, out);
    } else {
        decimal.write_positional(layout.point_always, out);
    }
}

impl Decimal {
    /// Takes the shortest digits apart from what `ryu` writes (`1.5e-7`, `123.4`, `1e21`).
    fn of(value: f64) -> Self {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value).as_bytes();
        let mut decimal = Self { negative: false, digits: [0; 20], length: 0, point: 0 };
        let (mut point, mut seen_point, mut exponent) = (0, false, 0);
        for (at, &byte) in text.iter().enumerate() {
            match byte {
                b'-' if at == 0 => decimal.negative = true,
                b'.' => seen_point = true,
                b'e' => {
                    exponent = read_exponent(text.get(at + 1..).unwrap_or_default());
                    break;
                }
                digit => {
                    // Leading zeros carry no digit but move the point.
                    if digit == b'0' && decimal.length == 0 {
                        point -= i32::from(seen_point);
                        continue;
                    }
                    point += i32::from(!seen_point);
                    if let Some(slot) = decimal.digits.get_mut(decimal.length) {
                        *slot = digit;
                        decimal.length += 1;
                    }
                }
            }
        }
        decimal.point = point + exponent;
        while decimal.length > 1 && decimal.digits.get(decimal.length - 1) == Some(&b'0') {
            decimal.length -= 1;
        }
        if decimal.length == 0 {
            (decimal.digits[0], decimal.length, decimal.point) = (b'0', 1, 1);
        }
        decimal
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }

    fn write_exponential(&self, exponent: i32, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        if let Some((first, rest)) = self.digits().split_first() {
            out.push(*first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        let magnitude = exponent.unsigned_abs();
        if magnitude < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(magnitude).as_bytes());
    }

    fn write_positional(&self, point_always: bool, out: &mut Vec<u8>) {
        out.reserve(LENGTH_BYTES_MAX.min(24));
        if self.negative {
            out.push(b'-');
        }
        let digits = self.digits();
        if self.point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + self.point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
            return;
        }
        let point = self.point as usize;
        let (whole, fraction) = digits.split_at(point.min(digits.len()));
        out.extend_from_slice(whole);
        out.resize(out.len() + point - whole.len(), b'0');
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        } else if point_always {
            out.extend_from_slice(b".0");
        }
    }
}

fn read_exponent(text: &[u8]) -> i32 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let magnitude = digits.iter().fold(0_i32, |sum, &d| sum * 10 + i32::from(d - b'0'));
    if negative { -magnitude } else { magnitude }
}
