//! `composite`: all combinations of several keys, a page at a time.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};
use vigie_language::search::{DateFormat, Rounding};

use super::bucket::Buckets;
use super::collect::{Children, Collector, Context, Pairs};
use super::date_histogram::rounding;
use super::key::{Key, Keys};
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::Options;
use crate::search::values::{Block, ValueRef};

/// One of the keys.
#[derive(Debug)]
struct Part {
    name: String,
    source: Source,
    cut: Cut,
    ascending: bool,
    takes_missing: bool,
    /// How moments are told; `None` as numbers.
    format: Option<DateFormat>,
    zone: jiff::tz::TimeZone,
    after: Option<Key>,
}

/// What a value is made to before it is a key.
#[derive(Debug)]
enum Cut {
    Whole,
    Date(Rounding),
    Number(f64),
}

/// The combinations.
#[derive(Debug)]
pub(super) struct Composite {
    parts: Vec<Part>,
    size: usize,
    has_after: bool,
    values: Keys,
    /// Each combination as numbers of values, by number.
    combinations: hashbrown::HashMap<Vec<u32>, u32>,
    listed: Vec<Vec<u32>>,
    buckets: Buckets,
}

/// Stands for a missing value.
const MISSING: u32 = u32::MAX;
/// Combinations that one document may be in.
const COMBINATIONS_MAX: usize = 1_000;

impl Composite {
    pub(super) fn new(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let Some(Value::Array(sources)) =
            options.get("sources").filter(|v| v.as_array().is_some_and(|a| !a.is_empty()))
        else {
            let reason = "Required [sources]";
            return Err(SearchError::argument(reason).at("composite"));
        };
        let after = options.get("after").and_then(Value::as_object);
        let mut parts = Vec::new();
        for source in sources {
            parts.push(part(source, after, context)?);
        }
        Ok(Self {
            size: options.count("size")?.unwrap_or(10).clamp(1, 65_536),
            has_after: after.is_some(),
            parts,
            values: Keys::default(),
            combinations: hashbrown::HashMap::new(),
            listed: Vec::new(),
            buckets: Buckets::new(children, &context.budget),
        })
    }

    fn compare(&self, a: &[u32], b: &[u32]) -> Ordering {
        for (part, (a, b)) in self.parts.iter().zip(a.iter().zip(b)) {
            let order = match (self.values.get(*a), self.values.get(*b)) {
                (Some(a), Some(b)) => a.compare(b),
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            };
            if order != Ordering::Equal {
                return if part.ascending { order } else { order.reverse() };
            }
        }
        Ordering::Equal
    }

    /// Whether a combination comes after the one that the last page ended with.
    fn is_after(&self, combination: &[u32]) -> bool {
        if !self.has_after {
            return true;
        }
        for (part, value) in self.parts.iter().zip(combination) {
            let order = match (self.values.get(*value), &part.after) {
                (Some(value), Some(after)) => value.compare(after),
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            };
            match if part.ascending { order } else { order.reverse() } {
                Ordering::Greater => return true,
                Ordering::Less => return false,
                Ordering::Equal => {}
            }
        }
        false
    }

    fn key(&self, combination: &[u32]) -> Map<String, Value> {
        let mut key = Map::new();
        for (part, value) in self.parts.iter().zip(combination) {
            let told = match (self.values.get(*value), &part.format) {
                (None, _) => Value::Null,
                (Some(Key::Number(ms)), Some(format)) => {
                    format.write(*ms as i64, &part.zone).into()
                }
                (Some(Key::Number(number)), None) if matches!(part.cut, Cut::Number(_)) => {
                    super::number_json(Some(*number))
                }
                (Some(Key::Boolean(truth)), _) => Value::Bool(*truth),
                (Some(key), _) => key.tell(&part.source.field).0,
            };
            key.insert(part.name.clone(), told);
        }
        key
    }
}

fn part(
    source: &Value,
    after: Option<&Map<String, Value>>,
    context: &Context,
) -> Result<Part, SearchError> {
    let outer = Options::of("composite", source)?;
    let Some((name, kind)) = outer.map().iter().next() else {
        return Err(SearchError::parsing("a source of [composite] has no name").at("sources"));
    };
    let kind = Options::of(name, kind)?;
    let Some((kind, body)) = kind.map().iter().next() else {
        return Err(SearchError::parsing(format!(
            "the source [{name}] of [composite] has no kind"
        ))
        .at(name));
    };
    let options = Options::of(kind, body)?;
    let source = Source::new(options, context)?;
    let mut zone = jiff::tz::TimeZone::UTC;
    let mut format = None;
    let cut = match kind.as_str() {
        "terms" => Cut::Whole,
        "histogram" => Cut::Number(options.number("interval")?.filter(|n| *n > 0.0).unwrap_or(1.0)),
        "date_histogram" => {
            let (rounding, at) = rounding(options)?;
            zone = at;
            let text = options.text("format")?;
            let read = text.map(|text| DateFormat::parse(&text)).transpose();
            format = read.map_err(|reason| SearchError::argument(reason).at("format"))?;
            Cut::Date(rounding)
        }
        other => {
            return Err(
                SearchError::not_served(&format!("the source [{other}] of [composite]")).at(other)
            );
        }
    };
    let after = after.and_then(|after| after.get(name)).and_then(|value| match value {
        Value::Number(number) => number.as_f64().map(Key::Number),
        Value::Bool(truth) => Some(Key::Boolean(*truth)),
        Value::String(text) => match &format {
            Some(format) => format.read(text, false, &zone).map(|ms| Key::Number(ms as f64)),
            None => Some(Key::Text(text.as_str().into())),
        },
        _ => None,
    });
    Ok(Part {
        name: name.clone(),
        ascending: options.text("order")?.is_none_or(|order| !order.eq_ignore_ascii_case("desc")),
        takes_missing: options.flag("missing_bucket")?.unwrap_or(false),
        source,
        cut,
        format,
        zone,
        after,
    })
}

impl Collector for Composite {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let mut columns: Vec<Vec<Vec<u32>>> = Vec::new();
        for part in &self.parts {
            let mut column: Vec<Vec<u32>> = vec![Vec::new(); pairs.rows.len()];
            let values = &mut self.values;
            let mut add = |index: usize, value: ValueRef<'_>| {
                let number = values.number(value);
                if let Some(slot) = column.get_mut(index)
                    && !slot.contains(&number)
                {
                    slot.push(number);
                }
            };
            match &part.cut {
                Cut::Whole => part.source.values(block, pairs, &mut add)?,
                Cut::Date(rounding) => {
                    part.source.numbers(block, pairs, &mut |index, number| {
                        add(index, ValueRef::Number(rounding.floor(number as i64) as f64));
                    })?;
                }
                Cut::Number(interval) => {
                    part.source.numbers(block, pairs, &mut |index, number| {
                        add(index, ValueRef::Number((number / interval).floor() * interval));
                    })?;
                }
            }
            if part.takes_missing {
                column
                    .iter_mut()
                    .filter(|slot| slot.is_empty())
                    .for_each(|slot| slot.push(MISSING));
            }
            columns.push(column);
        }
        for index in 0..pairs.rows.len() {
            let mut combinations: Vec<Vec<u32>> = vec![Vec::new()];
            for column in &columns {
                let Some(values) = column.get(index) else { continue };
                let longer = |start: &Vec<u32>| {
                    let start = start.clone();
                    values.iter().map(move |value| [start.as_slice(), &[*value]].concat())
                };
                combinations =
                    combinations.iter().flat_map(longer).take(COMBINATIONS_MAX).collect();
            }
            for combination in combinations {
                let next = self.listed.len() as u32;
                let number = *self.combinations.entry_ref(&combination).or_insert(next);
                if number == next {
                    self.listed.push(combination);
                }
                self.buckets.add(pairs.row(index), pairs.owner(index), u64::from(number))?;
            }
        }
        self.buckets.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let mut known: Vec<(Vec<u32>, u32, u64)> = Vec::new();
        for (number, key, count) in self.buckets.of(owner) {
            let Some(combination) = self.listed.get(key as usize) else { continue };
            if self.is_after(combination) {
                known.push((combination.clone(), number, count));
            }
        }
        if known.len() > self.size {
            known.select_nth_unstable_by(self.size - 1, |a, b| self.compare(&a.0, &b.0));
            known.truncate(self.size);
        }
        known.sort_by(|a, b| self.compare(&a.0, &b.0));
        self.buckets.tell(known.len())?;
        let mut told = Vec::new();
        let after = known.last().map(|(combination, _, _)| self.key(combination));
        for (combination, number, count) in known {
            let mut bucket = Map::new();
            bucket.insert("key".into(), Value::Object(self.key(&combination)));
            bucket.insert("doc_count".into(), count.into());
            self.buckets.children.finish(number, &mut bucket)?;
            told.push(Value::Object(bucket));
        }
        self.buckets.children.finish_buckets(&mut told);
        Ok(match after {
            Some(after) => json!({"after_key": after, "buckets": told}),
            None => json!({"buckets": told}),
        })
    }
}
