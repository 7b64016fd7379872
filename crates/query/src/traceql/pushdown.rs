//! What the store can be asked: a filter that lets through all spans that a query needs, and
//! sometimes more.

use vigie_language::traceql::{
    Expression, Field, Form, Intrinsic, Operator, Pipeline, Scope, SpansetExpression,
    SpansetOperator, Stage, Static,
};
use vigie_model::span::{SpanId, TraceId};
use vigie_store::logs::{LogFilter, LogSnapshot, LogTest};
use vigie_store::{StoreError, spans};

use super::evaluate::regex;

/// What the store is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pushed {
    pub(super) filter: LogFilter,
    /// Services, when not any will do.
    pub(super) services: Option<Vec<String>>,
}

impl Pushed {
    const fn all() -> Self {
        Self { filter: LogFilter::All, services: None }
    }

    fn or(self, other: Self) -> Self {
        let services = match (self.services, other.services) {
            (Some(mut one), Some(two)) => {
                one.extend(two);
                Some(one)
            }
            _ => None,
        };
        Self { filter: either(vec![self.filter, other.filter]), services }
    }

    fn and(self, other: Self) -> Self {
        let services = match (self.services, other.services) {
            (Some(one), Some(two)) => {
                Some(one.into_iter().filter(|name| two.contains(name)).collect())
            }
            (one, two) => one.or(two),
        };
        Self { filter: both(vec![self.filter, other.filter]), services }
    }

    /// How much it leaves out, about: more is better.
    fn worth(&self) -> usize {
        let of_filter = match &self.filter {
            LogFilter::All => 0,
            LogFilter::And(all) => 1 + all.len(),
            _ => 1,
        };
        of_filter + usize::from(self.services.is_some())
    }
}

fn both(filters: Vec<LogFilter>) -> LogFilter {
    let mut all: Vec<LogFilter> = Vec::new();
    for filter in filters {
        match filter {
            LogFilter::All => {}
            LogFilter::None => return LogFilter::None,
            LogFilter::And(inner) => all.extend(inner),
            other => all.push(other),
        }
    }
    match all.len() {
        0 => LogFilter::All,
        1 => all.pop().unwrap_or(LogFilter::All),
        _ => LogFilter::And(all),
    }
}

fn either(filters: Vec<LogFilter>) -> LogFilter {
    let mut any = Vec::new();
    for filter in filters {
        match filter {
            LogFilter::All => return LogFilter::All,
            LogFilter::None => {}
            other => any.push(other),
        }
    }
    match any.len() {
        0 => LogFilter::None,
        1 => any.pop().unwrap_or(LogFilter::None),
        _ => LogFilter::Or(any),
    }
}

/// What a trace must have for the pipeline to give something: a span that passes.
pub(super) fn of_pipeline(
    pipeline: &Pipeline,
    snapshot: &LogSnapshot,
) -> Result<Pushed, StoreError> {
    let mut best = Pushed::all();
    for stage in &pipeline.stages {
        // Whatever stages there are, each spanset expression must give something for the next to
        // have something.
        if let Stage::Spansets(expression) = stage {
            let pushed = of_spansets(expression, snapshot)?;
            if pushed.worth() > best.worth() {
                best = pushed;
            }
        }
    }
    Ok(best)
}

fn of_spansets(
    expression: &SpansetExpression,
    snapshot: &LogSnapshot,
) -> Result<Pushed, StoreError> {
    match expression {
        SpansetExpression::Filter(filter) => of_expression(filter, snapshot),
        SpansetExpression::Pipeline(pipeline) => of_pipeline(pipeline, snapshot),
        SpansetExpression::Operation(operator, left, right) => {
            let (left, right) = (of_spansets(left, snapshot)?, of_spansets(right, snapshot)?);
            Ok(match operator {
                SpansetOperator::Or => left.or(right),
                SpansetOperator::Child(Form::Not)
                | SpansetOperator::Parent(Form::Not)
                | SpansetOperator::Descendant(Form::Not)
                | SpansetOperator::Ancestor(Form::Not)
                | SpansetOperator::Sibling(Form::Not) => right,
                // Both sides must be there, so either of them finds the trace.
                _ if left.worth() > right.worth() => left,
                _ => right,
            })
        }
    }
}

/// What a span must have for the expression to be true of it.
pub(super) fn of_expression(
    expression: &Expression,
    snapshot: &LogSnapshot,
) -> Result<Pushed, StoreError> {
    match expression {
        Expression::Static(value) if *value != Static::Boolean(true) => {
            Ok(Pushed { filter: LogFilter::None, services: None })
        }
        Expression::Field(field) => Ok(Pushed { filter: is_true(field), services: None }),
        Expression::Binary(Operator::And, left, right) => {
            Ok(of_expression(left, snapshot)?.and(of_expression(right, snapshot)?))
        }
        Expression::Binary(Operator::Or, left, right) => {
            Ok(of_expression(left, snapshot)?.or(of_expression(right, snapshot)?))
        }
        Expression::Binary(operator, left, right) => match (&**left, &**right) {
            (Expression::Field(field), Expression::Static(value)) => {
                of_comparison(*operator, field, value, snapshot)
            }
            (Expression::Static(value), Expression::Field(field)) => {
                of_comparison(flipped(*operator), field, value, snapshot)
            }
            _ => Ok(Pushed::all()),
        },
        Expression::Static(_) | Expression::Negative(_) | Expression::Not(_) => Ok(Pushed::all()),
    }
}

/// The operator that says the same when its sides change places.
const fn flipped(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessEqual => Operator::GreaterEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterEqual => Operator::LessEqual,
        other => other,
    }
}

fn of_comparison(
    operator: Operator,
    field: &Field,
    value: &Static,
    snapshot: &LogSnapshot,
) -> Result<Pushed, StoreError> {
    if let Field::Attribute { scope: Scope::Resource, of_parent: false, name } = field
        && name == "service.name"
    {
        return Ok(Pushed {
            filter: LogFilter::All,
            services: services(operator, value, snapshot)?,
        });
    }
    let filter = match field {
        Field::Intrinsic(intrinsic) => of_intrinsic(operator, *intrinsic, value),
        Field::Attribute { of_parent: true, .. } => LogFilter::All,
        Field::Attribute { scope, name, .. } => of_attribute(operator, *scope, name, value),
    };
    Ok(Pushed { filter, services: None })
}

/// The services whose names pass; `None` when all do.
fn services(
    operator: Operator,
    value: &Static,
    snapshot: &LogSnapshot,
) -> Result<Option<Vec<String>>, StoreError> {
    let names = || -> Result<Vec<String>, StoreError> {
        Ok(snapshot.indexes()?.into_iter().map(|index| index.name).collect())
    };
    let Static::Text(text) = value else { return Ok(None) };
    Ok(match operator {
        Operator::Equal => Some(vec![text.clone()]),
        Operator::NotEqual => Some(names()?.into_iter().filter(|name| name != text).collect()),
        Operator::Matches | Operator::NotMatches => {
            let Ok(regex) = regex(text) else { return Ok(None) };
            let is_wanted = operator == Operator::Matches;
            Some(names()?.into_iter().filter(|name| regex.is_match(name) == is_wanted).collect())
        }
        _ => None,
    })
}

/// Where the values of an attribute lie; `None` where the store cannot be asked for them.
pub(super) fn paths(scope: Scope, name: &str) -> Option<Vec<String>> {
    let span = || format!("{}.{name}", spans::ATTRIBUTES);
    let resource = || format!("{}.{name}", spans::RESOURCE);
    if name == "service.name" && matches!(scope, Scope::Any | Scope::Resource) {
        // The service is no attribute here, but the index.
        return None;
    }
    Some(match scope {
        Scope::Any => vec![span(), resource()],
        Scope::Span => vec![span()],
        Scope::Resource => vec![resource()],
        Scope::Event => vec![format!("{}.{name}", spans::EVENT_ATTRIBUTES)],
        Scope::Link | Scope::Instrumentation => return None,
    })
}

fn of_attribute(operator: Operator, scope: Scope, name: &str, value: &Static) -> LogFilter {
    let Some(paths) = paths(scope, name) else { return LogFilter::All };
    let test = match (operator, value) {
        (Operator::Equal, Static::Nil) => {
            // An attribute that is a map has no column to ask.
            return LogFilter::All;
        }
        (Operator::Equal, value) => LogTest::Equals(vec![literal(value)]),
        // What differs from a value is there.
        (Operator::NotEqual | Operator::NotMatches, _) => return LogFilter::All,
        (Operator::Matches, Static::Text(pattern)) => LogTest::Matches(pattern.clone()),
        (operator, value) => match range(operator, value) {
            Some(test) => test,
            None => return LogFilter::All,
        },
    };
    either(paths.into_iter().map(|path| LogFilter::field(path, test.clone())).collect())
}

fn is_true(field: &Field) -> LogFilter {
    match field {
        Field::Attribute { scope, of_parent: false, name } => {
            of_attribute(Operator::Equal, *scope, name, &Static::Boolean(true))
        }
        _ => LogFilter::All,
    }
}

fn literal(value: &Static) -> String {
    match value {
        Static::Text(text) => text.clone(),
        Static::Duration(value) => value.to_string(),
        other => other.to_string(),
    }
}

/// The test of a range of numbers or texts.
fn range(operator: Operator, value: &Static) -> Option<LogTest> {
    let bound = literal(value);
    let (from, to) = match operator {
        Operator::Greater => (Some((bound, false)), None),
        Operator::GreaterEqual => (Some((bound, true)), None),
        Operator::Less => (None, Some((bound, false))),
        Operator::LessEqual => (None, Some((bound, true))),
        _ => return None,
    };
    Some(match value {
        Static::Text(_) => LogTest::Texts { from, to },
        Static::Integer(_) | Static::Float(_) | Static::Duration(_) => {
            LogTest::Numbers { from, to }
        }
        _ => return None,
    })
}

fn of_intrinsic(operator: Operator, intrinsic: Intrinsic, value: &Static) -> LogFilter {
    let path = match intrinsic {
        Intrinsic::Name => spans::NAME,
        Intrinsic::StatusMessage => spans::STATUS_MESSAGE,
        Intrinsic::InstrumentationName => spans::SCOPE_NAME,
        Intrinsic::InstrumentationVersion => spans::SCOPE_VERSION,
        Intrinsic::EventName => spans::EVENT_NAME,
        Intrinsic::Duration => {
            return match (operator, value) {
                (Operator::Equal, value) => {
                    LogFilter::field(spans::DURATION_NS, LogTest::Equals(vec![literal(value)]))
                }
                _ => range(operator, value)
                    .map_or(LogFilter::All, |test| LogFilter::field(spans::DURATION_NS, test)),
            };
        }
        Intrinsic::Status => return of_word(operator, spans::STATUS, value, "unset"),
        Intrinsic::Kind => return of_word(operator, spans::KIND, value, "unspecified"),
        Intrinsic::TraceId | Intrinsic::Id | Intrinsic::ParentId => {
            return of_id(operator, intrinsic, value);
        }
        Intrinsic::Parent | Intrinsic::NestedSetParent => {
            let is_root = matches!(
                (operator, value),
                (Operator::Equal, Static::Nil | Static::Integer(-1))
                    | (Operator::Less, Static::Integer(0))
            );
            if !is_root {
                return LogFilter::All;
            }
            let exists = LogFilter::field(spans::PARENT_SPAN_ID, LogTest::Exists);
            return LogFilter::Not(Box::new(exists));
        }
        _ => return LogFilter::All,
    };
    match (operator, value) {
        // A name may be empty, and then it is not kept.
        (Operator::Equal, Static::Text(text)) if !text.is_empty() => {
            LogFilter::field(path, LogTest::Equals(vec![text.clone()]))
        }
        (Operator::Matches, Static::Text(pattern))
            if regex(pattern).is_ok_and(|regex| !regex.is_match("")) =>
        {
            LogFilter::field(path, LogTest::Matches(pattern.clone()))
        }
        _ => LogFilter::All,
    }
}

/// Of status and kind, whose usual word is not kept.
fn of_word(operator: Operator, path: &str, value: &Static, unsaid: &str) -> LogFilter {
    let (Static::Status(word) | Static::Kind(word)) = value else { return LogFilter::All };
    let is = if *word == unsaid {
        LogFilter::Not(Box::new(LogFilter::field(path, LogTest::Exists)))
    } else {
        LogFilter::field(path, LogTest::Equals(vec![(*word).to_owned()]))
    };
    match operator {
        Operator::Equal => is,
        Operator::NotEqual => LogFilter::Not(Box::new(is)),
        _ => LogFilter::All,
    }
}

fn of_id(operator: Operator, intrinsic: Intrinsic, value: &Static) -> LogFilter {
    let (Operator::Equal, Static::Text(text)) = (operator, value) else { return LogFilter::All };
    let (path, id) = match intrinsic {
        Intrinsic::TraceId => (spans::TRACE_ID, TraceId::parse(text).map(|id| id.to_string())),
        Intrinsic::Id => (spans::SPAN_ID, SpanId::parse(text).map(|id| id.to_string())),
        _ => (spans::PARENT_SPAN_ID, SpanId::parse(text).map(|id| id.to_string())),
    };
    id.map_or(LogFilter::None, |id| LogFilter::field(path, LogTest::Equals(vec![id])))
}
