//! Labels of a series as text or protobuf, read when they are asked for.

use std::borrow::Cow;

use vigie_model::METRIC_NAME;

use super::{LabelPairs, ParseError};
use crate::float::{float_to_openmetrics_string, parse_float};
use crate::protobuf::Reader;

/// Where labels come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum LabelSource<'a> {
    /// `name{a="b"}` or `{"name",a="b"}`.
    Text { text: &'a str, line: usize, float_label: Option<&'static str> },
    /// Fields 1 of a `Metric`; a further label for a bucket or a quantile.
    Protobuf { name: &'a str, metric: &'a [u8], extra: Option<(&'static str, f64)> },
}

impl<'a> LabelSource<'a> {
    pub(super) fn read(&self, into: &mut LabelPairs<'a>) -> Result<(), ParseError> {
        into.clear();
        match *self {
            Self::Text { text, line, float_label } => {
                read_series_text(text, line, into)?;
                if let Some(label) = float_label {
                    normalise_float_label(label, into);
                }
                Ok(())
            }
            Self::Protobuf { name, metric, extra } => {
                into.push((METRIC_NAME.into(), Cow::Borrowed(name)));
                let mut reader = Reader::new(metric);
                while let Some(field) = reader.field()? {
                    if field.number == 1 {
                        let (name, value) = read_label_pair(field.message()?)?;
                        into.push((name.into(), value.into()));
                    }
                }
                if let Some((name, value)) = extra {
                    into.push((name.into(), float_to_openmetrics_string(value).into()));
                }
                Ok(())
            }
        }
    }
}

pub(super) fn read_label_pair(mut message: Reader<'_>) -> Result<(&str, &str), ParseError> {
    let (mut name, mut value) = ("", "");
    while let Some(field) = message.field()? {
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// `le="1"` and `le="1.0"` are one bucket: Prometheus 3 keeps the second form whatever the
/// target wrote.
fn normalise_float_label(label: &str, pairs: &mut LabelPairs<'_>) {
    for (name, value) in pairs.iter_mut() {
        if name == label
            && let Some(number) = parse_float(value.as_bytes())
        {
            let normal = float_to_openmetrics_string(number);
            if normal != *value {
                *value = normal.into();
            }
        }
    }
}

/// Length of the text of a series at the start of `text`: up to the blank or the brace that ends
/// it. `None` if a brace or a quote is not closed.
pub(super) fn series_length(text: &[u8]) -> Option<usize> {
    let name = memchr::memchr3(b'{', b' ', b'\n', text).unwrap_or(text.len());
    if text.get(name) != Some(&b'{') {
        // A tab may end a name as well.
        return Some(memchr::memchr(b'\t', text.get(..name)?).unwrap_or(name));
    }
    let mut at = name + 1;
    loop {
        at += memchr::memchr3(b'"', b'}', b'\n', text.get(at..)?)?;
        match text.get(at)? {
            b'}' => return Some(at + 1),
            b'"' => at = quoted_end(text, at)?,
            _ => return None,
        }
    }
}

/// Where the quoted text that begins at `at` ends, after its quote.
fn quoted_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr3(b'"', b'\\', b'\n', text.get(at..)?)?;
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => return None,
        }
    }
}

/// Reads `name{a="b",...}`; the name may stand within the braces, quoted.
fn read_series_text<'a>(
    text: &'a str,
    line: usize,
    into: &mut LabelPairs<'a>,
) -> Result<(), ParseError> {
    let brace = text.find('{').unwrap_or(text.len());
    let name = text.get(..brace).unwrap_or_default().trim_end_matches([' ', '\t']);
    if !name.is_empty() {
        check_name(name, true, line)?;
        into.push((METRIC_NAME.into(), name.into()));
    }
    if brace < text.len() {
        read_braces(text.get(brace..).unwrap_or_default(), line, into)?;
    }
    if into.iter().any(|pair| pair.0 == METRIC_NAME) {
        return Ok(());
    }
    Err(ParseError::at(line, "expected a metric name", text))
}

/// Reads `{a="b",...}` up to its end, which must be the end of the text.
pub(super) fn read_braces<'a>(
    text: &'a str,
    line: usize,
    into: &mut LabelPairs<'a>,
) -> Result<(), ParseError> {
    let mut rest = text.strip_prefix('{').unwrap_or(text);
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(end) = rest.strip_prefix('}') {
            return if end.is_empty() {
                Ok(())
            } else {
                Err(ParseError::at(line, "expected value after metric", end))
            };
        }
        rest = read_pair(rest, line, into)?.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err(ParseError::at(line, "expected comma or brace close", rest)),
        }
    }
}

fn read_pair<'a>(
    rest: &'a str,
    line: usize,
    into: &mut LabelPairs<'a>,
) -> Result<&'a str, ParseError> {
    let quoted_name = rest.starts_with('"');
    let (name, mut rest) = if quoted_name {
        read_quoted(rest, line)?
    } else {
        let end = rest.find(['=', ' ', '\t', ',', '}', '"']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        (Cow::Borrowed(name), rest)
    };
    rest = rest.trim_start_matches([' ', '\t']);
    let Some(value) = rest.strip_prefix('=') else {
        // A quoted name without a value is the metric's name.
        if quoted_name && !name.is_empty() && !into.iter().any(|pair| pair.0 == METRIC_NAME) {
            into.insert(0, (METRIC_NAME.into(), name));
            return Ok(rest);
        }
        return Err(ParseError::at(line, "expected equal", rest));
    };
    if quoted_name {
        if name.is_empty() {
            return Err(ParseError::at(line, "expected label name", rest));
        }
    } else {
        check_name(&name, false, line)?;
    }
    let value = value.trim_start_matches([' ', '\t']);
    if !value.starts_with('"') {
        return Err(ParseError::at(line, "expected label value", value));
    }
    let (value, rest) = read_quoted(value, line)?;
    into.push((name, value));
    Ok(rest)
}

fn check_name(name: &str, colons: bool, line: usize) -> Result<(), ParseError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || colons && byte == b':';
    let first = name.as_bytes().first().copied();
    if first.is_some_and(|byte| !byte.is_ascii_digit()) && name.bytes().all(good) {
        return Ok(());
    }
    let what = if colons { "expected a valid start token" } else { "expected label name" };
    Err(ParseError::at(line, what, name))
}

/// Reads a quoted text, whose first character is the quote, and gives what follows it.
pub(super) fn read_quoted(text: &str, line: usize) -> Result<(Cow<'_, str>, &str), ParseError> {
    let unclosed = || ParseError::at(line, "expected a closed quoted string", text);
    let end = quoted_end(text.as_bytes(), 0).ok_or_else(unclosed)?;
    let inner = text.get(1..end - 1).ok_or_else(unclosed)?;
    Ok((unescape(inner), text.get(end..).ok_or_else(unclosed)?))
}

/// Takes `\\`, `\n` and `\"` as what they mean; any other backslash is itself.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some(known @ ('\\' | '"')) => out.push(known),
            other => {
                out.push('\\');
                out.extend(other);
            }
        }
    }
    Cow::Owned(out)
}
