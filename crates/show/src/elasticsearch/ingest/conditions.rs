//! `if` of a processor: comparisons of fields, joined by `&&` and `||`; no script is run.

use serde_json::Value;

use super::Document;
use super::fields::text_of;

/// Longest condition.
const LENGTH_MAX: usize = 2_000;

/// Whether a condition holds. `None`: it cannot be read here.
pub(super) fn holds(condition: &str, document: &Document) -> Option<bool> {
    if condition.len() > LENGTH_MAX {
        return None;
    }
    let mut any = false;
    for alternative in condition.split("||") {
        let mut all = true;
        for part in alternative.split("&&") {
            all &= one(part.trim(), document)?;
        }
        any |= all;
    }
    Some(any)
}

/// Whether a condition can be read.
pub(super) fn is_readable(condition: &str) -> bool {
    let empty = Document::new("", None, serde_json::Map::new(), 0);
    holds(condition, &empty).is_some()
}

fn one(text: &str, document: &Document) -> Option<bool> {
    if let Some(rest) = text.strip_prefix('!') {
        return one(rest.trim(), document).map(|holds| !holds);
    }
    let text = strip(text);
    for (method, test) in [(".contains(", 0), (".startsWith(", 1), (".endsWith(", 2)] {
        if let Some((field, rest)) = text.split_once(method) {
            let wanted = literal(rest.strip_suffix(')')?)?;
            let wanted = text_of(&wanted);
            return Some(match field_of(field.trim(), document)? {
                Some(Value::Array(items)) => items.iter().any(|item| text_of(item) == wanted),
                Some(value) => {
                    let value = text_of(&value);
                    match test {
                        0 => value.contains(&wanted),
                        1 => value.starts_with(&wanted),
                        _ => value.ends_with(&wanted),
                    }
                }
                None => false,
            });
        }
    }
    for operator in ["==", "!=", ">=", "<=", ">", "<"] {
        let Some((left, right)) = text.split_once(operator) else { continue };
        let found = field_of(left.trim(), document)?.unwrap_or(Value::Null);
        let wanted = literal(right.trim())?;
        let numbers = found.as_f64().zip(wanted.as_f64());
        return Some(match operator {
            "==" => numbers.map_or(found == wanted, |(a, b)| a == b),
            "!=" => numbers.map_or(found != wanted, |(a, b)| a != b),
            ">=" => numbers.is_some_and(|(a, b)| a >= b),
            "<=" => numbers.is_some_and(|(a, b)| a <= b),
            ">" => numbers.is_some_and(|(a, b)| a > b),
            _ => numbers.is_some_and(|(a, b)| a < b),
        });
    }
    match field_of(text, document)? {
        Some(Value::Bool(truth)) => Some(truth),
        _ => Some(false),
    }
}

fn strip(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    inner.filter(|inner| !inner.contains(['(', ')'])).unwrap_or(text).trim()
}

/// `ctx.a?.b`, `ctx['a']`; outer `None`: it is no field.
fn field_of(text: &str, document: &Document) -> Option<Option<Value>> {
    let path = text.strip_prefix("ctx")?;
    let path = path
        .replace("?.", ".")
        .replace("['", ".")
        .replace("']", "")
        .replace("[\"", ".")
        .replace("\"]", "");
    let path = path.strip_prefix('.')?;
    let is_name = path.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@'));
    is_name.then(|| document.get(path))
}

fn literal(text: &str) -> Option<Value> {
    let text = text.trim();
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|inner| inner.strip_suffix(quote)) {
            return Some(Value::from(inner));
        }
    }
    serde_json::from_str(text).ok()
}
