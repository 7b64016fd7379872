//! Functions and methods: their parameters' types, and what they may ask of the outside.

use super::time::Time;
use super::value::{Type, Value};

/// A function or method that templates can call.
pub struct Function {
    /// As templates name it.
    pub name: &'static str,
    /// What it takes; a method's value is not counted.
    pub parameters: &'static [Parameter],
    /// What follows the parameters any number of times.
    pub variadic: Option<Parameter>,
    /// Gets arguments that fit the parameters, a method its value before them.
    pub call: fn(&dyn Host, &[Value]) -> Result<Value, String>,
}

impl Function {
    /// A function without a variable number of arguments.
    pub const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        call: fn(&dyn Host, &[Value]) -> Result<Value, String>,
    ) -> Self {
        Self { name, parameters, variadic: None, call }
    }

    /// A function whose last argument may come any number of times.
    pub const fn variadic(
        name: &'static str,
        parameters: &'static [Parameter],
        variadic: Parameter,
        call: fn(&dyn Host, &[Value]) -> Result<Value, String>,
    ) -> Self {
        Self { name, parameters, variadic: Some(variadic), call }
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy)]
pub enum Parameter {
    /// `interface {}`.
    Any,
    /// `reflect.Value`, which Go's own functions take: like any, but errors name it so.
    Reflected,
    /// `string`.
    Text,
    /// `int`.
    Int,
    /// `float64`.
    Float,
    /// `bool`.
    Bool,
    /// `time.Time`.
    Time,
    /// `time.Duration`.
    Duration,
    /// A type made of others.
    Made(&'static Type),
}

impl Parameter {
    /// As Go names it.
    pub(super) fn name(self) -> String {
        let name = match self {
            Self::Any => "interface {}",
            Self::Reflected => "reflect.Value",
            Self::Text => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Made(kind) => return kind.full_name(),
        };
        name.to_owned()
    }

    /// Whether Go would assign the value to it.
    pub(super) fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any | Self::Reflected, _)
            | (Self::Text, Value::Text(_))
            | (Self::Int, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Time, Value::Time(_))
            | (Self::Duration, Value::Duration(_)) => true,
            (Self::Made(wanted), value) => value.kind().is_some_and(|kind| {
                let same_shape = kind.underlying == wanted.underlying
                    && (kind.name == kind.underlying || wanted.name == wanted.underlying);
                kind.name == wanted.name || same_shape
            }),
            _ => false,
        }
    }

    /// What nil becomes for it, if it can be nil.
    pub(super) fn nil(self) -> Option<Value> {
        match self {
            Self::Any | Self::Reflected => Some(Value::Nil),
            Self::Made(kind) if kind.underlying.starts_with('[') => {
                Some(Value::list(kind, Vec::new()))
            }
            Self::Made(kind) if kind.underlying.starts_with("map[") => {
                Some(Value::map(kind, std::collections::BTreeMap::new()))
            }
            Self::Made(kind) if kind.is_pointer => Some(Value::Nil),
            _ => None,
        }
    }
}

/// What functions ask of the outside. All has a default, for templates that need none of it.
pub trait Host {
    /// The time.
    fn now(&self) -> Time {
        Time::ZERO
    }

    /// The result of a PromQL query, now: labels and value of each series.
    fn query(&self, expression: &str) -> Result<Vec<QueriedSample>, String> {
        Err(format!("no queries can be made here: {expression}"))
    }

    /// Where people reach this server.
    fn external_url(&self) -> String {
        String::new()
    }

    /// The log line that is formatted.
    fn line(&self) -> String {
        String::new()
    }

    /// The time of the log line that is formatted.
    fn timestamp(&self) -> Time {
        Time::ZERO
    }

    /// The label of an Alertmanager route.
    fn route_label(&self, name: &str) -> Result<String, String> {
        let _ = name;
        Ok(String::new())
    }
}

/// One series of a query's result.
#[derive(Debug, Clone, PartialEq)]
pub struct QueriedSample {
    /// With `__name__`, where it has one.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
}

/// A host that knows nothing: the time is Go's zero, and no query can be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host for NoHost {}
