//! Conditions of processors.

use vigie_model::event::Value as EventValue;

use super::section::{text_of, value_of};
use crate::yaml::{ConfigError, Node, Source, Value};

/// How deep conditions may stand in each other.
const DEPTH_MAX: usize = 16;

/// A test of an event. Fields are dotted names.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Every field has this value.
    Equals(Vec<(String, EventValue)>),
    /// Every field's text (or one of its texts) contains this one.
    Contains(Vec<(String, String)>),
    /// Every field's text (or one of its texts) matches.
    Regexp(Vec<(String, regex::Regex)>),
    /// Every number is where the tests say.
    Range(Vec<(String, RangeTest, f64)>),
    /// Every address is in one of the networks, in CIDR or by name (`private`, `loopback`, ...).
    Network(Vec<(String, Vec<String>)>),
    /// All these fields are there.
    HasFields(Vec<String>),
    /// One of these holds.
    Or(Vec<Self>),
    /// All of these hold.
    And(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeTest {
    /// `lt`
    Less,
    /// `lte`
    LessEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterEqual,
}

impl RangeTest {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "lt" => Self::Less,
            "lte" => Self::LessEqual,
            "gt" => Self::Greater,
            "gte" => Self::GreaterEqual,
            _ => return None,
        })
    }
}

/// Reads one condition.
pub(super) fn read(node: &Node, source: &Source) -> Result<Condition, ConfigError> {
    read_at(node, source, 0)
}

fn read_at(node: &Node, source: &Source, depth: usize) -> Result<Condition, ConfigError> {
    if depth > DEPTH_MAX {
        return Err(node.error(source, "conditions stand too deep in each other"));
    }
    let pairs = match &node.value {
        Value::Map(pairs) if pairs.len() == 1 => pairs,
        // Several conditions side by side are all meant.
        Value::Map(pairs) if !pairs.is_empty() => {
            let each = pairs.iter().map(|(key, inner)| one(&key.text, inner, source, depth));
            return Ok(Condition::And(each.collect::<Result<_, _>>()?));
        }
        _ => return Err(node.mismatch(source, "a condition")),
    };
    match pairs.first() {
        Some((key, inner)) => one(&key.text, inner, source, depth),
        None => Err(node.mismatch(source, "a condition")),
    }
}

fn one(name: &str, inner: &Node, source: &Source, depth: usize) -> Result<Condition, ConfigError> {
    let all = |node: &Node| match &node.value {
        Value::List(items) => {
            items.iter().map(|item| read_at(item, source, depth + 1)).collect::<Result<_, _>>()
        }
        _ => Err(node.mismatch(source, "a list of conditions")),
    };
    Ok(match name {
        "or" => Condition::Or(all(inner)?),
        "and" => Condition::And(all(inner)?),
        "not" => Condition::Not(Box::new(read_at(inner, source, depth + 1)?)),
        "has_fields" => match &inner.value {
            Value::List(items) => Condition::HasFields(
                items.iter().map(|item| text_of(item, source)).collect::<Result<_, _>>()?,
            ),
            _ => return Err(inner.mismatch(source, "a list of fields")),
        },
        "equals" => {
            let fields = fields(inner, source)?.into_iter();
            Condition::Equals(fields.map(|(name, node)| (name, value_of(node))).collect())
        }
        "contains" => {
            let fields = fields(inner, source)?.into_iter();
            let fields = fields.map(|(name, node)| Ok((name, text_of(node, source)?)));
            Condition::Contains(fields.collect::<Result<_, ConfigError>>()?)
        }
        "regexp" => {
            let fields = fields(inner, source)?.into_iter().map(|(name, node)| {
                let text = text_of(node, source)?;
                let pattern = regex::Regex::new(&text)
                    .map_err(|error| node.error(source, format!("`{text}`: {error}")))?;
                Ok((name, pattern))
            });
            Condition::Regexp(fields.collect::<Result<_, ConfigError>>()?)
        }
        "range" => Condition::Range(ranges(inner, source)?),
        "network" => {
            let fields = fields(inner, source)?.into_iter().map(|(name, node)| {
                let networks = match &node.value {
                    Value::List(items) => {
                        items.iter().map(|item| text_of(item, source)).collect::<Result<_, _>>()?
                    }
                    _ => vec![text_of(node, source)?],
                };
                Ok((name, networks))
            });
            Condition::Network(fields.collect::<Result<_, ConfigError>>()?)
        }
        other => {
            return Err(inner.error(source, format!("`{other}` is no condition")).advise(
                "there are equals, contains, regexp, range, network, has_fields, or, and, not",
            ));
        }
    })
}

/// `a.b: x` and `a: {b: x}` alike.
fn fields<'a>(node: &'a Node, source: &Source) -> Result<Vec<(String, &'a Node)>, ConfigError> {
    let mut found = Vec::new();
    flatten(node, "", &mut found);
    if found.is_empty() {
        return Err(node.mismatch(source, "a mapping of fields"));
    }
    Ok(found)
}

fn flatten<'a>(node: &'a Node, prefix: &str, found: &mut Vec<(String, &'a Node)>) {
    let Value::Map(pairs) = &node.value else { return };
    for (key, inner) in pairs {
        let name =
            if prefix.is_empty() { key.text.clone() } else { format!("{prefix}.{}", key.text) };
        if matches!(inner.value, Value::Map(_)) {
            flatten(inner, &name, found);
        } else {
            found.push((name, inner));
        }
    }
}

/// `a.gte: 1` and `a: {gte: 1, lt: 2}` alike: the last part of the name is the test.
fn ranges(node: &Node, source: &Source) -> Result<Vec<(String, RangeTest, f64)>, ConfigError> {
    let mut found = Vec::new();
    for (name, node) in fields(node, source)? {
        let test = name
            .rsplit_once('.')
            .and_then(|(field, test)| Some((field.to_owned(), RangeTest::parse(test)?)));
        let Some((field, test)) = test else {
            return Err(node.error(source, format!("`{name}` ends in none of lt, lte, gt, gte")));
        };
        let number = text_of(node, source)?.parse();
        found.push((field, test, number.map_err(|_| node.mismatch(source, "a number"))?));
    }
    Ok(found)
}
