//! Pipelines: what is done to a line and its labels, stage by stage.

mod address;
mod json;
mod label_filter;
mod line_filter;
mod logfmt;
mod stages;
mod template;

use vigie_language::logql::{LineFilter, LogExpr, Stage};

use super::LogqlError;
use super::labels::LineLabels;
pub(crate) use label_filter::CompiledLabelFilter;
use stages::CompiledStage;

/// A pipeline that is ready to run.
#[derive(Debug)]
pub(crate) struct Pipeline {
    stages: Vec<CompiledStage>,
}

impl Pipeline {
    pub(crate) fn new(log: &LogExpr) -> Result<Self, LogqlError> {
        let stages = log.stages.iter().map(CompiledStage::new);
        Ok(Self { stages: stages.collect::<Result<_, _>>()? })
    }

    /// Works on a line; `false` when it is filtered out.
    pub(crate) fn run(&self, time_ns: i64, line: &mut String, labels: &mut LineLabels) -> bool {
        self.stages.iter().all(|stage| stage.run(time_ns, line, labels))
    }
}

/// The line filters that see lines as they were stored.
pub(crate) fn first_line_filters(log: &LogExpr) -> impl Iterator<Item = &LineFilter> {
    let keeps_line =
        |stage: &&Stage| !matches!(stage, Stage::LineFormat(_) | Stage::Unpack | Stage::Decolorize);
    log.stages.iter().take_while(keeps_line).filter_map(|stage| match stage {
        Stage::LineFilter(filter) => Some(filter),
        _ => None,
    })
}
