//! References to fields: `[a][b]`, `a`, `[@metadata][x]`.

use std::fmt;

/// The way to a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldReference {
    path: Vec<String>,
}

/// Fields lie no deeper.
const DEPTH_MAX: usize = 100;

impl FieldReference {
    /// Reads `[a][b]`, `[[a][b]]` or a bare name. The error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("Invalid FieldReference: `{text}`");
        if !text.starts_with('[') {
            // A bare name holds no brackets (Logstash's strict mode).
            if text.is_empty() || text.contains(['[', ']']) {
                return Err(invalid());
            }
            return Ok(Self { path: vec![text.to_owned()] });
        }
        let mut path = Vec::new();
        let mut rest = text;
        // References within references are the same way, written twice: `[[a][b]][c]`.
        let mut open = 0_usize;
        while let Some(first) = rest.chars().next() {
            match first {
                '[' => {
                    open += 1;
                    rest = rest.get(1..).unwrap_or_default();
                    let end = rest.find(['[', ']']).ok_or_else(invalid)?;
                    let (name, tail) = rest.split_at_checked(end).ok_or_else(invalid)?;
                    if !name.is_empty() {
                        path.push(name.to_owned());
                    } else if tail.starts_with(']') {
                        return Err(invalid());
                    }
                    rest = tail;
                }
                ']' if open > 0 => {
                    open -= 1;
                    rest = rest.get(1..).unwrap_or_default();
                }
                _ => return Err(invalid()),
            }
            if path.len() > DEPTH_MAX || open > DEPTH_MAX {
                return Err(invalid());
            }
        }
        if open > 0 || path.is_empty() {
            return Err(invalid());
        }
        Ok(Self { path })
    }

    /// A field at the root, whatever its name holds.
    pub fn of_name(name: &str) -> Self {
        Self { path: vec![name.to_owned()] }
    }

    /// The field `name` within this one.
    pub fn child(&self, name: &str) -> Self {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        Self { path }
    }

    /// The names from the root on; never empty.
    pub fn path(&self) -> &[String] {
        &self.path
    }
}

impl fmt::Display for FieldReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.iter().try_for_each(|name| write!(f, "[{name}]"))
    }
}
