//! `${VARIABLE:default}` in the values of options and in conditions.

use super::ast::{Condition, Config, Operand, Plugin, Statement, Value};
use super::error::ConfigError;
use super::parser::DEPTH_MAX;

/// The variable of this name.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces all references to variables. A variable that is not set and has no default is an error.
pub fn substitute(config: &mut Config, lookup: Lookup<'_>) -> Result<(), ConfigError> {
    for section in [&mut config.inputs, &mut config.filters, &mut config.outputs] {
        statements(section, lookup, 0)?;
    }
    Ok(())
}

fn statements(
    statements_: &mut [Statement],
    lookup: Lookup<'_>,
    depth: usize,
) -> Result<(), ConfigError> {
    for statement in statements_ {
        match statement {
            Statement::Plugin(inner) => plugin(inner, lookup, depth)?,
            Statement::Branch(branch) if depth < DEPTH_MAX => {
                for (asked, body) in &mut branch.arms {
                    condition(asked, lookup, 0)
                        .map_err(|error| ConfigError::new(branch.position, error))?;
                    statements(body, lookup, depth + 1)?;
                }
                statements(&mut branch.otherwise, lookup, depth + 1)?;
            }
            Statement::Branch(_) => {}
        }
    }
    Ok(())
}

fn plugin(plugin_: &mut Plugin, lookup: Lookup<'_>, depth: usize) -> Result<(), ConfigError> {
    for option in &mut plugin_.options {
        value(&mut option.value, lookup, depth + 1)
            .map_err(|error| ConfigError::new(option.position, error))?;
    }
    Ok(())
}

fn value(value_: &mut Value, lookup: Lookup<'_>, depth: usize) -> Result<(), String> {
    if depth > 2 * DEPTH_MAX {
        return Ok(());
    }
    match value_ {
        Value::Text(text) => {
            if let Some(replaced) = text_with(text, lookup)? {
                *value_ = refined(&replaced);
            }
        }
        Value::Number(_) => {}
        Value::List(items) => {
            for item in items {
                value(item, lookup, depth + 1)?;
            }
        }
        Value::Hash(entries) => {
            for (_, item) in entries {
                value(item, lookup, depth + 1)?;
            }
        }
        Value::Plugin(inner) => {
            plugin(inner, lookup, depth + 1).map_err(|error| error.message)?;
        }
    }
    Ok(())
}

fn condition(asked: &mut Condition, lookup: Lookup<'_>, depth: usize) -> Result<(), String> {
    if depth > 2 * DEPTH_MAX {
        return Ok(());
    }
    match asked {
        Condition::Both(_, left, right) => {
            condition(left, lookup, depth + 1)?;
            condition(right, lookup, depth + 1)
        }
        Condition::Not(inner) => condition(inner, lookup, depth + 1),
        Condition::Truthy(one) => operand(one, lookup),
        Condition::In { item, list } => {
            operand(item, lookup)?;
            operand(list, lookup)
        }
        Condition::Compare { left, right, .. } => {
            operand(left, lookup)?;
            operand(right, lookup)
        }
        Condition::Matches { value, .. } => operand(value, lookup),
    }
}

fn operand(operand_: &mut Operand, lookup: Lookup<'_>) -> Result<(), String> {
    match operand_ {
        Operand::Text(text) => {
            if let Some(replaced) = text_with(text, lookup)? {
                *text = replaced;
            }
        }
        Operand::List(items) => {
            // Lists in conditions hold texts, numbers and fields; the grammar bounds their depth.
            for item in items {
                operand(item, lookup)?;
            }
        }
        Operand::Field(_) | Operand::Number(_) => {}
    }
    Ok(())
}

/// A variable may hold a text in quotes or a list of texts: `["a", "b"]`.
fn refined(text: &str) -> Value {
    let text = unquoted(text);
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(items) if !items.contains('[') => Value::List(
            items.split(',').map(|item| Value::Text(unquoted(item.trim()).to_owned())).collect(),
        ),
        _ => Value::Text(text.to_owned()),
    }
}

fn unquoted(text: &str) -> &str {
    let inner = |text: &'_ str, quote: char| -> Option<(usize, usize)> {
        (text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote))
            .then(|| (1, text.len() - 1))
    };
    let text = inner(text, '\'').and_then(|(from, to)| text.get(from..to)).unwrap_or(text);
    inner(text, '"').and_then(|(from, to)| text.get(from..to)).unwrap_or(text)
}

/// `text` with its variables; nothing when it holds none.
fn text_with(text: &str, lookup: Lookup<'_>) -> Result<Option<String>, String> {
    let mut out = String::new();
    let mut rest = text;
    let mut is_changed = false;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let found = after.split_once('}').filter(|(inner, _)| is_reference(inner));
        let Some((inner, tail)) = found else {
            out.push_str("${");
            rest = after;
            continue;
        };
        let (name, default) = match inner.split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let value = lookup(name).or_else(|| default.map(str::to_owned));
        out.push_str(&value.ok_or_else(|| {
            format!("the variable `{name}` is not set and `${{{inner}}}` names no default")
        })?);
        is_changed = true;
        rest = tail;
    }
    out.push_str(rest);
    Ok(is_changed.then_some(out))
}

fn is_reference(inner: &str) -> bool {
    let name = inner.split(':').next().unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}
