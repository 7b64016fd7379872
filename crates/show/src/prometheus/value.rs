//! Values of queries as JSON: the hot path of every dashboard.

use vigie_formats::float::format_float_api;
use vigie_model::Histogram;
use vigie_query::{InstantSample, QueryStats, QueryValue, RangeSeries, SampleValue};

use crate::json::{push_array, push_labels, push_string};
use crate::number::push_timestamp;

/// Appends `{"resultType":...,"result":...` without the closing brace, after which statistics may
/// follow.
pub(super) fn push_value(out: &mut Vec<u8>, value: &QueryValue) {
    match value {
        QueryValue::Scalar { time_ms, value } => {
            out.extend_from_slice(br#"{"resultType":"scalar","result":"#);
            push_float_point(out, *time_ms, *value);
        }
        QueryValue::String { time_ms, value } => {
            out.extend_from_slice(br#"{"resultType":"string","result":["#);
            push_timestamp(out, *time_ms);
            out.push(b',');
            push_string(out, value);
            out.push(b']');
        }
        QueryValue::Vector(samples) => {
            out.reserve(samples.len() * 128);
            out.extend_from_slice(br#"{"resultType":"vector","result":"#);
            push_array(out, samples, push_sample);
        }
        QueryValue::Matrix(series) => {
            let points: usize = series.iter().map(|series| series.values.len()).sum();
            out.reserve(series.len() * 128 + points * 32);
            out.extend_from_slice(br#"{"resultType":"matrix","result":"#);
            push_array(out, series, push_series);
        }
    }
}

fn push_sample(out: &mut Vec<u8>, sample: &InstantSample) {
    out.extend_from_slice(br#"{"metric":"#);
    push_labels(out, &sample.labels);
    match &sample.value {
        SampleValue::Float(value) => {
            out.extend_from_slice(br#","value":"#);
            push_float_point(out, sample.timestamp_ms, *value);
        }
        SampleValue::Histogram(histogram) => {
            out.extend_from_slice(br#","histogram":"#);
            push_histogram_point(out, sample.timestamp_ms, histogram);
        }
    }
    out.push(b'}');
}

fn push_series(out: &mut Vec<u8>, series: &RangeSeries) {
    out.extend_from_slice(br#"{"metric":"#);
    push_labels(out, &series.labels);
    if !series.values.is_empty() {
        out.extend_from_slice(br#","values":"#);
        let points = series.timestamps_ms.iter().zip(&series.values);
        push_array(out, points, |out, (time, value)| push_float_point(out, *time, *value));
    }
    if !series.histograms.is_empty() {
        out.extend_from_slice(br#","histograms":"#);
        push_array(out, &series.histograms, |out, (time, histogram)| {
            push_histogram_point(out, *time, histogram);
        });
    }
    out.push(b'}');
}

fn push_float_point(out: &mut Vec<u8>, timestamp_ms: i64, value: f64) {
    out.push(b'[');
    push_timestamp(out, timestamp_ms);
    out.push(b',');
    push_quoted(out, value);
    out.push(b']');
}

fn push_histogram_point(out: &mut Vec<u8>, timestamp_ms: i64, histogram: &Histogram) {
    out.push(b'[');
    push_timestamp(out, timestamp_ms);
    out.push(b',');
    push_histogram(out, histogram);
    out.push(b']');
}

fn push_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    out.extend_from_slice(br#"{"count":"#);
    push_quoted(out, histogram.count);
    out.extend_from_slice(br#","sum":"#);
    push_quoted(out, histogram.sum);
    let buckets = histogram.buckets();
    let mut filled = buckets.iter().filter(|bucket| bucket.count != 0.0).peekable();
    if filled.peek().is_some() {
        out.extend_from_slice(br#","buckets":"#);
        push_array(out, filled, |out, bucket| {
            out.push(b'[');
            out.push(match (bucket.lower_inclusive, bucket.upper_inclusive) {
                (false, true) => b'0',
                (true, false) => b'1',
                (false, false) => b'2',
                (true, true) => b'3',
            });
            for value in [bucket.lower, bucket.upper, bucket.count] {
                out.push(b',');
                push_quoted(out, value);
            }
            out.push(b']');
        });
    }
    out.push(b'}');
}

fn push_quoted(out: &mut Vec<u8>, value: f64) {
    out.push(b'"');
    format_float_api(value, out);
    out.push(b'"');
}

/// Appends the object of `stats=all`, with Prometheus' names. What this engine does not tell
/// apart is 0.
pub(super) fn push_stats(out: &mut Vec<u8>, stats: &QueryStats, per_step: bool) {
    let timings = &stats.timings;
    out.extend_from_slice(br#"{"timings":{"#);
    let total = timings.total.as_secs_f64();
    for (at, (name, seconds)) in [
        ("evalTotalTime", total),
        ("resultSortTime", 0.0),
        ("queryPreparationTime", (timings.prepare + timings.select).as_secs_f64()),
        ("innerEvalTime", timings.evaluate.as_secs_f64()),
        ("execQueueTime", 0.0),
        ("execTotalTime", total),
    ]
    .into_iter()
    .enumerate()
    {
        if at > 0 {
            out.push(b',');
        }
        push_string(out, name);
        out.push(b':');
        format_float_api(seconds, out);
    }
    out.extend_from_slice(br#"},"samples":{"#);
    if per_step && !stats.samples_per_step.is_empty() {
        out.extend_from_slice(br#""totalQueryableSamplesPerStep":"#);
        push_array(out, &stats.samples_per_step, |out, (time, samples)| {
            out.push(b'[');
            push_timestamp(out, *time);
            out.push(b',');
            out.extend_from_slice(itoa::Buffer::new().format(*samples).as_bytes());
            out.push(b']');
        });
        out.push(b',');
    }
    let (samples, peak) = (stats.samples, stats.samples_peak);
    let text = format!(
        "\"totalQueryableSamples\":{samples},\"samplesRead\":{samples},\"peakSamples\":{peak}}}}}"
    );
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
