//! `range`: over slices, maps in the order of their keys, and integers.

use std::sync::Arc;

use super::{Executor, Flow};
use crate::template::ast::Branch;
use crate::template::error::Error;
use crate::template::format;
use crate::template::value::Value;

impl<'t> Executor<'t> {
    pub(super) fn range(&mut self, dot: &Value, branch: &'t Branch) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let body_mark = self.variables.len();
        let ran = match &value {
            Value::List(list) => self.turns(
                branch,
                body_mark,
                list.items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| (Value::Int(at as i64), item.clone())),
            )?,
            Value::Map(map) => self.turns(
                branch,
                body_mark,
                map.entries.iter().map(|(key, item)| (Value::Text(Arc::clone(key)), item.clone())),
            )?,
            Value::Nil | Value::NilInterface => false,
            other => {
                let Some(count) = other.as_integer() else {
                    let text = format::display_action(other);
                    return self.fail(&format!("range can't iterate over {text}"));
                };
                if branch.pipe.variables.len() > 1 {
                    return self.fail(&format!(
                        "can't use {count} to iterate over more than one variable"
                    ));
                }
                let numbers = (0..count).map(|number| (Value::Nil, Value::Int(number)));
                self.turns(branch, body_mark, numbers)?
            }
        };
        let mut flow = Flow::Next;
        if !ran && let Some(otherwise) = &branch.otherwise {
            // The other list is outside of the loop: a break there ends a loop around this one.
            flow = self.list(dot, otherwise)?;
        }
        self.variables.truncate(mark);
        Ok(flow)
    }

    /// Walks the body for each element. False if there was none.
    fn turns(
        &mut self,
        branch: &'t Branch,
        mark: usize,
        elements: impl Iterator<Item = (Value, Value)>,
    ) -> Result<bool, Error> {
        let mut ran = false;
        for (key, element) in elements {
            ran = true;
            self.step()?;
            self.set_range_variables(branch, mark, key, &element)?;
            let flow = self.list(&element, &branch.list)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    /// One variable is the element, two are key and element.
    fn set_range_variables(
        &mut self,
        branch: &'t Branch,
        mark: usize,
        key: Value,
        element: &Value,
    ) -> Result<(), Error> {
        let names = &branch.pipe.variables;
        let values = match names.as_slice() {
            [] => return Ok(()),
            [_] => vec![element.clone()],
            _ => vec![key, element.clone()],
        };
        if branch.pipe.assigns {
            for (name, value) in names.iter().zip(values) {
                self.set_variable(name, value)?;
            }
            return Ok(());
        }
        let start = mark.saturating_sub(names.len());
        for ((_, place), value) in self.variables.iter_mut().skip(start).zip(values) {
            *place = value;
        }
        Ok(())
    }
}
