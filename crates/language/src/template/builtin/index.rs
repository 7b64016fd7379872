//! `len`, `index` and `slice`.

use crate::template::value::Value;

type Result = std::result::Result<Value, String>;

pub(super) fn length(value: &Value) -> Result {
    let length = match value {
        Value::Text(text) | Value::Marked(_, text) => text.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.len(),
        Value::Nil | Value::NilInterface => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

/// `index x 1 "a"` is `x[1]["a"]`.
pub(super) fn index(arguments: &[Value]) -> Result {
    let Some((item, indexes)) = arguments.split_first() else {
        return Err("index of untyped nil".to_owned());
    };
    if item.is_nil() {
        return Err("index of untyped nil".to_owned());
    }
    let mut item = item.clone();
    for index in indexes {
        item = match &item {
            Value::List(list) => {
                let at = position(index, list.items.len())?;
                // One past the end is found by Go's reflection only.
                let item = list.items.get(at).cloned();
                item.ok_or_else(|| "reflect: slice index out of range".to_owned())?
            }
            Value::Text(text) | Value::Marked(_, text) => {
                let at = position(index, text.len())?;
                let byte = text.as_bytes().get(at);
                let byte = byte.ok_or_else(|| "reflect: string index out of range".to_owned())?;
                Value::Int(i64::from(*byte))
            }
            Value::Map(map) => match index {
                Value::Text(key) => map.entries.get(key).cloned().unwrap_or_else(|| map.zero()),
                Value::Nil | Value::NilInterface => {
                    return Err("value is nil; should be of type string".to_owned());
                }
                other => {
                    return Err(format!("value has type {}; should be string", other.type_name()));
                }
            },
            Value::Nil | Value::NilInterface => return Err("index of nil pointer".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

/// `slice x 1 2` is `x[1:2]`.
pub(super) fn slice(arguments: &[Value]) -> Result {
    let Some((item, indexes)) = arguments.split_first() else {
        return Err("slice of untyped nil".to_owned());
    };
    if item.is_nil() {
        return Err("slice of untyped nil".to_owned());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let length = match item {
        Value::List(list) => list.items.len(),
        Value::Text(_) | Value::Marked(..) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::Text(text) | Value::Marked(_, text) => text.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, length)?;
    }
    let [start, end, capacity] = bounds;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}"));
    }
    if end > capacity {
        return Err(format!("invalid slice index: {end} > {capacity}"));
    }
    Ok(match item {
        Value::List(list) => {
            Value::list(list.kind, list.items.get(start..end).unwrap_or_default().to_vec())
        }
        other => {
            let text = other.as_text().map_or("", |text| text);
            // Go cuts bytes; half a character, which our text cannot hold, becomes U+FFFD.
            let bytes = text.as_bytes().get(start..end).unwrap_or_default();
            Value::from(String::from_utf8_lossy(bytes).into_owned())
        }
    })
}

fn position(index: &Value, length: usize) -> std::result::Result<usize, String> {
    let Some(number) = index.as_integer() else {
        return Err(if index.is_nil() {
            "cannot index slice/array with nil".to_owned()
        } else {
            format!("cannot index slice/array with type {}", index.type_name())
        });
    };
    let in_range = usize::try_from(number).ok().filter(|at| *at <= length);
    in_range.ok_or_else(|| format!("index out of range: {number}"))
}
