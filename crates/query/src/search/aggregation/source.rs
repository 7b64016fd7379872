//! Where an aggregation's values come from: a field, what stands for missing ones, the format.

use std::sync::Arc;

use serde_json::Value;
use vigie_language::search::DateFormat;

use super::collect::{Context, Pairs};
use crate::search::SearchError;
use crate::search::json::{Options, scalar_text};
use crate::search::schema::{Field, FieldKind};
use crate::search::values::{Block, ValueRef, has, number_of};

/// A field and its options.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) field: Field,
    missing: Option<Value>,
}

impl Source {
    /// Reads `field`, `missing` and `format`; refuses scripts.
    pub(super) fn new(options: Options<'_>, context: &Context) -> Result<Self, SearchError> {
        if options.get("script").is_some() {
            return Err(SearchError::not_served("a script in an aggregation").at("script"));
        }
        let name = options.text("field")?.ok_or_else(|| {
            let reason = format!(
                "Required one of fields [field, script], but none were specified. [{}]",
                options.name()
            );
            SearchError::argument(reason).at(options.name())
        })?;
        let mut field = context.field(&name);
        if let Some(format) = options.text("format")?
            && let Ok(format) = DateFormat::parse(&format)
        {
            field.format = Arc::new(format);
        }
        Ok(Self { field, missing: options.get("missing").cloned() })
    }

    /// All values of the pairs' rows.
    pub(super) fn values(
        &self,
        block: Block<'_>,
        pairs: &Pairs,
        each: &mut dyn FnMut(usize, ValueRef<'_>),
    ) -> Result<(), SearchError> {
        block.values(&self.field, &pairs.rows, each)?;
        let Some(missing) = &self.missing else { return Ok(()) };
        let text = scalar_text(missing).unwrap_or_default();
        let value = match missing {
            Value::Number(number) if self.field.kind != FieldKind::Keyword => {
                ValueRef::Number(number.as_f64().unwrap_or(0.0))
            }
            Value::Bool(truth) => ValueRef::Boolean(*truth),
            _ => match self.field.kind {
                FieldKind::Date | FieldKind::Integer | FieldKind::Float => {
                    number_of(&self.field, ValueRef::Text(&text))
                        .map_or(ValueRef::Text(&text), ValueRef::Number)
                }
                _ => ValueRef::Text(&text),
            },
        };
        let present = block.present(&self.field)?;
        for (index, _) in pairs.rows.iter().enumerate().filter(|(_, row)| !has(&present, **row)) {
            each(index, value);
        }
        Ok(())
    }

    /// All values of the pairs' rows that are numbers.
    pub(super) fn numbers(
        &self,
        block: Block<'_>,
        pairs: &Pairs,
        each: &mut dyn FnMut(usize, f64),
    ) -> Result<(), SearchError> {
        block.numbers(&self.field, &pairs.rows, each)?;
        let Some(missing) = &self.missing else { return Ok(()) };
        let text = scalar_text(missing).unwrap_or_default();
        let number = missing.as_f64().or_else(|| number_of(&self.field, ValueRef::Text(&text)));
        let number = number.ok_or_else(|| {
            SearchError::argument(format!("failed to parse [missing] value [{text}]"))
        })?;
        let present = block.present(&self.field)?;
        for (index, _) in pairs.rows.iter().enumerate().filter(|(_, row)| !has(&present, **row)) {
            each(index, number);
        }
        Ok(())
    }

    /// Whether documents without the field take part.
    pub(super) fn has_missing(&self) -> bool {
        self.missing.is_some()
    }
}
