//! The functions that Go's templates have from the start.

mod compare;
mod escape;
mod index;

pub(super) use escape::{html_text, js_text, query_text};

use super::format;
use super::function::{Function, Parameter};
use super::time::{month_name, weekday_name};
use super::value::Value;
use Parameter::{Any, Reflected, Text};

pub(super) static FUNCTIONS: &[Function] = &[
    // `and` and `or` are evaluated by the executor, which stops where the answer is known.
    Function::variadic("and", &[Reflected], Reflected, |_, _| Ok(Value::Nil)),
    Function::variadic("or", &[Reflected], Reflected, |_, _| Ok(Value::Nil)),
    Function::new("not", &[Reflected], |_, a| {
        Ok(Value::Bool(!a.first().is_some_and(Value::is_true)))
    }),
    Function::new("len", &[Reflected], |_, a| index::length(a.first().unwrap_or(&Value::Nil))),
    Function::variadic("index", &[Reflected], Reflected, |_, a| index::index(a)),
    Function::variadic("slice", &[Reflected], Reflected, |_, a| index::slice(a)),
    Function::variadic("print", &[], Any, |_, a| Ok(format::sprint(a).into())),
    Function::variadic("printf", &[Text], Any, |_, a| match a.split_first() {
        Some((format, values)) => {
            Ok(format::sprintf(format.as_text().map_or("", |text| text), values).into())
        }
        None => Ok(Value::text("")),
    }),
    Function::variadic("println", &[], Any, |_, a| Ok(format::sprintln(a).into())),
    Function::variadic("html", &[], Any, |_, a| Ok(html_text(&joined(a)).into())),
    Function::variadic("js", &[], Any, |_, a| Ok(js_text(&joined(a)).into())),
    Function::variadic("urlquery", &[], Any, |_, a| Ok(query_text(&joined(a)).into())),
    // No value of ours is a function.
    Function::variadic("call", &[Reflected], Reflected, |_, a| match a.first() {
        None | Some(Value::Nil | Value::NilInterface) => Err("call of nil".to_owned()),
        Some(value) => Err(format!("non-function of type {}", value.type_name())),
    }),
    Function::variadic("eq", &[Reflected], Reflected, |_, a| compare::equal(a)),
    Function::new("ne", &[Reflected, Reflected], |_, a| match compare::equal(a)? {
        Value::Bool(equal) => Ok(Value::Bool(!equal)),
        value => Ok(value),
    }),
    Function::new("lt", &[Reflected, Reflected], |_, a| compare::less(a).map(Value::Bool)),
    Function::new("le", &[Reflected, Reflected], |_, a| compare::less_or_equal(a).map(Value::Bool)),
    Function::new("gt", &[Reflected, Reflected], |_, a| {
        compare::less_or_equal(a).map(|less| Value::Bool(!less))
    }),
    Function::new("ge", &[Reflected, Reflected], |_, a| {
        compare::less(a).map(|less| Value::Bool(!less))
    }),
];

/// The methods of `time.Month` and `time.Weekday`.
pub(super) static NAMED_METHODS: &[Function] = &[Function::new("String", &[], |_, a| match a {
    [Value::Month(month)] => Ok(month_name(*month).into()),
    [Value::Weekday(day)] => Ok(weekday_name(*day).into()),
    _ => Err("not a month".to_owned()),
})];

/// Whether it is one of these, and not one of the same name that the templates were given.
pub(super) fn is_builtin(function: &Function) -> bool {
    FUNCTIONS.iter().any(|known| std::ptr::eq(known, function))
}

/// Arguments as one text, as `html`, `js` and `urlquery` see them.
pub(super) fn joined(values: &[Value]) -> String {
    if let [value] = values
        && let Some(text) = value.as_text()
    {
        return text.to_string();
    }
    let printable: Vec<Value> = values
        .iter()
        .map(|value| if value.is_nil() { Value::text("<no value>") } else { value.clone() })
        .collect();
    format::sprint(&printable)
}
