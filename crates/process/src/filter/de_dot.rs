//! `de_dot`: dots in the names of fields become something else, or objects.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::Event;

use super::{Filter, Scope, Verdict};
use crate::field;
use crate::options::Options;

#[derive(Debug)]
struct DeDot {
    fields: Option<Vec<String>>,
    separator: String,
    is_nested: bool,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    options.ignore(&["recursive"]);
    Ok(Box::new(DeDot {
        fields: options.list("fields")?,
        separator: options.text("separator")?.unwrap_or_else(|| "_".to_owned()),
        is_nested: options.boolean("nested", false)?,
    }))
}

impl Filter for DeDot {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let names: Vec<String> = match &self.fields {
            Some(fields) => fields.clone(),
            None => event.fields.iter().map(|(key, _)| key.to_owned()).collect(),
        };
        for name in names {
            if !name.contains('.') {
                continue;
            }
            let Some(value) = event.fields.remove(&name) else { continue };
            if self.is_nested {
                let path = name.split('.').map(|part| format!("[{part}]")).collect::<String>();
                if let Ok(reference) = FieldReference::parse(&path) {
                    field::set(event, &reference, value);
                    continue;
                }
            }
            event.fields.insert(name.replace('.', &self.separator), value);
        }
        Verdict::Matched
    }
}
