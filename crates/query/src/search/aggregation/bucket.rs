//! Buckets of a bucket aggregation: for each owner and key one, with its count of documents.

use std::rc::Rc;

use hashbrown::HashMap;

use super::collect::{Budget, Children, Pairs};
use crate::search::SearchError;
use crate::search::values::Block;

/// The buckets and the aggregations beneath them.
#[derive(Debug)]
pub(super) struct Buckets {
    map: HashMap<(u32, u64), u32, foldhash::fast::RandomState>,
    /// Owner, key and count of each bucket.
    all: Vec<(u32, u64, u64)>,
    last: Option<((u32, u64), u32)>,
    pairs: Pairs,
    budget: Rc<Budget>,
    by_owner: Option<HashMap<u32, Vec<u32>>>,
    pub(super) children: Children,
}

impl Buckets {
    pub(super) fn new(children: Children, budget: &Rc<Budget>) -> Self {
        Self {
            map: HashMap::default(),
            all: Vec::new(),
            last: None,
            pairs: Pairs::default(),
            budget: Rc::clone(budget),
            by_owner: None,
            children,
        }
    }

    /// The bucket of `owner` and `key`; a new, empty one when it was not there.
    pub(super) fn at(&mut self, owner: u32, key: u64) -> Result<u32, SearchError> {
        // Neighbouring rows are mostly of one bucket.
        if let Some((last, bucket)) = self.last
            && last == (owner, key)
        {
            return Ok(bucket);
        }
        let next = self.all.len() as u32;
        let bucket = *self.map.entry((owner, key)).or_insert(next);
        if bucket == next {
            self.budget.keep()?;
            self.all.push((owner, key, 0));
        }
        self.last = Some(((owner, key), bucket));
        Ok(bucket)
    }

    /// A row goes into the bucket of `owner` and `key`.
    pub(super) fn add(&mut self, row: u16, owner: u32, key: u64) -> Result<(), SearchError> {
        let bucket = self.at(owner, key)?;
        self.add_to(row, bucket);
        Ok(())
    }

    /// A row goes into a bucket.
    pub(super) fn add_to(&mut self, row: u16, bucket: u32) {
        if let Some(known) = self.all.get_mut(bucket as usize) {
            known.2 += 1;
        }
        if !self.children.is_empty() {
            self.pairs.push(row, bucket);
        }
    }

    /// Hands what was added of a block to the aggregations beneath.
    pub(super) fn flush(&mut self, block: Block<'_>) -> Result<(), SearchError> {
        let pairs = std::mem::take(&mut self.pairs);
        self.children.collect(block, &pairs)?;
        self.pairs = pairs;
        self.pairs.clear();
        Ok(())
    }

    /// The buckets of `owner`: bucket, key, count.
    pub(super) fn of(&mut self, owner: u32) -> Vec<(u32, u64, u64)> {
        let all = &self.all;
        let by_owner = self.by_owner.get_or_insert_with(|| {
            let mut by_owner: HashMap<u32, Vec<u32>> = HashMap::new();
            for (bucket, (owner, _, _)) in all.iter().enumerate() {
                by_owner.entry(*owner).or_default().push(bucket as u32);
            }
            by_owner
        });
        let buckets = by_owner.get(&owner).map(Vec::as_slice).unwrap_or_default();
        let entry = |bucket: &u32| {
            self.all.get(*bucket as usize).map(|(_, key, count)| (*bucket, *key, *count))
        };
        buckets.iter().filter_map(entry).collect()
    }

    /// Counts buckets that are told.
    pub(super) fn tell(&self, count: usize) -> Result<(), SearchError> {
        self.budget.tell(count)
    }
}

/// An owner that no collected bucket has: what beneath tells of it is what it tells of nothing.
pub(super) const NOBODY: u32 = u32::MAX;
