//! `percentiles`, `percentile_ranks`, `median_absolute_deviation`, `boxplot`

use serde_json::{Map, Value, json};

use super::collect::{Collector, Context, Pairs};
use super::digest::Digest;
use super::metric::slot;
use super::source::Source;
use super::{number_json, value_of};
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::values::Block;

const DEFAULT: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];

/// One of these aggregations.
#[derive(Debug)]
pub(super) struct Percentiles {
    kind: String,
    source: Source,
    /// Percents, or values to rank.
    asked: Vec<f64>,
    is_keyed: bool,
    compression: f64,
    digests: Vec<Digest>,
}

impl Percentiles {
    pub(super) fn new(
        kind: &str,
        options: Options<'_>,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let source = Source::new(options, context)?;
        let key = if kind == "percentile_ranks" { "values" } else { "percents" };
        let mut asked: Vec<f64> = match options.get(key) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_f64).collect(),
            Some(other) => other.as_f64().into_iter().collect(),
            None if kind == "percentile_ranks" => {
                let reason = "Required one of fields [values], but none were specified.";
                return Err(SearchError::argument(reason).at(kind));
            }
            None => DEFAULT.to_vec(),
        };
        if kind == "percentiles" && asked.iter().any(|p| !(0.0..=100.0).contains(p)) {
            let reason = "percent must be in [0,100]";
            return Err(SearchError::argument(reason).at("percents"));
        }
        asked.sort_by(f64::total_cmp);
        let digest =
            options.get("tdigest").map(|value| Options::of("tdigest", value)).transpose()?;
        let compression = digest.map(|d| d.number("compression")).transpose()?.flatten();
        Ok(Self {
            kind: kind.to_owned(),
            source,
            asked,
            is_keyed: options.flag("keyed")?.unwrap_or(true),
            compression: compression.unwrap_or(100.0).clamp(20.0, 1_000.0),
            digests: Vec::new(),
        })
    }

    fn digest(&mut self, owner: u32) -> Digest {
        let compression = self.compression;
        let Some(digest) = self.digests.get_mut(owner as usize) else { return Digest::default() };
        digest.merge(compression);
        digest.clone()
    }
}

impl Collector for Percentiles {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let (digests, compression) = (&mut self.digests, self.compression);
        self.source.numbers(block, pairs, &mut |index, number| {
            let digest = slot(digests, pairs.owner(index), Digest::default());
            digest.add(number);
            digest.compact(compression);
        })
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let digest = self.digest(owner);
        let quantile = |q: f64| number_json(digest.quantile(q));
        match self.kind.as_str() {
            "median_absolute_deviation" => return Ok(value_of(deviation(&digest))),
            "boxplot" => {
                return Ok(json!({
                    "min": quantile(0.0), "max": quantile(1.0), "q1": quantile(0.25),
                    "q2": quantile(0.5), "q3": quantile(0.75),
                }));
            }
            _ => {}
        }
        let value = |asked: f64| match self.kind.as_str() {
            "percentiles" => digest.quantile(asked / 100.0),
            _ => digest.rank(asked).map(|rank| rank * 100.0),
        };
        if self.is_keyed {
            let mut values = Map::new();
            for asked in &self.asked {
                values.insert(format!("{asked:?}"), number_json(value(*asked)));
            }
            return Ok(json!({"values": values}));
        }
        let entry = |asked: &f64| json!({"key": asked, "value": number_json(value(*asked))});
        Ok(json!({"values": self.asked.iter().map(entry).collect::<Vec<_>>()}))
    }

    fn metric(&mut self, owner: u32, property: Option<&str>) -> Option<f64> {
        let digest = self.digest(owner);
        let asked: f64 = property.map_or(Some(50.0), |property| property.parse().ok())?;
        match self.kind.as_str() {
            "percentiles" => digest.quantile(asked / 100.0),
            "percentile_ranks" => digest.rank(asked).map(|rank| rank * 100.0),
            _ => deviation(&digest),
        }
    }
}

/// The median of how far values are from their median.
fn deviation(digest: &Digest) -> Option<f64> {
    let median = digest.quantile(0.5)?;
    let mut around = Digest::default();
    for step in 0..=200 {
        around.add((digest.quantile(f64::from(step) / 200.0)? - median).abs());
    }
    around.merge(100.0);
    around.quantile(0.5)
}
