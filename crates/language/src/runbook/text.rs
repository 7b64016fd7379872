//! Texts with placeholders: `${inputs.service}`, `${variables.rate}`, `${item}`.
//!
//! Labels of alerts are not among them: whoever sends an alert chooses them. An input that is
//! taken from a label has a pattern that its value must match.

use std::fmt;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As written.
    Plain(String),
    /// The value of an input.
    Input(String),
    /// The value of a variable.
    Variable(String),
    /// What the step is repeated for.
    Item,
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(pub Vec<Part>);

impl Text {
    /// A text without placeholders.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Part::Plain(text.into())])
    }

    /// Reads `${…}`; `$${` is a plain `${`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let before = rest.get(..at).unwrap_or("");
            let after = rest.get(at + 2..).unwrap_or("");
            if let Some(before) = before.strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                rest = after;
                continue;
            }
            plain.push_str(before);
            let end = after.find('}').ok_or_else(|| format!("`${{` without `}}` in {text:?}"))?;
            if !plain.is_empty() {
                parts.push(Part::Plain(std::mem::take(&mut plain)));
            }
            parts.push(placeholder(after.get(..end).unwrap_or("").trim())?);
            rest = after.get(end + 1..).unwrap_or("");
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Plain(plain));
        }
        Ok(Self(parts))
    }

    /// Whether there is no placeholder.
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Plain(_)))
    }

    /// The text with values in place; the error names what has none.
    pub fn fill(&self, value: &dyn Fn(&Part) -> Option<String>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                other => match value(other) {
                    Some(value) => text.push_str(&value),
                    None => return Err(format!("{} has no value", Self(vec![other.clone()]))),
                },
            }
        }
        Ok(text)
    }
}

fn placeholder(name: &str) -> Result<Part, String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    match name.split_once('.') {
        Some(("inputs", name)) if is_name(name) => Ok(Part::Input(name.to_owned())),
        Some(("variables", name)) if is_name(name) => Ok(Part::Variable(name.to_owned())),
        None if name == "item" => Ok(Part::Item),
        _ => Err(format!(
            "${{{name}}} is not known; there are ${{inputs.NAME}}, ${{variables.NAME}} and \
             ${{item}}; labels are in the environment, or become inputs with a pattern"
        )),
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Plain(plain) => f.write_str(plain)?,
                Part::Input(name) => write!(f, "${{inputs.{name}}}")?,
                Part::Variable(name) => write!(f, "${{variables.{name}}}")?,
                Part::Item => f.write_str("${item}")?,
            }
        }
        Ok(())
    }
}
