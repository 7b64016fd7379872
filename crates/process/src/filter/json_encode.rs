//! `json_encode`: a field becomes a text of JSON.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::options::Options;
use crate::{field, text};

#[derive(Debug)]
struct JsonEncode {
    source: FieldReference,
    target: FieldReference,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let source = options.reference(&options.required("source")?)?;
    let target = options.field("target")?.unwrap_or_else(|| source.clone());
    Ok(Box::new(JsonEncode { source, target }))
}

impl Filter for JsonEncode {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let Some(value) = field::get(event, &self.source) else { return Verdict::Passed };
        let encoded = Value::String(text::json(value));
        if field::set(event, &self.target, encoded) {
            Verdict::Matched
        } else {
            fail(event, &["_jsongeneratefailure".to_owned()])
        }
    }
}
