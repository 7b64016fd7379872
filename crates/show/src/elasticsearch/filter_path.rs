//! `filter_path`: only some members of an answer.

use serde_json::{Map, Value};
use vigie_language::search::Pattern;

/// Patterns of one request.
const PATTERNS_MAX: usize = 100;

/// Keeps what `paths` (`errors,items.*.status,-took`) names.
pub(super) fn apply(value: Value, paths: &str) -> Value {
    let (mut includes, mut excludes) = (Vec::new(), Vec::new());
    for path in paths.split(',').map(str::trim).filter(|path| !path.is_empty()).take(PATTERNS_MAX) {
        match path.strip_prefix('-') {
            Some(path) => excludes.push(parts(path)),
            None => includes.push(parts(path)),
        }
    }
    let mut kept = value;
    if !includes.is_empty() {
        let all: Vec<&[Part]> = includes.iter().map(Vec::as_slice).collect();
        kept = include(kept, &all).unwrap_or_else(|| Value::Object(Map::new()));
    }
    for path in &excludes {
        exclude(&mut kept, path);
    }
    kept
}

#[derive(Debug)]
enum Part {
    Name(Pattern),
    /// `**`
    Any,
}

fn parts(path: &str) -> Vec<Part> {
    let part =
        |text: &str| if text == "**" { Part::Any } else { Part::Name(Pattern::parse_name(text)) };
    path.split('.').take(50).map(part).collect()
}

/// What of `value` is on one of the paths.
fn include(value: Value, paths: &[&[Part]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value);
    }
    match value {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (key, inner) in map {
                let below = step(&key, paths);
                if !below.is_empty()
                    && let Some(inner) = include(inner, &below)
                {
                    kept.insert(key, inner);
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        // Items of arrays have no name of their own.
        Value::Array(items) => {
            let kept: Vec<Value> =
                items.into_iter().filter_map(|item| include(item, paths)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        other => {
            let ends = paths.iter().any(|path| matches!(path, [Part::Any]));
            ends.then_some(other)
        }
    }
}

/// The paths that go on below `key`.
fn step<'a>(key: &str, paths: &[&'a [Part]]) -> Vec<&'a [Part]> {
    let mut below = Vec::new();
    for path in paths {
        match path {
            [Part::Name(pattern), rest @ ..] if pattern.matches(key) => below.push(rest),
            [Part::Any, rest @ ..] => {
                below.push(*path);
                below.extend(step(key, &[rest]));
            }
            _ => {}
        }
    }
    below
}

fn exclude(value: &mut Value, path: &[Part]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| exclude(item, path)),
        Value::Object(map) => match path {
            [Part::Name(pattern)] => map.retain(|key, _| !pattern.matches(key)),
            [Part::Name(pattern), rest @ ..] => {
                for (key, inner) in map.iter_mut() {
                    if pattern.matches(key) {
                        exclude(inner, rest);
                    }
                }
            }
            [Part::Any, rest @ ..] => {
                exclude_object(map, rest);
                map.iter_mut().for_each(|(_, inner)| exclude(inner, path));
            }
            [] => {}
        },
        _ => {}
    }
}

fn exclude_object(map: &mut Map<String, Value>, path: &[Part]) {
    let mut value = Value::Object(std::mem::take(map));
    exclude(&mut value, path);
    if let Value::Object(kept) = value {
        *map = kept;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_kept() {
        let answer = json!({"took": 1, "errors": true, "items": [{"create": {"status": 201, "_id": "a"}}, {"index": {"status": 400, "error": {"type": "x"}}}]});
        assert_eq!(
            apply(answer.clone(), "errors,items.*.error,items.*.status"),
            json!({"errors": true, "items": [{"create": {"status": 201}}, {"index": {"status": 400, "error": {"type": "x"}}}]})
        );
        assert_eq!(apply(answer.clone(), "nothing"), json!({}));
        assert_eq!(apply(answer.clone(), "-items"), json!({"took": 1, "errors": true}));
        assert_eq!(
            apply(answer, "**.type"),
            json!({"items": [{"index": {"error": {"type": "x"}}}]})
        );
    }
}
