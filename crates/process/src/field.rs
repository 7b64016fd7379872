//! Fields of an event by reference: `[a][b]`, `[list][0]`, `[@metadata][x]`.

use vigie_language::logstash::FieldReference;
use vigie_language::logstash::joda::read_iso8601;
use vigie_model::event::{Event, Object, TIMESTAMP, Value};

const METADATA: &str = "@metadata";
/// An index beyond this makes no list longer.
const LIST_LENGTH_MAX: usize = 10_000;

/// The value of a field; `[@metadata]` as a whole is none.
pub(crate) fn get<'a>(event: &'a Event, field: &FieldReference) -> Option<&'a Value> {
    let (first, rest) = field.path().split_first()?;
    let (mut value, rest) = if first == METADATA {
        let (name, rest) = rest.split_first()?;
        (event.metadata.get(name)?, rest)
    } else {
        (event.fields.get(first)?, rest)
    };
    for name in rest {
        value = match value {
            Value::Object(object) => object.get(name)?,
            Value::List(list) => list.get(index(name, list.len())?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// The value of a field, to change it.
pub(crate) fn get_mut<'a>(event: &'a mut Event, field: &FieldReference) -> Option<&'a mut Value> {
    let (first, rest) = field.path().split_first()?;
    let (mut value, rest) = if first == METADATA {
        let (name, rest) = rest.split_first()?;
        (event.metadata.get_mut(name)?, rest)
    } else {
        (event.fields.get_mut(first)?, rest)
    };
    for name in rest {
        value = match value {
            Value::Object(object) => object.get_mut(name)?,
            Value::List(list) => {
                let at = index(name, list.len())?;
                list.get_mut(at)?
            }
            _ => return None,
        };
    }
    Some(value)
}

/// Whether the event has the field.
pub(crate) fn has(event: &Event, field: &FieldReference) -> bool {
    is_metadata(field) || get(event, field).is_some()
}

fn is_metadata(field: &FieldReference) -> bool {
    matches!(field.path(), [only] if only == METADATA)
}

/// Sets a field, making the objects on the way. False when something on the way is no object, or
/// `@timestamp` would be no time.
pub(crate) fn set(event: &mut Event, field: &FieldReference, value: Value) -> bool {
    let Some((first, rest)) = field.path().split_first() else { return false };
    let mut rest = rest;
    let mut slot = if first == METADATA {
        let Some((name, deeper)) = rest.split_first() else {
            if let Value::Object(object) = value {
                event.metadata = object;
                return true;
            }
            return false;
        };
        rest = deeper;
        event.metadata.entry(name)
    } else {
        if first == TIMESTAMP && rest.is_empty() {
            return set_timestamp(event, value);
        }
        event.fields.entry(first)
    };
    for name in rest {
        if matches!(slot, Value::Null) {
            *slot = Value::Object(Object::new());
        }
        slot = match slot {
            Value::Object(object) => object.entry(name),
            Value::List(list) => {
                let Some(at) = index(name, list.len()) else { return false };
                if at >= LIST_LENGTH_MAX {
                    return false;
                }
                while list.len() <= at {
                    list.push(Value::Null);
                }
                let Some(slot) = list.get_mut(at) else { return false };
                slot
            }
            _ => return false,
        };
    }
    *slot = value;
    true
}

fn set_timestamp(event: &mut Event, value: Value) -> bool {
    let Some(time_ns) = as_time_ns(&value) else { return false };
    event.fields.insert(TIMESTAMP, Value::Time(time_ns));
    true
}

/// A value as a moment: a time, or a text in ISO 8601.
pub(crate) fn as_time_ns(value: &Value) -> Option<i64> {
    match value {
        Value::Time(time_ns) => Some(*time_ns),
        Value::String(text) => vigie_model::parse_time_text(text)
            .map(|(time_ns, _)| time_ns)
            .or_else(|| read_iso8601(text, &jiff::tz::TimeZone::UTC)?.checked_mul(1_000_000)),
        _ => None,
    }
}

/// Takes a field out.
pub(crate) fn remove(event: &mut Event, field: &FieldReference) -> Option<Value> {
    let (first, rest) = field.path().split_first()?;
    if first == METADATA && rest.is_empty() {
        return Some(Value::Object(std::mem::take(&mut event.metadata)));
    }
    let (object, path) = if first == METADATA {
        (&mut event.metadata, rest)
    } else {
        (&mut event.fields, field.path())
    };
    let (last, parents) = path.split_last()?;
    let Some((top, parents)) = parents.split_first() else { return object.remove(last) };
    let mut value = object.get_mut(top)?;
    for name in parents {
        value = match value {
            Value::Object(object) => object.get_mut(name)?,
            Value::List(list) => {
                let at = index(name, list.len())?;
                list.get_mut(at)?
            }
            _ => return None,
        };
    }
    match value {
        Value::Object(object) => object.remove(last),
        Value::List(list) => {
            let at = index(last, list.len()).filter(|at| *at < list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
}

/// A place in a list; from the end when negative.
fn index(name: &str, length: usize) -> Option<usize> {
    let at: i64 = name.parse().ok()?;
    if at >= 0 { usize::try_from(at).ok() } else { length.checked_sub(usize::try_from(-at).ok()?) }
}

/// `value` as a list of one, or the list that it is.
pub(crate) fn into_list(value: Value) -> Vec<Value> {
    match value {
        Value::List(list) => list,
        Value::Null => Vec::new(),
        other => vec![other],
    }
}
