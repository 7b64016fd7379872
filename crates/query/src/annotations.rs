//! Warnings and infos that go along with an answer. The texts are Prometheus'.

use vigie_language::promql::Position;

use crate::eval::{Forced, go_float};

/// That counts of classic buckets fell from bucket to bucket and were lifted, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForcedNote {
    what: Forced,
    first_ms: i64,
    last_ms: i64,
    samples: u64,
}

impl ForcedNote {
    /// Adds what was found at `time_ms` to `notes`.
    pub(crate) fn gather(notes: &mut Option<Self>, what: Option<Forced>, time_ms: i64) {
        let Some(what) = what else { return };
        let note = Self { what, first_ms: time_ms, last_ms: time_ms, samples: 1 };
        *notes = Some(match notes {
            Some(other) => note.merged(other),
            None => note,
        });
    }

    fn merged(self, other: &Self) -> Self {
        let (a, b) = (self.what, other.what);
        Self {
            what: Forced {
                bucket_min: a.bucket_min.min(b.bucket_min),
                bucket_max: a.bucket_max.max(b.bucket_max),
                difference_max: a.difference_max.max(b.difference_max),
            },
            first_ms: self.first_ms.min(other.first_ms),
            last_ms: self.last_ms.max(other.last_ms),
            samples: self.samples + other.samples,
        }
    }

    fn describe(&self) -> String {
        let what = self.what;
        let time = |time_ms: i64| {
            jiff::Timestamp::from_second(time_ms.div_euclid(1000))
                .map_or_else(|_| time_ms.to_string(), |time| time.to_string())
        };
        format!(
            "from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            go_float(what.bucket_min),
            go_float(what.bucket_max),
            two_digits(what.difference_max),
            self.samples,
            time(self.first_ms),
            time(self.last_ms),
        )
    }
}

/// A number with two significant digits, as Go's `%.2g`.
fn two_digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.1e}").parse().unwrap_or(value);
    let exponent = if rounded == 0.0 { 0 } else { rounded.abs().log10().floor() as i32 };
    if (-4..2).contains(&exponent) {
        return rounded.to_string();
    }
    let text = format!("{rounded:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A text and the place that it is told of.
#[derive(Debug)]
struct Note {
    text: String,
    position: Position,
}

/// Annotations in the order in which they came up, each text once.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    warnings: Vec<Note>,
    infos: Vec<Note>,
    forced: Vec<(String, Position, ForcedNote)>,
    /// By metric and place, how often a point began before the previous one was taken.
    start_overlaps: Vec<(String, Position, u64)>,
}

impl Annotations {
    pub(crate) fn warn(&mut self, text: &str, position: Position) {
        note(&mut self.warnings, text, position);
    }

    pub(crate) fn info(&mut self, text: &str, position: Position) {
        note(&mut self.infos, text, position);
    }

    /// That classic buckets were fixed; what is said of the same metric at the same place becomes
    /// one info.
    pub(crate) fn forced(&mut self, text: String, position: Position, note: ForcedNote) {
        match self.forced.iter_mut().find(|(other, at, _)| *other == text && *at == position) {
            Some((_, _, other)) => *other = note.merged(other),
            None => self.forced.push((text, position, note)),
        }
    }

    /// That a point's start lies before the point before it.
    pub(crate) fn start_overlap(&mut self, metric: &str, position: Position) {
        let mut known = self.start_overlaps.iter_mut();
        match known.find(|(other, at, _)| other == metric && *at == position) {
            Some((_, _, count)) => *count += 1,
            None => self.start_overlaps.push((metric.to_owned(), position, 1)),
        }
    }

    /// (warnings, infos), at most `max` of each (0: all) and a line that says how many more.
    pub(crate) fn into_lists(mut self, max: usize, query: &str) -> (Vec<String>, Vec<String>) {
        for (metric, position, count) in std::mem::take(&mut self.start_overlaps) {
            let times = if count > 1 { format!(" ({count} occurrences)") } else { String::new() };
            let text = format!(
                "sample has start time that overlaps with previous sample timestamp for metric {metric:?}{times}"
            );
            self.warn(&text, position);
        }
        for (text, position, note) in std::mem::take(&mut self.forced) {
            self.info(&format!("{text}, {}", note.describe()), position);
        }
        (told(&self.warnings, max, "warning", query), told(&self.infos, max, "info", query))
    }
}

/// Adds a note. Of one text told of several places only the place evaluated last is kept, as in
/// Prometheus: an expression comes after those within it and after those left of it.
fn note(notes: &mut Vec<Note>, text: &str, position: Position) {
    let Some(known) = notes.iter_mut().find(|note| note.text == text) else {
        return notes.push(Note { text: text.to_owned(), position });
    };
    let old = known.position;
    // What is told of a subquery has no place, and is around all that has one.
    let holds = |a: Position, b: Position| a.end == 0 || (a.start <= b.start && b.end <= a.end);
    if holds(position, old) || (position.start > old.start && !holds(old, position)) {
        known.position = position;
    }
}

fn told(notes: &[Note], max: usize, kind: &str, query: &str) -> Vec<String> {
    let with_place = |note: &Note| {
        let place = line_and_column(query, note.position);
        format!("PromQL {kind}: {} ({place})", note.text)
    };
    let mut texts: Vec<String> = notes.iter().map(with_place).collect();
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
    let line = before.split(|byte| *byte == b'\n').count();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    format!("{}:{}", line, position.start - line_start + 1)
}
