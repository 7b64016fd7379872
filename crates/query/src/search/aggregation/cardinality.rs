//! `cardinality`

use serde_json::{Value, json};
use vigie_store::logs::BLOCK_ROWS;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::collect::{Collector, Context, Pairs};
use super::distinct::Distinct;
use super::metric::slot;
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::values::{Block, ValueRef, has};

/// How many different values there are.
#[derive(Debug)]
pub(super) struct Cardinality {
    source: Source,
    exact_max: usize,
    counters: Vec<Distinct>,
    /// Hashes of the values of a part's dictionary, by code.
    hashes: Vec<Option<u64>>,
    part_at: Option<usize>,
}

impl Cardinality {
    pub(super) fn new(options: Options<'_>, context: &Context) -> Result<Self, SearchError> {
        Ok(Self {
            source: Source::new(options, context)?,
            exact_max: options.count("precision_threshold")?.unwrap_or(3_000).min(40_000),
            counters: Vec::new(),
            hashes: Vec::new(),
            part_at: None,
        })
    }
}

fn hash(value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Text(text) => xxh3_64(text.as_bytes()),
        ValueRef::Number(number) => xxh3_64_with_seed(&(number + 0.0).to_bits().to_le_bytes(), 1),
        ValueRef::Boolean(truth) => xxh3_64_with_seed(&[u8::from(truth)], 2),
    }
}

impl Collector for Cardinality {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let (counters, exact_max) = (&mut self.counters, self.exact_max);
        let dictionary =
            if self.source.has_missing() { None } else { block.dictionary(&self.source.field)? };
        let Some(column) = dictionary else {
            return self.source.values(block, pairs, &mut |index, value| {
                slot(counters, pairs.owner(index), Distinct::default()).add(hash(value), exact_max);
            });
        };
        if self.part_at.replace(block.part_at) != Some(block.part_at) {
            self.hashes = vec![None; column.dictionary_len().unwrap_or(0)];
        }
        let present = column.present(block.block)?;
        let mut codes = [0; BLOCK_ROWS];
        column.codes(block.block, &mut codes)?;
        for (index, row) in pairs.rows.iter().enumerate().filter(|(_, row)| has(&present, **row)) {
            let code = codes.get(usize::from(*row)).copied().unwrap_or(0);
            let Some(known) = self.hashes.get_mut(code as usize) else { continue };
            let hash = match *known {
                Some(hash) => hash,
                None => *known.insert(xxh3_64(column.dictionary_value(code)?)),
            };
            slot(counters, pairs.owner(index), Distinct::default()).add(hash, exact_max);
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let count = self.counters.get(owner as usize).map_or(0, Distinct::count);
        Ok(json!({"value": count}))
    }

    fn metric(&mut self, owner: u32, _property: Option<&str>) -> Option<f64> {
        Some(self.counters.get(owner as usize).map_or(0, Distinct::count) as f64)
    }
}
