//! Numbers out of labels: `| unwrap label`.

use vigie_language::logql::{Conversion, Unwrap, parse_bytes, parse_duration_ns};

use crate::logql::LogqlError;
use crate::logql::labels::LineLabels;
use crate::logql::pipeline::CompiledLabelFilter;

/// The error of a label that is no number.
const EXTRACTION_ERROR: &str = "SampleExtractionErr";

/// An `unwrap` that is ready to run.
pub(super) struct CompiledUnwrap {
    label: String,
    conversion: Option<Conversion>,
    filters: Vec<CompiledLabelFilter>,
}

impl CompiledUnwrap {
    pub(super) fn new(unwrap: &Unwrap) -> Result<Self, LogqlError> {
        let filters = unwrap.filters.iter().map(CompiledLabelFilter::new);
        Ok(Self {
            label: unwrap.label.clone(),
            conversion: unwrap.conversion,
            filters: filters.collect::<Result<_, _>>()?,
        })
    }

    /// The number of a line, and its labels without the one that held it. `None`: the line does
    /// not count.
    pub(super) fn run(&self, labels: &mut LineLabels) -> Option<f64> {
        let text = labels.get(&self.label).filter(|text| !text.is_empty())?;
        let value = match self.conversion {
            None => text.parse().ok(),
            Some(Conversion::Bytes) => parse_bytes(text).map(|bytes| bytes as f64),
            Some(Conversion::Duration | Conversion::DurationSeconds) => {
                parse_duration_ns(text).map(|duration| duration as f64 / 1e9)
            }
        };
        if value.is_none() {
            let details = format!("{text:?} of label {} is no number", self.label);
            labels.fail(EXTRACTION_ERROR, &details);
        }
        labels.remove(&self.label);
        self.filters.iter().all(|filter| filter.keeps(labels)).then_some(value.unwrap_or(0.0))
    }
}
