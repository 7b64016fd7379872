//! `uuid`: a random identifier in a field.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict};
use crate::field;
use crate::options::Options;

#[derive(Debug)]
struct NewUuid {
    target: FieldReference,
    is_override: bool,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    Ok(Box::new(NewUuid {
        target: options.reference(&options.required("target")?)?,
        is_override: options.boolean("overwrite", false)?,
    }))
}

impl Filter for NewUuid {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        if self.is_override || !field::has(event, &self.target) {
            field::set(event, &self.target, Value::String(new(scope)));
        }
        Verdict::Matched
    }
}

/// A random identifier (version 4).
pub(super) fn new(scope: &Scope<'_>) -> String {
    let random = &scope.world.random;
    let bits = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
}
