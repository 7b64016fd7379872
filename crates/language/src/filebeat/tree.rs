//! Dotted keys as nested ones, and variables.

use super::Variables;
use crate::yaml::{ConfigError, Key, Node, Source, Value};

/// `node` with dotted keys expanded and variables replaced, in all that is below it.
pub(super) fn expand(
    node: Node,
    source: &Source,
    variables: Variables<'_>,
) -> Result<Node, ConfigError> {
    let (line, column) = (node.line, node.column);
    let value = match node.value {
        Value::Scalar(text, is_plain) => {
            let place = Node { value: Value::Null, line, column };
            let replaced =
                replace(&text, variables).map_err(|message| place.error(source, message))?;
            Value::Scalar(replaced, is_plain)
        }
        Value::List(items) => {
            let items = items.into_iter().map(|item| expand(item, source, variables));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Value::Map(pairs) => {
            let mut map = Vec::with_capacity(pairs.len());
            for (key, node) in pairs {
                let node = expand(node, source, variables)?;
                insert(&mut map, &key, &key.text, node);
            }
            Value::Map(map)
        }
        Value::Null => Value::Null,
    };
    Ok(Node { value, line, column })
}

/// Puts `node` at the dotted `path`; what is a mapping in both is one mapping.
fn insert(map: &mut Vec<(Key, Node)>, key: &Key, path: &str, node: Node) {
    // Keys of patterns and of Go's layouts are no paths.
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) if !first.is_empty() && !rest.is_empty() => (first, Some(rest)),
        _ => (path, None),
    };
    let at = map.iter().position(|(known, _)| known.text == first).unwrap_or_else(|| {
        let key = Key { text: first.to_owned(), ..key.clone() };
        map.push((key, Node { value: Value::Null, line: node.line, column: node.column }));
        map.len() - 1
    });
    let Some((_, slot)) = map.get_mut(at) else { return };
    match (rest, node.value) {
        (Some(rest), value) => {
            if !matches!(slot.value, Value::Map(_)) {
                slot.value = Value::Map(Vec::new());
            }
            if let Value::Map(inner) = &mut slot.value {
                let node = Node { value, line: node.line, column: node.column };
                insert(inner, key, rest, node);
            }
        }
        (None, Value::Map(pairs)) => {
            if let Value::Map(inner) = &mut slot.value {
                pairs.into_iter().for_each(|(key, node)| insert(inner, &key, &key.text, node));
            } else {
                slot.value = Value::Map(pairs);
            }
        }
        (None, value) => slot.value = value,
    }
}

/// `${NAME}`, `${NAME:default}`, `${NAME:?message}`; `$${` is a dollar sign and a brace.
fn replace(text: &str, variables: Variables<'_>) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let before = rest.get(..at).unwrap_or_default();
        let after = rest.get(at + 2..).unwrap_or_default();
        if let Some(before) = before.strip_suffix('$') {
            result.push_str(before);
            result.push_str("${");
            rest = after;
            continue;
        }
        result.push_str(before);
        let Some((inner, tail)) = after.split_once('}') else {
            return Err(format!("`{text}`: a variable has no closing brace"));
        };
        let (name, default) = match inner.split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        match (variables(name), default) {
            (Some(value), _) => result.push_str(&value),
            (None, Some(default)) => match default.strip_prefix('?') {
                Some(message) => return Err(format!("variable {name}: {message}")),
                None => result.push_str(default),
            },
            // What only Filebeat's providers know (`${data.host}`) stays for them.
            (None, None) if name.contains('.') => {
                result.push_str("${");
                result.push_str(inner);
                result.push('}');
            }
            (None, None) => return Err(format!("variable {name} is not set and has no default")),
        }
        rest = tail;
    }
    result.push_str(rest);
    Ok(result)
}
