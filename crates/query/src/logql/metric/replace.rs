//! `label_replace`.

use vigie_language::logql::LabelReplace;
use vigie_model::LabelsBuilder;

use super::MetricSeries;
use crate::logql::LogqlError;

/// The series, the target label set where the whole source label matches.
pub(super) fn replaced(
    mut series: Vec<MetricSeries>,
    replace: &LabelReplace,
) -> Result<Vec<MetricSeries>, LogqlError> {
    let pattern = vigie_model::pattern::compile_anchored(&replace.pattern)
        .map_err(|error| LogqlError::BadRequest(error.to_string()))?;
    for one in &mut series {
        let source = one.labels.get(&replace.source).unwrap_or_default().to_owned();
        let Some(captures) = pattern.captures(&source) else { continue };
        let mut value = String::new();
        captures.expand(&replace.replacement, &mut value);
        let mut labels = LabelsBuilder::from_labels(&one.labels);
        if value.is_empty() {
            labels.remove(&replace.target);
        } else {
            labels.set(&replace.target, &value);
        }
        one.labels = labels.build();
    }
    Ok(series)
}
