//! Several lines that are one message.

use std::time::Duration;

use vigie_language::filebeat::{MultilineKind, MultilineRules};

use super::chain::Line;

/// Joins lines.
#[derive(Debug)]
pub(super) struct Joiner {
    rules: MultilineRules,
    bytes_max: usize,
    pending: Option<Line>,
    /// Lines that `pending` has.
    count: u64,
    /// When it last grew.
    grown: Duration,
    /// Whether the last line asks for the next one (`match: before`).
    continues: bool,
}

impl Joiner {
    pub(super) fn new(rules: MultilineRules, bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { rules, bytes_max, pending: None, count: 0, grown: Duration::ZERO, continues: false }
    }

    /// Takes a line at `now`; messages that are whole go to `out`.
    pub(super) fn push(&mut self, line: Line, now: Duration, out: &mut Vec<Line>) {
        self.grown = now;
        match &self.rules.kind {
            MultilineKind::Pattern { pattern, negate, after, flush } => {
                let (text, after) = (line.text.as_bytes(), *after);
                let belongs = pattern.is_match(text) != *negate;
                let ends = flush.as_ref().is_some_and(|flush| flush.is_match(text));
                let joins = if after { belongs } else { self.continues };
                if !joins {
                    out.extend(self.take());
                }
                self.append(line);
                self.continues = belongs;
                // A line that does not ask for the next one is the last of its message.
                if ends || (!after && !belongs) {
                    out.extend(self.take());
                }
            }
            MultilineKind::Count(lines) => {
                let lines = *lines;
                self.append(line);
                if self.count >= lines {
                    out.extend(self.take());
                }
            }
            MultilineKind::While { pattern, negate } => {
                let belongs = pattern.is_match(line.text.as_bytes()) != *negate;
                if !belongs {
                    out.extend(self.take());
                    out.push(line);
                    return;
                }
                self.append(line);
            }
        }
    }

    /// What did not grow for so long is whole.
    pub(super) fn expire(&mut self, now: Duration, out: &mut Vec<Line>) {
        if now.saturating_sub(self.grown) >= self.rules.timeout {
            out.extend(self.take());
        }
    }

    /// What is not whole yet.
    pub(super) const fn pending(&self) -> Option<&Line> {
        self.pending.as_ref()
    }

    /// The message as it is.
    pub(super) fn take(&mut self) -> Option<Line> {
        self.count = 0;
        self.continues = false;
        self.pending.take()
    }

    fn append(&mut self, line: Line) {
        self.count += 1;
        let Some(pending) = &mut self.pending else {
            self.pending = Some(line);
            return;
        };
        pending.end = line.end;
        pending.is_multiline = true;
        let room = self.bytes_max.saturating_sub(pending.text.len());
        if self.count > self.rules.lines_max || room == 0 {
            pending.is_cut = true;
            return;
        }
        if !self.rules.skip_newline {
            pending.text.push('\n');
        }
        let kept = line.text.floor_char_boundary(room);
        pending.text.push_str(line.text.get(..kept).unwrap_or_default());
        pending.is_cut |= line.is_cut || kept < line.text.len();
    }
}
