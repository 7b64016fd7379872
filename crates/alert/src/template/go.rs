//! Go templates with Prometheus' functions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use vigie_language::template::{Host, Limits, QueriedSample, RuleData, RuleTemplate, Time, Value};
use vigie_query::SampleValue;

use super::{Answers, Expander, ExpanderError, TemplateContext};

/// Parsed templates that are kept; past that they are all parsed anew.
const PARSED_MAX: usize = 100_000;

/// By name and text.
type Parsed = HashMap<(String, String), Arc<RuleTemplate>>;

/// Expands Go templates; each is parsed once.
#[derive(Debug, Default)]
pub struct GoExpander {
    parsed: RwLock<Parsed>,
}

impl GoExpander {
    fn template(&self, name: &str, text: &str) -> Result<Arc<RuleTemplate>, String> {
        let key = (name.to_owned(), text.to_owned());
        if let Some(known) = self.parsed.read().get(&key) {
            return Ok(Arc::clone(known));
        }
        let template = RuleTemplate::parse(name, text).map_err(|error| error.to_string())?;
        let template = Arc::new(template);
        let mut parsed = self.parsed.write();
        if parsed.len() >= PARSED_MAX {
            parsed.clear();
        }
        parsed.insert(key, Arc::clone(&template));
        Ok(template)
    }
}

/// What a template may ask: the time of the evaluation, and queries that are answered already.
struct Asked<'a> {
    context: TemplateContext<'a>,
    answers: &'a Answers,
    /// The first query without an answer.
    open: RefCell<Option<String>>,
}

impl Host for Asked<'_> {
    fn now(&self) -> Time {
        Time::from_unix_ms(self.context.time_ms)
    }

    fn query(&self, expression: &str) -> Result<Vec<QueriedSample>, String> {
        let Some(answer) = self.answers.get(expression) else {
            self.open.borrow_mut().get_or_insert_with(|| expression.to_owned());
            return Err("not yet answered".to_owned());
        };
        let samples = answer.as_ref().map_err(Clone::clone)?;
        let queried = samples.iter().map(|sample| QueriedSample {
            labels: sample.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            value: match &sample.value {
                SampleValue::Float(value) => *value,
                SampleValue::Histogram(_) => f64::NAN,
            },
        });
        Ok(queried.collect())
    }

    fn external_url(&self) -> String {
        self.context.external_url.to_owned()
    }
}

impl Expander for GoExpander {
    fn check(&self, name: &str, text: &str) -> Result<(), String> {
        if text.contains("{{") { self.template(name, text).map(drop) } else { Ok(()) }
    }

    fn expand(
        &self,
        name: &str,
        text: &str,
        context: TemplateContext<'_>,
        answers: &Answers,
    ) -> Result<String, ExpanderError> {
        let template = self
            .template(name, text)
            .map_err(|e| ExpanderError::Failed(format!("error parsing template {name}: {e}")))?;
        let value = match context.value {
            SampleValue::Float(value) => Value::Float(*value),
            SampleValue::Histogram(histogram) => Value::text(histogram.to_string()),
        };
        let external = context.external_labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let data = RuleData::new(context.labels.iter(), external, context.external_url, value);
        let host = Asked { context, answers, open: RefCell::default() };
        template.expand(&data, &host, Limits::default()).map_err(|error| match host.open.take() {
            Some(question) => ExpanderError::Asks(question),
            None => ExpanderError::Failed(format!("error executing template {name}: {error}")),
        })
    }
}

#[cfg(test)]
mod tests;
