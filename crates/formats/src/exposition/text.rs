//! Prometheus text 0.0.4 and 1.0 (the second adds quoted names of any characters).

use vigie_model::MetricType;

use super::labels::{LabelSource, read_quoted, series_length, unescape};
use super::{Entry, MetadataEntry, MetadataLine, ParseError, Series};
use crate::float::parse_float;

/// Gives the entries of a text.
#[derive(Debug)]
pub(super) struct TextParser<'a> {
    rest: &'a str,
    line: usize,
    kind: MetricType,
}

/// The body as text.
pub(super) fn utf8(body: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(body).map_err(|error| {
        let before = body.get(..error.valid_up_to()).unwrap_or_default();
        ParseError::new(1 + memchr::memchr_iter(b'\n', before).count(), "invalid UTF-8")
    })
}

/// Which label of a family of this type holds a float.
pub(super) const fn float_label(kind: MetricType) -> Option<&'static str> {
    match kind {
        MetricType::Histogram | MetricType::GaugeHistogram => Some("le"),
        MetricType::Summary => Some("quantile"),
        _ => None,
    }
}

/// Values as Prometheus takes them: hexadecimal and underscores are refused.
pub(super) fn read_value(text: &str, line: usize) -> Result<f64, ParseError> {
    let value = parse_float(text.as_bytes());
    value.filter(|_| !text.contains(['p', 'P'])).ok_or_else(|| {
        ParseError::at(line, "invalid value: strconv.ParseFloat: invalid syntax", text)
    })
}

/// A name, quoted or not, and what follows it.
pub(super) fn read_metadata_name(
    text: &str,
    line: usize,
) -> Result<(std::borrow::Cow<'_, str>, &str), ParseError> {
    if text.starts_with('"') {
        return read_quoted(text, line);
    }
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    if end == 0 {
        return Err(ParseError::at(line, "expected metric name", text));
    }
    let (name, rest) = text.split_at(end);
    Ok((name.into(), rest))
}

impl<'a> TextParser<'a> {
    pub(super) fn new(body: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { rest: utf8(body)?, line: 0, kind: MetricType::Unknown })
    }

    fn take_line(&mut self) -> &'a str {
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let (line, rest) = match end.and_then(|at| self.rest.split_at_checked(at)) {
            Some((line, rest)) => (line, rest.get(1..).unwrap_or_default()),
            None => (self.rest, ""),
        };
        self.rest = rest;
        self.line += 1;
        line.strip_suffix('\r').unwrap_or(line)
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry<'a>>, ParseError> {
        while !self.rest.is_empty() {
            let line = self.take_line().trim_start_matches([' ', '\t']);
            if let Some(comment) = line.strip_prefix('#') {
                if let Some(entry) = self.comment(comment)? {
                    return Ok(Some(Entry::Metadata(entry)));
                }
            } else if !line.is_empty() {
                return self.series(line).map(|series| Some(Entry::Series(series)));
            }
        }
        Ok(None)
    }

    fn comment(&mut self, comment: &'a str) -> Result<Option<MetadataEntry<'a>>, ParseError> {
        let blanks = [' ', '\t'];
        let text = comment.trim_start_matches(blanks);
        let Some((word, text)) = text.split_once(blanks) else { return Ok(None) };
        if word != "TYPE" && word != "HELP" {
            return Ok(None);
        }
        let (name, text) = read_metadata_name(text.trim_start_matches(blanks), self.line)?;
        let text = text.trim_start_matches(blanks);
        let line = if word == "HELP" {
            MetadataLine::Help(unescape(text))
        } else {
            self.kind = MetricType::parse(text.trim_end_matches(blanks)).ok_or_else(|| {
                ParseError::new(self.line, format!("invalid metric type {text:?}"))
            })?;
            MetadataLine::Type(self.kind)
        };
        Ok(Some(MetadataEntry { name, line }))
    }

    fn series(&self, line: &'a str) -> Result<Series<'a>, ParseError> {
        let number = self.line;
        let (text, rest) = series_length(line.as_bytes())
            .and_then(|length| line.split_at_checked(length))
            .ok_or_else(|| ParseError::at(number, "expected label value or brace close", line))?;
        // Prometheus allows a blank between the name and the brace.
        let blanks = [' ', '\t'];
        let trimmed = rest.trim_start_matches(blanks);
        let (text, trimmed) = if trimmed.starts_with('{') && !text.ends_with('}') {
            let skipped = line.len() - trimmed.len();
            let length = series_length(trimmed.as_bytes())
                .ok_or_else(|| ParseError::at(number, "expected brace close", line))?;
            let both = line.split_at_checked(skipped + length);
            let (text, rest) = both.unwrap_or((line, ""));
            (text, rest.trim_start_matches(blanks))
        } else {
            (text, trimmed)
        };
        let (value, after) = trimmed.split_once(blanks).unwrap_or((trimmed, ""));
        if value.is_empty() {
            return Err(ParseError::at(number, "expected value after metric", rest));
        }
        let after = after.trim_matches(blanks);
        let timestamp_ms =
            match after {
                "" => None,
                _ => Some(after.parse().map_err(|_| {
                    ParseError::at(number, "expected timestamp or new record", after)
                })?),
            };
        Ok(Series {
            key: text.as_bytes(),
            source: LabelSource::Text { text, line: number, float_label: float_label(self.kind) },
            value: read_value(value, number)?,
            timestamp_ms,
            start_timestamp_ms: 0,
            exemplar: None,
        })
    }
}
