//! `terms`, `rare_terms`, `multi_terms`

use std::cmp::Ordering;

use regex::Regex;
use serde_json::{Map, Value, json};
use vigie_language::search::translate_regexp;
use vigie_store::logs::BLOCK_ROWS;

use super::bucket::Buckets;
use super::collect::{Children, Collector, Context, Pairs};
use super::key::{Key, Keys};
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::{Options, strings};
use crate::search::values::{Block, ValueRef, has};

/// Between the parts of a key of `multi_terms` as one text.
const SEPARATOR: char = '\u{1}';

/// What buckets are ordered by.
#[derive(Debug, Clone)]
enum By {
    Count,
    Key,
    Metric(String),
}

/// A bucket for each value.
#[derive(Debug)]
pub(super) struct Terms {
    sources: Vec<Source>,
    is_multi: bool,
    /// `rare_terms`: values of at most so many documents.
    rare_max: Option<u64>,
    size: usize,
    count_min: u64,
    order: Vec<(By, bool)>,
    include: Choice,
    exclude: Choice,
    buckets: Buckets,
    keys: Keys,
    /// Numbers of the keys of a part's dictionary, by code.
    codes: Vec<u32>,
    part_at: Option<usize>,
}

/// `include` or `exclude`.
#[derive(Debug, Default)]
enum Choice {
    #[default]
    None,
    Values(Vec<String>),
    Pattern(Regex),
    Partition(u64, u64),
}

impl Choice {
    fn read(options: Options<'_>, key: &str) -> Result<Self, SearchError> {
        let Some(value) = options.get(key) else { return Ok(Self::None) };
        match value {
            Value::String(text) => {
                let refuse = |reason: String| SearchError::argument(reason).at(key);
                let expression = translate_regexp(text).map_err(|e| refuse(e.to_string()))?;
                let regex = Regex::new(&format!("^(?:{expression})$"));
                Ok(Self::Pattern(regex.map_err(|e| refuse(e.to_string()))?))
            }
            Value::Object(map) => {
                let options = Options::new(key, map);
                let partition = options.count("partition")?.unwrap_or(0) as u64;
                let partitions = options.count("num_partitions")?.unwrap_or(1).max(1) as u64;
                Ok(Self::Partition(partition, partitions))
            }
            other => Ok(Self::Values(strings(other))),
        }
    }

    fn has(&self, text: &str) -> bool {
        match self {
            Self::None => false,
            Self::Values(values) => values.iter().any(|value| value == text),
            Self::Pattern(regex) => regex.is_match(text),
            Self::Partition(partition, partitions) => {
                xxhash_rust::xxh3::xxh3_64(text.as_bytes()) % partitions == *partition
            }
        }
    }
}

impl Terms {
    pub(super) fn new(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let source = Source::new(options, context)?;
        Self::with(options, vec![source], children, context)
    }

    pub(super) fn multi(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let Some(Value::Array(terms)) = options.get("terms") else {
            return Err(SearchError::argument("Required [terms]").at("multi_terms"));
        };
        let source = |value| Source::new(Options::of("multi_terms", value)?, context);
        let sources = terms.iter().map(source).collect::<Result<_, _>>()?;
        let mut terms = Self::with(options, sources, children, context)?;
        terms.is_multi = true;
        Ok(terms)
    }

    pub(super) fn rare(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let mut terms = Self::new(options, children, context)?;
        terms.rare_max = Some(options.count("max_doc_count")?.unwrap_or(1) as u64);
        terms.size = usize::MAX;
        terms.order = vec![(By::Count, false), (By::Key, false)];
        Ok(terms)
    }

    fn with(
        options: Options<'_>,
        sources: Vec<Source>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let size = options.count("size")?.unwrap_or(10);
        if size == 0 {
            let reason = "[size] must be greater than 0. Found [0] in [terms]";
            return Err(SearchError::argument(reason).at("size"));
        }
        Ok(Self {
            sources,
            is_multi: false,
            rare_max: None,
            size,
            count_min: options.count("min_doc_count")?.unwrap_or(1) as u64,
            order: read_order(options, &children)?,
            include: Choice::read(options, "include")?,
            exclude: Choice::read(options, "exclude")?,
            buckets: Buckets::new(children, &context.budget),
            keys: Keys::default(),
            codes: Vec::new(),
            part_at: None,
        })
    }

    fn by_dictionary(
        &mut self,
        block: Block<'_>,
        pairs: &Pairs,
        column: &dyn vigie_store::logs::LogColumn,
    ) -> Result<(), SearchError> {
        if self.part_at.replace(block.part_at) != Some(block.part_at) {
            self.codes = vec![u32::MAX; column.dictionary_len().unwrap_or(0)];
        }
        let present = column.present(block.block)?;
        let mut codes = [0; BLOCK_ROWS];
        column.codes(block.block, &mut codes)?;
        for (index, row) in pairs.rows.iter().enumerate().filter(|(_, row)| has(&present, **row)) {
            let code = codes.get(usize::from(*row)).copied().unwrap_or(0);
            let Some(known) = self.codes.get_mut(code as usize) else { continue };
            if *known == u32::MAX {
                let text = std::str::from_utf8(column.dictionary_value(code)?).unwrap_or_default();
                *known = self.keys.number(ValueRef::Text(text));
            }
            self.buckets.add(*row, pairs.owner(index), u64::from(*known))?;
        }
        self.buckets.flush(block)
    }

    fn by_values(
        &mut self,
        block: Block<'_>,
        pairs: &Pairs,
        source: &Source,
    ) -> Result<(), SearchError> {
        let (buckets, keys) = (&mut self.buckets, &mut self.keys);
        let mut failed = None;
        // A value that a row has twice counts once.
        let mut seen: Vec<u32> = Vec::new();
        let mut seen_of = usize::MAX;
        source.values(block, pairs, &mut |index, value| {
            let key = keys.number(value);
            if index != seen_of {
                seen.clear();
                seen_of = index;
            }
            if seen.contains(&key) {
                return;
            }
            seen.push(key);
            if let Err(error) = buckets.add(pairs.row(index), pairs.owner(index), u64::from(key)) {
                failed.get_or_insert(error);
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        self.buckets.flush(block)
    }

    fn by_several(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        // The first value of each field makes the key.
        let mut texts: Vec<Vec<Option<String>>> = Vec::new();
        for source in &self.sources {
            let mut column = vec![None; pairs.rows.len()];
            source.values(block, pairs, &mut |index, value| {
                if let Some(slot @ None) = column.get_mut(index) {
                    *slot = Some(tagged(value));
                }
            })?;
            texts.push(column);
        }
        for index in 0..pairs.rows.len() {
            let parts = texts.iter().map(|column| column.get(index).and_then(Option::as_deref));
            let Some(parts) = parts.collect::<Option<Vec<_>>>() else { continue };
            let key = self.keys.number(ValueRef::Text(&parts.join("\u{1}")));
            self.buckets.add(pairs.row(index), pairs.owner(index), u64::from(key))?;
        }
        self.buckets.flush(block)
    }

    /// `key`, `key_as_string` of a bucket.
    fn tell_key(&self, key: &Key, bucket: &mut Map<String, Value>) {
        if self.is_multi {
            let text = key.text();
            let parts: Vec<Value> = text.split(SEPARATOR).map(untagged).collect();
            let texts: Vec<String> = parts
                .iter()
                .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
                .collect();
            bucket.insert("key".into(), parts.into());
            bucket.insert("key_as_string".into(), texts.join("|").into());
            return;
        }
        let Some(source) = self.sources.first() else { return };
        let (value, text) = key.tell(&source.field);
        bucket.insert("key".into(), value);
        if let Some(text) = text {
            bucket.insert("key_as_string".into(), text.into());
        }
    }

    fn compare(&self, a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
        let mut metrics = a.metrics.iter().zip(&b.metrics);
        for (by, ascending) in &self.order {
            let order = match by {
                By::Count => a.count.cmp(&b.count),
                By::Key => a.key.compare(b.key),
                By::Metric(_) => match metrics.next() {
                    // Buckets without the number come last, whatever the order.
                    Some((None, Some(_))) => return Ordering::Greater,
                    Some((Some(_), None)) => return Ordering::Less,
                    Some((Some(a), Some(b))) => a.total_cmp(b),
                    _ => Ordering::Equal,
                },
            };
            if order != Ordering::Equal {
                return if *ascending { order } else { order.reverse() };
            }
        }
        a.key.compare(b.key)
    }
}

fn tagged(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(text) => format!("s{text}"),
        ValueRef::Number(number) => format!("n{number}"),
        ValueRef::Boolean(truth) => format!("b{truth}"),
    }
}

fn untagged(text: &str) -> Value {
    match text.split_at_checked(1) {
        Some(("n", number)) => number.parse().map_or(Value::Null, super::key::number_json),
        Some(("b", truth)) => Value::Bool(truth == "true"),
        Some((_, text)) => Value::from(text),
        None => Value::Null,
    }
}

struct Candidate<'a> {
    bucket: u32,
    key: &'a Key,
    count: u64,
    metrics: Vec<Option<f64>>,
}

fn read_order(options: Options<'_>, children: &Children) -> Result<Vec<(By, bool)>, SearchError> {
    let entries: Vec<&Map<String, Value>> = match options.get("order") {
        None => return Ok(vec![(By::Count, false), (By::Key, true)]),
        Some(Value::Object(map)) => vec![map],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_object).collect(),
        Some(_) => {
            return Err(
                SearchError::parsing("Unknown key for a VALUE_STRING in [order]").at("order")
            );
        }
    };
    let mut order = Vec::new();
    for (path, direction) in entries.into_iter().flatten() {
        let ascending = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("asc") => true,
            Some("desc") => false,
            _ => return Err(SearchError::parsing("Unknown order direction").at("order")),
        };
        let by = match path.as_str() {
            "_count" => By::Count,
            "_key" | "_term" | "_time" => By::Key,
            path if children.has(path) => By::Metric(path.to_owned()),
            path => {
                let reason = format!(
                    "Invalid aggregation order path [{path}]. The provided aggregation [{path}] either does not exist, or is a pipeline aggregation and cannot be used to sort the buckets."
                );
                return Err(SearchError::new("aggregation_execution_exception", reason).at("order"));
            }
        };
        order.push((by, ascending));
    }
    Ok(order)
}

impl Collector for Terms {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        if self.is_multi {
            return self.by_several(block, pairs);
        }
        let Some(source) = self.sources.first().cloned() else { return Ok(()) };
        let dictionary =
            if source.has_missing() { None } else { block.dictionary(&source.field)? };
        match dictionary {
            Some(column) => self.by_dictionary(block, pairs, column),
            None => self.by_values(block, pairs, &source),
        }
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let paths: Vec<String> = self
            .order
            .iter()
            .filter_map(|(by, _)| match by {
                By::Metric(path) => Some(path.clone()),
                _ => None,
            })
            .collect();
        let all = self.buckets.of(owner);
        let total: u64 = all.iter().map(|(_, _, count)| count).sum();
        let mut metrics: Vec<Vec<Option<f64>>> = Vec::with_capacity(all.len());
        for (bucket, _, _) in &all {
            let children = &mut self.buckets.children;
            metrics.push(paths.iter().map(|path| children.metric(*bucket, path)).collect());
        }
        let mut candidates: Vec<Candidate<'_>> = Vec::with_capacity(all.len());
        for ((bucket, key, count), metrics) in all.iter().zip(metrics) {
            let Some(key) = self.keys.get(*key as u32) else { continue };
            let is_counted = match self.rare_max {
                Some(most) => *count <= most,
                None => *count >= self.count_min,
            };
            let is_chosen = match &self.include {
                Choice::None => true,
                choice => choice.has(&key.text()),
            };
            let is_excluded =
                !matches!(self.exclude, Choice::None) && self.exclude.has(&key.text());
            if is_counted && is_chosen && !is_excluded {
                candidates.push(Candidate { bucket: *bucket, key, count: *count, metrics });
            }
        }
        if candidates.len() > self.size {
            candidates.select_nth_unstable_by(self.size - 1, |a, b| self.compare(a, b));
            candidates.truncate(self.size);
        }
        candidates.sort_by(|a, b| self.compare(a, b));
        self.buckets.tell(candidates.len())?;
        let shown: Vec<(u32, Map<String, Value>, u64)> = candidates
            .iter()
            .map(|candidate| {
                let mut bucket = Map::new();
                self.tell_key(candidate.key, &mut bucket);
                (candidate.bucket, bucket, candidate.count)
            })
            .collect();
        drop(candidates);
        let mut told = Vec::with_capacity(shown.len());
        let mut shown_total = 0;
        for (number, mut bucket, count) in shown {
            shown_total += count;
            bucket.insert("doc_count".into(), count.into());
            self.buckets.children.finish(number, &mut bucket)?;
            told.push(Value::Object(bucket));
        }
        self.buckets.children.finish_buckets(&mut told);
        if self.rare_max.is_some() {
            return Ok(json!({"buckets": told}));
        }
        let is_filtered = !matches!((&self.include, &self.exclude), (Choice::None, Choice::None));
        let others = if is_filtered { 0 } else { total - shown_total };
        // Nothing is estimated: all values are counted in one place.
        Ok(
            json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": told}),
        )
    }
}
