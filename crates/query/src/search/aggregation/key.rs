//! Keys of buckets: values, each known by a number.

use hashbrown::HashMap;
use serde_json::Value;

use crate::search::schema::{Field, FieldKind};
use crate::search::values::ValueRef;

/// A value that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Text(Box<str>),
    Number(f64),
    Boolean(bool),
}

impl Key {
    pub(super) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(text) => Self::Text(text.into()),
            ValueRef::Number(number) => Self::Number(number),
            ValueRef::Boolean(truth) => Self::Boolean(truth),
        }
    }

    /// Numbers before truths before texts.
    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Boolean(_) => 1,
            Self::Text(_) => 2,
        }
    }

    /// As text, for `include` and `exclude`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Number(number) => number_text(*number),
            Self::Boolean(truth) => truth.to_string(),
        }
    }

    /// `key` and `key_as_string` of its bucket.
    pub(super) fn tell(&self, field: &Field) -> (Value, Option<String>) {
        match self {
            Self::Text(text) => (Value::from(&**text), None),
            Self::Boolean(truth) => (Value::from(u8::from(*truth)), Some(truth.to_string())),
            Self::Number(number) if field.kind == FieldKind::Date => {
                let ms = *number as i64;
                (Value::from(ms), Some(field.format.write(ms, &jiff::tz::TimeZone::UTC)))
            }
            Self::Number(number) if field.kind == FieldKind::Boolean => {
                (Value::from(*number as i64), Some((*number != 0.0).to_string()))
            }
            Self::Number(number) => (number_json(*number), None),
        }
    }
}

/// Whole numbers without a fraction.
pub(super) fn number_json(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return Value::from(number as i64);
    }
    super::number_json(Some(number))
}

fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return (number as i64).to_string();
    }
    number.to_string()
}

/// All values, each once, by number.
#[derive(Debug, Default)]
pub(super) struct Keys {
    texts: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    numbers: HashMap<u64, u32, foldhash::fast::RandomState>,
    booleans: [Option<u32>; 2],
    keys: Vec<Key>,
}

impl Keys {
    /// The number of `value`; a new one when it was not there.
    pub(super) fn number(&mut self, value: ValueRef<'_>) -> u32 {
        let next = self.keys.len() as u32;
        let found = match value {
            ValueRef::Text(text) => match self.texts.get(text) {
                Some(known) => *known,
                None => *self.texts.entry(text.into()).or_insert(next),
            },
            // 0 and -0 are one value.
            ValueRef::Number(number) => {
                *self.numbers.entry((number + 0.0).to_bits()).or_insert(next)
            }
            ValueRef::Boolean(truth) => self
                .booleans
                .get_mut(usize::from(truth))
                .map_or(next, |slot| *slot.get_or_insert(next)),
        };
        if found == next {
            self.keys.push(Key::of(value));
        }
        found
    }

    pub(super) fn get(&self, number: u32) -> Option<&Key> {
        self.keys.get(number as usize)
    }
}
