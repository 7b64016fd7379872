//! Values of scripts: numbers, durations, native histograms, sequences of them.

use std::sync::Arc;

use vigie_model::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, Span, stale_nan};

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// `5m30s` in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            "y" => 31_536_000_000,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[end..];
    }
    (!text.trim().is_empty()).then_some(total)
}

pub(crate) fn number(text: &str) -> Option<f64> {
    let (sign, body) = match text.strip_prefix(['+', '-']) {
        Some(body) => (if text.starts_with('-') { -1.0 } else { 1.0 }, body),
        None => (1.0, text),
    };
    let lower = body.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return Some(sign * i64::from_str_radix(&hex.replace('_', ""), 16).ok()? as f64);
    }
    if lower.len() > 1
        && lower.starts_with('0')
        && lower.bytes().all(|b| b.is_ascii_digit())
        && let Ok(octal) = i64::from_str_radix(&lower, 8)
    {
        return Some(sign * octal as f64);
    }
    if !lower.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == 'i' || c == 'n') {
        return None;
    }
    if let Ok(value) = lower.replace('_', "").parse::<f64>() {
        return Some(sign * value);
    }
    Some(sign * duration_ms(&lower)? as f64 / 1000.0)
}

/// Values of a line: `1+1x3 _ stale {{schema:0}}x2`.
pub(crate) fn sequence(text: &str) -> Vec<Option<Value>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = item_end(rest);
        item(&rest[..end], &mut out);
        rest = rest[end..].trim_start();
    }
    out
}

fn item_end(text: &str) -> usize {
    let (mut depth, mut end) = (0_i32, text.len());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_whitespace() && depth == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    end
}

fn item(text: &str, out: &mut Vec<Option<Value>>) {
    if let Some(times) = text.strip_prefix('_') {
        let times = times.strip_prefix('x').map_or(1, |n| n.parse().expect("times"));
        out.extend(std::iter::repeat_n(None, times));
    } else if let Some(times) = text.strip_prefix("stale") {
        let times = times.strip_prefix('x').map_or(1, |n| n.parse::<usize>().expect("times") + 1);
        out.extend(std::iter::repeat_n(Some(Value::Float(stale_nan())), times));
    } else if text.starts_with("{{") {
        histograms(text, out);
    } else if let Some((start, step, times)) = progression(text) {
        let mut value = start;
        for _ in 0..=times {
            out.push(Some(Value::Float(value)));
            value += step;
        }
    } else {
        let value = number(text).unwrap_or_else(|| panic!("value {text:?}"));
        out.push(Some(Value::Float(value)));
    }
}

/// `1-2x3` as a start, a step and how many follow the first. `0x8` is one too, not a number.
fn progression(text: &str) -> Option<(f64, f64, usize)> {
    let (terms, times) = text.rsplit_once('x')?;
    let times = times.parse().ok()?;
    let (start, step) = split_step(terms)?;
    Some((start, step, times))
}

/// `1-2` as a start and a step.
fn split_step(text: &str) -> Option<(f64, f64)> {
    if let Some(value) = number(text) {
        return Some((value, 0.0));
    }
    text.char_indices().skip(1).filter(|(_, c)| "+-".contains(*c)).find_map(|(at, sign)| {
        let start = number(&text[..at])?;
        let step = number(&text[at + 1..])?;
        Some((start, if sign == '-' { -step } else { step }))
    })
}

fn histograms(text: &str, out: &mut Vec<Option<Value>>) {
    let end = text.find("}}").expect("a histogram ends") + 2;
    let mut value = histogram(&text[..end]);
    let mut rest = &text[end..];
    let mut step: Option<(Histogram, bool)> = None;
    if rest.starts_with(['+', '-']) {
        let end = rest.find("}}").expect("a histogram ends") + 2;
        step = Some((histogram(&rest[1..end]), rest.starts_with('-')));
        rest = &rest[end..];
    }
    let times = rest.strip_prefix('x').map_or(0, |n| n.parse::<usize>().expect("times"));
    for _ in 0..=times {
        out.push(Some(Value::Histogram(Arc::new(value.clone()))));
        if let Some((step, negative)) = &step {
            let hint = value.counter_reset_hint;
            let combined = if *negative { value.subtract(step) } else { value.add(step) };
            combined.expect("steps of histograms fit");
            value.counter_reset_hint = hint;
        }
    }
}

fn histogram(text: &str) -> Histogram {
    let body = text.trim_start_matches('{').trim_end_matches('}');
    let mut histogram = Histogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    for (key, value) in fields(body) {
        let array = || -> Vec<f64> {
            let inside = value.trim_matches(['[', ']']);
            inside.split_whitespace().map(|n| number(n).expect("a number")).collect()
        };
        match key {
            "schema" => histogram.schema = value.parse().expect("schema"),
            "sum" => histogram.sum = number(value).expect("sum"),
            "count" => histogram.count = number(value).expect("count"),
            "z_bucket" => histogram.zero_count = number(value).expect("z_bucket"),
            "z_bucket_w" => histogram.zero_threshold = number(value).expect("z_bucket_w"),
            "custom_values" => histogram.custom_values = Some(array().into()),
            "buckets" => histogram.positive_buckets = array(),
            "n_buckets" => histogram.negative_buckets = array(),
            "offset" => offset = value.parse().expect("offset"),
            "n_offset" => negative_offset = value.parse().expect("n_offset"),
            "counter_reset_hint" => {
                histogram.counter_reset_hint = match value {
                    "gauge" => CounterResetHint::Gauge,
                    "reset" => CounterResetHint::CounterReset,
                    "not_reset" => CounterResetHint::NotCounterReset,
                    _ => CounterResetHint::Unknown,
                }
            }
            other => panic!("field {other:?}"),
        }
    }
    let spans = |offset: i32, counts: &[f64]| {
        if counts.is_empty() {
            Vec::new()
        } else {
            vec![Span { offset, length: counts.len() as u32 }]
        }
    };
    histogram.positive_spans = spans(offset, &histogram.positive_buckets);
    histogram.negative_spans = spans(negative_offset, &histogram.negative_buckets);
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA && histogram.custom_values.is_none() {
        histogram.custom_values = Some(Vec::new().into());
    }
    histogram
}

fn fields(text: &str) -> Vec<(&str, &str)> {
    let mut fields = Vec::new();
    let mut rest = text.trim_start();
    while let Some((key, after)) = rest.split_once(':') {
        let end = if after.starts_with('[') {
            after.find(']').map_or(after.len(), |at| at + 1)
        } else {
            after.find(char::is_whitespace).unwrap_or(after.len())
        };
        fields.push((key.trim(), &after[..end]));
        rest = after[end..].trim_start();
    }
    fields
}
