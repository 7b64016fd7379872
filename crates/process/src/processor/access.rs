//! Fields by dotted names: `a.b` is a key of that name if there is one, else `b` within `a`.

use vigie_model::event::{Event, Object, TIMESTAMP, Value};

use crate::field::as_time_ns;

const METADATA: &str = "@metadata.";

/// The value of `name`.
pub(super) fn get<'a>(event: &'a Event, name: &str) -> Option<&'a Value> {
    match name.strip_prefix(METADATA) {
        Some(name) => find(&event.metadata, name),
        None => find(&event.fields, name),
    }
}

fn find<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(object.get(first)?.as_object()?, rest)
}

/// Sets `name`, making the objects on the way. False when something on the way is no object, or
/// `@timestamp` would be no time.
pub(super) fn set(event: &mut Event, name: &str, value: Value) -> bool {
    if name == TIMESTAMP {
        let Some(time_ns) = as_time_ns(&value) else { return false };
        event.fields.insert(TIMESTAMP, Value::Time(time_ns));
        return true;
    }
    match name.strip_prefix(METADATA) {
        Some(name) => put(&mut event.metadata, name, value),
        None => put(&mut event.fields, name, value),
    }
}

/// The same within an object.
pub(super) fn put(object: &mut Object, name: &str, value: Value) -> bool {
    if object.get(name).is_some() {
        object.insert(name, value);
        return true;
    }
    let Some((first, rest)) = name.split_once('.') else {
        object.insert(name, value);
        return true;
    };
    let slot = object.entry(first);
    if matches!(slot, Value::Null) {
        *slot = Value::Object(Object::new());
    }
    slot.as_object_mut().is_some_and(|inner| put(inner, rest, value))
}

/// Takes `name` away.
pub(super) fn remove(event: &mut Event, name: &str) -> Option<Value> {
    match name.strip_prefix(METADATA) {
        Some(name) => take(&mut event.metadata, name),
        None => take(&mut event.fields, name),
    }
}

fn take(object: &mut Object, name: &str) -> Option<Value> {
    if let Some(value) = object.remove(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    let inner = object.get_mut(first)?.as_object_mut()?;
    let value = take(inner, rest);
    if inner.is_empty() && value.is_some() {
        object.remove(first);
    }
    value
}

/// Merges `from` into `into`: objects member by member; anything else takes the place of what is
/// there when `overwrites`.
pub(super) fn merge(into: &mut Object, from: Object, overwrites: bool) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(new)) => merge(known, new, overwrites),
            (Some(slot), value) => {
                if overwrites {
                    *slot = value;
                }
            }
            (None, value) => into.push(key, value),
        }
    }
}

/// Says in `error.message` what a processor could not do.
pub(super) fn fail(event: &mut Event, message: String) {
    put(&mut event.fields, "error.message", Value::String(message));
}
