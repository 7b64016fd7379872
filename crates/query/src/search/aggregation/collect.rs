//! What all aggregations share: the interface to collect by, and the aggregations beneath.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value};
use vigie_store::logs::{LogQuery, LogSnapshot, RowSet};

use super::pipeline::Pipeline;
use crate::search::compile::Compiler;
use crate::search::schema::Field;
use crate::search::values::Block;
use crate::search::{Query, SearchError};

/// Buckets that an answer may have, `search.max_buckets`.
const BUCKETS_TOLD_MAX: usize = 65_536;
/// Buckets that may be collected; most of them are never told.
const BUCKETS_KEPT_MAX: usize = 2_000_000;

/// What aggregations are worked out with.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) compiler: Compiler,
    pub(crate) snapshot: Arc<LogSnapshot>,
    /// The indices and times of the request, without its query: what a filter is asked within.
    pub(crate) scope: LogQuery,
    pub(crate) budget: Rc<Budget>,
}

/// How many buckets there are.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    kept: Cell<usize>,
    told: Cell<usize>,
}

impl Budget {
    /// One more bucket in memory.
    pub(crate) fn keep(&self) -> Result<(), SearchError> {
        self.kept.set(self.kept.get() + 1);
        Self::check(self.kept.get(), BUCKETS_KEPT_MAX)
    }

    /// More buckets in the answer.
    pub(crate) fn tell(&self, count: usize) -> Result<(), SearchError> {
        self.told.set(self.told.get() + count);
        Self::check(self.told.get(), BUCKETS_TOLD_MAX)
    }

    fn check(count: usize, max: usize) -> Result<(), SearchError> {
        if count <= max {
            return Ok(());
        }
        Err(SearchError::new(
            "too_many_buckets_exception",
            format!(
                "Trying to create too many buckets. Must be less than or equal to: [{max}] but was \
                 [{count}]. This limit can be set by changing the [search.max_buckets] cluster \
                 level setting."
            ),
        ))
    }
}

impl Context {
    pub(crate) fn field(&self, name: &str) -> Field {
        self.compiler.schema.field(name)
    }

    /// The rows of each part that a query selects, within the scope.
    pub(crate) fn rows_of(&self, query: &Query) -> Result<Vec<Option<RowSet>>, SearchError> {
        let filter = self.compiler.filter(query)?;
        let query = LogQuery { filter, ..self.scope.clone() };
        let parts = self.snapshot.parts().iter();
        parts.map(|part| Ok(Some(part.matching(&query)?))).collect()
    }
}

/// Rows of a block, and the bucket that each belongs to. A row may be there several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs {
    pub(crate) rows: Vec<u16>,
    pub(crate) owners: Vec<u32>,
}

impl Pairs {
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.owners.clear();
    }

    pub(crate) fn push(&mut self, row: u16, owner: u32) {
        self.rows.push(row);
        self.owners.push(owner);
    }

    pub(crate) fn owner(&self, index: usize) -> u32 {
        self.owners.get(index).copied().unwrap_or(0)
    }

    pub(crate) fn row(&self, index: usize) -> u16 {
        self.rows.get(index).copied().unwrap_or(0)
    }
}

/// An aggregation at work.
pub(crate) trait Collector: fmt::Debug {
    /// Takes rows of a block.
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError>;
    /// What it tells of the bucket `owner`, after all is collected.
    fn finish(&mut self, owner: u32) -> Result<Value, SearchError>;
    /// A number of the bucket `owner`, for whoever orders buckets by it.
    fn metric(&mut self, owner: u32, property: Option<&str>) -> Option<f64> {
        let told = self.finish(owner).ok()?;
        told.get(property.unwrap_or("value")).and_then(Value::as_f64)
    }
}

/// The aggregations beneath a bucket.
#[derive(Debug, Default)]
pub(crate) struct Children {
    pub(crate) collectors: Vec<(String, Option<Value>, Box<dyn Collector>)>,
    pub(crate) pipelines: Vec<Pipeline>,
}

impl Children {
    pub(crate) fn is_empty(&self) -> bool {
        self.collectors.is_empty()
    }

    pub(crate) fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        if pairs.rows.is_empty() {
            return Ok(());
        }
        for (_, _, collector) in &mut self.collectors {
            collector.collect(block, pairs)?;
        }
        Ok(())
    }

    /// Adds what the aggregations tell of `owner` to its bucket.
    pub(crate) fn finish(
        &mut self,
        owner: u32,
        bucket: &mut Map<String, Value>,
    ) -> Result<(), SearchError> {
        for (name, meta, collector) in &mut self.collectors {
            let mut told = collector.finish(owner)?;
            if let (Some(meta), Some(told)) = (meta, told.as_object_mut()) {
                told.insert("meta".into(), meta.clone());
            }
            bucket.insert(name.clone(), told);
        }
        // Pipelines that look at their siblings' buckets.
        for pipeline in self.pipelines.iter().filter(|pipeline| pipeline.is_sibling()) {
            let told = pipeline.sibling(bucket)?;
            bucket.insert(pipeline.name().to_owned(), told);
        }
        Ok(())
    }

    /// Lets the pipelines beneath work on all buckets, in order.
    pub(crate) fn finish_buckets(&self, buckets: &mut Vec<Value>) {
        // One may use what another tells, so that those that need nothing open come first.
        let parents: Vec<_> = self.pipelines.iter().filter(|p| !p.is_sibling()).collect();
        for pipeline in super::pipeline::in_order(&parents) {
            pipeline.parent(buckets);
        }
    }

    /// A number by a path such as `stats.avg` or `inner>max`.
    pub(crate) fn metric(&mut self, owner: u32, path: &str) -> Option<f64> {
        let (first, rest) = match path.split_once('>') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let (name, property) = if self.collectors.iter().any(|(known, _, _)| known == first) {
            (first, None)
        } else {
            let bracket = first.strip_suffix(']').and_then(|inner| inner.split_once('['));
            let (name, property) = bracket.or(first.split_once('.'))?;
            (name, Some(property))
        };
        let (_, _, collector) = self.collectors.iter_mut().find(|(known, _, _)| known == name)?;
        match rest {
            None => collector.metric(owner, property),
            // A single bucket beneath: look into what it tells.
            Some(rest) => {
                let told = collector.finish(owner).ok()?;
                super::pipeline::number_at(&told, rest)
            }
        }
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        let name = path.split(['>', '.', '[']).next().unwrap_or_default();
        self.collectors.iter().any(|(known, _, _)| known == name || known == path)
    }
}
