//! The lines of a bulk body: an action, and for most a document.

use serde_json::{Map, Value};

use crate::elasticsearch::error::ApiError;
use crate::elasticsearch::write::Asked;

/// One operation.
#[derive(Debug, PartialEq)]
pub(super) struct Entry<'a> {
    pub(super) asked: Asked,
    pub(super) index: Option<String>,
    pub(super) id: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) if_sequence: Option<u64>,
    /// The document or, of an update, the change; `{}` for a deletion.
    pub(super) source: &'a [u8],
}

/// Reads a body.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(body: &'a [u8]) -> Result<Self, ApiError> {
        // A body that ends within a line was cut off on its way.
        if !body.is_empty() && body.last() != Some(&b'\n') {
            let reason = "The bulk request must be terminated by a newline [\\n]";
            return Err(ApiError::argument(reason));
        }
        Ok(Self { rest: body, number: 0 })
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.rest)?;
        let (line, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..).unwrap_or_default();
        self.number += 1;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry<'a>>, ApiError> {
        let line = loop {
            match self.line() {
                None => return Ok(None),
                Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some(line) => break line,
            }
        };
        let mut entry = match line {
            // What most senders say, without a tree.
            br#"{"create":{}}"# => plain(Asked::Create),
            br#"{"index":{}}"# => plain(Asked::Index),
            _ => self.action(line)?,
        };
        if entry.asked != Asked::Delete {
            entry.source = self.line().ok_or_else(|| {
                ApiError::argument(format!(
                    "Validation Failed: 1: no document after the action in line [{}];",
                    self.number
                ))
            })?;
        }
        Ok(Some(entry))
    }

    fn action(&self, line: &[u8]) -> Result<Entry<'a>, ApiError> {
        let number = self.number;
        let malformed = |detail: &str| {
            ApiError::argument(format!("Malformed action/metadata line [{number}], {detail}"))
        };
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| malformed(&format!("expected valid JSON: {error}")))?;
        let Value::Object(map) = value else {
            return Err(malformed("expected START_OBJECT but found something else"));
        };
        let mut entries = map.iter();
        let Some((name, options)) = entries.next() else {
            return Err(malformed("expected FIELD_NAME but found [END_OBJECT]"));
        };
        if entries.next().is_some() {
            return Err(malformed("expected END_OBJECT but found [FIELD_NAME]"));
        }
        let asked = match name.as_str() {
            "index" => Asked::Index,
            "create" => Asked::Create,
            "update" => Asked::Update,
            "delete" => Asked::Delete,
            other => {
                return Err(malformed(&format!(
                    "expected field [create], [delete], [index] or [update] but found [{other}]"
                )));
            }
        };
        let Value::Object(options) = options else {
            return Err(malformed("expected START_OBJECT or END_OBJECT but found something else"));
        };
        let mut entry = plain(asked);
        entry.index = text(options, "_index");
        entry.id = text(options, "_id");
        entry.pipeline = text(options, "pipeline");
        entry.if_sequence = options.get("if_seq_no").and_then(Value::as_u64);
        if text(options, "op_type").as_deref() == Some("create") {
            entry.asked = Asked::Create;
        }
        if entry.id.is_none() && matches!(asked, Asked::Update | Asked::Delete) {
            return Err(ApiError::new(
                "action_request_validation_exception",
                "Validation Failed: 1: an id is required;",
                400,
            ));
        }
        Ok(entry)
    }
}

fn plain<'a>(asked: Asked) -> Entry<'a> {
    Entry { asked, index: None, id: None, pipeline: None, if_sequence: None, source: b"{}" }
}

fn text(options: &Map<String, Value>, key: &str) -> Option<String> {
    match options.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<(Asked, Option<String>, String)>, ApiError> {
        let mut lines = Lines::new(body.as_bytes())?;
        let mut found = Vec::new();
        while let Some(entry) = lines.next()? {
            found.push((entry.asked, entry.id, String::from_utf8_lossy(entry.source).into_owned()));
        }
        Ok(found)
    }

    #[test]
    fn bodies_of_usual_senders() {
        let body = "{\"create\":{}}\n{\"a\":1}\n{\"index\":{\"_index\":\"x\",\"_id\":7}}\r\n{\"b\":2}\r\n\n{\"delete\":{\"_id\":\"d\"}}\n{\"update\":{\"_id\":\"u\"}}\n{\"doc\":{}}\n";
        let found = read(body).unwrap();
        assert_eq!(
            found.iter().map(|entry| entry.0).collect::<Vec<_>>(),
            [Asked::Create, Asked::Index, Asked::Delete, Asked::Update]
        );
        assert_eq!(found[1].1.as_deref(), Some("7"));
        assert_eq!(found[1].2, "{\"b\":2}");
    }

    #[test]
    fn malformed_bodies_are_refused_whole() {
        for body in [
            "{\"index\":{}}\n{\"a\":1}",
            "{\"index\":{}}\n",
            "[]\n",
            "{}\n",
            "{\"index\":{},\"create\":{}}\n{}\n",
            "{\"remove\":{}}\n{}\n",
            "{\"index\":7}\n{}\n",
            "{\"delete\":{}}\n",
            "nonsense\n",
        ] {
            let error = read(body).unwrap_err();
            assert_eq!(error.status, 400, "{body}");
        }
    }
}
