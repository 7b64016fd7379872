//! Order of hits.

use std::cmp::Ordering;

use serde_json::Value;
use vigie_language::search::DateFormat;

use super::SearchError;
use super::json::{Options, scalar_text};
use super::schema::{Field, FieldKind, Schema};
use super::values::{Block, ValueRef};

/// One thing to order by.
#[derive(Debug, Clone)]
pub(crate) struct SortField {
    pub(crate) by: By,
    pub(crate) ascending: bool,
    missing: Missing,
    mode: Mode,
    format: Option<DateFormat>,
}

#[derive(Debug, Clone)]
pub(crate) enum By {
    Score,
    /// The order in which documents are stored.
    Doc,
    Field(Field),
}

#[derive(Debug, Clone, PartialEq)]
enum Missing {
    First,
    Last,
    Value(SortValue),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Least,
    Greatest,
    Average,
    Sum,
    Median,
}

/// What a hit has to be ordered by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortValue {
    Number(f64),
    Text(String),
    Missing,
}

/// How many things one may order by.
const FIELDS_MAX: usize = 32;

impl SortField {
    /// Reads `sort`: a name, `name:desc`, objects, or a list of them.
    pub(crate) fn parse(value: &Value, schema: &Schema) -> Result<Vec<Self>, SearchError> {
        let items: Vec<&Value> = match value {
            Value::Array(items) => items.iter().collect(),
            other => vec![other],
        };
        let mut fields = Vec::new();
        for item in items {
            match item {
                Value::String(name) => {
                    let (name, order) = name.rsplit_once(':').unwrap_or((name, ""));
                    fields.push(Self::new(name, &Value::from(order), schema)?);
                }
                Value::Object(map) => {
                    for (name, options) in map {
                        fields.push(Self::new(name, options, schema)?);
                    }
                }
                _ => return Err(SearchError::argument("malformed sort format, within the sort array, an object, or an actual string are allowed").at("sort")),
            }
        }
        if fields.len() > FIELDS_MAX {
            return Err(SearchError::argument(format!("more than {FIELDS_MAX} fields to sort by")));
        }
        Ok(fields)
    }

    pub(crate) fn score() -> Self {
        Self {
            by: By::Score,
            ascending: false,
            missing: Missing::Last,
            mode: Mode::Greatest,
            format: None,
        }
    }

    /// The order in which documents are stored.
    pub(crate) fn doc() -> Self {
        Self {
            by: By::Doc,
            ascending: true,
            missing: Missing::Last,
            mode: Mode::Least,
            format: None,
        }
    }

    fn new(name: &str, options: &Value, schema: &Schema) -> Result<Self, SearchError> {
        let given = match options {
            Value::Object(map) => {
                Given { order: "", options: Some(Options::new("field_sort", map)) }
            }
            other => Given { order: other.as_str().unwrap_or_default(), options: None },
        };
        Self::with(name, given, schema)
    }

    fn with(name: &str, given: Given<'_>, schema: &Schema) -> Result<Self, SearchError> {
        let Given { order, options } = given;
        let by = match name {
            "_score" => By::Score,
            "_doc" | "_shard_doc" => By::Doc,
            "_script" => return Err(SearchError::not_served("a script to sort by").at(name)),
            "_geo_distance" => {
                return Err(SearchError::not_served("a distance to sort by").at(name));
            }
            _ => {
                let field = schema.field(name);
                let is_optional =
                    options.is_some_and(|options| options.get("unmapped_type").is_some());
                if !field.is_known && !schema.is_empty() && !is_optional && !name.starts_with('_') {
                    let reason = format!("No mapping found for [{name}] in order to sort on");
                    return Err(SearchError::shard(reason).at(name));
                }
                By::Field(field)
            }
        };
        let order = match options {
            Some(options) => options.text("order")?.unwrap_or_default(),
            None => order.to_owned(),
        };
        let ascending = match order.to_ascii_lowercase().as_str() {
            "asc" => true,
            "desc" => false,
            "" => !matches!(by, By::Score),
            _ => {
                let reason = format!(
                    "No enum constant org.elasticsearch.search.sort.SortOrder.{}",
                    order.to_ascii_uppercase()
                );
                return Err(SearchError::argument(reason).at(name));
            }
        };
        let mode = options.map(|options| options.text("mode")).transpose()?.flatten();
        let mode = match mode.as_deref() {
            None if ascending => Mode::Least,
            None | Some("max") => Mode::Greatest,
            Some("min") => Mode::Least,
            Some("avg") => Mode::Average,
            Some("sum") => Mode::Sum,
            Some("median") => Mode::Median,
            Some(other) => {
                return Err(SearchError::argument(format!("Unknown SortMode [{other}]")).at("mode"));
            }
        };
        let missing = match options.and_then(|options| options.get("missing")) {
            None => Missing::Last,
            Some(Value::String(text)) if text == "_last" => Missing::Last,
            Some(Value::String(text)) if text == "_first" => Missing::First,
            Some(Value::Number(number)) => {
                Missing::Value(SortValue::Number(number.as_f64().unwrap_or(0.0)))
            }
            Some(other) => Missing::Value(SortValue::Text(scalar_text(other).unwrap_or_default())),
        };
        let format = options.map(|options| options.text("format")).transpose()?.flatten();
        let format = format.map(|format| DateFormat::parse(&format)).transpose();
        let format = format.map_err(|reason| SearchError::argument(reason).at("format"))?;
        Ok(Self { by, ascending, missing, mode, format })
    }

    fn is_number(&self) -> bool {
        match &self.by {
            By::Score | By::Doc => true,
            By::Field(field) => matches!(
                field.kind,
                FieldKind::Integer | FieldKind::Float | FieldKind::Date | FieldKind::Boolean
            ),
        }
    }

    /// The values of some rows of a block.
    pub(crate) fn values(
        &self,
        block: Block<'_>,
        rows: &[u16],
    ) -> Result<Vec<SortValue>, SearchError> {
        let mut values = vec![SortValue::Missing; rows.len()];
        let By::Field(field) = &self.by else { return Ok(values) };
        if !self.is_number() {
            let mode = self.mode;
            block.values(field, rows, &mut |index, value| {
                let text = match value {
                    ValueRef::Text(text) => text.to_owned(),
                    ValueRef::Number(number) => number.to_string(),
                    ValueRef::Boolean(truth) => truth.to_string(),
                };
                let Some(slot) = values.get_mut(index) else { return };
                let is_better = match slot {
                    SortValue::Text(known) if mode == Mode::Greatest => text > *known,
                    SortValue::Text(known) => text < *known,
                    _ => true,
                };
                if is_better {
                    *slot = SortValue::Text(text);
                }
            })?;
        } else if matches!(self.mode, Mode::Least | Mode::Greatest) {
            let greatest = self.mode == Mode::Greatest;
            block.numbers(field, rows, &mut |index, number| {
                let Some(slot) = values.get_mut(index) else { return };
                match slot {
                    SortValue::Number(known) if greatest => *known = known.max(number),
                    SortValue::Number(known) => *known = known.min(number),
                    _ => *slot = SortValue::Number(number),
                }
            })?;
        } else {
            let mut all: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
            block.numbers(field, rows, &mut |index, number| {
                if let Some(slot) = all.get_mut(index) {
                    slot.push(number);
                }
            })?;
            for (slot, numbers) in values.iter_mut().zip(&mut all) {
                if let Some(number) = self.reduce(numbers) {
                    *slot = SortValue::Number(number);
                }
            }
        }
        if let Missing::Value(value) = &self.missing {
            values
                .iter_mut()
                .filter(|v| **v == SortValue::Missing)
                .for_each(|v| v.clone_from(value));
        }
        Ok(values)
    }

    fn reduce(&self, numbers: &mut [f64]) -> Option<f64> {
        if numbers.is_empty() {
            return None;
        }
        let sum: f64 = numbers.iter().sum();
        Some(match self.mode {
            Mode::Average => sum / numbers.len() as f64,
            Mode::Median => {
                numbers.sort_by(f64::total_cmp);
                let half = numbers.len() / 2;
                let upper = numbers.get(half).copied().unwrap_or(sum);
                let lower = numbers.get(half.wrapping_sub(1)).copied().unwrap_or(upper);
                if numbers.len().is_multiple_of(2) { f64::midpoint(lower, upper) } else { upper }
            }
            _ => sum,
        })
    }

    pub(crate) fn compare(&self, a: &SortValue, b: &SortValue) -> Ordering {
        let order = match (a, b) {
            (SortValue::Missing, SortValue::Missing) => return Ordering::Equal,
            (SortValue::Missing, _) => return self.missing_order(),
            (_, SortValue::Missing) => return self.missing_order().reverse(),
            (SortValue::Number(a), SortValue::Number(b)) => a.total_cmp(b),
            (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
            (SortValue::Number(_), SortValue::Text(_)) => Ordering::Less,
            (SortValue::Text(_), SortValue::Number(_)) => Ordering::Greater,
        };
        if self.ascending { order } else { order.reverse() }
    }

    fn missing_order(&self) -> Ordering {
        if self.missing == Missing::First { Ordering::Less } else { Ordering::Greater }
    }

    /// As `sort` of a hit says it.
    pub(crate) fn tell(&self, value: &SortValue) -> Value {
        let is_date = matches!(&self.by, By::Field(field) if field.kind == FieldKind::Date);
        match value {
            SortValue::Number(ms) if is_date => match &self.format {
                Some(format) => format.write(*ms as i64, &jiff::tz::TimeZone::UTC).into(),
                None => Value::from(*ms as i64),
            },
            SortValue::Number(number)
                if number.fract() == 0.0
                    && number.abs() < 9e15
                    && !matches!(self.by, By::Score) =>
            {
                Value::from(*number as i64)
            }
            SortValue::Number(number) => Value::from(*number),
            SortValue::Text(text) => Value::from(text.as_str()),
            // Lucene's numbers have no null: a missing one is the greatest or the least.
            SortValue::Missing if self.is_number() => {
                let is_greatest = (self.missing == Missing::Last) == self.ascending;
                Value::from(if is_greatest { i64::MAX } else { i64::MIN })
            }
            SortValue::Missing => Value::Null,
        }
    }

    /// Reads a value of `search_after`.
    pub(crate) fn read(&self, value: &Value) -> Result<SortValue, SearchError> {
        let refuse = || {
            SearchError::argument(format!(
                "Failed to parse search_after value for field: [{value}]"
            ))
            .at("search_after")
        };
        if value.is_null() {
            return Ok(SortValue::Missing);
        }
        if !self.is_number() {
            return scalar_text(value).map(SortValue::Text).ok_or_else(refuse);
        }
        if matches!(value.as_i64(), Some(i64::MAX | i64::MIN)) {
            return Ok(SortValue::Missing);
        }
        if let Some(number) = value.as_f64() {
            return Ok(SortValue::Number(number));
        }
        let By::Field(field) = &self.by else { return Err(refuse()) };
        let text = scalar_text(value).ok_or_else(refuse)?;
        let given =
            self.format.as_ref().and_then(|f| f.read(&text, false, &jiff::tz::TimeZone::UTC));
        let given = given.map(|ms| ms as f64);
        let number = given.or_else(|| super::values::number_of(field, ValueRef::Text(&text)));
        number.map(SortValue::Number).ok_or_else(refuse)
    }
}

/// What stands behind a name in `sort`: a direction, or options.
#[derive(Debug, Clone, Copy)]
struct Given<'a> {
    order: &'a str,
    options: Option<Options<'a>>,
}

/// Compares hits by all fields.
pub(crate) fn compare_all(fields: &[SortField], a: &[SortValue], b: &[SortValue]) -> Ordering {
    for (field, (a, b)) in fields.iter().zip(a.iter().zip(b)) {
        let order = field.compare(a, b);
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
