//! An option that stands twice: hashes and lists grow, two single values become a list.

use super::super::ast::Value;

/// Merges `more` into `value`.
pub(super) fn into(value: &mut Value, more: Value) {
    match (&mut *value, more) {
        (Value::Hash(entries), Value::Hash(more)) => {
            for (key, new) in more {
                match entries.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => join(known, new),
                    None => entries.push((key, new)),
                }
            }
        }
        (Value::List(items), Value::List(more)) => items.extend(more),
        (Value::List(items), more) => items.push(more),
        (known, more) if *known == more => {}
        (known, more) => *known = Value::List(vec![known.clone(), more]),
    }
}

/// Values of the same key of two hashes.
fn join(known: &mut Value, new: Value) {
    match (&mut *known, new) {
        (Value::Hash(_), new @ Value::Hash(_)) => into(known, new),
        (Value::List(items), new) => {
            let more = if let Value::List(more) = new { more } else { vec![new] };
            for item in more {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        (known, Value::List(more)) => {
            let mut items = vec![known.clone()];
            items.extend(more.into_iter().filter(|item| item != known));
            *known = Value::List(items);
        }
        (known, new) => *known = Value::List(vec![known.clone(), new]),
    }
}
