//! From the text of a script to commands.

use regex::Regex;
use vigie_model::Labels;

use crate::nhcb;
use crate::series::{metric, quoted};
use crate::value::{Value, duration_ms, number, sequence};

pub(crate) struct LoadedSeries {
    pub(crate) labels: Labels,
    pub(crate) values: Vec<Option<Value>>,
    /// Start of each value, relative to its time.
    pub(crate) starts: Vec<Option<i64>>,
}

pub(crate) enum Command {
    Clear,
    Load { gap_ms: i64, series: Vec<LoadedSeries> },
    Evaluate(Box<Evaluation>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    Instant(i64),
    Range { start_ms: i64, end_ms: i64, step_ms: i64 },
}

/// What an annotation or error must be.
#[derive(Debug)]
pub(crate) enum Pattern {
    Any,
    Message(String),
    Regex(Regex),
}

impl Pattern {
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Message(message) => message == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

pub(crate) struct Evaluation {
    pub(crate) line: usize,
    pub(crate) query: String,
    pub(crate) when: When,
    pub(crate) expected: Vec<(Labels, Vec<Option<Value>>)>,
    pub(crate) scalar: Option<f64>,
    pub(crate) string: Option<String>,
    /// `expect range vector from .. to .. step ..`: start and step.
    pub(crate) matrix: Option<(i64, i64)>,
    pub(crate) ordered: bool,
    pub(crate) fails: Vec<Pattern>,
    pub(crate) warns: Vec<Pattern>,
    pub(crate) infos: Vec<Pattern>,
    pub(crate) no_warn: bool,
    pub(crate) no_info: bool,
}

pub(crate) fn parse(text: &str) -> Vec<Command> {
    let clean = |line: &str| {
        let line = line.trim();
        if line.starts_with('#') { String::new() } else { line.to_owned() }
    };
    let lines: Vec<String> = text.lines().map(clean).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        let end = (at + 1..lines.len()).find(|i| lines[*i].is_empty()).unwrap_or(lines.len());
        let body = &lines[(at + 1).min(end)..end];
        if line.is_empty() {
            at += 1;
        } else if line.starts_with("clear") {
            commands.push(Command::Clear);
            at += 1;
        } else if line.starts_with("load") {
            commands.push(load(line, body));
            at = end;
        } else {
            commands.push(Command::Evaluate(Box::new(evaluation(at + 1, line, body))));
            at = end;
        }
    }
    commands
}

fn load(line: &str, body: &[String]) -> Command {
    let (kind, gap) = line.split_once(char::is_whitespace).expect("a gap");
    let mut series: Vec<LoadedSeries> = Vec::new();
    let mut starts: Option<(Labels, Vec<Option<i64>>)> = None;
    for line in body {
        let (labels, rest) = metric(line);
        if let Some(rest) = rest.strip_prefix("@st") {
            starts = Some((labels, start_sequence(rest)));
            continue;
        }
        let starts = match starts.take() {
            Some((of, starts)) if of == labels => starts,
            _ => Vec::new(),
        };
        series.retain(|other| other.labels != labels);
        series.push(LoadedSeries { labels, values: sequence(rest), starts });
    }
    if kind == "load_with_nhcb" {
        let native = nhcb::convert(&series);
        series.extend(native);
    }
    Command::Load { gap_ms: duration_ms(gap).expect("a gap"), series }
}

fn start_sequence(text: &str) -> Vec<Option<i64>> {
    let pattern =
        Regex::new(r"^([+-]?)(\d+(?:ms|[smhdwy])?)(?:([+-])(\d+(?:ms|[smhdwy])))?(?:x(\d+))?$")
            .expect("a pattern");
    let mut out = Vec::new();
    for item in text.split_whitespace() {
        if let Some(times) = item.strip_prefix('_') {
            let times = times.strip_prefix('x').map_or(1, |n| n.parse().expect("times"));
            out.extend(std::iter::repeat_n(None, times));
            continue;
        }
        let found = pattern.captures(item).unwrap_or_else(|| panic!("start {item:?}"));
        let part = |sign: usize, value: usize| {
            let value_ms = found.get(value).map_or(0, |v| duration_ms(v.as_str()).expect("ms"));
            if found.get(sign).is_some_and(|s| s.as_str() == "-") { -value_ms } else { value_ms }
        };
        let (mut value, step) = (part(1, 2), part(3, 4));
        let times = found.get(5).map_or(0, |n| n.as_str().parse::<usize>().expect("times"));
        for _ in 0..=times {
            out.push(Some(value));
            value += step;
        }
    }
    out
}

fn evaluation(line_number: usize, line: &str, body: &[String]) -> Evaluation {
    let (head, query, when) = head(line);
    let mut evaluation = Evaluation {
        line: line_number,
        query,
        when,
        expected: Vec::new(),
        scalar: None,
        string: None,
        matrix: None,
        ordered: head == "eval_ordered",
        fails: Vec::new(),
        warns: Vec::new(),
        infos: Vec::new(),
        no_warn: false,
        no_info: false,
    };
    match head {
        "eval_fail" => evaluation.fails.push(Pattern::Any),
        "eval_warn" => evaluation.warns.push(Pattern::Any),
        "eval_info" => evaluation.infos.push(Pattern::Any),
        _ => {}
    }
    for line in body {
        expectation(&mut evaluation, line);
    }
    evaluation
}

fn head(line: &str) -> (&str, String, When) {
    let ms = |text: &str| duration_ms(text).unwrap_or_else(|| panic!("duration {text:?}"));
    let (head, rest) = line.split_once(char::is_whitespace).expect("a command");
    let (kind, rest) = rest.trim_start().split_once(char::is_whitespace).expect("a kind");
    let rest = rest.trim_start();
    if kind == "instant" {
        if let Some(rest) = rest.strip_prefix("at ") {
            let (time, query) = rest.trim_start().split_once(char::is_whitespace).expect("a query");
            return (head, query.trim().to_owned(), When::Instant(ms(time)));
        }
        return (head, rest.to_owned(), When::Instant(0));
    }
    let pattern = Regex::new(r"^from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$").expect("regex");
    let found = pattern.captures(rest).unwrap_or_else(|| panic!("command {line:?}"));
    let when =
        When::Range { start_ms: ms(&found[1]), end_ms: ms(&found[2]), step_ms: ms(&found[3]) };
    (head, found[4].to_owned(), when)
}

fn expectation(evaluation: &mut Evaluation, line: &str) {
    if let Some(message) = line.strip_prefix("expected_fail_message ") {
        evaluation.fails = vec![Pattern::Message(message.trim().to_owned())];
        return;
    }
    if let Some(pattern) = line.strip_prefix("expected_fail_regexp ") {
        evaluation.fails = vec![Pattern::Regex(Regex::new(pattern.trim()).expect("a pattern"))];
        return;
    }
    let Some(rest) = line.strip_prefix("expect ") else {
        if let Some(value) = number(line) {
            evaluation.scalar = Some(value);
            return;
        }
        let (labels, values) = metric(line);
        evaluation.expected.push((labels, sequence(values)));
        return;
    };
    if let Some(times) = rest.strip_prefix("range vector from ") {
        let parts: Vec<&str> = times.split_whitespace().collect();
        let ms = |at: usize| duration_ms(parts[at]).expect("a duration");
        evaluation.matrix = Some((ms(0), ms(4)));
        return;
    }
    if let Some(text) = rest.strip_prefix("string ") {
        evaluation.string = Some(quoted(text.trim()).0);
        return;
    }
    let (word, pattern) = rest.split_once(' ').unwrap_or((rest, ""));
    let pattern = pattern.trim();
    let pattern = if let Some(message) = pattern.strip_prefix("msg:") {
        Pattern::Message(message.trim().to_owned())
    } else if let Some(regex) = pattern.strip_prefix("regex:") {
        Pattern::Regex(Regex::new(regex.trim()).expect("a pattern"))
    } else {
        Pattern::Any
    };
    match word {
        "ordered" => evaluation.ordered = true,
        "fail" => evaluation.fails.push(pattern),
        "warn" => evaluation.warns.push(pattern),
        "info" => evaluation.infos.push(pattern),
        "no_warn" => evaluation.no_warn = true,
        "no_info" => evaluation.no_info = true,
        other => panic!("expectation {other:?}"),
    }
}
