//! Fields of a document by dotted path, and templates `{{field}}`.

use serde_json::{Map, Value};

use super::Document;

/// Levels that a path may have.
const LEVELS_MAX: usize = 50;

impl Document {
    /// The value at a path; `_index`, `_id` and `_ingest.timestamp` are known as well.
    pub(super) fn get(&self, path: &str) -> Option<Value> {
        match path {
            "_index" => return Some(self.index.clone().into()),
            "_id" => return self.id.clone().map(Value::from),
            "_ingest.timestamp" | "_ingest._timestamp" => {
                return Some(vigie_language::search::format_strict_date_time(self.now_ms).into());
            }
            "_ingest.on_failure_message" => return self.failure.clone().map(Value::from),
            _ => {}
        }
        let path = path.strip_prefix("ctx.").or(path.strip_prefix("_source.")).unwrap_or(path);
        if let Some(value) = self.source.get(path) {
            return Some(value.clone());
        }
        let mut parts = path.split('.').take(LEVELS_MAX);
        let mut value = self.source.get(parts.next()?)?;
        for part in parts {
            value = match value {
                Value::Object(map) => map.get(part)?,
                Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value.clone())
    }

    /// Sets the value at a path; what is no object on the way is replaced by one.
    pub(super) fn set(&mut self, path: &str, value: Value) {
        match path {
            "_index" => {
                self.index = text_of(&value);
                return;
            }
            "_id" => {
                self.id = Some(text_of(&value));
                return;
            }
            _ => {}
        }
        let path = path.strip_prefix("ctx.").or(path.strip_prefix("_source.")).unwrap_or(path);
        if self.source.contains_key(path) {
            self.source.insert(path.to_owned(), value);
            return;
        }
        let mut level = &mut self.source;
        let mut parts = path.split('.').take(LEVELS_MAX).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                level.insert(part.to_owned(), value);
                return;
            }
            let entry = level.entry(part).or_insert_with(|| Value::Object(Map::new()));
            if !entry.is_object() {
                *entry = Value::Object(Map::new());
            }
            let Value::Object(inner) = entry else { return };
            level = inner;
        }
    }

    /// Removes the value at a path and gives it.
    pub(super) fn remove(&mut self, path: &str) -> Option<Value> {
        if let Some(value) = self.source.remove(path) {
            return Some(value);
        }
        let (parent, last) = path.rsplit_once('.')?;
        let mut level = &mut self.source;
        for part in parent.split('.').take(LEVELS_MAX) {
            level = level.get_mut(part)?.as_object_mut()?;
        }
        level.remove(last)
    }

    /// A text with `{{field}}` and `{{{field}}}` filled in; a lone one keeps the value's type.
    pub(super) fn fill(&self, template: &Value) -> Value {
        match template {
            Value::String(text) if text.contains("{{") => Value::from(self.fill_text(text)),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (key.clone(), self.fill(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    pub(super) fn fill_text(&self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let after = after.strip_prefix('{').unwrap_or(after);
            let Some((name, after)) = after.split_once("}}") else {
                out.push_str("{{");
                rest = after;
                continue;
            };
            rest = after.strip_prefix('}').unwrap_or(after);
            let value = self.get(name.trim());
            out.push_str(&value.as_ref().map(text_of).unwrap_or_default());
        }
        out.push_str(rest);
        out
    }
}

/// A value as text.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
