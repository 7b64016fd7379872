//! `urldecode`: `%20` and the like in a field, or in all.

use percent_encoding::percent_decode_str;
use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::field;
use crate::options::Options;

const DEPTH_MAX: usize = 100;

#[derive(Debug)]
struct UrlDecode {
    field: FieldReference,
    all_fields: bool,
    tags: Vec<String>,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    options.ignore(&["charset"]);
    Ok(Box::new(UrlDecode {
        field: options.reference(&options.text("field")?.unwrap_or_else(|| "message".into()))?,
        all_fields: options.boolean("all_fields", false)?,
        tags: options.tags("tag_on_failure", "_urldecodefailure")?,
    }))
}

impl Filter for UrlDecode {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let mut is_done = true;
        if self.all_fields {
            for (_, value) in event.fields.iter_mut() {
                is_done &= decode(value, 0);
            }
        } else if let Some(value) = field::get_mut(event, &self.field) {
            is_done = decode(value, 0);
        }
        if is_done { Verdict::Matched } else { fail(event, &self.tags) }
    }
}

fn decode(value: &mut Value, depth: usize) -> bool {
    match value {
        _ if depth > DEPTH_MAX => false,
        Value::String(text) => match percent_decode_str(text).decode_utf8() {
            Ok(decoded) => {
                *text = decoded.into_owned();
                true
            }
            Err(_) => false,
        },
        Value::List(items) => {
            items.iter_mut().fold(true, |done, item| decode(item, depth + 1) & done)
        }
        Value::Object(object) => {
            object.iter_mut().fold(true, |done, (_, item)| decode(item, depth + 1) & done)
        }
        _ => true,
    }
}
