//! `bucket_script`, `bucket_selector`, `bucket_sort`

use std::cmp::Ordering;

use serde_json::Value;

use super::Pipeline;
use super::number_at;
use crate::search::aggregation::value_of;

impl Pipeline {
    fn evaluate(&self, bucket: &Value) -> Option<f64> {
        let script = self.script.as_ref()?;
        script.value(&|name| {
            let path = self.paths.iter().find(|(known, _)| known == name);
            match path {
                Some((_, path)) => self.value(bucket, path),
                // One path without a name is called so.
                None if name == "_value" => self.value(bucket, &self.path),
                None => self
                    .parameters
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, number)| *number),
            }
        })
    }

    pub(super) fn compute(&self, buckets: &mut [Value]) {
        for bucket in buckets {
            if let Some(value) = self.evaluate(bucket).filter(|value| value.is_finite()) {
                self.set(bucket, value_of(Some(value)));
            }
        }
    }

    pub(super) fn select(&self, buckets: &mut Vec<Value>) {
        buckets.retain(|bucket| self.evaluate(bucket).is_some_and(|value| value != 0.0));
    }

    pub(super) fn sort(&self, buckets: &mut Vec<Value>) {
        buckets.sort_by(|a, b| {
            let orders = self.sort.iter().map(|(path, ascending)| compare(a, b, path, *ascending));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        buckets.drain(..self.from.min(buckets.len()));
        buckets.truncate(self.size.unwrap_or(usize::MAX));
    }
}

/// The order of two buckets by what `path` leads to; those without it are last either way.
fn compare(a: &Value, b: &Value, path: &str, ascending: bool) -> Ordering {
    let order = match (path, a.get("key"), b.get("key")) {
        ("_key", Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        _ => match (number_at(a, path), number_at(b, path)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (None, Some(_)) => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (None, None) => Ordering::Equal,
        },
    };
    if ascending { order } else { order.reverse() }
}
