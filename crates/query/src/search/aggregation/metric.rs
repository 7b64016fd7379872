//! `min`, `max`, `sum`, `avg`, `value_count`, `stats`, `extended_stats`, `weighted_avg`, `rate`

use serde_json::{Map, Value, json};

use super::collect::{Collector, Context, Pairs};
use super::source::Source;
use super::{number_json, value_of};
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::schema::FieldKind;
use crate::search::values::Block;

/// Sums over the values of one bucket.
#[derive(Debug, Clone, Copy)]
struct Sums {
    count: u64,
    sum: f64,
    /// What adding lost, so that large sums stay exact (Kahan).
    lost: f64,
    squares: f64,
    least: f64,
    greatest: f64,
}

const NOTHING: Sums = Sums {
    count: 0,
    sum: 0.0,
    lost: 0.0,
    squares: 0.0,
    least: f64::INFINITY,
    greatest: f64::NEG_INFINITY,
};

impl Sums {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let corrected = value - self.lost;
        let sum = self.sum + corrected;
        self.lost = (sum - self.sum) - corrected;
        self.sum = sum;
        self.squares += value * value;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    fn average(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    fn variance(&self) -> Option<f64> {
        let count = self.count as f64;
        (self.count > 0).then(|| ((self.squares - self.sum * self.sum / count) / count).max(0.0))
    }

    fn property(&self, name: &str, sigma: f64) -> Option<f64> {
        let some = |value: f64| (self.count > 0).then_some(value);
        let sampling = || {
            let count = self.count as f64;
            (self.count > 1).then(|| self.variance().map(|v| v * count / (count - 1.0))).flatten()
        };
        let bound = |sign: f64| Some(self.average()? + sign * sigma * self.variance()?.sqrt());
        match name {
            "count" | "value_count" => Some(self.count as f64),
            "min" => some(self.least),
            "max" => some(self.greatest),
            "sum" => Some(self.sum),
            "avg" => self.average(),
            "sum_of_squares" => some(self.squares),
            "variance" | "variance_population" => self.variance(),
            "variance_sampling" => sampling(),
            "std_deviation" | "std_deviation_population" => self.variance().map(f64::sqrt),
            "std_deviation_sampling" => sampling().map(f64::sqrt),
            "std_upper" => bound(1.0),
            "std_lower" => bound(-1.0),
            _ => None,
        }
    }
}

/// One of these aggregations.
#[derive(Debug)]
pub(super) struct Metric {
    kind: String,
    source: Option<Source>,
    weight: Option<Source>,
    sigma: f64,
    sums: Vec<Sums>,
    weights: Vec<f64>,
}

impl Metric {
    pub(super) fn new(
        kind: &str,
        options: Options<'_>,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let part = |key: &str| Source::new(Options::of(key, options.need(key)?)?, context);
        let (source, weight) = match kind {
            "weighted_avg" => (Some(part("value")?), Some(part("weight")?)),
            "rate" if options.get("field").is_none() => (None, None),
            _ => (Some(Source::new(options, context)?), None),
        };
        let sigma = options.number("sigma")?.unwrap_or(2.0);
        let (sums, weights) = (Vec::new(), Vec::new());
        Ok(Self { kind: kind.to_owned(), source, weight, sigma, sums, weights })
    }

    fn sums(&self, owner: u32) -> Sums {
        self.sums.get(owner as usize).copied().unwrap_or(NOTHING)
    }

    fn weighted(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let (Some(source), Some(weight)) = (&self.source, &self.weight) else { return Ok(()) };
        let mut factors = vec![None; pairs.rows.len()];
        weight.numbers(block, pairs, &mut |index, number| {
            if let Some(slot) = factors.get_mut(index) {
                *slot = Some(number);
            }
        })?;
        let (sums, weights) = (&mut self.sums, &mut self.weights);
        source.numbers(block, pairs, &mut |index, number| {
            let Some(Some(factor)) = factors.get(index) else { return };
            let owner = pairs.owner(index);
            slot(sums, owner, NOTHING).add(number * factor);
            *slot(weights, owner, 0.0) += factor;
        })
    }
}

/// The slot of `owner`, made when it is not there.
pub(super) fn slot<T: Clone>(slots: &mut Vec<T>, owner: u32, empty: T) -> &mut T {
    let at = owner as usize;
    if slots.len() <= at {
        slots.resize((at + 1).max(slots.len() * 2).max(8), empty);
    }
    &mut slots[at]
}

impl Collector for Metric {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        if self.weight.is_some() {
            return self.weighted(block, pairs);
        }
        let sums = &mut self.sums;
        let Some(source) = &self.source else {
            for owner in &pairs.owners {
                slot(sums, *owner, NOTHING).add(1.0);
            }
            return Ok(());
        };
        let is_numeric = matches!(
            source.field.kind,
            FieldKind::Integer | FieldKind::Float | FieldKind::Date | FieldKind::Boolean
        );
        if self.kind == "value_count" && !is_numeric {
            return source.values(block, pairs, &mut |index, _| {
                slot(sums, pairs.owner(index), NOTHING).count += 1;
            });
        }
        source.numbers(block, pairs, &mut |index, number| {
            slot(sums, pairs.owner(index), NOTHING).add(number);
        })
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let sums = self.sums(owner);
        let property = |name: &str| number_json(sums.property(name, self.sigma));
        let date = self.source.as_ref().filter(|source| source.field.kind == FieldKind::Date);
        Ok(match self.kind.as_str() {
            "value_count" => json!({"value": sums.count}),
            "weighted_avg" => value_of(self.metric(owner, None)),
            "rate" => value_of(Some(sums.sum)),
            "stats" | "extended_stats" => {
                let mut told = Map::new();
                told.insert("count".into(), sums.count.into());
                for name in ["min", "max", "avg", "sum"] {
                    told.insert(name.into(), property(name));
                    if let (Some(date), Some(ms)) = (date, sums.property(name, 0.0)) {
                        let text = date.field.format.write(ms as i64, &jiff::tz::TimeZone::UTC);
                        told.insert(format!("{name}_as_string"), text.into());
                    }
                }
                if self.kind == "extended_stats" {
                    for name in [
                        "sum_of_squares",
                        "variance",
                        "variance_population",
                        "variance_sampling",
                        "std_deviation",
                        "std_deviation_population",
                        "std_deviation_sampling",
                    ] {
                        told.insert(name.into(), property(name));
                    }
                    let bounds =
                        json!({"upper": property("std_upper"), "lower": property("std_lower")});
                    told.insert("std_deviation_bounds".into(), bounds);
                }
                Value::Object(told)
            }
            kind => {
                let value = sums.property(kind, self.sigma);
                let mut told = value_of(value);
                if let (Some(date), Some(ms), Some(told)) = (date, value, told.as_object_mut())
                    && kind != "sum"
                {
                    let text = date.field.format.write(ms as i64, &jiff::tz::TimeZone::UTC);
                    told.insert("value_as_string".into(), text.into());
                }
                told
            }
        })
    }

    fn metric(&mut self, owner: u32, property: Option<&str>) -> Option<f64> {
        let sums = self.sums(owner);
        match (self.kind.as_str(), property) {
            ("weighted_avg", _) => {
                let weight = self.weights.get(owner as usize).copied().filter(|w| *w != 0.0)?;
                Some(sums.sum / weight)
            }
            ("stats" | "extended_stats", Some(property)) => sums.property(property, self.sigma),
            ("rate", _) => Some(sums.sum),
            (kind, _) => sums.property(kind, self.sigma),
        }
    }
}
