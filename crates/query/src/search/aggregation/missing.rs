//! `missing`

use serde_json::{Map, Value};

use super::bucket::{Buckets, NOBODY};
use super::collect::{Children, Collector, Context, Pairs};
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::values::{Block, has};

/// One bucket, of the documents without the field.
#[derive(Debug)]
pub(super) struct Missing {
    source: Source,
    buckets: Buckets,
}

impl Missing {
    pub(super) fn new(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let source = Source::new(options, context)?;
        Ok(Self { source, buckets: Buckets::new(children, &context.budget) })
    }
}

impl Collector for Missing {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let present = block.present(&self.source.field)?;
        for (index, row) in pairs.rows.iter().enumerate().filter(|(_, row)| !has(&present, **row)) {
            self.buckets.add(*row, pairs.owner(index), 0)?;
        }
        self.buckets.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        single(&mut self.buckets, owner)
    }
}

/// What an aggregation with one bucket tells.
pub(super) fn single(buckets: &mut Buckets, owner: u32) -> Result<Value, SearchError> {
    let found = buckets.of(owner).first().copied();
    let (number, count) = found.map_or((NOBODY, 0), |(number, _, count)| (number, count));
    let mut bucket = Map::new();
    bucket.insert("doc_count".into(), count.into());
    buckets.children.finish(number, &mut bucket)?;
    Ok(Value::Object(bucket))
}
