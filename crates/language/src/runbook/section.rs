//! A mapping of a runbook file: fields are taken one by one, what is left is unknown.

use crate::yaml::{ConfigError, DurationMs, Key, Node, Source, Value};

/// The fields of a mapping that were not taken yet.
#[derive(Debug)]
pub(super) struct Section<'n> {
    pub(super) node: &'n Node,
    fields: Vec<&'n (Key, Node)>,
    known: Vec<&'static str>,
    pub(super) source: &'n Source,
}

impl<'n> Section<'n> {
    /// The fields of `node`, which is a mapping.
    pub(super) fn of(node: &'n Node, source: &'n Source) -> Result<Self, ConfigError> {
        match &node.value {
            Value::Map(fields) => {
                Ok(Self { node, fields: fields.iter().collect(), known: Vec::new(), source })
            }
            _ => Err(node.mismatch(source, "a mapping")),
        }
    }

    /// The field of that name, unless nothing is written there.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        let at = self.fields.iter().position(|(key, _)| key.text == name)?;
        let (_, node) = self.fields.remove(at);
        (!node.is_null()).then_some(node)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<String, ConfigError> {
        let node = self.take(name);
        node.map_or(Ok(String::new()), |node| text(node, self.source))
    }

    pub(super) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(Vec::new()) };
        list(node).iter().map(|item| text(item, self.source)).collect()
    }

    pub(super) fn duration(&mut self, name: &'static str) -> Result<Option<u64>, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(None) };
        duration(node, self.source).map(Some)
    }

    pub(super) fn number(&mut self, name: &'static str) -> Result<Option<u32>, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let number = text(node, self.source)?.parse();
        number.map(Some).map_err(|_| node.mismatch(self.source, "a number from 0 on"))
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(false) };
        match text(node, self.source)?.as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err(node.mismatch(self.source, "true or false")),
        }
    }

    /// Whatever is left is not known.
    pub(super) fn finish(self, what: &str) -> Result<(), ConfigError> {
        let Some((key, _)) = self.fields.first() else { return Ok(()) };
        let error = ConfigError {
            file: self.source.file.clone(),
            line: key.line,
            column: key.column,
            message: format!("field {} is not known in {what}", key.text),
            advice: format!("there are: {}", self.known.join(", ")),
        };
        Err(error)
    }
}

/// A list; one value is a list of one.
pub(super) fn list(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null => &[],
        Value::Scalar(..) | Value::Map(_) => std::slice::from_ref(node),
    }
}

pub(super) fn text(node: &Node, source: &Source) -> Result<String, ConfigError> {
    match &node.value {
        Value::Scalar(text, _) => Ok(text.clone()),
        _ => Err(node.mismatch(source, "a text")),
    }
}

pub(super) fn duration(node: &Node, source: &Source) -> Result<u64, ConfigError> {
    let found = DurationMs::parse(&text(node, source)?);
    found.map(|found| found.0).ok_or_else(|| node.mismatch(source, "a duration such as 5m"))
}
