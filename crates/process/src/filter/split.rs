//! `split`: one event becomes one for each part of a field.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::field;
use crate::options::Options;

/// Events that come of one.
const PARTS_MAX: usize = 100_000;

#[derive(Debug)]
struct Split {
    source: FieldReference,
    target: FieldReference,
    terminator: String,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let source = options.text("field")?.unwrap_or_else(|| "message".to_owned());
    let source = options.reference(&source)?;
    let target = options.field("target")?.unwrap_or_else(|| source.clone());
    let terminator = options.text("terminator")?.unwrap_or_else(|| "\n".to_owned());
    Ok(Box::new(Split { source, target, terminator }))
}

impl Filter for Split {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        let parts: Vec<Value> = match field::get(event, &self.source) {
            Some(Value::List(items)) => items.clone(),
            // Ruby's split leaves out empty parts at the end.
            Some(Value::String(text)) => {
                let mut parts: Vec<_> =
                    text.split(self.terminator.as_str()).take(PARTS_MAX).collect();
                while parts.last().is_some_and(|part| part.is_empty()) {
                    parts.pop();
                }
                // A text in one part stays the event that it is.
                if parts.len() <= 1 {
                    return Verdict::Passed;
                }
                parts.into_iter().map(Value::from).collect()
            }
            _ => return fail(event, &["_split_type_failure".to_owned()]),
        };
        let parts = parts.into_iter().take(PARTS_MAX);
        let parts = parts.filter(|part| !matches!(part, Value::Null) && part.as_str() != Some(""));
        for part in parts {
            let mut new = event.clone();
            field::set(&mut new, &self.target, part);
            scope.new_events.push((new, true));
        }
        Verdict::Dropped
    }
}
