//! `filter`, `filters`, `adjacency_matrix`

use serde_json::{Map, Value, json};
use vigie_store::logs::RowSet;

use super::bucket::{Buckets, NOBODY};
use super::collect::{Children, Collector, Context, Pairs};
use crate::search::json::Options;
use crate::search::values::Block;
use crate::search::{Query, SearchError};

/// How many filters an aggregation may have.
const FILTERS_MAX: usize = 1_024;

/// A bucket for each filter; a document may be in several.
#[derive(Debug)]
pub(super) struct Filters {
    shape: Shape,
    names: Vec<String>,
    /// The rows of each part, by filter.
    rows: Vec<Vec<Option<RowSet>>>,
    other: Option<String>,
    separator: String,
    buckets: Buckets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Single,
    Named,
    Listed,
    Matrix,
}

impl Filters {
    pub(super) fn new(
        kind: &str,
        body: &Value,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let mut filters: Vec<(String, Query)> = Vec::new();
        let (mut shape, mut other, mut separator) = (Shape::Single, None, "&".to_owned());
        if kind == "filter" {
            filters.push((String::new(), Query::parse(body)?));
        } else {
            let options = Options::of(kind, body)?;
            match options.need("filters")? {
                Value::Array(items) => {
                    shape = Shape::Listed;
                    for item in items {
                        filters.push((String::new(), Query::parse(item)?));
                    }
                }
                Value::Object(map) => {
                    shape = if kind == "filters" { Shape::Named } else { Shape::Matrix };
                    for (name, item) in map {
                        filters.push((name.clone(), Query::parse(item)?));
                    }
                }
                _ => {
                    return Err(SearchError::parsing("Unexpected token in [filters]").at("filters"));
                }
            }
            other = options.text("other_bucket_key")?;
            if other.is_none() && options.flag("other_bucket")? == Some(true) {
                other = Some("_other_".to_owned());
            }
            separator = options.text("separator")?.unwrap_or(separator);
        }
        if filters.len() > FILTERS_MAX {
            return Err(SearchError::argument(format!("more than {FILTERS_MAX} filters")));
        }
        let rows =
            filters.iter().map(|(_, query)| context.rows_of(query)).collect::<Result<_, _>>()?;
        let names = filters.into_iter().map(|(name, _)| name).collect();
        let buckets = Buckets::new(children, &context.budget);
        Ok(Self { shape, names, rows, other, separator, buckets })
    }

    /// Name and key of each bucket that is told, in order.
    fn told(&self) -> Vec<(String, u64)> {
        let count = self.names.len();
        let mut all: Vec<(String, u64)> =
            self.names.iter().enumerate().map(|(at, name)| (name.clone(), at as u64)).collect();
        if let Some(other) = &self.other {
            all.push((other.clone(), count as u64));
        }
        if self.shape == Shape::Matrix {
            for (i, first) in self.names.iter().enumerate() {
                for (j, second) in self.names.iter().enumerate().skip(i + 1) {
                    let key = (count + 1 + i * count + j) as u64;
                    all.push((format!("{first}{}{second}", self.separator), key));
                }
            }
            all.sort();
        }
        all
    }
}

impl Collector for Filters {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let count = self.names.len();
        let sets: Vec<Option<&RowSet>> = self
            .rows
            .iter()
            .map(|parts| parts.get(block.part_at).and_then(Option::as_ref))
            .collect();
        let mut matching = Vec::new();
        for (index, row) in pairs.rows.iter().enumerate() {
            let owner = pairs.owner(index);
            matching.clear();
            let holds = |set: Option<&RowSet>| set.is_some_and(|set| set.contains(block.row(*row)));
            matching
                .extend(sets.iter().enumerate().filter(|(_, set)| holds(**set)).map(|(at, _)| at));
            for at in &matching {
                self.buckets.add(*row, owner, *at as u64)?;
            }
            if matching.is_empty() && self.other.is_some() {
                self.buckets.add(*row, owner, count as u64)?;
            }
            if self.shape == Shape::Matrix {
                let later = |n: usize| matching.iter().skip(n + 1);
                let pairs = matching.iter().enumerate();
                for (i, j) in pairs.flat_map(|(n, i)| later(n).map(move |j| (i, j))) {
                    self.buckets.add(*row, owner, (count + 1 + i * count + j) as u64)?;
                }
            }
        }
        self.buckets.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let known = self.buckets.of(owner);
        let mut told = Vec::new();
        for (name, key) in self.told() {
            let found = known.iter().find(|(_, known, _)| *known == key);
            let (number, count) = found.map_or((NOBODY, 0), |(number, _, count)| (*number, *count));
            if self.shape == Shape::Matrix && count == 0 {
                continue;
            }
            let mut bucket = Map::new();
            if self.shape == Shape::Matrix {
                bucket.insert("key".into(), name.clone().into());
            }
            bucket.insert("doc_count".into(), count.into());
            self.buckets.children.finish(number, &mut bucket)?;
            told.push((name, Value::Object(bucket)));
        }
        self.buckets.tell(told.len())?;
        Ok(match self.shape {
            Shape::Single => told.into_iter().next().map_or(Value::Null, |(_, bucket)| bucket),
            Shape::Named => json!({"buckets": told.into_iter().collect::<Map<_, _>>()}),
            Shape::Listed | Shape::Matrix => {
                let mut buckets: Vec<Value> = told.into_iter().map(|(_, bucket)| bucket).collect();
                self.buckets.children.finish_buckets(&mut buckets);
                json!({"buckets": buckets})
            }
        })
    }
}
