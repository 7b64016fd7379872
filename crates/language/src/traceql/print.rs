//! Trees as text that parses to the same.

use std::fmt;

use super::ast::{
    Aggregate, Expression, Field, Form, Hint, MetricFunction, MetricQuery, MetricStage, Operator,
    Pipeline, Query, Scalar, ScalarFilter, Scope, SpansetExpression, SpansetOperator, Stage,
    Static,
};
use super::lexer::is_of_attribute;

type Result = fmt::Result;

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> Result {
    for (at, item) in items.iter().enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        write!(f, "{}", self.pipeline)?;
        if let Some(metrics) = &self.metrics {
            write!(f, " | {metrics}")?;
        }
        if !self.hints.is_empty() {
            f.write_str(" with (")?;
            list(f, &self.hints)?;
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        for (at, stage) in self.stages.iter().enumerate() {
            let pipe = if at > 0 { " | " } else { "" };
            write!(f, "{pipe}{stage}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        match self {
            Self::Spansets(spansets) => write!(f, "{spansets}"),
            Self::Filter(filter) => write!(f, "{filter}"),
            Self::By(by) => write!(f, "by({by})"),
            Self::Coalesce => f.write_str("coalesce()"),
            Self::Select(fields) => {
                f.write_str("select(")?;
                list(f, fields)?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for SpansetExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        match self {
            Self::Filter(expression) => write!(f, "{{ {expression} }}"),
            Self::Operation(operator, left, right) => write!(f, "({left} {operator} {right})"),
            Self::Pipeline(pipeline) => write!(f, "({pipeline})"),
        }
    }
}

impl fmt::Display for SpansetOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        let (form, symbol) = match self {
            Self::And => (Form::Plain, "&&"),
            Self::Or => (Form::Plain, "||"),
            Self::Child(form) => (*form, ">"),
            Self::Parent(form) => (*form, "<"),
            Self::Descendant(form) => (*form, ">>"),
            Self::Ancestor(form) => (*form, "<<"),
            Self::Sibling(form) => (*form, "~"),
        };
        f.write_str(match form {
            Form::Plain => "",
            Form::Not => "!",
            Form::Union => "&",
        })?;
        f.write_str(symbol)
    }
}

impl fmt::Display for ScalarFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        write!(f, "{} {} {}", self.left, self.operator, self.right)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        match self {
            Self::Static(value) => write!(f, "{value}"),
            Self::Aggregate(aggregate, None) => write!(f, "{aggregate}()"),
            Self::Aggregate(aggregate, Some(of)) => write!(f, "{aggregate}({of})"),
            Self::Operation(operator, left, right) => write!(f, "({left} {operator} {right})"),
            Self::Pipeline(pipeline, aggregate) => write!(f, "({pipeline} | {aggregate})"),
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::Sum => "sum",
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        match self {
            Self::Static(value) => write!(f, "{value}"),
            Self::Field(field) => write!(f, "{field}"),
            Self::Negative(inner) => write!(f, "-({inner})"),
            Self::Not(inner) => write!(f, "!({inner})"),
            Self::Binary(operator, left, right) => {
                let side = |f: &mut fmt::Formatter<'_>, side: &Self| match side {
                    Self::Binary(..) => write!(f, "({side})"),
                    _ => write!(f, "{side}"),
                };
                side(f, left)?;
                write!(f, " {operator} ")?;
                side(f, right)
            }
        }
    }
}

impl Operator {
    /// How it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "^",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
            Self::And => "&&",
            Self::Or => "||",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        f.write_str(self.symbol())
    }
}

impl fmt::Display for Static {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Integer(i64::MIN) => f.write_str("minInt"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => quoted(f, text),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Duration(value) => write!(f, "{value}ns"),
            Self::Status(name) | Self::Kind(name) => f.write_str(name),
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        match self {
            Self::Intrinsic(intrinsic) => f.write_str(intrinsic.name()),
            Self::Attribute { scope, of_parent, name } => {
                f.write_str(match (scope, of_parent) {
                    (Scope::Any, true) => "parent.",
                    (Scope::Span, true) => "parent.span.",
                    (Scope::Resource, true) => "parent.resource.",
                    (Scope::Any, false) => ".",
                    (Scope::Span, _) => "span.",
                    (Scope::Resource, _) => "resource.",
                    (Scope::Event, _) => "event.",
                    (Scope::Link, _) => "link.",
                    (Scope::Instrumentation, _) => "instrumentation.",
                })?;
                let is_plain = name.chars().all(|c| is_of_attribute(c) && c != '"')
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && !(*of_parent
                        && (name.starts_with("span.") || name.starts_with("resource.")));
                if is_plain { f.write_str(name) } else { quoted(f, name) }
            }
        }
    }
}

impl fmt::Display for MetricQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        write!(f, "{}", self.function)?;
        if !self.by.is_empty() {
            f.write_str(" by (")?;
            list(f, &self.by)?;
            f.write_str(")")?;
        }
        self.stages.iter().try_for_each(|stage| match stage {
            MetricStage::TopK(count) => write!(f, " | topk({count})"),
            MetricStage::BottomK(count) => write!(f, " | bottomk({count})"),
            MetricStage::Filter(operator, value) => write!(f, " {operator} {value:?}"),
        })
    }
}

impl fmt::Display for MetricFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        match self {
            Self::Rate => f.write_str("rate()"),
            Self::CountOverTime => f.write_str("count_over_time()"),
            Self::MinOverTime(field) => write!(f, "min_over_time({field})"),
            Self::MaxOverTime(field) => write!(f, "max_over_time({field})"),
            Self::AvgOverTime(field) => write!(f, "avg_over_time({field})"),
            Self::SumOverTime(field) => write!(f, "sum_over_time({field})"),
            Self::HistogramOverTime(field) => write!(f, "histogram_over_time({field})"),
            Self::QuantileOverTime(field, quantiles) => {
                write!(f, "quantile_over_time({field}")?;
                quantiles.iter().try_for_each(|quantile| write!(f, ", {quantile:?}"))?;
                f.write_str(")")
            }
            Self::Compare { selection, top, window_ns: (start, end) } => {
                write!(f, "compare({{ {selection} }}, {top}")?;
                if *start != 0 || *end != 0 {
                    write!(f, ", {start}, {end}")?;
                }
                f.write_str(")")
            }
        }
    }
}
