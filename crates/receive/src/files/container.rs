//! Lines of containers: Docker's JSON, and those of the Container Runtime Interface.

use vigie_formats::event_json::parse_json_object;
use vigie_language::filebeat::Stream;
use vigie_model::event::Value;

use super::chain::Line;

/// Takes apart what a runtime wrote, and joins what it split.
#[derive(Debug)]
pub(super) struct Unpacker {
    stream: Stream,
    bytes_max: usize,
    /// Lines of which the end is missing, one for each stream.
    pending: Vec<Line>,
}

impl Unpacker {
    pub(super) fn new(stream: Stream, bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { stream, bytes_max, pending: Vec::new() }
    }

    /// Takes a line; what is whole goes to `out`.
    pub(super) fn push(&mut self, mut line: Line, out: &mut Vec<Line>) {
        let unpacked =
            if line.text.starts_with('{') { docker(&line.text) } else { cri(&line.text) };
        let Some(Unpacked { text, stream, time_ns, is_partial }) = unpacked else {
            // What cannot be taken apart is kept as it is.
            line.flags.push("parse_error");
            out.push(line);
            return;
        };
        let is_wanted = match self.stream {
            Stream::All => true,
            Stream::Stdout => stream == "stdout",
            Stream::Stderr => stream == "stderr",
        };
        if !is_wanted {
            return;
        }
        line.text = text;
        line.time_ns = time_ns;
        line.stream = Some(stream);
        let begun = self.pending.iter().position(|begun| begun.stream == line.stream);
        if let Some(at) = begun {
            let mut begun = self.pending.remove(at);
            let room = self.bytes_max.saturating_sub(begun.text.len());
            let kept = line.text.floor_char_boundary(room);
            begun.text.push_str(line.text.get(..kept).unwrap_or_default());
            begun.is_cut |= kept < line.text.len();
            begun.end = line.end;
            line = begun;
        }
        if is_partial {
            self.pending.push(line);
        } else {
            out.push(line);
        }
    }

    /// What is not whole yet.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Line> {
        self.pending.iter()
    }

    /// What there is, whole or not.
    pub(super) fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.pending)
    }
}

struct Unpacked {
    text: String,
    stream: String,
    time_ns: Option<i64>,
    is_partial: bool,
}

/// `{"log":"...\n","stream":"stdout","time":"..."}`; without the line feed there is more to come.
fn docker(text: &str) -> Option<Unpacked> {
    let mut object = parse_json_object(text.as_bytes()).ok()?;
    let Some(Value::String(mut log)) = object.remove("log") else { return None };
    let is_partial = !log.ends_with('\n');
    if !is_partial {
        log.pop();
        if log.ends_with('\r') {
            log.pop();
        }
    }
    let stream = match object.remove("stream") {
        Some(Value::String(stream)) => stream,
        _ => "stdout".to_owned(),
    };
    let time_ns = object.get("time").and_then(Value::as_str).and_then(time);
    Some(Unpacked { text: log, stream, time_ns, is_partial })
}

/// `2026-01-02T03:04:05.6Z stdout F message`; older runtimes leave the flag out.
fn cri(text: &str) -> Option<Unpacked> {
    let (stamp, rest) = text.split_once(' ')?;
    let time_ns = Some(time(stamp)?);
    let (stream, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    if !matches!(stream, "stdout" | "stderr") {
        return None;
    }
    let (flag, message) = rest.split_once(' ').unwrap_or((rest, ""));
    // The first of several flags tells; others may follow it after a colon.
    let (message, is_partial) = match flag.split(':').next() {
        Some("F") => (message, false),
        Some("P") => (message, true),
        _ => (rest, false),
    };
    Some(Unpacked { text: message.to_owned(), stream: stream.to_owned(), time_ns, is_partial })
}

fn time(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}
