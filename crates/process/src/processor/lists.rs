//! Processors of lists.

use vigie_language::filebeat::{Section, value_of};
use vigie_language::yaml::ConfigError;
use vigie_model::event::{Event, Value};

use super::{Step, access};

type Built = Result<Box<dyn Step>, ConfigError>;

#[derive(Debug)]
struct ExtractArray {
    field: String,
    mappings: Vec<(String, usize)>,
    overwrites: bool,
    omits_empty: bool,
}

pub(super) fn extract_array(section: &mut Section<'_>) -> Built {
    section.ignore(&["fail_on_error", "ignore_missing"]);
    let mut mappings = Vec::new();
    flatten("", &Value::Object(section.object("mappings")?), &mut mappings);
    Ok(Box::new(ExtractArray {
        field: section.required("field")?,
        mappings,
        overwrites: section.boolean("overwrite_keys", false)?,
        omits_empty: section.boolean("omit_empty", false)?,
    }))
}

fn flatten(prefix: &str, value: &Value, found: &mut Vec<(String, usize)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter() {
                let name =
                    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
                flatten(&name, value, found);
            }
        }
        Value::Integer(at) => {
            if let Ok(at) = usize::try_from(*at) {
                found.push((prefix.to_owned(), at));
            }
        }
        _ => {}
    }
}

impl Step for ExtractArray {
    fn apply(&self, event: &mut Event) -> bool {
        let Some(Value::List(items)) = access::get(event, &self.field).cloned() else {
            return true;
        };
        for (name, at) in &self.mappings {
            let Some(value) = items.get(*at) else { continue };
            let is_empty = matches!(value, Value::Null) || value.as_str() == Some("");
            if (self.omits_empty && is_empty)
                || (!self.overwrites && access::get(event, name).is_some())
            {
                continue;
            }
            access::set(event, name, value.clone());
        }
        true
    }
}

#[derive(Debug)]
struct Append {
    target: String,
    fields: Vec<String>,
    values: Vec<Value>,
    allows_duplicates: bool,
    ignores_empty: bool,
}

pub(super) fn append(section: &mut Section<'_>) -> Built {
    section.ignore(&["fail_on_error", "ignore_missing"]);
    let values = section.list("values")?.iter().map(value_of).collect();
    Ok(Box::new(Append {
        target: section.required("target_field")?,
        fields: section.texts("fields")?,
        values,
        allows_duplicates: section.boolean("allow_duplicate", true)?,
        ignores_empty: section.boolean("ignore_empty_values", false)?,
    }))
}

impl Step for Append {
    fn apply(&self, event: &mut Event) -> bool {
        let mut all = match access::get(event, &self.target) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(items)) => items.clone(),
            Some(one) => vec![one.clone()],
        };
        for name in &self.fields {
            match access::get(event, name) {
                None | Some(Value::Null) => {}
                Some(Value::List(items)) => all.extend(items.iter().cloned()),
                Some(one) => all.push(one.clone()),
            }
        }
        all.extend(self.values.iter().cloned());
        if self.ignores_empty {
            all.retain(|value| value.as_str() != Some("") && !matches!(value, Value::Null));
        }
        if !self.allows_duplicates {
            let mut distinct: Vec<Value> = Vec::new();
            for value in all {
                if !distinct.contains(&value) {
                    distinct.push(value);
                }
            }
            all = distinct;
        }
        access::set(event, &self.target, Value::List(all));
        true
    }
}
