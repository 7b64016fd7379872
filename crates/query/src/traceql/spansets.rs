//! Pipelines over the spans of one trace.

use vigie_language::traceql::{
    Aggregate, Form, Operator, Pipeline, Scalar, ScalarFilter, SpansetExpression, SpansetOperator,
    Stage,
};

use super::evaluate::{Ready, evaluate, is_true, prepare};
use super::value::{FieldValue, calculate, compare};
use super::whole::Whole;
use crate::QueryError;

/// Some spans of a trace, by their places, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanset {
    pub(super) spans: Vec<usize>,
    /// What it was grouped by, and numbers that were made of it.
    pub(super) attributes: Vec<(String, FieldValue)>,
}

/// A pipeline made ready.
#[derive(Debug)]
pub(super) struct ReadyPipeline(Vec<ReadyStage>);

#[derive(Debug)]
enum ReadyStage {
    Spansets(ReadySpansets),
    Filter(Operator, ReadyScalar, ReadyScalar),
    By(String, Ready),
    Coalesce,
}

#[derive(Debug)]
enum ReadySpansets {
    Filter(Ready),
    Operation(SpansetOperator, Box<Self>, Box<Self>),
    Pipeline(ReadyPipeline),
}

#[derive(Debug)]
enum ReadyScalar {
    Constant(FieldValue),
    Aggregate(String, Aggregate, Option<Ready>),
    Operation(Operator, Box<Self>, Box<Self>),
    Pipeline(ReadyPipeline, Box<Self>),
}

/// Makes a pipeline ready.
pub(super) fn prepare_pipeline(pipeline: &Pipeline) -> Result<ReadyPipeline, QueryError> {
    let mut stages = Vec::new();
    for stage in &pipeline.stages {
        stages.push(match stage {
            Stage::Spansets(expression) => ReadyStage::Spansets(spansets(expression)?),
            Stage::Filter(ScalarFilter { operator, left, right }) => {
                ReadyStage::Filter(*operator, scalar(left)?, scalar(right)?)
            }
            Stage::By(by) => ReadyStage::By(by.to_string(), prepare(by)?),
            Stage::Coalesce => ReadyStage::Coalesce,
            Stage::Select(_) => continue,
        });
    }
    Ok(ReadyPipeline(stages))
}

fn spansets(expression: &SpansetExpression) -> Result<ReadySpansets, QueryError> {
    Ok(match expression {
        SpansetExpression::Filter(filter) => ReadySpansets::Filter(prepare(filter)?),
        SpansetExpression::Operation(operator, left, right) => ReadySpansets::Operation(
            *operator,
            Box::new(spansets(left)?),
            Box::new(spansets(right)?),
        ),
        SpansetExpression::Pipeline(pipeline) => {
            ReadySpansets::Pipeline(prepare_pipeline(pipeline)?)
        }
    })
}

fn scalar(of: &Scalar) -> Result<ReadyScalar, QueryError> {
    Ok(match of {
        Scalar::Static(value) => ReadyScalar::Constant(FieldValue::of_static(value)),
        Scalar::Aggregate(aggregate, expression) => {
            let ready = expression.as_ref().map(|expression| prepare(expression)).transpose()?;
            ReadyScalar::Aggregate(of.to_string(), *aggregate, ready)
        }
        Scalar::Operation(operator, left, right) => {
            ReadyScalar::Operation(*operator, Box::new(scalar(left)?), Box::new(scalar(right)?))
        }
        Scalar::Pipeline(pipeline, aggregate) => {
            ReadyScalar::Pipeline(prepare_pipeline(pipeline)?, Box::new(scalar(aggregate)?))
        }
    })
}

impl ReadyPipeline {
    /// The spansets that the pipeline makes of a whole trace.
    pub(super) fn run(&self, trace: &Whole<'_>) -> Result<Vec<Spanset>, QueryError> {
        let all = Spanset { spans: (0..trace.spans.len()).collect(), attributes: Vec::new() };
        self.run_on(trace, vec![all])
    }

    fn run_on(
        &self,
        trace: &Whole<'_>,
        mut sets: Vec<Spanset>,
    ) -> Result<Vec<Spanset>, QueryError> {
        for stage in &self.0 {
            sets = stage.run_on(trace, sets)?;
            if sets.is_empty() {
                break;
            }
        }
        Ok(sets)
    }
}

impl ReadyStage {
    fn run_on(&self, trace: &Whole<'_>, sets: Vec<Spanset>) -> Result<Vec<Spanset>, QueryError> {
        let mut next = Vec::new();
        match self {
            Self::Spansets(expression) => {
                for set in sets {
                    let spans = expression.select(trace, &set)?;
                    if !spans.is_empty() {
                        next.push(Spanset { spans, attributes: set.attributes });
                    }
                }
            }
            Self::Filter(operator, left, right) => {
                for mut set in sets {
                    let left = left.of(trace, &mut set)?;
                    let right = right.of(trace, &mut set)?;
                    if compare(*operator, &left, &right) {
                        next.push(set);
                    }
                }
            }
            Self::By(name, by) => {
                for set in sets {
                    group(trace, set, name, by, &mut next)?;
                }
            }
            Self::Coalesce => {
                let mut spans: Vec<usize> = sets.into_iter().flat_map(|set| set.spans).collect();
                spans.sort_unstable();
                spans.dedup();
                if !spans.is_empty() {
                    next.push(Spanset { spans, attributes: Vec::new() });
                }
            }
        }
        Ok(next)
    }
}

fn group(
    trace: &Whole<'_>,
    set: Spanset,
    name: &str,
    by: &Ready,
    out: &mut Vec<Spanset>,
) -> Result<(), QueryError> {
    let first = out.len();
    for at in set.spans {
        let value = evaluate(by, &trace.at(at))?;
        let same = |known: &&mut Spanset| {
            known.attributes.last().is_some_and(|(_, known)| *known == value)
        };
        let known = out.get_mut(first..).unwrap_or_default().iter_mut().find(same);
        if let Some(known) = known {
            known.spans.push(at);
            continue;
        }
        let mut attributes = set.attributes.clone();
        attributes.push((format!("by({name})"), value));
        out.push(Spanset { spans: vec![at], attributes });
    }
    Ok(())
}

impl ReadyScalar {
    fn of(&self, trace: &Whole<'_>, set: &mut Spanset) -> Result<FieldValue, QueryError> {
        Ok(match self {
            Self::Constant(value) => value.clone(),
            Self::Aggregate(name, aggregate, of) => {
                let value = aggregated(*aggregate, of.as_ref(), trace, &set.spans)?;
                if value != FieldValue::Nil && !set.attributes.iter().any(|(key, _)| key == name) {
                    set.attributes.push((name.clone(), value.clone()));
                }
                value
            }
            Self::Operation(operator, left, right) => {
                calculate(*operator, &left.of(trace, set)?, &right.of(trace, set)?)
            }
            Self::Pipeline(pipeline, aggregate) => {
                let inner = pipeline.run_on(trace, vec![set.clone()])?;
                let mut spans: Vec<usize> = inner.into_iter().flat_map(|set| set.spans).collect();
                spans.sort_unstable();
                spans.dedup();
                aggregate.of(trace, &mut Spanset { spans, attributes: Vec::new() })?
            }
        })
    }
}

fn aggregated(
    aggregate: Aggregate,
    of: Option<&Ready>,
    trace: &Whole<'_>,
    spans: &[usize],
) -> Result<FieldValue, QueryError> {
    let Some(of) = of else { return Ok(FieldValue::Integer(spans.len() as i64)) };
    let (mut sum, mut count, mut best) = (FieldValue::Nil, 0_i64, FieldValue::Nil);
    for at in spans {
        let value = evaluate(of, &trace.at(*at))?;
        if value.number().is_none() {
            continue;
        }
        count += 1;
        sum = match sum {
            FieldValue::Nil => value.clone(),
            sum => calculate(Operator::Add, &sum, &value),
        };
        let is_better = match aggregate {
            Aggregate::Min => compare(Operator::Less, &value, &best),
            _ => compare(Operator::Greater, &value, &best),
        };
        if best == FieldValue::Nil || is_better {
            best = value;
        }
    }
    Ok(match aggregate {
        Aggregate::Count => FieldValue::Integer(count),
        Aggregate::Sum => sum,
        Aggregate::Avg => match sum {
            FieldValue::Duration(sum) if count > 0 => FieldValue::Duration(sum / count),
            sum if count > 0 => calculate(Operator::Divide, &sum, &FieldValue::Float(count as f64)),
            _ => FieldValue::Nil,
        },
        Aggregate::Min | Aggregate::Max => best,
    })
}

impl ReadySpansets {
    fn select(&self, trace: &Whole<'_>, from: &Spanset) -> Result<Vec<usize>, QueryError> {
        match self {
            Self::Filter(filter) => {
                let mut spans = Vec::new();
                for at in &from.spans {
                    if is_true(filter, &trace.at(*at))? {
                        spans.push(*at);
                    }
                }
                Ok(spans)
            }
            Self::Operation(operator, left, right) => {
                let (left, right) = (left.select(trace, from)?, right.select(trace, from)?);
                Ok(operate(*operator, trace, left, right))
            }
            Self::Pipeline(pipeline) => {
                let sets = pipeline.run_on(trace, vec![from.clone()])?;
                let mut spans: Vec<usize> = sets.into_iter().flat_map(|set| set.spans).collect();
                spans.sort_unstable();
                spans.dedup();
                Ok(spans)
            }
        }
    }
}

fn union(mut left: Vec<usize>, right: Vec<usize>) -> Vec<usize> {
    left.extend(right);
    left.sort_unstable();
    left.dedup();
    left
}

/// Marks the spans that stand in a relation to one of those given.
type Relation = fn(&Whole<'_>, &[usize]) -> Vec<bool>;

fn operate(
    operator: SpansetOperator,
    trace: &Whole<'_>,
    left: Vec<usize>,
    right: Vec<usize>,
) -> Vec<usize> {
    let (form, has, is_had): (Form, Relation, Relation) = match operator {
        SpansetOperator::And if left.is_empty() || right.is_empty() => return Vec::new(),
        SpansetOperator::And | SpansetOperator::Or => return union(left, right),
        SpansetOperator::Child(form) => (form, below_one, above_one),
        SpansetOperator::Parent(form) => (form, above_one, below_one),
        SpansetOperator::Descendant(form) => (form, below_any, above_any),
        SpansetOperator::Ancestor(form) => (form, above_any, below_any),
        SpansetOperator::Sibling(form) => (form, beside, beside),
    };
    let keep = |spans: &[usize], marks: &[bool], wanted: bool| -> Vec<usize> {
        let is_kept = |at: &&usize| marks.get(**at).copied().unwrap_or(false) == wanted;
        spans.iter().filter(is_kept).copied().collect()
    };
    let marks = has(trace, &left);
    match form {
        Form::Plain => keep(&right, &marks, true),
        Form::Not => keep(&right, &marks, false),
        Form::Union => {
            let other = is_had(trace, &right);
            union(keep(&left, &other, true), keep(&right, &marks, true))
        }
    }
}

fn marked(trace: &Whole<'_>, spans: &[usize]) -> Vec<bool> {
    let mut marks = vec![false; trace.spans.len()];
    for at in spans {
        if let Some(mark) = marks.get_mut(*at) {
            *mark = true;
        }
    }
    marks
}

fn parent_of(trace: &Whole<'_>, at: usize) -> Option<usize> {
    trace.parents.get(at).copied().flatten()
}

fn is_marked(marks: &[bool], at: Option<usize>) -> bool {
    at.and_then(|at| marks.get(at)).copied().unwrap_or(false)
}

/// Spans whose parent is one of `spans`.
fn below_one(trace: &Whole<'_>, spans: &[usize]) -> Vec<bool> {
    let marks = marked(trace, spans);
    (0..trace.spans.len()).map(|at| is_marked(&marks, parent_of(trace, at))).collect()
}

/// Spans that are the parent of one of `spans`.
fn above_one(trace: &Whole<'_>, spans: &[usize]) -> Vec<bool> {
    let parents: Vec<usize> = spans.iter().filter_map(|at| parent_of(trace, *at)).collect();
    marked(trace, &parents)
}

/// Spans with one of `spans` above them.
fn below_any(trace: &Whole<'_>, spans: &[usize]) -> Vec<bool> {
    let marks = marked(trace, spans);
    let mut below = vec![false; trace.spans.len()];
    for at in &trace.order {
        let parent = parent_of(trace, *at);
        let is_below = is_marked(&marks, parent) || is_marked(&below, parent);
        if let Some(mark) = below.get_mut(*at) {
            *mark = is_below;
        }
    }
    below
}

/// Spans with one of `spans` below them.
fn above_any(trace: &Whole<'_>, spans: &[usize]) -> Vec<bool> {
    let marks = marked(trace, spans);
    let mut above = vec![false; trace.spans.len()];
    for at in trace.order.iter().rev() {
        let is_on_path = is_marked(&marks, Some(*at)) || is_marked(&above, Some(*at));
        if is_on_path
            && let Some(mark) = parent_of(trace, *at).and_then(|parent| above.get_mut(parent))
        {
            *mark = true;
        }
    }
    above
}

/// Spans that share their parent with another one of `spans`.
fn beside(trace: &Whole<'_>, spans: &[usize]) -> Vec<bool> {
    let marks = marked(trace, spans);
    let mut counts = vec![0_u32; trace.spans.len()];
    for at in spans {
        if let Some(count) = parent_of(trace, *at).and_then(|parent| counts.get_mut(parent)) {
            *count += 1;
        }
    }
    let is_beside = |at: usize| {
        let siblings = parent_of(trace, at).and_then(|parent| counts.get(parent)).copied();
        siblings.unwrap_or(0) > u32::from(is_marked(&marks, Some(at)))
    };
    (0..trace.spans.len()).map(is_beside).collect()
}
