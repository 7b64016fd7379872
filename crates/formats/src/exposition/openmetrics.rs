//! OpenMetrics 1.0 text.

use std::borrow::Cow;
use std::collections::HashMap;

use vigie_model::{Exemplar, Labels, METRIC_NAME, MetricType};

use super::labels::{LabelSource, read_braces, series_length, unescape};
use super::text::{float_label, read_metadata_name, read_value, utf8};
use super::{Entry, LabelPairs, MetadataEntry, MetadataLine, ParseError, ParseOptions, Series};

/// Gives the entries of an OpenMetrics text, which must end with `# EOF`.
#[derive(Debug)]
pub(super) struct OpenMetricsParser<'a> {
    rest: &'a str,
    line: usize,
    options: ParseOptions,
    family: Cow<'a, str>,
    kind: MetricType,
    /// Start of each labelled metric of this family, by its labels without `le` and `quantile`;
    /// read ahead when the family has `_created` lines.
    created: HashMap<Labels, i64>,
    created_read: bool,
}

impl<'a> OpenMetricsParser<'a> {
    pub(super) fn new(body: &'a [u8], options: ParseOptions) -> Result<Self, ParseError> {
        Ok(Self {
            rest: utf8(body)?,
            line: 0,
            options,
            family: Cow::Borrowed(""),
            kind: MetricType::Unknown,
            created: HashMap::new(),
            created_read: false,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry<'_>>, ParseError> {
        loop {
            self.line += 1;
            let Some((line, rest)) = self
                .rest
                .split_once('\n')
                .or_else(|| (self.rest == "# EOF").then_some((self.rest, "")))
            else {
                return Err(ParseError::new(self.line, "data does not end with # EOF"));
            };
            if line == "# EOF" {
                return if rest.is_empty() {
                    self.rest = "# EOF";
                    Ok(None)
                } else {
                    Err(ParseError::new(self.line, "unexpected data after # EOF"))
                };
            }
            self.rest = rest;
            if let Some(comment) = line.strip_prefix("# ") {
                return self.comment(comment).map(|entry| Some(Entry::Metadata(entry)));
            }
            if self.options.created_as_start && !self.created_read {
                self.read_created(line);
            }
            let series = self.series(line)?;
            if self.options.created_as_start && self.is_created(series.key) {
                continue;
            }
            return Ok(Some(Entry::Series(series)));
        }
    }

    fn comment(&mut self, comment: &'a str) -> Result<MetadataEntry<'a>, ParseError> {
        let invalid = || ParseError::at(self.line, "expected a valid start token", comment);
        let (word, text) = comment.split_once(' ').ok_or_else(invalid)?;
        let (name, text) = match word {
            "TYPE" | "HELP" | "UNIT" => read_metadata_name(text, self.line)?,
            _ => return Err(invalid()),
        };
        let text = text.strip_prefix(' ').unwrap_or(text);
        let line = match word {
            "HELP" => MetadataLine::Help(unescape(text)),
            "UNIT" => {
                let suffix = name.strip_suffix(text).is_some_and(|name| name.ends_with('_'));
                if !text.is_empty() && !suffix {
                    let message = format!("unit {text:?} not a suffix of metric {name:?}");
                    return Err(ParseError::new(self.line, message));
                }
                MetadataLine::Unit(text.into())
            }
            _ => {
                self.kind =
                    MetricType::parse(text).filter(|_| text != "untyped").ok_or_else(|| {
                        ParseError::new(self.line, format!("invalid metric type {text:?}"))
                    })?;
                self.family = name.clone();
                self.created.clear();
                self.created_read = false;
                MetadataLine::Type(self.kind)
            }
        };
        Ok(MetadataEntry { name, line })
    }

    fn series(&self, line: &'a str) -> Result<Series<'a>, ParseError> {
        let number = self.line;
        let invalid = |what: &str, at: &str| ParseError::at(number, what, at);
        let (text, rest) = series_length(line.as_bytes())
            .filter(|length| *length > 0)
            .and_then(|length| line.split_at_checked(length))
            .ok_or_else(|| invalid("expected a valid start token", line))?;
        let rest =
            rest.strip_prefix(' ').ok_or_else(|| invalid("expected value after metric", rest))?;
        let (value, mut after) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut timestamp_ms = None;
        if !after.is_empty() && !after.starts_with('#') {
            let (timestamp, rest) = after.split_once(' ').unwrap_or((after, ""));
            timestamp_ms = Some(read_seconds(timestamp, "timestamp", number)?);
            after = rest;
        }
        let exemplar = match after {
            "" => None,
            _ => Some(read_exemplar(after, number)?),
        };
        let source = LabelSource::Text { text, line: number, float_label: float_label(self.kind) };
        Ok(Series {
            key: text.as_bytes(),
            start_timestamp_ms: self.start_of(&source),
            source,
            value: read_value(value, number)?,
            timestamp_ms,
            exemplar,
        })
    }

    fn has_start(&self) -> bool {
        use MetricType::{Counter, Histogram, Summary};
        matches!(self.kind, Counter | Histogram | Summary)
    }

    fn is_created(&self, key: &[u8]) -> bool {
        self.has_start()
            && key
                .strip_prefix(self.family.as_bytes())
                .is_some_and(|rest| rest == b"_created" || rest.starts_with(b"_created{"))
    }

    /// Reads ahead, from the family's first sample to the next comment, for `_created` lines,
    /// which follow what they speak of. Once a family, so that the work stays linear.
    fn read_created(&mut self, first: &'a str) {
        self.created_read = true;
        if !self.has_start() {
            return;
        }
        let mut created = HashMap::new();
        let own = std::iter::once(first).chain(self.rest.lines());
        for line in own.take_while(|line| !line.starts_with("# ")) {
            if !self.is_created(line.split(' ').next().unwrap_or_default().as_bytes()) {
                continue;
            }
            let Ok(series) = self.series(line) else { continue };
            if let Some(labels) = identity(&series.source)
                && let Some(ms) = seconds_to_ms(series.value)
            {
                created.insert(labels, ms);
            }
        }
        self.created = created;
    }

    fn start_of(&self, source: &LabelSource<'_>) -> i64 {
        if self.created.is_empty() {
            return 0;
        }
        identity(source).and_then(|labels| self.created.get(&labels).copied()).unwrap_or(0)
    }
}

/// The labels that all series of one metric of a family share.
fn identity(source: &LabelSource<'_>) -> Option<Labels> {
    let mut pairs = LabelPairs::new();
    source.read(&mut pairs).ok()?;
    pairs.retain(|(name, _)| name != METRIC_NAME && name != "le" && name != "quantile");
    Some(Labels::from_pairs(pairs))
}

fn seconds_to_ms(seconds: f64) -> Option<i64> {
    seconds.is_finite().then_some((seconds * 1000.0) as i64)
}

fn read_seconds(text: &str, what: &str, line: usize) -> Result<i64, ParseError> {
    seconds_to_ms(read_value(text, line)?)
        .ok_or_else(|| ParseError::new(line, format!("invalid {what} {text}")))
}

/// `# {trace_id="a"} 1.5 1435781451.781`
fn read_exemplar(text: &str, line: usize) -> Result<Exemplar, ParseError> {
    let invalid = |at: &str| ParseError::at(line, "expected timestamp or exemplar", at);
    let text = text.strip_prefix("# ").filter(|text| text.starts_with('{'));
    let text = text.ok_or_else(|| invalid("#"))?;
    let (labels, rest) = series_length(text.as_bytes())
        .and_then(|length| text.split_at_checked(length))
        .ok_or_else(|| invalid(text))?;
    let mut pairs = LabelPairs::new();
    read_braces(labels, line, &mut pairs)?;
    let rest = rest.strip_prefix(' ').ok_or_else(|| invalid(rest))?;
    let (value, timestamp) = rest.split_once(' ').unwrap_or((rest, ""));
    let timestamp_ms = match timestamp {
        "" => 0,
        _ => read_seconds(timestamp, "exemplar timestamp", line)?,
    };
    Ok(Exemplar {
        labels: Labels::from_pairs(pairs),
        value: read_value(value, line)?,
        timestamp_ms,
    })
}
