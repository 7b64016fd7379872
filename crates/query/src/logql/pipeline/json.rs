//! The parsers `json` and `unpack`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use vigie_language::logql::Extraction;

use crate::logql::labels::{LineLabels, label_name};

/// The error of a line that is no JSON.
pub(super) const JSON_ERROR: &str = "JSONParserErr";
/// The field that `unpack` takes for the line.
const ENTRY: &str = "_entry";
/// Objects are looked into no deeper.
const DEPTH_MAX: usize = 32;
/// Labels of one line.
const LABELS_MAX: usize = 1_000;

/// Hands the fields of a JSON object to `each`: the key and the value as it is written. It ends
/// when `each` gives an error.
pub(crate) fn walk_object(
    text: &str,
    each: &mut dyn FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let walked = deserializer.deserialize_map(Walk(each));
    walked.and_then(|()| deserializer.end()).map_err(|error| error.to_string())
}

struct Walk<'e>(&'e mut dyn FnMut(&str, &str) -> Result<(), String>);

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let value: &RawValue = map.next_value()?;
            (self.0)(&key.0, value.get()).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// What a scalar's JSON says; `None` for null, objects and lists.
pub(super) fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<Key<'_>>(raw).ok().map(|text| text.0),
        b'{' | b'[' | b'n' => None,
        _ => Some(raw.into()),
    }
}

/// Makes every scalar a label; the names of nested ones are joined by `_`.
pub(super) fn extract_all(line: &str, labels: &mut LineLabels) {
    let mut count = 0;
    if let Err(error) = flatten(line, "", 0, &mut count, labels) {
        labels.fail(JSON_ERROR, &error);
    }
}

fn flatten(
    text: &str,
    prefix: &str,
    depth: usize,
    count: &mut usize,
    labels: &mut LineLabels,
) -> Result<(), String> {
    walk_object(text, &mut |key, raw| {
        let key = label_name(key);
        let name = if prefix.is_empty() { key } else { format!("{prefix}_{key}").into() };
        if raw.starts_with('{') && depth < DEPTH_MAX {
            return flatten(raw, &name, depth + 1, count, labels);
        }
        if let Some(value) = scalar(raw).filter(|_| *count < LABELS_MAX) {
            *count += 1;
            labels.extract(&name, &value);
        }
        Ok(())
    })
}

/// One step of a path into JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
}

/// Reads `a.b[0]["c d"]`.
pub(super) fn parse_path(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix("[\"") {
            let (field, after) = inside.split_once("\"]")?;
            steps.push(Step::Field(field.to_owned()));
            rest = after;
        } else if let Some(inside) = rest.strip_prefix('[') {
            let (index, after) = inside.split_once(']')?;
            steps.push(Step::Index(index.trim().parse().ok()?));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            if field.is_empty() {
                return None;
            }
            steps.push(Step::Field(field.to_owned()));
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('.') {
            if after.is_empty() {
                return None;
            }
            rest = after;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

/// The value at a path, as JSON.
fn at_path<'t>(text: &'t str, steps: &[Step]) -> Result<Option<&'t str>, String> {
    let mut text = text;
    for step in steps {
        match step {
            Step::Field(name) => {
                let mut found = None;
                let fields: std::collections::BTreeMap<Name<'_>, &RawValue> =
                    match serde_json::from_str(text) {
                        Ok(fields) => fields,
                        Err(error) if error.is_data() => return Ok(None),
                        Err(error) => return Err(error.to_string()),
                    };
                for (key, value) in fields {
                    if key.0 == *name {
                        found = Some(value.get());
                    }
                }
                let Some(value) = found else { return Ok(None) };
                text = value;
            }
            Step::Index(index) => {
                let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else {
                    return Ok(None);
                };
                let Some(item) = items.get(*index) else { return Ok(None) };
                text = item.get();
            }
        }
    }
    Ok(Some(text))
}

#[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Makes labels of what stands at paths; objects and lists become their JSON.
pub(super) fn extract_paths(
    line: &str,
    paths: &[(Extraction, Vec<Step>)],
    labels: &mut LineLabels,
) {
    for (extraction, path) in paths {
        match at_path(line, path) {
            Ok(found) => {
                let value = found.map_or("".into(), |raw| match raw.as_bytes().first() {
                    Some(b'{' | b'[') => Cow::Borrowed(raw),
                    _ => scalar(raw).unwrap_or_default(),
                });
                labels.extract(&extraction.label, &value);
            }
            Err(error) => return labels.fail(JSON_ERROR, &error),
        }
    }
}

/// `unpack`: the texts of an object become labels, `_entry` the line.
pub(super) fn unpack(line: &mut String, labels: &mut LineLabels) {
    let mut entry = None;
    let walked = walk_object(line, &mut |key, raw| {
        if !raw.starts_with('"') {
            return Ok(());
        }
        let value = scalar(raw).unwrap_or_default();
        if key == ENTRY {
            entry = Some(value.into_owned());
        } else {
            labels.extract(&label_name(key), &value);
        }
        Ok(())
    });
    match (walked, entry) {
        (Err(error), _) => labels.fail(JSON_ERROR, &error),
        (Ok(()), Some(entry)) => *line = entry,
        (Ok(()), None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_json() {
        let line = r#"{"a":{"b c":[{"d":1.50},"x"]},"e":null}"#;
        for (path, value) in [
            (r#"a["b c"][0].d"#, Some("1.50")),
            (r#"a["b c"][1]"#, Some("\"x\"")),
            ("a.b", None),
            ("e", Some("null")),
            ("e.f", None),
            (r#"a["b c"][7]"#, None),
        ] {
            assert_eq!(at_path(line, &parse_path(path).unwrap()), Ok(value), "{path}");
        }
        for path in ["", ".", "a.", "a[", "a[x]", "a..b"] {
            assert_eq!(parse_path(path), None, "{path}");
        }
        assert!(at_path("not json", &parse_path("a").unwrap()).is_err());
    }
}
