//! Warnings and infos that go along with an answer. The texts are Prometheus'.

use hashbrown::HashSet;
use vigie_language::promql::Position;

/// Annotations in the order in which they came up, each text once.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    warnings: Vec<String>,
    infos: Vec<String>,
    seen: HashSet<String>,
}

impl Annotations {
    pub(crate) fn warn(&mut self, text: &str, position: Position, query: &str) {
        let text = format!("PromQL warning: {text} ({})", line_and_column(query, position));
        if self.seen.insert(text.clone()) {
            self.warnings.push(text);
        }
    }

    pub(crate) fn info(&mut self, text: &str, position: Position, query: &str) {
        let text = format!("PromQL info: {text} ({})", line_and_column(query, position));
        if self.seen.insert(text.clone()) {
            self.infos.push(text);
        }
    }

    /// (warnings, infos), at most `max` of each (0: all) and a line that says how many more.
    pub(crate) fn into_lists(self, max: usize) -> (Vec<String>, Vec<String>) {
        (limit(self.warnings, max, "warning"), limit(self.infos, max, "info"))
    }
}

fn limit(mut texts: Vec<String>, max: usize, kind: &str) -> Vec<String> {
    if max > 0 && texts.len() > max {
        let more = texts.len() - max;
        texts.truncate(max);
        texts.push(format!("{more} more {kind} annotations omitted"));
    }
    texts
}

/// `line:column`, both from 1, columns in bytes, as Prometheus counts.
fn line_and_column(query: &str, position: Position) -> String {
    let before = query.as_bytes().get(..position.start).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    format!("{}:{}", line + 1, position.start - line_start + 1)
}
