//! InfluxDB's line protocol: `measurement,tag=value field=1.5,other=2i 1556813561098000000`.

use super::{LineError, TAGS_MAX};
use crate::float::parse_float;

/// Fields of one line that are read.
const FIELDS_MAX: usize = 4_096;

/// What a number in the place of a timestamp counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Told by its size: seconds, milliseconds, microseconds or nanoseconds.
    #[default]
    Guessed,
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
}

impl Precision {
    /// The precision that the parameter of that name asks for.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" => Self::Guessed,
            "n" | "ns" => Self::Nanoseconds,
            "u" | "us" | "µ" | "µs" => Self::Microseconds,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => return None,
        })
    }

    fn to_ms(self, number: i64) -> i64 {
        match self {
            Self::Nanoseconds => number.div_euclid(1_000_000),
            Self::Microseconds => number.div_euclid(1_000),
            Self::Milliseconds => number,
            Self::Seconds => number.saturating_mul(1_000),
            Self::Minutes => number.saturating_mul(60_000),
            Self::Hours => number.saturating_mul(3_600_000),
            Self::Guessed => {
                let precision = match number.unsigned_abs() {
                    0..100_000_000_000 => Self::Seconds,
                    100_000_000_000..100_000_000_000_000 => Self::Milliseconds,
                    100_000_000_000_000..100_000_000_000_000_000 => Self::Microseconds,
                    _ => Self::Nanoseconds,
                };
                precision.to_ms(number)
            }
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct InfluxLine {
    /// The measurement, may be empty.
    pub measurement: String,
    /// Tags with values.
    pub tags: Vec<(String, String)>,
    /// Fields, as numbers: booleans are 1 and 0, text is the number in it or 0.
    pub fields: Vec<(String, f64)>,
    /// When, if the line says so.
    pub timestamp_ms: Option<i64>,
}

impl InfluxLine {
    /// Name of the series of a field.
    pub fn series_name(&self, field: &str) -> String {
        if self.measurement.is_empty() {
            return field.to_owned();
        }
        format!("{}_{field}", self.measurement)
    }
}

/// Reads a line; `None` for an empty one and for a comment.
pub fn parse(line: &str, precision: Precision) -> Result<Option<InfluxLine>, LineError> {
    let line = line.strip_suffix('\r').unwrap_or(line).trim_start_matches(' ');
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let invalid = |what| LineError::new(what, line);
    let head_end = find(line, ' ', false).ok_or_else(|| invalid("no fields"))?;
    let (head, rest) = line.split_at(head_end);
    let rest = rest.trim_start_matches(' ');
    let mut parts = Split { rest: Some(head), separator: ',', quotes: false };
    let measurement = unescape(parts.next().unwrap_or_default());
    let mut tags = Vec::new();
    for part in parts {
        let at = find(part, '=', false).ok_or_else(|| invalid("a tag without a value"))?;
        let (name, value) = (part.get(..at), part.get(at + 1..));
        let (name, value) = (name.unwrap_or_default(), value.unwrap_or_default());
        if tags.len() == TAGS_MAX {
            return Err(invalid("too many tags"));
        }
        if !name.is_empty() && !value.is_empty() {
            tags.push((unescape(name), unescape(value)));
        }
    }
    let fields_end = find(rest, ' ', true).unwrap_or(rest.len());
    let (fields_text, timestamp) = rest.split_at(fields_end);
    let fields = read_fields(fields_text, line)?;
    let timestamp_ms = match timestamp.trim() {
        "" => None,
        text => {
            let number: i64 = text.parse().map_err(|_| invalid("the timestamp is no number"))?;
            Some(precision.to_ms(number))
        }
    };
    Ok(Some(InfluxLine { measurement, tags, fields, timestamp_ms }))
}

fn read_fields(text: &str, line: &str) -> Result<Vec<(String, f64)>, LineError> {
    let invalid = |what| LineError::new(what, line);
    let mut fields = Vec::new();
    for part in (Split { rest: Some(text), separator: ',', quotes: true }) {
        let at = find(part, '=', false).ok_or_else(|| invalid("a field without a value"))?;
        let name = part.get(..at).unwrap_or_default();
        let value = part.get(at + 1..).unwrap_or_default();
        if name.is_empty() {
            return Err(invalid("a field without a name"));
        }
        if fields.len() == FIELDS_MAX {
            return Err(invalid("too many fields"));
        }
        let value = read_value(value).ok_or_else(|| invalid("a field's value is no value"))?;
        fields.push((unescape(name), value));
    }
    Ok(fields)
}

/// A number, an integer (`1i`, `1u`), a boolean, or a quoted text.
fn read_value(text: &str) -> Option<f64> {
    if let Some(inner) = text.strip_prefix('"') {
        let inner = inner.strip_suffix('"')?;
        // Some agents send numbers as text.
        return Some(parse_float(inner.as_bytes()).unwrap_or(0.0));
    }
    match text {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(1.0),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(0.0),
        _ => {}
    }
    if let Some(digits) = text.strip_suffix('i') {
        return digits.parse::<i64>().ok().map(|value| value as f64);
    }
    if let Some(digits) = text.strip_suffix('u') {
        return digits.parse::<u64>().ok().map(|value| value as f64);
    }
    parse_float(text.as_bytes())
}

/// Where `wanted` first stands in `text` without a backslash before it and, with `quotes`,
/// outside of quotes.
fn find(text: &str, wanted: char, quotes: bool) -> Option<usize> {
    let (mut escaped, mut quoted) = (false, false);
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if quotes && character == '"' {
            quoted = !quoted;
        } else if character == wanted && !quoted {
            return Some(at);
        }
    }
    None
}

/// Parts of a text between separators that are not escaped.
struct Split<'a> {
    rest: Option<&'a str>,
    separator: char,
    quotes: bool,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        match find(rest, self.separator, self.quotes) {
            Some(at) => {
                self.rest = rest.get(at + 1..);
                rest.get(..at)
            }
            None => self.rest.take(),
        }
    }
}

/// A backslash before a blank, a comma, an equals sign or a backslash is none of the text.
fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_escape = character == '\\'
            && characters.peek().is_some_and(|next| matches!(next, ' ' | ',' | '=' | '\\'));
        if is_escape {
            out.extend(characters.next());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(line: &str) -> String {
        match parse(line, Precision::Guessed) {
            Ok(Some(line)) => {
                let (tags, fields) = (&line.tags, &line.fields);
                format!("{} {tags:?} {fields:?} {:?}", line.measurement, line.timestamp_ms)
            }
            Ok(None) => "nothing".to_owned(),
            Err(error) => error.what.to_owned(),
        }
    }

    #[test]
    fn lines_of_all_kinds() {
        let cases = [
            (
                "weather,location=us-midwest temperature=82,ok=t 1465839830100400200",
                r#"weather [("location", "us-midwest")] [("temperature", 82.0), ("ok", 1.0)] Some(1465839830100)"#,
            ),
            (
                "m f=1i,g=2u,h=-1.5e3,i=F",
                r#"m [] [("f", 1.0), ("g", 2.0), ("h", -1500.0), ("i", 0.0)] None"#,
            ),
            (
                r#"my\,m\ 1,t\=g=a\ b,empty= f="a \"b, c=d" 1465839830"#,
                r#"my,m 1 [("t=g", "a b")] [("f", 0.0)] Some(1465839830000)"#,
            ),
            (r#"m f="12.5" 1465839830100"#, r#"m [] [("f", 12.5)] Some(1465839830100)"#),
            (",a=b f=1", r#" [("a", "b")] [("f", 1.0)] None"#),
            ("# comment", "nothing"),
            ("  ", "nothing"),
            ("m", "no fields"),
            ("m,a f=1", "a tag without a value"),
            ("m f", "a field without a value"),
            ("m =1", "a field without a name"),
            ("m f=abc", "a field's value is no value"),
            (r#"m f="open"#, "a field's value is no value"),
            ("m f=1 now", "the timestamp is no number"),
        ];
        for (line, expected) in cases {
            assert_eq!(show(line), expected, "{line}");
        }
    }

    #[test]
    fn timestamps_have_the_precision_that_was_asked_for() {
        let cases = [("ns", 1), ("u", 1_500), ("ms", 1_500_000), ("s", 1_500_000_000)];
        for (name, expected) in cases {
            let precision = Precision::parse(name).unwrap();
            let line = parse("m f=1 1500000", precision).unwrap().unwrap();
            assert_eq!(line.timestamp_ms, Some(expected), "{name}");
        }
        assert_eq!(Precision::parse("day"), None);
    }
}
