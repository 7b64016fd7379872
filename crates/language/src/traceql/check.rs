//! What a tree must be besides well formed: types that fit, regular expressions that are some.

use super::ast::{
    Expression, Field, Intrinsic, MetricFunction, Operator, Pipeline, Query, Scalar, ScalarFilter,
    SpansetExpression, Stage, Static,
};

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    /// What an attribute holds is known only when it is read.
    Attribute,
    Nil,
    Number,
    Text,
    Boolean,
    Status,
    Kind,
}

/// Why the query makes no sense.
pub(super) fn check(query: &Query) -> Result<(), String> {
    pipeline(&query.pipeline)?;
    if let Some(metrics) = &query.metrics {
        match &metrics.function {
            MetricFunction::Compare { selection, .. } => filter(selection)?,
            MetricFunction::MinOverTime(field)
            | MetricFunction::MaxOverTime(field)
            | MetricFunction::AvgOverTime(field)
            | MetricFunction::SumOverTime(field)
            | MetricFunction::HistogramOverTime(field)
            | MetricFunction::QuantileOverTime(field, _) => {
                number(&Expression::Field(field.clone()))?;
            }
            MetricFunction::Rate | MetricFunction::CountOverTime => {}
        }
    }
    Ok(())
}

fn pipeline(pipeline: &Pipeline) -> Result<(), String> {
    for stage in &pipeline.stages {
        match stage {
            Stage::Spansets(expression) => spansets(expression)?,
            Stage::Filter(filter) => scalar_filter(filter)?,
            Stage::By(by) => {
                type_of(by)?;
            }
            Stage::Coalesce | Stage::Select(_) => {}
        }
    }
    Ok(())
}

fn spansets(expression: &SpansetExpression) -> Result<(), String> {
    match expression {
        SpansetExpression::Filter(expression) => filter(expression),
        SpansetExpression::Operation(_, left, right) => {
            spansets(left)?;
            spansets(right)
        }
        SpansetExpression::Pipeline(inner) => pipeline(inner),
    }
}

fn filter(expression: &Expression) -> Result<(), String> {
    match type_of(expression)? {
        Type::Boolean | Type::Attribute => Ok(()),
        _ => Err(format!("span filter field expressions must resolve to a boolean: {expression}")),
    }
}

fn scalar_filter(filter: &ScalarFilter) -> Result<(), String> {
    scalar(&filter.left)?;
    scalar(&filter.right)
}

fn scalar(of: &Scalar) -> Result<(), String> {
    match of {
        Scalar::Static(_) | Scalar::Aggregate(_, None) => Ok(()),
        Scalar::Aggregate(_, Some(expression)) => number(expression),
        Scalar::Operation(_, left, right) => {
            scalar(left)?;
            scalar(right)
        }
        Scalar::Pipeline(inner, aggregate) => {
            pipeline(inner)?;
            scalar(aggregate)
        }
    }
}

fn number(expression: &Expression) -> Result<(), String> {
    match type_of(expression)? {
        Type::Number | Type::Attribute => Ok(()),
        _ => {
            Err(format!("aggregate field expressions must resolve to a number type: {expression}"))
        }
    }
}

fn type_of(expression: &Expression) -> Result<Type, String> {
    match expression {
        Expression::Static(value) => Ok(type_of_static(value)),
        Expression::Field(Field::Attribute { .. }) => Ok(Type::Attribute),
        Expression::Field(Field::Intrinsic(intrinsic)) => Ok(type_of_intrinsic(*intrinsic)),
        Expression::Negative(inner) => match type_of(inner)? {
            kind @ (Type::Number | Type::Attribute) => Ok(kind),
            _ => Err(format!("illegal operation for the given type: {expression}")),
        },
        Expression::Not(inner) => match type_of(inner)? {
            Type::Boolean | Type::Attribute => Ok(Type::Boolean),
            _ => Err(format!("illegal operation for the given type: {expression}")),
        },
        Expression::Binary(operator, left, right) => {
            binary(*operator, expression, type_of(left)?, type_of(right)?, right)
        }
    }
}

fn binary(
    operator: Operator,
    whole: &Expression,
    left: Type,
    right: Type,
    right_expression: &Expression,
) -> Result<Type, String> {
    let is_open = |kind| matches!(kind, Type::Attribute | Type::Nil);
    if left != right && !is_open(left) && !is_open(right) {
        return Err(format!("binary operations must operate on the same type: {whole}"));
    }
    let both = |allowed: &[Type]| {
        [left, right].iter().all(|kind| *kind == Type::Attribute || allowed.contains(kind))
    };
    let (fits, result) = match operator {
        Operator::Add
        | Operator::Subtract
        | Operator::Multiply
        | Operator::Divide
        | Operator::Modulo
        | Operator::Power => (both(&[Type::Number]), Type::Number),
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
            (both(&[Type::Number, Type::Text]), Type::Boolean)
        }
        Operator::And | Operator::Or => (both(&[Type::Boolean]), Type::Boolean),
        Operator::Matches | Operator::NotMatches => {
            if let Expression::Static(Static::Text(pattern)) = right_expression {
                regex::Regex::new(&format!("^(?s:{pattern})$"))
                    .map_err(|error| format!("invalid regular expression {pattern:?}: {error}"))?;
            }
            (both(&[Type::Text]), Type::Boolean)
        }
        Operator::Equal | Operator::NotEqual => (true, Type::Boolean),
    };
    if fits { Ok(result) } else { Err(format!("illegal operation for the given types: {whole}")) }
}

const fn type_of_static(value: &Static) -> Type {
    match value {
        Static::Nil => Type::Nil,
        Static::Integer(_) | Static::Float(_) | Static::Duration(_) => Type::Number,
        Static::Text(_) => Type::Text,
        Static::Boolean(_) => Type::Boolean,
        Static::Status(_) => Type::Status,
        Static::Kind(_) => Type::Kind,
    }
}

const fn type_of_intrinsic(intrinsic: Intrinsic) -> Type {
    match intrinsic {
        Intrinsic::Duration
        | Intrinsic::ChildCount
        | Intrinsic::NestedSetLeft
        | Intrinsic::NestedSetRight
        | Intrinsic::NestedSetParent
        | Intrinsic::TraceDuration
        | Intrinsic::EventTimeSinceStart => Type::Number,
        Intrinsic::Status => Type::Status,
        Intrinsic::Kind => Type::Kind,
        Intrinsic::Parent => Type::Nil,
        Intrinsic::Name
        | Intrinsic::StatusMessage
        | Intrinsic::Id
        | Intrinsic::ParentId
        | Intrinsic::TraceRootName
        | Intrinsic::TraceRootService
        | Intrinsic::TraceId
        | Intrinsic::EventName
        | Intrinsic::LinkSpanId
        | Intrinsic::LinkTraceId
        | Intrinsic::InstrumentationName
        | Intrinsic::InstrumentationVersion => Type::Text,
    }
}
