//! `global`, `nested`, `reverse_nested` and the samplers: one bucket, of all documents.
//!
//! Fields of objects in lists are fields of the document here, so that `nested` counts documents
//! where Elasticsearch counts objects. A sampler looks at everything, which costs little.

use serde_json::Value;

use super::bucket::Buckets;
use super::collect::{Children, Collector, Context, Pairs};
use super::missing::single;
use crate::search::SearchError;
use crate::search::values::Block;

/// One bucket, of all documents.
#[derive(Debug)]
pub(super) struct PassThrough(Buckets);

impl PassThrough {
    pub(super) fn new(children: Children, context: &Context) -> Self {
        Self(Buckets::new(children, &context.budget))
    }
}

impl Collector for PassThrough {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        for (index, row) in pairs.rows.iter().enumerate() {
            self.0.add(*row, pairs.owner(index), 0)?;
        }
        self.0.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        single(&mut self.0, owner)
    }
}
