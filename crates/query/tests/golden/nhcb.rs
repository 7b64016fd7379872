//! What `load_with_nhcb` adds: classic histograms as native ones with custom buckets.

use std::collections::BTreeMap;
use std::sync::Arc;

use vigie_model::{CUSTOM_BUCKETS_SCHEMA, Histogram, Labels, LabelsBuilder, Span, is_stale_nan};

use crate::script::LoadedSeries;
use crate::value::Value;

#[derive(Default)]
struct Classic {
    buckets: BTreeMap<u64, (f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

pub(crate) fn convert(series: &[LoadedSeries]) -> Vec<LoadedSeries> {
    let mut families: BTreeMap<Labels, BTreeMap<usize, Classic>> = BTreeMap::new();
    for one in series {
        let Some(name) = one.labels.metric_name() else { continue };
        let Some((base, suffix)) = name.rsplit_once('_') else { continue };
        let bound = one.labels.get("le").and_then(|le| le.parse::<f64>().ok());
        if !matches!(suffix, "bucket" | "count" | "sum") || (suffix == "bucket" && bound.is_none())
        {
            continue;
        }
        let mut builder = LabelsBuilder::from_labels(&one.labels);
        builder.remove("le").set("__name__", base);
        let family = families.entry(builder.build()).or_default();
        for (at, value) in one.values.iter().enumerate() {
            let Some(Value::Float(value)) = value else { continue };
            if is_stale_nan(*value) {
                continue;
            }
            let classic = family.entry(at).or_default();
            match (suffix, bound) {
                ("bucket", Some(bound)) => {
                    classic.buckets.entry(order(bound)).or_insert((bound, *value));
                }
                ("count", _) => classic.count = Some(*value),
                _ => classic.sum = *value,
            }
        }
    }
    families.into_iter().map(|(labels, by_time)| native(labels, by_time)).collect()
}

/// Bits that order as the float does.
fn order(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

fn native(labels: Labels, by_time: BTreeMap<usize, Classic>) -> LoadedSeries {
    let length = by_time.keys().max().map_or(0, |last| last + 1);
    let mut values = vec![None; length];
    for (at, classic) in by_time {
        let mut buckets: Vec<(f64, f64)> = classic.buckets.into_values().collect();
        let last = buckets.last().copied();
        let count = classic.count.or(last.map(|(_, count)| count)).unwrap_or(0.0);
        if last.is_none_or(|(bound, _)| bound != f64::INFINITY) {
            buckets.push((f64::INFINITY, count));
        }
        let mut previous = 0.0;
        let counts: Vec<f64> = buckets
            .iter()
            .map(|(_, value)| {
                let own = value - previous;
                previous = *value;
                own
            })
            .collect();
        let bounds: Vec<f64> = buckets.iter().map(|b| b.0).filter(|b| b.is_finite()).collect();
        values[at] = Some(Value::Histogram(Arc::new(Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: classic.sum,
            positive_spans: vec![Span { offset: 0, length: counts.len() as u32 }],
            positive_buckets: counts,
            custom_values: Some(bounds.into()),
            ..Histogram::default()
        })));
    }
    LoadedSeries { labels, values, starts: Vec::new() }
}
