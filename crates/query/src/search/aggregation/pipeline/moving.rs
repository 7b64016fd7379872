//! `derivative`, `cumulative_sum`, `moving_fn`, `moving_avg`, `serial_diff`, `normalize`

use serde_json::{Value, json};

use super::Pipeline;
use crate::search::aggregation::{number_json, value_of};

impl Pipeline {
    /// Pipelines that give each bucket a value made of those around it.
    pub(super) fn series(&self, buckets: &mut [Value]) {
        let values: Vec<Option<f64>> =
            buckets.iter().map(|bucket| self.value(bucket, &self.path)).collect();
        let keys: Vec<Option<f64>> =
            buckets.iter().map(|bucket| bucket.get("key").and_then(Value::as_f64)).collect();
        let made: Vec<Option<Value>> = match self.kind.as_str() {
            "derivative" => self.derivative(&values, &keys),
            "cumulative_sum" => {
                let mut sum = 0.0;
                let mut add = |value: &Option<f64>| {
                    sum += value.unwrap_or(0.0);
                    Some(value_of(Some(sum)))
                };
                values.iter().map(&mut add).collect()
            }
            "serial_diff" => (0..values.len())
                .map(|at| {
                    let before = at
                        .checked_sub(self.lag)
                        .and_then(|at| values.get(at).copied().flatten())?;
                    Some(value_of(Some(values.get(at).copied().flatten()? - before)))
                })
                .collect(),
            "normalize" => self.normalize(&values),
            _ => self.moving(&values),
        };
        for (bucket, told) in buckets.iter_mut().zip(made) {
            if let Some(told) = told {
                self.set(bucket, told);
            }
        }
    }

    fn derivative(&self, values: &[Option<f64>], keys: &[Option<f64>]) -> Vec<Option<Value>> {
        let mut last: Option<(f64, Option<f64>)> = None;
        let mut made = Vec::new();
        for (value, key) in values.iter().zip(keys) {
            let Some(value) = value else {
                made.push(None);
                continue;
            };
            made.push(last.map(|(before, before_key)| {
                let mut told = json!({"value": number_json(Some(value - before))});
                if let (Some(unit), Some(key), Some(before_key)) = (self.unit_ms, key, before_key) {
                    let units = (key - before_key) / unit;
                    told["normalized_value"] = number_json(Some((value - before) / units));
                }
                told
            }));
            last = Some((*value, *key));
        }
        made
    }

    fn moving(&self, values: &[Option<f64>]) -> Vec<Option<Value>> {
        // `moving_fn` looks at the values before, `moving_avg` includes the bucket's own.
        let own = i64::from(self.kind == "moving_avg");
        let mut made = Vec::new();
        for at in 0..values.len() as i64 {
            let end = (at + self.shift + own).clamp(0, values.len() as i64) as usize;
            let start = (at + self.shift + own - self.window as i64).clamp(0, end as i64) as usize;
            let window: Vec<f64> =
                values.get(start..end).unwrap_or_default().iter().flatten().copied().collect();
            let value = self.window_value(&window);
            made.push(value.filter(|value| value.is_finite()).map_or_else(
                || (self.kind == "moving_fn").then(|| value_of(None)),
                |value| Some(value_of(Some(value))),
            ));
        }
        made
    }

    fn window_value(&self, window: &[f64]) -> Option<f64> {
        let script = &self.script_text;
        let (count, sum) = (window.len() as f64, window.iter().sum::<f64>());
        let average = || (count > 0.0).then(|| sum / count);
        if self.kind == "moving_avg" {
            return average();
        }
        let deviation = || {
            let average = average()?;
            Some((window.iter().map(|value| (value - average).powi(2)).sum::<f64>() / count).sqrt())
        };
        let name =
            script.split('(').next().unwrap_or_default().trim().trim_start_matches("return ");
        match name.strip_prefix("MovingFunctions.").unwrap_or(name) {
            "max" => window.iter().copied().reduce(f64::max),
            "min" => window.iter().copied().reduce(f64::min),
            "sum" => Some(sum),
            "stdDev" => deviation(),
            "unweightedAvg" => average(),
            "linearWeightedAvg" => {
                let weights = count * (count + 1.0) / 2.0;
                let weighted =
                    window.iter().zip(1_u32..).map(|(value, weight)| value * f64::from(weight));
                (count > 0.0).then(|| weighted.sum::<f64>() / weights)
            }
            "ewma" => {
                let alpha = script
                    .rsplit(',')
                    .next()
                    .and_then(|rest| rest.trim().trim_end_matches([')', ';', ' ']).parse().ok());
                let alpha: f64 = alpha.unwrap_or(0.3);
                window
                    .iter()
                    .copied()
                    .reduce(|smooth, value| alpha * value + (1.0 - alpha) * smooth)
            }
            _ => None,
        }
    }

    fn normalize(&self, values: &[Option<f64>]) -> Vec<Option<Value>> {
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        let sum: f64 = known.iter().sum();
        let count = known.len().max(1) as f64;
        let average = sum / count;
        let least = known.iter().copied().fold(f64::INFINITY, f64::min);
        let most = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let variance = known.iter().map(|value| (value - average).powi(2)).sum::<f64>() / count;
        let method = self.paths.iter().find(|(name, _)| name == "method");
        let method = method.map_or("percent_of_sum", |(_, method)| method.as_str());
        let scale = |value: f64| match method {
            "rescale_0_1" => (value - least) / (most - least),
            "rescale_0_100" => 100.0 * (value - least) / (most - least),
            "mean" => (value - average) / (most - least),
            "z-score" => (value - average) / variance.sqrt(),
            _ => value / sum,
        };
        values.iter().map(|value| value.map(|value| value_of(Some(scale(value))))).collect()
    }
}
