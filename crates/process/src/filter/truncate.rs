//! `truncate`: texts are cut to a number of bytes, at the end of a character.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict};
use crate::field;
use crate::options::Options;

const DEPTH_MAX: usize = 100;

#[derive(Debug)]
struct Truncate {
    fields: Option<Vec<FieldReference>>,
    length_bytes: usize,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let length = options.required("length_bytes")?;
    let length_bytes =
        length.parse().map_err(|_| options.error(&format!("length_bytes: `{length}`")))?;
    let names = options.list("fields")?;
    let fields = names.map(|names| names.iter().map(|name| options.reference(name)).collect());
    Ok(Box::new(Truncate { fields: fields.transpose()?, length_bytes }))
}

impl Filter for Truncate {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        match &self.fields {
            Some(fields) => {
                for name in fields {
                    if let Some(value) = field::get_mut(event, name) {
                        cut(value, self.length_bytes, 0);
                    }
                }
            }
            None => {
                for (_, value) in event.fields.iter_mut() {
                    cut(value, self.length_bytes, 0);
                }
            }
        }
        Verdict::Matched
    }
}

fn cut(value: &mut Value, length_bytes: usize, depth: usize) {
    match value {
        _ if depth > DEPTH_MAX => {}
        Value::String(text) => {
            let mut end = length_bytes.min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        Value::List(items) => {
            for item in items {
                cut(item, length_bytes, depth + 1);
            }
        }
        Value::Object(object) => {
            for (_, item) in object.iter_mut() {
                cut(item, length_bytes, depth + 1);
            }
        }
        _ => {}
    }
}
