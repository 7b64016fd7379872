//! Aggregations that make one row of a group: `sum`, `avg`, `count`, `min`, `max`, `group`,
//! `stddev`, `stdvar`, `quantile`.
//!
//! Each row is added to its group's columns as it comes; no row is kept.

mod column;
mod group;

use vigie_language::promql::AggregateOp;
use vigie_model::Labels;

pub(crate) use group::{Grouping, Groups};

use super::row::{Grid, Row};
use super::{Evaluator, Sink, invalid_quantile};
use crate::QueryError;
use crate::plan::AggregateNode;
use column::Column;

struct Group {
    labels: Labels,
    drop_name: bool,
    column: Column,
}

impl Evaluator<'_> {
    pub(crate) fn stream_aggregate(
        &self,
        node: &AggregateNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        match node.op {
            AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => self.stream_aggregate_k(node, grid, sink),
            AggregateOp::CountValues => self.stream_count_values(node, grid, sink),
            _ => self.stream_groups(node, grid, sink),
        }
    }

    fn stream_groups(
        &self,
        node: &AggregateNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let params = match &node.param {
            Some(param) => self.scalar(param, grid)?,
            None => Vec::new(),
        };
        let mut index = Groups::new(Grouping::new(node));
        let mut groups: Vec<Group> = Vec::new();
        self.stream(&node.expr, grid, &mut |row| {
            let (at, new) = index.find(&row.labels);
            if new {
                self.hold(grid.count)?;
                let labels = index.labels_of(&row.labels);
                let column = Column::new(node.op, grid.count);
                groups.push(Group { labels, drop_name: false, column });
            }
            let group = &mut groups[at];
            group.drop_name |= row.drop_name;
            group.column.add(row, self, node);
            Ok(())
        })?;
        if node.op == AggregateOp::Quantile {
            self.warn_quantiles(&params, node);
        }
        let mut row = Row::default();
        for group in groups {
            row.reset(&group.labels, grid.count);
            row.drop_name = group.drop_name;
            group.column.finish(&mut row, &params, self, node);
            if !row.is_empty() {
                sink(&mut row)?;
            }
        }
        Ok(())
    }

    fn warn_quantiles(&self, params: &[f64], node: &AggregateNode) {
        let at = node.param_position;
        if params.iter().any(|q| q.is_nan()) {
            self.warn(&invalid_quantile(f64::NAN), at);
        }
        let above = params.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if above > 1.0 {
            self.warn(&invalid_quantile(above), at);
        }
        let below = params.iter().copied().fold(f64::INFINITY, f64::min);
        if below < 0.0 {
            self.warn(&invalid_quantile(below), at);
        }
    }
}
