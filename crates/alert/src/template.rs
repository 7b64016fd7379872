//! Labels and annotations of alerts as templates.
//!
//! Templates may ask queries, whose answers take time; expanding does not wait. So a template
//! that asks is expanded again and again, each time with one answer more.

mod go;

use std::collections::BTreeMap;
use std::fmt;

use vigie_model::Labels;
use vigie_query::{InstantSample, SampleValue};

pub use go::GoExpander;

use crate::{RuleExpression, RuleSource};

/// Queries that one text may ask.
const QUERIES_MAX: usize = 100;

/// What a template may speak of.
#[derive(Debug, Clone, Copy)]
pub struct TemplateContext<'a> {
    /// `$labels`: labels of the series that was found.
    pub labels: &'a Labels,
    /// `$externalLabels`
    pub external_labels: &'a BTreeMap<String, String>,
    /// `$externalURL`
    pub external_url: &'a str,
    /// `$value`
    pub value: &'a SampleValue,
    /// The time of the evaluation.
    pub time_ms: i64,
}

/// Answers to the queries of a template, by their text.
pub type Answers = BTreeMap<String, Result<Vec<InstantSample>, String>>;

/// Why a template was not expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpanderError {
    /// It asks this, and no answer was given.
    Asks(String),
    /// It is wrong; in Prometheus' words.
    Failed(String),
}

/// Expands Go templates as Prometheus does.
pub trait Expander: Send + Sync + fmt::Debug {
    /// Whether `text` is a template; `name` is how errors call it.
    fn check(&self, name: &str, text: &str) -> Result<(), String>;

    /// Expands `text`.
    fn expand(
        &self,
        name: &str,
        text: &str,
        context: TemplateContext<'_>,
        answers: &Answers,
    ) -> Result<String, ExpanderError>;
}

/// Expands `text`, asking `source` what it asks. What is wrong becomes part of the text, so that
/// an alert with a broken text is still an alert.
pub(crate) async fn expand(
    expander: &dyn Expander,
    source: &dyn RuleSource,
    name: &str,
    text: &str,
    context: TemplateContext<'_>,
) -> String {
    if !text.contains("{{") {
        return text.to_owned();
    }
    let mut answers = Answers::new();
    loop {
        let failed = match expander.expand(name, text, context, &answers) {
            Ok(expanded) => return expanded,
            Err(ExpanderError::Asks(question)) if answers.len() < QUERIES_MAX => {
                let answer = match RuleExpression::promql(&question) {
                    Ok(expression) => source.query(&expression, context.time_ms).await,
                    Err(error) => Err(error.to_string()),
                };
                answers.insert(question, answer);
                continue;
            }
            Err(ExpanderError::Asks(_)) => format!("more than {QUERIES_MAX} queries"),
            Err(ExpanderError::Failed(error)) => error,
        };
        tracing::warn!(template = name, error = failed, "expanding an alert's template failed");
        return format!("<error expanding template: {failed}>");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Knows `{{label NAME}}`, `{{value}}` and `{{query TEXT}}`: enough to test what is around.
    #[derive(Debug)]
    pub(crate) struct Plain;

    impl Expander for Plain {
        fn check(&self, _name: &str, text: &str) -> Result<(), String> {
            let closed = text.matches("{{").count() == text.matches("}}").count();
            if closed { Ok(()) } else { Err("unclosed action".to_owned()) }
        }

        fn expand(
            &self,
            _name: &str,
            text: &str,
            context: TemplateContext<'_>,
            answers: &Answers,
        ) -> Result<String, ExpanderError> {
            let (mut out, mut rest) = (String::new(), text);
            while let Some((before, after)) = rest.split_once("{{") {
                out.push_str(before);
                let (inside, tail) = after.split_once("}}").unwrap_or((after, ""));
                rest = tail;
                match inside.split_once(' ').unwrap_or((inside, "")) {
                    ("label", name) => out.push_str(context.labels.get(name).unwrap_or("")),
                    ("value", _) => match context.value {
                        SampleValue::Float(value) => out.push_str(&value.to_string()),
                        SampleValue::Histogram(_) => out.push('H'),
                    },
                    ("query", query) => match answers.get(query) {
                        None => return Err(ExpanderError::Asks(query.to_owned())),
                        Some(Ok(samples)) => out.push_str(&samples.len().to_string()),
                        Some(Err(error)) => return Err(ExpanderError::Failed(error.clone())),
                    },
                    _ => return Err(ExpanderError::Failed(format!("no {inside}"))),
                }
            }
            out.push_str(rest);
            Ok(out)
        }
    }
}
