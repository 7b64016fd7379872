//! `range`, `date_range`, `ip_range`

use std::net::IpAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use vigie_language::search::{DateContext, DateFormat, resolve_date};

use super::bucket::{Buckets, NOBODY};
use super::collect::{Children, Collector, Context, Pairs};
use super::date_histogram::zone;
use super::number_json;
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::{Options, scalar_text};
use crate::search::values::{Block, ValueRef};

/// A bucket for each range; a value may be in several.
#[derive(Debug)]
pub(super) struct Ranges {
    kind: Kind,
    source: Source,
    ranges: Vec<Range>,
    is_keyed: bool,
    format: Arc<DateFormat>,
    zone: TimeZone,
    buckets: Buckets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Numbers,
    Dates,
    Addresses,
}

#[derive(Debug, Clone)]
struct Range {
    key: Option<String>,
    from: Option<f64>,
    to: Option<f64>,
    /// As written, for addresses.
    texts: (Option<String>, Option<String>),
}

/// How many ranges an aggregation may have.
const RANGES_MAX: usize = 1_024;

impl Ranges {
    pub(super) fn new(
        kind: &str,
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let source = Source::new(options, context)?;
        let zone = zone(options)?;
        let format = Arc::clone(&source.field.format);
        let kind = match kind {
            "date_range" => Kind::Dates,
            "ip_range" => Kind::Addresses,
            _ => Kind::Numbers,
        };
        let Some(Value::Array(items)) =
            options.get("ranges").filter(|v| v.as_array().is_some_and(|a| !a.is_empty()))
        else {
            let reason = format!("No [ranges] specified for the [{}] aggregation", options.name());
            return Err(SearchError::argument(reason).at(options.name()));
        };
        if items.len() > RANGES_MAX {
            return Err(SearchError::argument(format!("more than {RANGES_MAX} ranges")));
        }
        let mut ranges = Vec::new();
        for item in items {
            let range = Options::of(options.name(), item)?;
            ranges.push(read(kind, range, &format, &zone, context)?);
        }
        if kind != Kind::Addresses {
            ranges.sort_by(|a: &Range, b| {
                let ends = |range: &Range| {
                    (range.from.unwrap_or(f64::NEG_INFINITY), range.to.unwrap_or(f64::INFINITY))
                };
                let (a, b) = (ends(a), ends(b));
                a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
        }
        Ok(Self {
            kind,
            source,
            ranges,
            is_keyed: options.flag("keyed")?.unwrap_or(false),
            format,
            zone,
            buckets: Buckets::new(children, &context.budget),
        })
    }

    fn tell(&self, range: &Range) -> Map<String, Value> {
        let mut bucket = Map::new();
        let end = |end: Option<f64>| match (end, self.kind) {
            (None, _) => "*".to_owned(),
            (Some(ms), Kind::Dates) => self.format.write(ms as i64, &self.zone),
            (Some(number), _) => format!("{number:?}"),
        };
        if self.kind == Kind::Addresses {
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "*".to_owned());
            let key = range.key.clone();
            bucket.insert(
                "key".into(),
                key.unwrap_or_else(|| format!("{}-{}", text(&range.texts.0), text(&range.texts.1)))
                    .into(),
            );
            for (name, text) in [("from", &range.texts.0), ("to", &range.texts.1)] {
                if let Some(text) = text {
                    bucket.insert(name.into(), text.clone().into());
                }
            }
            return bucket;
        }
        let key =
            range.key.clone().unwrap_or_else(|| format!("{}-{}", end(range.from), end(range.to)));
        bucket.insert("key".into(), key.into());
        for (name, number) in [("from", range.from), ("to", range.to)] {
            if number.is_some() {
                bucket.insert(name.into(), number_json(number));
                if self.kind == Kind::Dates {
                    bucket.insert(format!("{name}_as_string"), end(number).into());
                }
            }
        }
        bucket
    }
}

fn read(
    kind: Kind,
    range: Options<'_>,
    format: &DateFormat,
    zone: &TimeZone,
    context: &Context,
) -> Result<Range, SearchError> {
    let key = range.text("key")?;
    let mut texts = (range.text("from")?, range.text("to")?);
    let ends = match kind {
        Kind::Numbers => (range.number("from")?, range.number("to")?),
        Kind::Addresses => {
            if let Some((from, to)) = range.text("mask")?.and_then(|mask| network(&mask)) {
                texts = (Some(from), to);
            }
            let number = |text: &Option<String>| text.as_deref().and_then(address);
            (number(&texts.0), number(&texts.1))
        }
        Kind::Dates => {
            let resolve = |name: &str| -> Result<Option<f64>, SearchError> {
                let Some(value) = range.get(name) else { return Ok(None) };
                let text = scalar_text(value).unwrap_or_default();
                let date = DateContext { now_ms: context.compiler.now_ms, zone, format };
                let default = DateFormat::default();
                let found = resolve_date(&text, false, &date).or_else(|error| {
                    resolve_date(&text, false, &DateContext { format: &default, ..date.clone() })
                        .map_err(|_| error)
                });
                found
                    .map(|ms| Some(ms as f64))
                    .map_err(|error| SearchError::parsing(error.to_string()).at(name))
            };
            (resolve("from")?, resolve("to")?)
        }
    };
    Ok(Range { key, from: ends.0, to: ends.1, texts })
}

/// An address as a number that keeps its order: IPv4 exactly, IPv6 by its upper half.
fn address(text: &str) -> Option<f64> {
    match text.parse().ok()? {
        IpAddr::V4(address) => Some(f64::from(u32::from(address))),
        IpAddr::V6(address) => Some((u128::from(address) >> 64) as f64 + f64::from(u32::MAX)),
    }
}

/// `10.0.0.0/8` as its first address and the first one after it.
fn network(mask: &str) -> Option<(String, Option<String>)> {
    let (base, bits) = mask.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let base = u64::from(u32::from(base.parse::<std::net::Ipv4Addr>().ok()?));
    let size = 1_u64 << (32 - bits);
    let first = base / size * size;
    let text =
        |number: u64| u32::try_from(number).ok().map(|n| std::net::Ipv4Addr::from(n).to_string());
    Some((text(first)?, text(first + size)))
}

impl Collector for Ranges {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let (buckets, ranges) = (&mut self.buckets, &self.ranges);
        let mut failed = None;
        let mut add = |index: usize, number: f64| {
            for (at, range) in ranges.iter().enumerate() {
                let is_in = range.from.is_none_or(|from| number >= from)
                    && range.to.is_none_or(|to| number < to);
                if is_in
                    && let Err(error) = buckets.add(pairs.row(index), pairs.owner(index), at as u64)
                {
                    failed.get_or_insert(error);
                }
            }
        };
        if self.kind == Kind::Addresses {
            self.source.values(block, pairs, &mut |index, value| {
                if let ValueRef::Text(text) = value
                    && let Some(number) = address(text)
                {
                    add(index, number);
                }
            })?;
        } else {
            self.source.numbers(block, pairs, &mut add)?;
        }
        failed.map_or(Ok(()), Err)?;
        self.buckets.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let known = self.buckets.of(owner);
        self.buckets.tell(self.ranges.len())?;
        let mut told = Vec::new();
        for (at, range) in self.ranges.clone().iter().enumerate() {
            let found = known.iter().find(|(_, key, _)| *key == at as u64);
            let (number, count) = found.map_or((NOBODY, 0), |(number, _, count)| (*number, *count));
            let mut bucket = self.tell(range);
            bucket.insert("doc_count".into(), count.into());
            self.buckets.children.finish(number, &mut bucket)?;
            told.push(Value::Object(bucket));
        }
        self.buckets.children.finish_buckets(&mut told);
        if !self.is_keyed {
            return Ok(json!({"buckets": told}));
        }
        let mut map = Map::new();
        for mut bucket in told {
            let key = bucket.as_object_mut().and_then(|bucket| bucket.remove("key"));
            map.insert(
                key.and_then(|key| key.as_str().map(str::to_owned)).unwrap_or_default(),
                bucket,
            );
        }
        Ok(json!({"buckets": map}))
    }
}
