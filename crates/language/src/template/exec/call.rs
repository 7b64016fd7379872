//! Calls: arguments are counted, evaluated by the types of the parameters, and handed over.

use std::sync::Arc;

use super::{At, Executor, VALUE_DEPTH_MAX};
use crate::template::ast::{Operand, OperandKind};
use crate::template::error::Error;
use crate::template::function::{Function, Parameter};
use crate::template::value::Value;

/// What is called, and where.
pub(super) struct Target<'t> {
    pub(super) function: &'static Function,
    pub(super) receiver: Option<Value>,
    pub(super) node: At<'t>,
}

impl<'t> Executor<'t> {
    pub(super) fn call(
        &mut self,
        dot: &Value,
        target: Target<'t>,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let function = target.function;
        let count = arguments.len() + usize::from(last.is_some());
        self.check_count(function, count, arguments.len())?;
        let parameter = |index: usize| {
            let fixed = function.parameters.get(index).copied();
            fixed.or(function.variadic).unwrap_or(Parameter::Any)
        };
        let mut values: Vec<Value> = target.receiver.into_iter().collect();
        for (index, operand) in arguments.iter().enumerate() {
            values.push(self.argument(dot, parameter(index), operand)?);
        }
        if let Some(last) = last {
            values.push(self.validate(last, parameter(count - 1))?);
        }
        match (function.call)(self.host, &values) {
            Ok(value) => {
                let bytes = value.as_text().map_or(0, |text| text.len());
                self.check_size(bytes)?;
                // What is large costs more than one step to make.
                self.steps += (bytes / 64 + value.items().len() / 16) as u64;
                if value.depth() > VALUE_DEPTH_MAX {
                    return self.over_limit("values nest too deep");
                }
                Ok(value)
            }
            Err(message) => {
                self.at = Some(target.node);
                self.fail(&format!("error calling {}: {message}", function.name))
            }
        }
    }

    fn check_count(&self, function: &Function, count: usize, written: usize) -> Result<(), Error> {
        let fixed = function.parameters.len();
        let name = function.name;
        if function.variadic.is_some() {
            if count < fixed {
                return self.fail(&format!(
                    "wrong number of args for {name}: want at least {fixed} got {written}"
                ));
            }
        } else if count != fixed {
            return self
                .fail(&format!("wrong number of args for {name}: want {fixed} got {count}"));
        }
        Ok(())
    }

    /// `and` and `or` evaluate no argument after the one that decides.
    pub(super) fn short_circuit(
        &mut self,
        dot: &Value,
        name: &str,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        if arguments.is_empty() && last.is_none() {
            return self.fail(&format!("wrong number of args for {name}: want at least 1 got 0"));
        }
        let mut value = Value::Nil;
        for operand in arguments {
            value = self.argument(dot, Parameter::Reflected, operand)?;
            if value.is_true() == (name == "or") {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn argument(
        &mut self,
        dot: &Value,
        parameter: Parameter,
        operand: &'t Operand,
    ) -> Result<Value, Error> {
        self.step()?;
        self.at = Some(At::Operand(operand));
        match &operand.kind {
            OperandKind::Nil => match parameter.nil() {
                Some(nil) => Ok(nil),
                None => self.fail(&format!("cannot assign nil to {}", parameter.name())),
            },
            OperandKind::Bool(_) | OperandKind::Number(_) | OperandKind::Text(..) => {
                self.literal(dot, parameter, operand)
            }
            _ => {
                let value = self.operand(dot, operand)?;
                self.validate(value, parameter)
            }
        }
    }

    /// A constant takes the type of the parameter.
    fn literal(
        &mut self,
        dot: &Value,
        parameter: Parameter,
        operand: &'t Operand,
    ) -> Result<Value, Error> {
        let wanted = match (parameter, &operand.kind) {
            (Parameter::Any | Parameter::Reflected, _) => return self.operand(dot, operand),
            (Parameter::Bool, OperandKind::Bool(value)) => return Ok(Value::Bool(*value)),
            (Parameter::Text, OperandKind::Text(_, text)) => {
                return Ok(Value::Text(Arc::clone(text)));
            }
            (Parameter::Int | Parameter::Duration, OperandKind::Number(number)) => {
                match (number.integer, parameter) {
                    (Some(integer), Parameter::Int) => return Ok(Value::Int(integer)),
                    (Some(integer), _) => return Ok(Value::Duration(integer)),
                    (None, _) => "integer",
                }
            }
            (Parameter::Float, OperandKind::Number(number)) => match number.float {
                Some(float) => return Ok(Value::Float(float)),
                None => "float",
            },
            (Parameter::Bool, _) => "bool",
            (Parameter::Text, _) => "string",
            (Parameter::Int | Parameter::Duration, _) => "integer",
            (Parameter::Float, _) => "float",
            (Parameter::Time | Parameter::Made(_), _) => {
                let name = parameter.name();
                return self.fail(&format!("can't handle {operand} for arg of type {name}"));
            }
        };
        self.fail(&format!("expected {wanted}; found {operand}"))
    }

    /// The value, if it can be given to the parameter.
    fn validate(&self, value: Value, parameter: Parameter) -> Result<Value, Error> {
        if matches!(value, Value::Nil) {
            return match parameter.nil() {
                Some(nil) => Ok(nil),
                None => self.fail(&format!("invalid value; expected {}", parameter.name())),
            };
        }
        if parameter.takes(&value) {
            return Ok(value);
        }
        let (wanted, got) = (parameter.name(), value.type_name());
        self.fail(&format!("wrong type for value; expected {wanted}; got {got}"))
    }
}
