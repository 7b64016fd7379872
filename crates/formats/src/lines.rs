//! Line protocols of other systems: InfluxDB, Graphite, OpenTSDB.
//!
//! Names and values become series as VictoriaMetrics does it, so that dashboards which were
//! written for one work with the other: `measurement_field` for InfluxDB, names as they are for
//! the others, tags as labels.

pub mod graphite;
pub mod influx;
pub mod opentsdb;
pub mod pickle;

use vigie_model::{Labels, LabelsBuilder, METRIC_NAME};

/// Tags of one line that are read; more are an error.
pub const TAGS_MAX: usize = 256;

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct LineRow {
    /// The metric's name.
    pub name: String,
    /// Tags, in the line's order.
    pub tags: Vec<(String, String)>,
    /// The value.
    pub value: f64,
    /// When, if the line says so.
    pub timestamp_ms: Option<i64>,
}

impl LineRow {
    /// The series' labels.
    pub fn labels(&self) -> Labels {
        let mut labels = LabelsBuilder::new();
        for (name, value) in &self.tags {
            labels.set(name, value);
        }
        labels.set(METRIC_NAME, &self.name);
        labels.build()
    }
}

/// Why a line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {line:?}")]
pub struct LineError {
    /// What is wrong.
    pub what: &'static str,
    /// The line, at most its first characters.
    pub line: String,
}

impl LineError {
    pub(crate) fn new(what: &'static str, line: &str) -> Self {
        Self { what, line: line.chars().take(200).collect() }
    }
}

/// Seconds, or milliseconds when the number is too large for seconds (as OpenTSDB takes both).
pub(crate) fn seconds_or_milliseconds(number: f64) -> Option<i64> {
    if !number.is_finite() || number.abs() > 9e15 {
        return None;
    }
    let milliseconds = if number.abs() < 4_294_967_296.0 { number * 1000.0 } else { number };
    Some(milliseconds as i64)
}
