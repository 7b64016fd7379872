//! `clone`: copies of the event, each with its type or tag.

use vigie_language::logstash::ConfigError;
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict};
use crate::build::{Context, Ecs};
use crate::options::Options;

#[derive(Debug)]
struct Clones {
    names: Vec<String>,
    as_tag: bool,
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let names = options.list("clones")?.unwrap_or_default();
    if names.is_empty() {
        return Err(options.error("the option clones is missing"));
    }
    let as_tag = context.ecs(options)? != Ecs::Disabled;
    Ok(Box::new(Clones { names, as_tag }))
}

impl Filter for Clones {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        for name in &self.names {
            let mut copy = event.clone();
            if self.as_tag {
                copy.add_tag(name);
            } else {
                copy.fields.insert("type", Value::String(name.clone()));
            }
            scope.new_events.push((copy, true));
        }
        Verdict::Passed
    }
}
