//! From the tree of an expression to the tree that is evaluated: durations are numbers, `@` is a
//! time, selectors are numbered and know the time range that they will be read for, and what has
//! the same value at all steps is marked, so that it is evaluated once.

mod build;
mod duration;

use vigie_language::promql::{
    AggregateOp, BinaryOp, Function, Matching, Position, RangeExtension, Text, ValueType,
};
use vigie_model::{Matcher, TimeRange};

pub(crate) use build::{PlanInput, build};

/// A query that is ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) root: Node,
    pub(crate) root_type: ValueType,
    pub(crate) selectors: Vec<SelectorSpec>,
    /// Nodes on the longest way from the root to a leaf.
    pub(crate) depth: usize,
}

/// What a selector asks of the store.
#[derive(Debug)]
pub(crate) struct SelectorSpec {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) range: TimeRange,
}

/// Which times a selector or subquery looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup {
    /// `@`
    pub(crate) at_ms: Option<i64>,
    pub(crate) offset_ms: i64,
}

impl Lookup {
    /// The time that is looked at in the step at `step_ms`.
    pub(crate) fn time_ms(self, step_ms: i64) -> i64 {
        self.at_ms.unwrap_or(step_ms).saturating_sub(self.offset_ms)
    }
}

/// A selector, the place of its series, and when it looks.
#[derive(Debug)]
pub(crate) struct Selector {
    /// Index into [`Plan::selectors`].
    pub(crate) index: usize,
    pub(crate) lookup: Lookup,
    pub(crate) extension: RangeExtension,
    /// Whether only count, sum and restarts of histograms are asked for.
    pub(crate) stats_only: bool,
    pub(crate) position: Position,
}

/// Where the points of a range come from.
#[derive(Debug)]
pub(crate) enum RangeSource {
    Selector(Selector),
    Subquery { expr: Box<Node>, step_ms: i64, lookup: Lookup },
}

/// Points of a range.
#[derive(Debug)]
pub(crate) struct RangeNode {
    pub(crate) source: RangeSource,
    pub(crate) range_ms: i64,
    pub(crate) position: Position,
    /// What the labels of `absent_over_time` come from.
    pub(crate) matchers: Vec<Matcher>,
}

/// A node of the tree that is evaluated.
#[derive(Debug)]
pub(crate) enum Node {
    Number(f64),
    String(Text),
    Selector(Selector),
    Range(RangeNode),
    Call(CallNode),
    Aggregate(AggregateNode),
    Binary(BinaryNode),
    Negate(Box<Self>),
    /// Has the same value at all steps.
    StepInvariant(Box<Self>),
}

#[derive(Debug)]
pub(crate) struct CallNode {
    pub(crate) function: &'static Function,
    pub(crate) args: Vec<Argument>,
    pub(crate) position: Position,
}

#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) node: Node,
    pub(crate) value_type: ValueType,
    pub(crate) position: Position,
    /// Matchers of a vector selector: what the labels of `absent` come from.
    pub(crate) matchers: Vec<Matcher>,
}

#[derive(Debug)]
pub(crate) struct AggregateNode {
    pub(crate) op: AggregateOp,
    pub(crate) expr: Box<Node>,
    pub(crate) expr_position: Position,
    pub(crate) param: Option<Box<Node>>,
    pub(crate) param_position: Position,
    /// Sorted.
    pub(crate) grouping: Vec<String>,
    pub(crate) without: bool,
    pub(crate) position: Position,
}

#[derive(Debug)]
pub(crate) struct BinaryNode {
    pub(crate) op: BinaryOp,
    pub(crate) lhs: Box<Node>,
    pub(crate) rhs: Box<Node>,
    pub(crate) lhs_type: ValueType,
    pub(crate) rhs_type: ValueType,
    pub(crate) matching: Option<Matching>,
    pub(crate) return_bool: bool,
    pub(crate) position: Position,
}
