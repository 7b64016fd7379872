//! What every filter does with an event on which it succeeded: `add_field`, `remove_field`,
//! `add_tag`, `remove_tag`, in this order.

use vigie_language::logstash::{ConfigError, FieldReference, Sprintf};
use vigie_model::event::{Event, Value};

use crate::options::Options;
use crate::{field, text};

/// The common options of a filter.
#[derive(Debug, Default)]
pub(crate) struct Common {
    add_field: Vec<(Sprintf, Vec<Sprintf>)>,
    remove_field: Vec<Sprintf>,
    add_tag: Vec<Sprintf>,
    remove_tag: Vec<Sprintf>,
    /// The plugin's id, if it has one.
    pub(crate) id: Option<String>,
}

impl Common {
    pub(crate) fn build(options: &Options<'_>) -> Result<Self, ConfigError> {
        let templates = |name: &str| -> Result<Vec<Sprintf>, ConfigError> {
            let texts = options.list(name)?.unwrap_or_default();
            texts.iter().map(|text| options.template(text)).collect()
        };
        let mut add_field = Vec::new();
        for (name, values) in options.hash("add_field")?.unwrap_or_default() {
            let values = values.iter().map(|value| options.template(value));
            add_field.push((options.template(&name)?, values.collect::<Result<_, _>>()?));
        }
        options.ignore(&["enable_metric", "periodic_flush"]);
        Ok(Self {
            add_field,
            remove_field: templates("remove_field")?,
            add_tag: templates("add_tag")?,
            remove_tag: templates("remove_tag")?,
            id: options.text("id")?,
        })
    }

    /// The filter succeeded on `event`.
    pub(crate) fn matched(&self, event: &mut Event, now_ns: i64) {
        for (name, values) in &self.add_field {
            let Ok(reference) = FieldReference::parse(&text::render(name, event, now_ns)) else {
                continue;
            };
            for value in values {
                let value = Value::String(text::render(value, event, now_ns));
                add(event, &reference, value);
            }
        }
        for name in &self.remove_field {
            if let Ok(reference) = FieldReference::parse(&text::render(name, event, now_ns)) {
                field::remove(event, &reference);
            }
        }
        for tag in &self.add_tag {
            let tag = text::render(tag, event, now_ns);
            event.add_tag(&tag);
        }
        for tag in &self.remove_tag {
            let tag = text::render(tag, event, now_ns);
            remove_tag(event, &tag);
        }
    }
}

/// Adds a value: a field that is there becomes a list.
fn add(event: &mut Event, reference: &FieldReference, value: Value) {
    if !field::has(event, reference) {
        field::set(event, reference, value);
        return;
    }
    if let Some(known) = field::get_mut(event, reference) {
        let mut list = field::into_list(std::mem::take(known));
        list.push(value);
        *known = Value::List(list);
    }
}

fn remove_tag(event: &mut Event, tag: &str) {
    match event.fields.get_mut("tags") {
        Some(Value::List(tags)) => tags.retain(|known| known.as_str() != Some(tag)),
        Some(Value::String(known)) if known == tag => {
            event.fields.insert("tags", Value::List(Vec::new()));
        }
        _ => {}
    }
}
