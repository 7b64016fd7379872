//! Output without secrets: what looks like one, and what is known to be one.

use regex::Regex;

/// What is written in a secret's place.
const HIDDEN: &str = "<secret>";
/// Shapes of secrets; a group named `kept` stays in front.
const SHAPES: [&str; 6] = [
    // name=value, name: value, "name": "value"
    r#"(?i)(?P<kept>(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|authorization|credential)[a-z_-]*["']?\s*[:=]\s*["']?(?:bearer\s+|basic\s+)?)[^\s"',;&]+"#,
    r"(?P<kept>://[^/\s:@]+:)[^@\s/]+@",
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{30,}\b",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
];

/// Takes secrets out of texts.
#[derive(Debug, Clone)]
pub struct Redactor {
    shapes: Vec<Regex>,
    known: Vec<String>,
}

impl Default for Redactor {
    fn default() -> Self {
        // The shapes are constants; that they are valid has a test.
        let shapes = SHAPES.iter().filter_map(|shape| Regex::new(shape).ok());
        Self { shapes: shapes.collect(), known: Vec::new() }
    }
}

impl Redactor {
    /// For secrets of the usual shapes, of the given patterns, and the given ones.
    pub fn new(patterns: &[String], known: Vec<String>) -> Result<Self, String> {
        let all = SHAPES.iter().map(|shape| (*shape).to_owned()).chain(patterns.iter().cloned());
        let shapes = all.map(|pattern| {
            Regex::new(&pattern).map_err(|error| format!("pattern {pattern:?}: {error}"))
        });
        let known = known.into_iter().filter(|secret| secret.len() > 3).collect();
        Ok(Self { shapes: shapes.collect::<Result<_, _>>()?, known })
    }

    /// The text without secrets.
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            text = text.replace(secret.as_str(), HIDDEN);
        }
        for shape in &self.shapes {
            let replaced = shape.replace_all(&text, |found: &regex::Captures<'_>| {
                let kept = found.name("kept").map_or("", |kept| kept.as_str());
                let at = if found.get(0).is_some_and(|all| all.as_str().ends_with('@')) {
                    "@"
                } else {
                    ""
                };
                format!("{kept}{HIDDEN}{at}")
            });
            text = replaced.into_owned();
        }
        text
    }
}
