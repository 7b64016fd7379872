//! `date_histogram`

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use vigie_language::search::{
    DateContext, DateFormat, Interval, Rounding, parse_calendar_unit, parse_fixed_interval,
    resolve_date, time_zone,
};

use super::bucket::{Buckets, NOBODY};
use super::collect::{Children, Collector, Context, Pairs};
use super::source::Source;
use crate::search::SearchError;
use crate::search::json::{Options, scalar_text};
use crate::search::values::Block;

/// Buckets of time.
#[derive(Debug)]
pub(super) struct DateHistogram {
    source: Source,
    rounding: Rounding,
    zone: TimeZone,
    format: Arc<DateFormat>,
    count_min: u64,
    is_keyed: bool,
    order: (bool, bool),
    extended: (Option<i64>, Option<i64>),
    hard: (Option<i64>, Option<i64>),
    buckets: Buckets,
    /// The bucket of the last value: its beginning and its end.
    last: (i64, i64),
}

/// The interval that one of the options gives.
fn interval(options: Options<'_>) -> Result<Interval, SearchError> {
    let refuse = |reason: String, key: &str| SearchError::argument(reason).at(key);
    if let Some(text) = options.text("calendar_interval")? {
        return parse_calendar_unit(&text).map(Interval::Calendar).ok_or_else(|| {
            let reason = format!(
                "The supplied interval [{text}] could not be parsed as a calendar interval."
            );
            refuse(reason, "calendar_interval")
        });
    }
    if let Some(text) = options.text("fixed_interval")? {
        return parse_fixed_interval(&text).map(Interval::Fixed).ok_or_else(|| {
            let reason = format!("failed to parse setting [date_histogram.fixedInterval] with value [{text}] as a time value: unit is missing or unrecognized");
            refuse(reason, "fixed_interval")
        });
    }
    let Some(text) = options.text("interval")? else {
        let reason = "Required one of fields [interval, calendar_interval, fixed_interval], but none were specified. ";
        return Err(refuse(reason.to_owned(), "date_histogram"));
    };
    let found = parse_calendar_unit(&text).map(Interval::Calendar);
    let found = found.or_else(|| parse_fixed_interval(&text).map(Interval::Fixed));
    found.ok_or_else(|| refuse(format!("Unable to parse interval [{text}]"), "interval"))
}

/// The zone of `time_zone`.
pub(super) fn zone(options: Options<'_>) -> Result<TimeZone, SearchError> {
    let Some(name) = options.text("time_zone")? else { return Ok(TimeZone::UTC) };
    time_zone(&name).ok_or_else(|| {
        SearchError::argument(format!("failed to parse [time_zone] value [{name}]")).at("time_zone")
    })
}

/// `+6h`, `-30m`, milliseconds.
fn offset(options: Options<'_>) -> Result<i64, SearchError> {
    let Some(text) = options.text("offset")? else { return Ok(0) };
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    let (sign, span) = match text.strip_prefix('-') {
        Some(span) => (-1, span),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    parse_fixed_interval(span).map(|ms| sign * ms).ok_or_else(|| {
        SearchError::argument(format!("failed to parse [offset] value [{text}]")).at("offset")
    })
}

/// Interval, zone and offset of a date histogram or of a source of a composite.
pub(super) fn rounding(options: Options<'_>) -> Result<(Rounding, TimeZone), SearchError> {
    let zone = zone(options)?;
    Ok((Rounding::new(interval(options)?, zone.clone(), offset(options)?), zone))
}

impl DateHistogram {
    pub(super) fn new(
        options: Options<'_>,
        children: Children,
        context: &Context,
    ) -> Result<Self, SearchError> {
        let source = Source::new(options, context)?;
        let (rounding, zone) = rounding(options)?;
        let format = options.text("format")?.map(|text| DateFormat::parse(&text)).transpose();
        let format = format.map_err(|reason| SearchError::argument(reason).at("format"))?;
        let format = format.map_or_else(|| Arc::clone(&source.field.format), Arc::new);
        let bounds = |key: &str| bounds(options, key, &format, &zone, context);
        Ok(Self {
            extended: bounds("extended_bounds")?,
            hard: bounds("hard_bounds")?,
            count_min: options.count("min_doc_count")?.unwrap_or(0) as u64,
            is_keyed: options.flag("keyed")?.unwrap_or(false),
            order: order(options),
            buckets: Buckets::new(children, &context.budget),
            last: (0, 0),
            source,
            rounding,
            zone,
            format,
        })
    }

    pub(super) fn keys(&mut self, owner: u32) -> Vec<(i64, u32, u64)> {
        let mut keys: Vec<_> = self
            .buckets
            .of(owner)
            .into_iter()
            .map(|(bucket, key, count)| (key as i64, bucket, count))
            .collect();
        keys.sort_unstable();
        keys
    }

    /// All buckets from the first to the last, the empty ones with [`NOBODY`].
    fn filled(&mut self, owner: u32) -> Result<Vec<(i64, u32, u64)>, SearchError> {
        let keys = self.keys(owner);
        if self.count_min > 0 {
            let kept: Vec<_> =
                keys.into_iter().filter(|(_, _, count)| *count >= self.count_min).collect();
            self.buckets.tell(kept.len())?;
            return Ok(kept);
        }
        let floor = |bound: Option<i64>| bound.map(|ms| self.rounding.floor(ms));
        let first =
            [keys.first().map(|key| key.0), floor(self.extended.0)].into_iter().flatten().min();
        let last =
            [keys.last().map(|key| key.0), floor(self.extended.1)].into_iter().flatten().max();
        let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
        let mut filled = Vec::new();
        let mut known = keys.into_iter().peekable();
        let mut at = first;
        while at <= last {
            self.buckets.tell(1)?;
            match known.next_if(|key| key.0 <= at) {
                Some(key) => filled.push(key),
                None => filled.push((at, NOBODY, 0)),
            }
            let next = self.rounding.next(at);
            // What was collected counts, also where rounding and stepping differ.
            at = known.peek().map_or(next, |key| key.0.min(next)).max(at + 1);
        }
        Ok(filled)
    }
}

/// Whether by count, and whether ascending.
pub(super) fn order(options: Options<'_>) -> (bool, bool) {
    let entry = match options.get("order") {
        Some(Value::Object(map)) => map.iter().next(),
        Some(Value::Array(items)) => {
            items.first().and_then(Value::as_object).and_then(|map| map.iter().next())
        }
        _ => None,
    };
    let Some((by, direction)) = entry else { return (false, true) };
    (
        by == "_count",
        direction.as_str().is_none_or(|direction| !direction.eq_ignore_ascii_case("desc")),
    )
}

fn bounds(
    options: Options<'_>,
    key: &str,
    format: &DateFormat,
    zone: &TimeZone,
    context: &Context,
) -> Result<(Option<i64>, Option<i64>), SearchError> {
    let Some(value) = options.get(key) else { return Ok((None, None)) };
    let bounds = Options::of(key, value)?;
    let default = DateFormat::default();
    let read = |end: &str| -> Result<Option<i64>, SearchError> {
        let Some(value) = bounds.get(end) else { return Ok(None) };
        if let Some(ms) = value.as_f64() {
            return Ok(Some(ms as i64));
        }
        let text = scalar_text(value).unwrap_or_default();
        let resolve = |format: &DateFormat| {
            resolve_date(
                &text,
                false,
                &DateContext { now_ms: context.compiler.now_ms, zone, format },
            )
        };
        let found = resolve(format).or_else(|_| resolve(&default));
        found.map(Some).map_err(|error| SearchError::parsing(error.to_string()).at(key))
    };
    let (least, greatest) = (read("min")?, read("max")?);
    if let (Some(least), Some(greatest)) = (least, greatest)
        && least > greatest
    {
        let reason = format!(
            "[{key}.min][{least}] cannot be greater than [{key}.max][{greatest}] for histogram aggregation"
        );
        return Err(SearchError::argument(reason).at(key));
    }
    Ok((least, greatest))
}

impl Collector for DateHistogram {
    fn collect(&mut self, block: Block<'_>, pairs: &Pairs) -> Result<(), SearchError> {
        let (buckets, rounding, last, hard) =
            (&mut self.buckets, &self.rounding, &mut self.last, self.hard);
        let mut failed = None;
        let mut seen = (usize::MAX, 0);
        self.source.numbers(block, pairs, &mut |index, number| {
            let ms = number as i64;
            if hard.0.is_some_and(|least| ms < least) || hard.1.is_some_and(|most| ms > most) {
                return;
            }
            if !(last.0..last.1).contains(&ms) {
                let start = rounding.floor(ms);
                *last = (start, rounding.next(start));
            }
            // Two moments of one row in one bucket count once.
            if seen == (index, last.0) {
                return;
            }
            seen = (index, last.0);
            if let Err(error) = buckets.add(pairs.row(index), pairs.owner(index), last.0 as u64) {
                failed.get_or_insert(error);
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        self.buckets.flush(block)
    }

    fn finish(&mut self, owner: u32) -> Result<Value, SearchError> {
        let mut told = Vec::new();
        for (key, number, count) in self.filled(owner)? {
            let mut bucket = Map::new();
            bucket.insert("key_as_string".into(), self.format.write(key, &self.zone).into());
            bucket.insert("key".into(), key.into());
            bucket.insert("doc_count".into(), count.into());
            self.buckets.children.finish(number, &mut bucket)?;
            told.push(Value::Object(bucket));
        }
        self.buckets.children.finish_buckets(&mut told);
        order_buckets(&mut told, self.order);
        Ok(buckets_json(told, self.is_keyed))
    }
}

/// Buckets that are ascending by key, in the order asked for.
pub(super) fn order_buckets(told: &mut [Value], (by_count, ascending): (bool, bool)) {
    if by_count {
        told.sort_by_key(|bucket| bucket.get("doc_count").and_then(Value::as_u64));
    }
    if !ascending {
        told.reverse();
    }
}

/// Buckets as an array, or by name.
pub(super) fn buckets_json(told: Vec<Value>, is_keyed: bool) -> Value {
    if !is_keyed {
        return json!({"buckets": told});
    }
    let mut map = Map::new();
    for bucket in told {
        let name = bucket.get("key_as_string").or(bucket.get("key"));
        let name = name.map_or(String::new(), |name| {
            name.as_str().map_or_else(|| name.to_string(), str::to_owned)
        });
        map.insert(name, bucket);
    }
    json!({"buckets": map})
}
