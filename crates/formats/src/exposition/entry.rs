//! What parsers give.

use std::borrow::Cow;

use vigie_model::{Exemplar, Histogram, MetricType};

use super::labels::LabelSource;

/// Labels as they are read: name and value, in the order of the body, `__name__` first.
pub type LabelPairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// One thing that a body says.
#[derive(Debug)]
pub enum Entry<'a> {
    /// Type, help or unit of a metric family.
    Metadata(MetadataEntry<'a>),
    /// A float sample.
    Series(Series<'a>),
    /// A native histogram.
    Histogram(HistogramEntry<'a>),
}

/// A line about a metric family.
#[derive(Debug, PartialEq, Eq)]
pub struct MetadataEntry<'a> {
    /// Name of the family.
    pub name: Cow<'a, str>,
    /// What is said of it.
    pub line: MetadataLine<'a>,
}

/// What a metadata line says.
#[derive(Debug, PartialEq, Eq)]
pub enum MetadataLine<'a> {
    /// `# TYPE`
    Type(MetricType),
    /// `# HELP`, unescaped.
    Help(Cow<'a, str>),
    /// `# UNIT`
    Unit(Cow<'a, str>),
}

/// A sample and the series it belongs to.
#[derive(Debug)]
pub struct Series<'a> {
    pub(super) key: &'a [u8],
    pub(super) source: LabelSource<'a>,
    /// Its value.
    pub value: f64,
    /// When it was taken, if the target says so.
    pub timestamp_ms: Option<i64>,
    /// When the counter began, 0 if unknown.
    pub start_timestamp_ms: i64,
    /// An exemplar. Its timestamp is 0 when it has none.
    pub exemplar: Option<Exemplar>,
}

impl<'a> Series<'a> {
    /// Identifies the series among all that this target ever shows in this format.
    pub const fn key(&self) -> &'a [u8] {
        self.key
    }

    /// Reads the labels into `into` (cleared first). They are checked by this, not before.
    pub fn labels(&self, into: &mut LabelPairs<'a>) -> Result<(), ParseError> {
        self.source.read(into)
    }
}

/// A native histogram and the series it belongs to.
#[derive(Debug)]
pub struct HistogramEntry<'a> {
    pub(super) key: &'a [u8],
    pub(super) source: LabelSource<'a>,
    /// The histogram, not checked yet: see `remote_write::check_histogram`.
    pub histogram: Histogram,
    /// When it was taken, if the target says so.
    pub timestamp_ms: Option<i64>,
    /// When it began, 0 if unknown.
    pub start_timestamp_ms: i64,
    /// Exemplars.
    pub exemplars: Vec<Exemplar>,
}

impl<'a> HistogramEntry<'a> {
    /// See [`Series::key`].
    pub const fn key(&self) -> &'a [u8] {
        self.key
    }

    /// See [`Series::labels`].
    pub fn labels(&self, into: &mut LabelPairs<'a>) -> Result<(), ParseError> {
        self.source.read(into)
    }
}

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", LineShown(*line))]
pub struct ParseError {
    /// Line of the body, from 1; 0 when there are no lines.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

struct LineShown(usize);

impl std::fmt::Display for LineShown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "line {}: ", self.0) }
    }
}

impl ParseError {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }

    /// `what`, and the start of the text at which the parser stands.
    pub(super) fn at(line: usize, what: &str, rest: &str) -> Self {
        let shown: String = rest.lines().next().unwrap_or_default().chars().take(80).collect();
        Self::new(line, format!("{what}, got {shown:?}"))
    }
}

impl From<crate::protobuf::WireError> for ParseError {
    fn from(error: crate::protobuf::WireError) -> Self {
        Self::new(0, error.to_string())
    }
}
