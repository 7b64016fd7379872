//! Native histograms as tests write them: `{{schema:1 count:2 buckets:[1 1]}}`.

use vigie_model::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, Span};

/// Buckets between the first and the last that are not empty may be at most this many.
const BUCKETS_MAX: usize = 10_000;

/// The histogram as tests write it, buckets without gaps.
pub(super) fn test_expression(histogram: &Histogram) -> String {
    let mut parts = Vec::new();
    let mut number = |name: &str, value: f64| {
        if value != 0.0 {
            parts.push(format!("{name}:{}", go_g(value)));
        }
    };
    number("schema", f64::from(histogram.schema));
    number("count", histogram.count);
    number("sum", histogram.sum);
    number("z_bucket", histogram.zero_count);
    number("z_bucket_w", histogram.zero_threshold);
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA {
        let values = histogram.custom_values.as_deref().unwrap_or_default();
        parts.push(format!("custom_values:[{}]", list(values)));
    }
    match histogram.counter_reset_hint {
        CounterResetHint::Unknown => {}
        CounterResetHint::CounterReset => parts.push("counter_reset_hint:reset".to_owned()),
        CounterResetHint::NotCounterReset => parts.push("counter_reset_hint:not_reset".to_owned()),
        CounterResetHint::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
    }
    for (name, offset_name, spans, counts) in [
        ("buckets", "offset", &histogram.positive_spans, &histogram.positive_buckets),
        ("n_buckets", "n_offset", &histogram.negative_spans, &histogram.negative_buckets),
    ] {
        let (offset, counts) = dense(spans, counts);
        if counts.is_empty() {
            continue;
        }
        if offset != 0 {
            parts.push(format!("{offset_name}:{offset}"));
        }
        parts.push(format!("{name}:[{}]", list(&counts)));
    }
    format!("{{{{{}}}}}", parts.join(" "))
}

/// The index of the first bucket that is not empty, and all counts from there to the last.
fn dense(spans: &[Span], counts: &[f64]) -> (i64, Vec<f64>) {
    let mut at = 0_i64;
    let mut counts = counts.iter();
    let mut filled: Vec<(i64, f64)> = Vec::new();
    for span in spans {
        at += i64::from(span.offset);
        for _ in 0..span.length {
            if let Some(count) = counts.next().filter(|count| **count != 0.0) {
                filled.push((at, *count));
            }
            at += 1;
        }
    }
    let (Some((first, _)), Some((last, _))) = (filled.first(), filled.last()) else {
        return (0, Vec::new());
    };
    let length = usize::try_from(last - first + 1).unwrap_or(0).min(BUCKETS_MAX);
    let mut dense = vec![0.0; length];
    for (at, count) in &filled {
        if let Some(place) = usize::try_from(at - first).ok().and_then(|at| dense.get_mut(at)) {
            *place = *count;
        }
    }
    (*first, dense)
}

fn list(values: &[f64]) -> String {
    values.iter().map(|value| go_g(*value)).collect::<Vec<_>>().join(" ")
}

/// As Go prints a float with `%g`.
pub(super) fn go_g(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let exponent_text = format!("{value:e}");
    let (digits, exponent) = exponent_text.split_once('e').unwrap_or((&exponent_text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // With the shortest digits, Go changes to an exponent from a million on.
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    with_exponent(digits, exponent, 'e')
}

/// As Go's `strconv.FormatFloat(value, 'E', -1, 64)`.
pub(super) fn go_e(value: f64) -> String {
    if !value.is_finite() {
        return go_g(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    with_exponent(digits, exponent.parse().unwrap_or(0), 'E')
}

fn with_exponent(digits: &str, exponent: i32, letter: char) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}{letter}{sign}{:02}", exponent.abs())
}
