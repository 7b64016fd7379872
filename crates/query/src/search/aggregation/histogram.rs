//! `histogram`

use serde_json::{Map, Value};

use super::bucket::{Buckets, NOBODY};
use super::collect::{Children, Collector, Context, Pairs};
use super::date_histogram::{buckets_json, order, order_buckets};
use super::number_json;
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::values::Block;

/// Buckets of numbers.
#[derive(Debug)]
pub(super) struct Histogram {
    source: Source,
    interval: f64,
    offset: f64,
    count_min: u64,
    is_keyed: bool,
    order: (bool, bool),
    extended: (Option<f64>, Option<f64>),
    hard: (Option<f64>, Option<f64>),
    buckets: Buckets,
}

impl Histogram {
    pub(super) fn new(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let interval = options.number("interval")?.unwrap_or(0.0);
        if interval <= 0.0 {
            let reason =
                format!("[interval] must be >0 for histogram aggregation, found [{interval:?}]");
            return Err(SearchError::argument(reason).at("interval"));
        }
        let bounds = |key: &str| -> Result<_, SearchError> {
            let Some(value) = options.get(key) else { return Ok((None, None)) };
            let bounds = Options::of(key, value)?;
            Ok((bounds.number("min")?, bounds.number("max")?))
        };
        Ok(Self {
            source: Source::new(options, context)?,
            interval,
            offset: options.number("offset")?.unwrap_or(0.0),
            count_min: options.count("min_doc_count")?.unwrap_or(0) as u64,
            is_keyed: options.flag("keyed")?.unwrap_or(false),
            order: order(options),
            extended: bounds("extended_bounds")?,
            hard: bounds("hard_bounds")?,
            buckets: Buckets::new(children, &context.budget),
        })
    }

    fn place(&self, number: f64) -> i64 {
        ((number - self.offset) / self.interval).floor() as i64
    }
}

impl Collector for Histogram {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let (interval, offset, hard) = (self.interval, self.offset, self.hard);
        let buckets = &mut self.buckets;
        let mut failed = None;
        self.source.numbers(block, pairs, &mut |index, number| {
            if hard.0.is_some_and(|least| number < least)
                || hard.1.is_some_and(|most| number > most)
            {
                return;
            }
            let place = ((number - offset) / interval).floor() as i64;
            if let Err(error) = buckets.add(pairs.row(index), pairs.owner(index), place as u64) {
                failed.get_or_insert(error);
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        self.buckets.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let mut keys: Vec<(i64, u32, u64)> = self
            .buckets
            .of(owner)
            .into_iter()
            .map(|(bucket, key, count)| (key as i64, bucket, count))
            .collect();
        keys.sort_unstable();
        if self.count_min == 0 {
            let (low, high) =
                (self.extended.0.map(|n| self.place(n)), self.extended.1.map(|n| self.place(n)));
            let first = [keys.first().map(|key| key.0), low].into_iter().flatten().min();
            let last = [keys.last().map(|key| key.0), high].into_iter().flatten().max();
            if let (Some(first), Some(last)) = (first, last) {
                self.buckets
                    .tell(usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX / 2))?;
                let mut known = keys.into_iter().peekable();
                keys = (first..=last)
                    .map(|at| known.next_if(|key| key.0 == at).unwrap_or((at, NOBODY, 0)))
                    .collect();
            }
        }
        keys.retain(|key| key.2 >= self.count_min);
        let mut told = Vec::with_capacity(keys.len());
        for (place, number, count) in keys {
            let mut bucket = Map::new();
            bucket.insert(
                "key".into(),
                number_json(Some(place as f64 * self.interval + self.offset)),
            );
            bucket.insert("doc_count".into(), count.into());
            self.buckets.children.finish(number, &mut bucket)?;
            told.push(Value::Object(bucket));
        }
        self.buckets.children.finish_buckets(&mut told);
        order_buckets(&mut told, self.order);
        Ok(buckets_json(told, self.is_keyed))
    }
}
