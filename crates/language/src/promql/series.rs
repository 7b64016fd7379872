//! Series as tests of rules describe them: `up{job="a"} 0 1+2x3 _ stale {{schema:1 count:2}}`.

use std::sync::Arc;

use vigie_model::{
    CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, Labels, LabelsBuilder, MatchOp, Span,
    stale_nan,
};

use super::parser::parse_selector;

/// Values that one description may stand for.
const VALUES_MAX: usize = 1_000_000;

/// Buckets that one histogram may have.
const BUCKETS_MAX: usize = 10_000;

/// One value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum SeriesValue {
    /// `_`: nothing at this time.
    Missing,
    /// A number, or the stale marker.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

/// Reads a series: its labels and a value for each interval.
pub fn parse_series(text: &str) -> Result<(Labels, Vec<SeriesValue>), String> {
    let end = metric_end(text).ok_or_else(|| format!("the labels in {text:?} have no end"))?;
    let (metric, values) = text.split_at(end);
    Ok((parse_metric(metric)?, parse_values(values)?))
}

/// Reads labels alone: `up{job="a"}`, `{job="a"}`, `{}`.
pub fn parse_metric(text: &str) -> Result<Labels, String> {
    let text = text.trim();
    let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if text.is_empty() || inside.is_some_and(|inside| inside.trim().is_empty()) {
        return Ok(Labels::empty());
    }
    let matchers = parse_selector(text).map_err(|error| error.to_string())?;
    let mut labels = LabelsBuilder::new();
    for matcher in &matchers {
        if matcher.op != MatchOp::Equal {
            return Err(format!("unexpected operator in {text:?}, expected \"=\""));
        }
        labels.set(&matcher.name, &matcher.value);
    }
    Ok(labels.build())
}

/// Where the labels end: at the first space or at the closing brace.
fn metric_end(text: &str) -> Option<usize> {
    let mut quote: Option<char> = None;
    let mut is_escaped = false;
    let mut in_braces = false;
    let lead = text.len() - text.trim_start().len();
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < lead) {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(open) if c == '\\' && open != '`' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '{' => in_braces = true,
                '}' if in_braces => return Some(at + 1),
                // A space may stand between the name and the braces.
                c if c.is_whitespace() && !in_braces => {
                    let rest = text.get(at..)?.trim_start();
                    if !rest.starts_with('{') || rest.starts_with("{{") {
                        return Some(at);
                    }
                }
                _ => {}
            },
        }
    }
    (!in_braces).then_some(text.len())
}

/// Reads the values of a series.
pub fn parse_values(text: &str) -> Result<Vec<SeriesValue>, String> {
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (item, tail) = rest.split_at(item_end(rest));
        push_item(item, &mut values)?;
        rest = tail.trim_start();
    }
    Ok(values)
}

/// Where the first item ends; a histogram holds spaces.
fn item_end(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_whitespace() && depth <= 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn push_item(item: &str, values: &mut Vec<SeriesValue>) -> Result<(), String> {
    let wrong = || format!("{item:?} is no value; write 1, 1x3, 1+2x3, _, stale or {{{{...}}}}");
    if let Some(times) = item.strip_prefix('_') {
        let count = if times.is_empty() { 1 } else { times_of(times).ok_or_else(wrong)? };
        return push_all(values, count, |_| SeriesValue::Missing);
    }
    if let Some(times) = item.strip_prefix("stale") {
        let count = if times.is_empty() { 1 } else { times_of(times).ok_or_else(wrong)? + 1 };
        return push_all(values, count, |_| SeriesValue::Float(stale_nan()));
    }
    if item.starts_with("{{") {
        return push_histograms(item, values);
    }
    if let Some(value) = number(item) {
        return push_all(values, 1, |_| SeriesValue::Float(value));
    }
    // `0x3` is a number; what is left with an `x` is repeated.
    let (terms, times) = item.rsplit_once('x').ok_or_else(wrong)?;
    let times: usize = times.parse().map_err(|_| wrong())?;
    let (start, step) = progression(terms).ok_or_else(wrong)?;
    let mut next = start;
    push_all(values, times.saturating_add(1), |_| {
        let value = next;
        next += step;
        SeriesValue::Float(value)
    })
}

fn push_all(
    values: &mut Vec<SeriesValue>,
    count: usize,
    mut make: impl FnMut(usize) -> SeriesValue,
) -> Result<(), String> {
    if count > VALUES_MAX.saturating_sub(values.len()) {
        return Err(format!("more than {VALUES_MAX} values"));
    }
    values.extend((0..count).map(&mut make));
    Ok(())
}

fn times_of(text: &str) -> Option<usize> {
    text.strip_prefix('x')?.parse().ok()
}

/// `5`, `-2.5e3`, `0x1f`, `Inf`, `NaN`.
fn number(text: &str) -> Option<f64> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = body.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        // As Go reads `1x3` before `0x3`: a zero that is repeated is written `0x3` too.
        return hex
            .chars()
            .any(|c| !c.is_ascii_digit())
            .then_some(())
            .and_then(|()| i64::from_str_radix(hex, 16).ok())
            .map(|value| sign * value as f64);
    }
    let first = lower.chars().next()?;
    if !first.is_ascii_digit() && first != '.' && first != 'i' && first != 'n' {
        return None;
    }
    lower.parse::<f64>().ok().map(|value| sign * value)
}

/// `1+2` or `1-2`: a start and a step; `1`: no step.
fn progression(text: &str) -> Option<(f64, f64)> {
    if let Some(value) = number(text) {
        return Some((value, 0.0));
    }
    text.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-')).find_map(|(at, _)| {
        let (start, step) = text.split_at(at);
        Some((number(start)?, number(step)?))
    })
}

/// `{{...}}`, `{{...}}x3`, `{{...}}+{{...}}x3`, `{{...}}-{{...}}x3`
fn push_histograms(item: &str, values: &mut Vec<SeriesValue>) -> Result<(), String> {
    let open = || format!("the histogram {item:?} has no end");
    let (first, mut rest) = item.split_at(item.find("}}").ok_or_else(open)? + 2);
    let mut current = histogram(first)?;
    let mut step = None;
    if let Some(after) = rest.strip_prefix(['+', '-']) {
        let (second, tail) = after.split_at(after.find("}}").ok_or_else(open)? + 2);
        step = Some((histogram(second)?, rest.starts_with('-')));
        rest = tail;
    }
    let times = match rest {
        "" => 0,
        rest => times_of(rest).ok_or_else(|| format!("{rest:?} after a histogram"))?,
    };
    let mut failed = None;
    push_all(values, times.saturating_add(1), |_| {
        let value = SeriesValue::Histogram(Arc::new(current.clone()));
        if let Some((step, is_minus)) = &step {
            let hint = current.counter_reset_hint;
            let done = if *is_minus { current.subtract(step) } else { current.add(step) };
            if done.is_err() {
                failed = Some("error combining histograms".to_owned());
            }
            current.counter_reset_hint = hint;
        }
        value
    })?;
    failed.map_or(Ok(()), Err)
}

fn histogram(text: &str) -> Result<Histogram, String> {
    let mut histogram = Histogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    for (key, value) in fields(text.trim_start_matches('{').trim_end_matches('}')) {
        let wrong = || format!("error parsing {key} number: {value}");
        let float = || number(value).ok_or_else(wrong);
        let integer = || value.parse::<i32>().map_err(|_| wrong());
        match key {
            "schema" => histogram.schema = integer()?,
            "sum" => histogram.sum = float()?,
            "count" => histogram.count = float()?,
            "z_bucket" => histogram.zero_count = float()?,
            "z_bucket_w" => histogram.zero_threshold = float()?,
            "custom_values" => histogram.custom_values = Some(floats(key, value)?.into()),
            "buckets" => histogram.positive_buckets = floats(key, value)?,
            "n_buckets" => histogram.negative_buckets = floats(key, value)?,
            "offset" => offset = integer()?,
            "n_offset" => negative_offset = integer()?,
            "counter_reset_hint" => {
                histogram.counter_reset_hint = match value {
                    "unknown" => CounterResetHint::Unknown,
                    "reset" => CounterResetHint::CounterReset,
                    "not_reset" => CounterResetHint::NotCounterReset,
                    "gauge" => CounterResetHint::Gauge,
                    _ => return Err(format!("error parsing counter_reset_hint: {value}")),
                };
            }
            _ => return Err(format!("unexpected histogram description key {key:?}")),
        }
    }
    let spans = |offset: i32, counts: &[f64]| match counts.len() {
        0 => Vec::new(),
        length => vec![Span { offset, length: length as u32 }],
    };
    histogram.positive_spans = spans(offset, &histogram.positive_buckets);
    histogram.negative_spans = spans(negative_offset, &histogram.negative_buckets);
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA && histogram.custom_values.is_none() {
        histogram.custom_values = Some(Vec::new().into());
    }
    Ok(histogram)
}

fn floats(key: &str, text: &str) -> Result<Vec<f64>, String> {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let words: Vec<&str> = inside.unwrap_or(text).split_whitespace().collect();
    if words.len() > BUCKETS_MAX {
        return Err(format!("{key} has more than {BUCKETS_MAX} entries"));
    }
    let read = |word: &&str| number(word);
    let numbers: Option<Vec<f64>> = words.iter().map(read).collect();
    numbers.ok_or_else(|| format!("error parsing {key} float array: {text}"))
}

/// `key:value` pairs; a value in brackets holds spaces.
fn fields(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').unwrap_or((rest, ""));
        let end = if after.starts_with('[') {
            after.find(']').map_or(after.len(), |at| at + 1)
        } else {
            after.find(char::is_whitespace).unwrap_or(after.len())
        };
        let (value, tail) = after.split_at(end);
        found.push((key.trim(), value));
        rest = tail.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats_of(text: &str) -> Vec<Option<f64>> {
        let values = parse_values(text).unwrap();
        let float = |value: &SeriesValue| match value {
            SeriesValue::Float(value) => Some(*value),
            _ => None,
        };
        values.iter().map(float).collect()
    }

    #[test]
    fn values_are_read_as_promtool_does() {
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(floats_of("1 -2.5 1e3 0x1f"), some(&[1.0, -2.5, 1000.0, 31.0]));
        assert_eq!(floats_of("1x2"), some(&[1.0, 1.0, 1.0]));
        assert_eq!(floats_of("0x2"), some(&[0.0, 0.0, 0.0]));
        assert_eq!(floats_of("1+2x3"), some(&[1.0, 3.0, 5.0, 7.0]));
        assert_eq!(floats_of("10-5x2"), some(&[10.0, 5.0, 0.0]));
        assert_eq!(floats_of("-1e-2+1e-2x1"), some(&[-0.01, 0.0]));
        assert_eq!(floats_of("_ _x2 1"), [None, None, None, Some(1.0)]);
        assert_eq!(floats_of("Inf -inf"), some(&[f64::INFINITY, f64::NEG_INFINITY]));
        assert_eq!(parse_values("stalex1").unwrap().len(), 2);
        for wrong in ["abc", "1y2", "1x", "_y", "1x99999999", "{{count:1", "{{nope:1}}"] {
            assert!(parse_values(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn series_have_labels_with_spaces_and_quotes() {
        let cases = [
            (r#"up 1"#, r#"up"#),
            (r#"up{job="a b", x="}"} 1"#, r#"up{job="a b", x="}"}"#),
            (r#"up {job="a"} 1"#, r#"up{job="a"}"#),
            (r#"{__name__="é x", a="\""} 1"#, r#"é x{a="\""}"#),
        ];
        for (text, labels) in cases {
            let (found, values) = parse_series(text).unwrap();
            assert_eq!(
                found.get("job"),
                parse_metric(labels).ok().as_ref().and_then(|l| l.get("job"))
            );
            assert_eq!(values, [SeriesValue::Float(1.0)], "{text}");
        }
        assert_eq!(parse_metric("{}").unwrap(), Labels::empty());
        assert!(parse_metric("up{job!=\"a\"}").is_err());
        assert!(parse_series("up{job=\"a\" 1").is_err());
    }

    #[test]
    fn histograms_may_be_repeated_with_a_step() {
        let text = "h {{schema:1 sum:3 count:5 buckets:[1 2 1] offset:-1}}+{{schema:1 count:1 buckets:[1] offset:-1}}x1";
        let (_, values) = parse_series(text).unwrap();
        let [SeriesValue::Histogram(one), SeriesValue::Histogram(two)] = values.as_slice() else {
            panic!("{values:?}")
        };
        assert_eq!((one.count, two.count), (5.0, 6.0));
        assert_eq!(one.positive_spans, [Span { offset: -1, length: 3 }]);
    }
}
