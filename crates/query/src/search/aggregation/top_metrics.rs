//! `top_metrics`: values of the first documents of each bucket.

use serde_json::{Map, Value, json};

use super::collect::{Collector, Context, Pairs};
use super::metric::slot;
use crate::search::SearchError;
use crate::search::hits::{RowRef, row_values};
use crate::search::json::Options;
use crate::search::sort::{SortField, SortValue};
use crate::search::values::Block;

/// Documents of a bucket.
const SIZE_MAX: usize = 10;

/// The values.
#[derive(Debug)]
pub(super) struct TopMetrics {
    sort: SortField,
    metrics: Vec<String>,
    size: usize,
    context: Context,
    owners: Vec<Vec<(SortValue, RowRef)>>,
}

impl TopMetrics {
    pub(super) fn new(options: Options<'_>, context: &Context) -> Result<Self, SearchError> {
        let names: Vec<String> = match options.need("metrics")? {
            Value::Array(items) => {
                let names =
                    items.iter().map(|item| Options::of("metrics", item)?.need_text("field"));
                names.collect::<Result<_, _>>()?
            }
            other => vec![Options::of("metrics", other)?.need_text("field")?],
        };
        let size = options.count("size")?.unwrap_or(1).max(1);
        if size > SIZE_MAX {
            let reason =
                format!("[top_metrics.size] must not be more than [{SIZE_MAX}] but was [{size}]");
            return Err(SearchError::argument(reason).at("size"));
        }
        let mut sort = SortField::parse(options.need("sort")?, &context.compiler.schema)?;
        if sort.len() != 1 {
            return Err(SearchError::parsing("[top_metrics] needs one field to sort by").at("sort"));
        }
        let sort = sort.remove(0);
        Ok(Self { sort, metrics: names, size, context: context.clone(), owners: Vec::new() })
    }

    fn values(&self, at: RowRef) -> Result<Map<String, Value>, SearchError> {
        let mut values = Map::new();
        for name in &self.metrics {
            let (snapshot, schema) = (&self.context.snapshot, &self.context.compiler.schema);
            let found = row_values(snapshot, schema, at, name, None)?;
            values.insert(name.clone(), found.into_iter().next().unwrap_or(Value::Null));
        }
        Ok(values)
    }
}

impl Collector for TopMetrics {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let values = self.sort.values(block, &pairs.rows)?;
        for (index, value) in values.into_iter().enumerate() {
            if value == SortValue::Missing {
                continue;
            }
            let at = RowRef { part: block.part_at as u32, row: block.row(pairs.row(index)) };
            let best = slot(&mut self.owners, pairs.owner(index), Vec::new());
            let sort = &self.sort;
            let place = best.partition_point(|(known, known_at)| {
                sort.compare(known, &value).then(known_at.cmp(&at)).is_lt()
            });
            if place < self.size {
                best.insert(place, (value, at));
                best.truncate(self.size);
            }
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let best = self.owners.get(owner as usize).cloned().unwrap_or_default();
        let mut top = Vec::new();
        for (value, at) in best {
            top.push(json!({"sort": [self.sort.tell(&value)], "metrics": self.values(at)?}));
        }
        Ok(json!({"top": top}))
    }

    fn metric(&mut self, owner: u32, property: Option<&str>) -> Option<f64> {
        let (_, at) = self.owners.get(owner as usize)?.first()?;
        let values = self.values(*at).ok()?;
        match property {
            Some(name) => values.get(name)?.as_f64(),
            None => values.values().next()?.as_f64(),
        }
    }
}
