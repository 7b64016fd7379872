//! `auto_date_histogram`: the narrowest of usual intervals that makes few enough buckets.

use serde_json::{Map, Value};

use super::collect::{Collector, Context, Pairs};
use super::date_histogram::DateHistogram;
use super::source::Source;
use super::{Aggregation, collectors};
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::values::Block;

/// Intervals that Elasticsearch tries, with their widths in seconds.
const INTERVALS: [(&str, i64, bool); 23] = [
    ("1s", 1, false),
    ("5s", 5, false),
    ("10s", 10, false),
    ("30s", 30, false),
    ("1m", 60, false),
    ("5m", 300, false),
    ("10m", 600, false),
    ("30m", 1_800, false),
    ("1h", 3_600, false),
    ("3h", 10_800, false),
    ("12h", 43_200, false),
    ("1d", 86_400, true),
    ("7d", 604_800, false),
    ("1M", 2_678_400, true),
    ("1q", 7_948_800, true),
    ("1y", 31_622_400, true),
    ("1825d", 157_680_000, false),
    ("3650d", 315_360_000, false),
    ("7300d", 630_720_000, false),
    ("18250d", 1_576_800_000, false),
    ("36500d", 3_153_600_000, false),
    ("365000d", 31_536_000_000, false),
    ("3650000d", 315_360_000_000, false),
];

/// Which interval fits is known only when the first and the last moment are: rows are kept until
/// then as moments and collected for all intervals that may be chosen.
#[derive(Debug)]
pub(super) struct AutoDateHistogram {
    buckets_max: i64,
    source: Source,
    /// From narrow to wide; those that have become too narrow are dropped.
    candidates: Vec<(&'static str, i64, DateHistogram)>,
    range: Option<(i64, i64)>,
}

impl AutoDateHistogram {
    pub(super) fn new(
        options: Options<'_>,
        aggregation: &Aggregation,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let buckets_max = options.count("buckets")?.unwrap_or(10).clamp(1, 10_000) as i64;
        let mut candidates = Vec::new();
        for (name, seconds, is_calendar) in INTERVALS {
            let mut map = options.map().clone();
            map.remove("buckets");
            map.remove("minimum_interval");
            map.insert("min_doc_count".into(), 0.into());
            let key = if is_calendar { "calendar_interval" } else { "fixed_interval" };
            map.insert(key.into(), name.into());
            let children = collectors(&aggregation.children, context)?;
            let histogram =
                DateHistogram::new(Options::new("date_histogram", &map), children, context)?;
            candidates.push((name, seconds, histogram));
        }
        Ok(Self { buckets_max, source: Source::new(options, context)?, candidates, range: None })
    }

    fn drop_narrow(&mut self) {
        let Some((first, last)) = self.range else { return };
        let span = last.saturating_sub(first) / 1_000;
        let most = self.buckets_max;
        while self.candidates.len() > 1
            && self.candidates.first().is_some_and(|(_, seconds, _)| span / seconds + 1 > most)
        {
            self.candidates.remove(0);
        }
    }
}

impl Collector for AutoDateHistogram {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let mut range = self.range;
        self.source.numbers(block, pairs, &mut |_, number| {
            let ms = number as i64;
            let known = range.get_or_insert((ms, ms));
            *known = (known.0.min(ms), known.1.max(ms));
        })?;
        self.range = range;
        self.drop_narrow();
        // Wider ones cost little: neighbours fall into the same bucket.
        for (_, _, histogram) in &mut self.candidates {
            histogram.collect(block, pairs)?;
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let most = self.buckets_max as usize;
        let mut at = 0;
        for (index, (_, seconds, histogram)) in self.candidates.iter_mut().enumerate() {
            at = index;
            let keys = histogram.keys(owner);
            let span = match (keys.first(), keys.last()) {
                (Some(first), Some(last)) => (last.0 - first.0) / 1_000 / *seconds + 1,
                _ => 0,
            };
            if span as usize <= most {
                break;
            }
        }
        let Some((name, _, histogram)) = self.candidates.get_mut(at) else {
            return Ok(Value::Null);
        };
        let mut told = histogram.finish(owner)?.as_object().cloned().unwrap_or_else(Map::new);
        told.insert("interval".into(), (*name).into());
        Ok(Value::Object(told))
    }
}
