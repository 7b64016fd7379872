//! From lines to messages: the parsers of an input, one after the other.

use std::time::Duration;

use vigie_language::filebeat::{Input, JsonRules, Parser};
use vigie_model::event::Object;

use super::container::Unpacker;
use super::json;
use super::multiline::Joiner;

/// A message on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) text: String,
    /// Its first byte in the file, and the first after it.
    pub(super) start: u64,
    pub(super) end: u64,
    /// When it was written, where the line says so.
    pub(super) time_ns: Option<i64>,
    /// `stdout`, `stderr`
    pub(super) stream: Option<String>,
    pub(super) is_cut: bool,
    pub(super) is_multiline: bool,
    /// Whether the text was JSON, whose fields are in `documents`.
    pub(super) is_json: bool,
    pub(super) documents: Vec<(JsonRules, Object)>,
    pub(super) fields: Object,
    pub(super) flags: Vec<&'static str>,
}

#[derive(Debug)]
enum Stage {
    Unpack(Unpacker),
    Join(Joiner),
    Json(JsonRules),
    /// Read as syslog when the event is made.
    Syslog,
    Include(Vec<regex::bytes::Regex>),
}

/// The parsers of one file.
#[derive(Debug)]
pub(super) struct Chain {
    stages: Vec<Stage>,
}

impl Chain {
    pub(super) fn new(input: &Input) -> Self {
        let bytes_max = input.message_bytes_max;
        let stages = input.parsers.iter().map(|parser| match parser {
            Parser::Container(stream) => Stage::Unpack(Unpacker::new(*stream, bytes_max)),
            Parser::Multiline(rules) => Stage::Join(Joiner::new(rules.clone(), bytes_max)),
            Parser::Json(rules) => Stage::Json(rules.clone()),
            Parser::Syslog => Stage::Syslog,
            Parser::Include(patterns) => Stage::Include(patterns.clone()),
        });
        Self { stages: stages.collect() }
    }

    /// Takes a line at `now`; messages that are whole go to `out`.
    pub(super) fn push(&mut self, line: Line, now: Duration, out: &mut Vec<Line>) {
        self.run(0, vec![line], now, out);
    }

    /// Messages that did not grow for too long are whole.
    pub(super) fn expire(&mut self, now: Duration, out: &mut Vec<Line>) {
        self.release(now, out, |joiner, whole| joiner.expire(now, whole), |_| Vec::new());
    }

    /// Gives what there is, whole or not: the file has ended.
    pub(super) fn finish(&mut self, now: Duration, out: &mut Vec<Line>) {
        self.release(now, out, |joiner, whole| whole.extend(joiner.take()), Unpacker::take);
    }

    /// The first byte of a message that is not whole.
    pub(super) fn pending_from(&self) -> Option<u64> {
        let starts = self.stages.iter().filter_map(|stage| match stage {
            Stage::Unpack(unpacker) => unpacker.pending().map(|line| line.start).min(),
            Stage::Join(joiner) => joiner.pending().map(|line| line.start),
            _ => None,
        });
        starts.min()
    }

    fn release(
        &mut self,
        now: Duration,
        out: &mut Vec<Line>,
        mut join: impl FnMut(&mut Joiner, &mut Vec<Line>),
        mut unpack: impl FnMut(&mut Unpacker) -> Vec<Line>,
    ) {
        for at in 0..self.stages.len() {
            let mut whole = Vec::new();
            match self.stages.get_mut(at) {
                Some(Stage::Join(joiner)) => join(joiner, &mut whole),
                Some(Stage::Unpack(unpacker)) => whole = unpack(unpacker),
                _ => {}
            }
            if !whole.is_empty() {
                self.run(at + 1, whole, now, out);
            }
        }
    }

    /// Sends `lines` through the stages from `first` on.
    fn run(&mut self, first: usize, lines: Vec<Line>, now: Duration, out: &mut Vec<Line>) {
        let mut current = lines;
        for stage in self.stages.iter_mut().skip(first) {
            if current.is_empty() {
                return;
            }
            let mut next = Vec::with_capacity(current.len());
            for mut line in current {
                match stage {
                    Stage::Unpack(unpacker) => unpacker.push(line, &mut next),
                    Stage::Join(joiner) => joiner.push(line, now, &mut next),
                    Stage::Json(rules) => {
                        json::decode(&mut line, rules);
                        next.push(line);
                    }
                    Stage::Syslog => {
                        line.flags.push("syslog");
                        next.push(line);
                    }
                    Stage::Include(patterns) => {
                        let text = line.text.as_bytes();
                        if patterns.iter().any(|pattern| pattern.is_match(text)) {
                            next.push(line);
                        }
                    }
                }
            }
            current = next;
        }
        out.append(&mut current);
    }
}
