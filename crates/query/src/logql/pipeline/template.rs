//! Templates of `line_format` and `label_format`.

use vigie_language::template::{Host, Limits, STRING_MAP, Templates, Time, Value, loki};

use crate::logql::LogqlError;
use crate::logql::labels::LineLabels;

/// The error of a template that failed.
pub(super) const TEMPLATE_ERROR: &str = "TemplateFormatErr";
/// What one execution may take: it is done for every line.
const LIMITS: Limits = Limits { steps: 100_000, depth: 100, output_bytes: 1 << 20 };

/// A template that is ready to run.
#[derive(Debug)]
pub(super) struct LineTemplate {
    name: &'static str,
    templates: Templates,
}

/// What the functions of a template ask for.
struct Line<'l> {
    text: &'l str,
    time_ns: i64,
}

impl Host for Line<'_> {
    fn line(&self) -> String {
        self.text.to_owned()
    }

    fn timestamp(&self) -> Time {
        Time::from_unix_ns(i128::from(self.time_ns))
    }

    fn now(&self) -> Time {
        // Lines are worked on long after: the line's own time is what makes sense of "now".
        self.timestamp()
    }
}

impl LineTemplate {
    pub(super) fn new(name: &'static str, text: &str) -> Result<Self, LogqlError> {
        let mut templates = Templates::new(&[loki::FUNCTIONS]);
        templates.parse(name, text).map_err(|error| {
            LogqlError::BadRequest(format!("parse error : invalid {name} template: {error}"))
        })?;
        Ok(Self { name, templates })
    }

    pub(super) fn render(&self, data: &Value, text: &str, time_ns: i64) -> Result<String, String> {
        let host = Line { text, time_ns };
        let rendered = self.templates.execute(self.name, data, &host, LIMITS);
        rendered.map_err(|error| error.to_string())
    }
}

/// The labels as templates see them.
pub(super) fn data_of(labels: &LineLabels) -> Value {
    Value::text_map(&STRING_MAP, labels.iter().map(|(name, value, _)| (name, value)))
}
