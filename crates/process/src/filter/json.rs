//! `json`: a text that is JSON becomes fields.

use vigie_formats::event_json::parse_json;
use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Object, TIMESTAMP, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::options::Options;
use crate::{field, text};

#[derive(Debug)]
struct Json {
    source: FieldReference,
    target: Option<FieldReference>,
    tags: Vec<String>,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    options.ignore(&["skip_on_invalid_json"]);
    Ok(Box::new(Json {
        source: options.reference(&options.required("source")?)?,
        target: options.field("target")?,
        tags: options.tags("tag_on_failure", "_jsonparsefailure")?,
    }))
}

impl Filter for Json {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        let parsed = match field::get(event, &self.source) {
            None | Some(Value::Null | Value::Boolean(false)) => return Verdict::Passed,
            Some(Value::String(text)) => parse_json(text.as_bytes()).ok(),
            Some(_) => None,
        };
        let Some(parsed) = parsed else { return fail(event, &self.tags) };
        if let Some(target) = &self.target {
            if !field::set(event, target, parsed) {
                return fail(event, &self.tags);
            }
            return Verdict::Matched;
        }
        // Without a target the root is the target, and only an object has fields.
        let Value::Object(object) = parsed else { return fail(event, &self.tags) };
        merge(event, object, scope.now_ns);
        Verdict::Matched
    }
}

/// Sets each member at the root; `@timestamp` must be a time.
fn merge(event: &mut Event, object: Object, now_ns: i64) {
    for (key, value) in object {
        if key != TIMESTAMP {
            // A key is a reference: `[a][b]` in JSON sets a field within a field.
            let reference =
                FieldReference::parse(&key).unwrap_or_else(|_| FieldReference::of_name(&key));
            field::set(event, &reference, value);
            continue;
        }
        match field::as_time_ns(&value) {
            Some(time_ns) => {
                event.fields.insert(TIMESTAMP, Value::Time(time_ns));
            }
            None => {
                event.fields.insert(TIMESTAMP, Value::Time(now_ns));
                event.fields.insert("_@timestamp", Value::String(text::of_value(&value)));
                event.add_tag("_timestampparsefailure");
            }
        }
    }
}
