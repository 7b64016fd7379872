//! `avg_bucket`, `max_bucket`, `min_bucket`, `sum_bucket`, `stats_bucket`,
//! `extended_stats_bucket`, `percentiles_bucket`

use serde_json::{Map, Value, json};

use super::Pipeline;
use crate::search::aggregation::{number_json, value_of};

impl Pipeline {
    /// What is told of some buckets' values.
    pub(super) fn over(&self, buckets: &[(Value, &Value)], path: &str) -> Value {
        let values: Vec<(f64, &Value)> = buckets
            .iter()
            .filter_map(|(key, bucket)| Some((self.value(bucket, path)?, key)))
            .collect();
        let count = values.len() as f64;
        let sum: f64 = values.iter().map(|(value, _)| value).sum();
        let some = |value: f64| (count > 0.0).then_some(value);
        let least = values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
        let most = values.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max);
        let with_keys = |wanted: f64| {
            let keys: Vec<Value> = values
                .iter()
                .filter(|(value, _)| *value == wanted)
                .map(|(_, key)| key.as_str().map_or_else(|| key.to_string(), str::to_owned).into())
                .collect();
            json!({"value": number_json(some(wanted)), "keys": keys})
        };
        match self.kind.as_str() {
            "avg_bucket" => value_of(some(sum / count)),
            "sum_bucket" => value_of(Some(sum)),
            "min_bucket" => with_keys(least),
            "max_bucket" => with_keys(most),
            "percentiles_bucket" => {
                let mut sorted: Vec<f64> = values.iter().map(|(value, _)| *value).collect();
                sorted.sort_by(f64::total_cmp);
                let mut told = Map::new();
                for percent in &self.percents {
                    let last = sorted.len().saturating_sub(1) as f64;
                    let at = (percent / 100.0 * last).round() as usize;
                    told.insert(format!("{percent:?}"), number_json(sorted.get(at).copied()));
                }
                json!({"values": told})
            }
            _ => {
                let mut told = Map::new();
                told.insert("count".into(), values.len().into());
                told.insert("min".into(), number_json(some(least)));
                told.insert("max".into(), number_json(some(most)));
                told.insert("avg".into(), number_json(some(sum / count)));
                told.insert("sum".into(), number_json(Some(sum)));
                if self.kind == "extended_stats_bucket" {
                    let squares: f64 = values.iter().map(|(value, _)| value * value).sum();
                    let variance =
                        some(squares / count - (sum / count).powi(2)).map(|v| v.max(0.0));
                    let deviation = variance.map(f64::sqrt);
                    told.insert("sum_of_squares".into(), number_json(some(squares)));
                    told.insert("variance".into(), number_json(variance));
                    told.insert("std_deviation".into(), number_json(deviation));
                    let bound = |sign: f64| {
                        number_json(deviation.map(|d| sum / count + sign * self.sigma * d))
                    };
                    told.insert(
                        "std_deviation_bounds".into(),
                        json!({"upper": bound(1.0), "lower": bound(-1.0)}),
                    );
                }
                Value::Object(told)
            }
        }
    }
}
