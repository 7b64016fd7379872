//! The end of a metrics query: what is counted, by what, and what becomes of the series.

use super::super::ast::{Field, Intrinsic, MetricFunction, MetricQuery, MetricStage, Static};
use super::super::error::TraceQlError;
use super::super::lexer::Token;
use super::{Parser, operator, strength_of};

/// Series that `topk` and `bottomk` may ask for, and values of `compare`.
const COUNT_MAX: i64 = 10_000;

/// Values of an attribute that `compare` tells when it is not said.
const TOP_DEFAULT: usize = 10;

impl Parser<'_> {
    /// A function of metrics, if there is one here.
    pub(super) fn metric_function(&mut self) -> Result<Option<MetricFunction>, TraceQlError> {
        let Token::Word(word) = self.peek().clone() else { return Ok(None) };
        let of_field: fn(Field) -> MetricFunction = match word.as_str() {
            "rate" | "count_over_time" => {
                self.at += 1;
                self.expect("(")?;
                self.expect(")")?;
                return Ok(Some(if word == "rate" {
                    MetricFunction::Rate
                } else {
                    MetricFunction::CountOverTime
                }));
            }
            "min_over_time" => MetricFunction::MinOverTime,
            "max_over_time" => MetricFunction::MaxOverTime,
            "avg_over_time" => MetricFunction::AvgOverTime,
            "sum_over_time" => MetricFunction::SumOverTime,
            "histogram_over_time" => MetricFunction::HistogramOverTime,
            "quantile_over_time" => return self.quantiles().map(Some),
            "compare" => return self.compare().map(Some),
            _ => return Ok(None),
        };
        self.at += 1;
        self.expect("(")?;
        let field = self.field()?;
        self.expect(")")?;
        Ok(Some(of_field(field)))
    }

    fn quantiles(&mut self) -> Result<MetricFunction, TraceQlError> {
        self.at += 1;
        self.expect("(")?;
        let field = self.field()?;
        let mut quantiles = Vec::new();
        while self.skip(",") {
            let value = match self.static_value()? {
                Static::Float(value) => value,
                Static::Integer(value) => value as f64,
                _ => return self.unexpected("a quantile"),
            };
            if !(0.0..=1.0).contains(&value) {
                return self.error("a quantile lies between 0 and 1");
            }
            quantiles.push(value);
        }
        if quantiles.is_empty() {
            return self.unexpected(", and a quantile");
        }
        self.expect(")")?;
        Ok(MetricFunction::QuantileOverTime(field, quantiles))
    }

    fn compare(&mut self) -> Result<MetricFunction, TraceQlError> {
        self.at += 1;
        self.expect("(")?;
        let selection = self.filter()?;
        let mut numbers = Vec::new();
        while self.skip(",") {
            match self.static_value()? {
                Static::Integer(value) => numbers.push(value),
                _ => return self.unexpected("a whole number"),
            }
        }
        let (top, window_ns) = match numbers.as_slice() {
            [] => (TOP_DEFAULT, (0, 0)),
            [top] => (self.count(*top)?, (0, 0)),
            [top, start, end] if start < end => (self.count(*top)?, (*start, *end)),
            _ => return self.error("compare() takes a filter, a count, and both ends of a time"),
        };
        self.expect(")")?;
        Ok(MetricFunction::Compare { selection, top, window_ns })
    }

    fn count(&self, value: i64) -> Result<usize, TraceQlError> {
        if (1..=COUNT_MAX).contains(&value) {
            return Ok(value as usize);
        }
        self.error(format!("a count lies between 1 and {COUNT_MAX}"))
    }

    /// What follows a function of metrics.
    pub(super) fn metric_query(
        &mut self,
        function: MetricFunction,
    ) -> Result<MetricQuery, TraceQlError> {
        let mut query = MetricQuery { function, by: Vec::new(), stages: Vec::new() };
        if matches!(self.peek(), Token::Word(word) if word == "by") {
            if matches!(query.function, MetricFunction::Compare { .. }) {
                return self.error("compare() takes no by()");
            }
            self.at += 1;
            query.by = self.fields()?;
        }
        loop {
            if self.skip("|") {
                let stage = self.series_function()?;
                query.stages.push(stage);
                continue;
            }
            let Token::Symbol(symbol) = *self.peek() else { break };
            let is_comparison = strength_of(symbol).is_some_and(|(strength, _)| strength == 2);
            let Some(operator) = operator(symbol).filter(|_| is_comparison) else { break };
            if matches!(symbol, "=~" | "!~") {
                return self.unexpected("a comparison of numbers");
            }
            self.at += 1;
            let value = match self.static_value()? {
                Static::Integer(value) => value as f64,
                Static::Float(value) => value,
                Static::Duration(value) => value as f64 / 1e9,
                _ => return self.unexpected("a number"),
            };
            query.stages.push(MetricStage::Filter(operator, value));
        }
        Ok(query)
    }

    fn series_function(&mut self) -> Result<MetricStage, TraceQlError> {
        let Token::Word(word) = self.peek().clone() else { return self.unexpected("topk") };
        let stage: fn(usize) -> MetricStage = match word.as_str() {
            "topk" => MetricStage::TopK,
            "bottomk" => MetricStage::BottomK,
            _ => return self.unexpected("topk or bottomk"),
        };
        self.at += 1;
        self.expect("(")?;
        let Token::Literal(Static::Integer(count)) = *self.peek() else {
            return self.unexpected("a whole number");
        };
        let count = self.count(count)?;
        self.at += 1;
        self.expect(")")?;
        Ok(stage(count))
    }
}

/// Names of intrinsics: with their scope, and alone where they may stand so.
const INTRINSICS: [(&str, &str, Intrinsic); 22] = [
    ("span:duration", "duration", Intrinsic::Duration),
    ("span:name", "name", Intrinsic::Name),
    ("span:status", "status", Intrinsic::Status),
    ("span:statusMessage", "statusMessage", Intrinsic::StatusMessage),
    ("span:kind", "kind", Intrinsic::Kind),
    ("span:id", "", Intrinsic::Id),
    ("span:parentID", "", Intrinsic::ParentId),
    ("span:childCount", "childCount", Intrinsic::ChildCount),
    ("", "parent", Intrinsic::Parent),
    ("", "nestedSetLeft", Intrinsic::NestedSetLeft),
    ("", "nestedSetRight", Intrinsic::NestedSetRight),
    ("", "nestedSetParent", Intrinsic::NestedSetParent),
    ("trace:duration", "traceDuration", Intrinsic::TraceDuration),
    ("trace:rootName", "rootName", Intrinsic::TraceRootName),
    ("trace:rootService", "rootServiceName", Intrinsic::TraceRootService),
    ("trace:id", "", Intrinsic::TraceId),
    ("event:name", "", Intrinsic::EventName),
    ("event:timeSinceStart", "", Intrinsic::EventTimeSinceStart),
    ("link:spanID", "", Intrinsic::LinkSpanId),
    ("link:traceID", "", Intrinsic::LinkTraceId),
    ("instrumentation:name", "", Intrinsic::InstrumentationName),
    ("instrumentation:version", "", Intrinsic::InstrumentationVersion),
];

impl Intrinsic {
    /// The intrinsic with this scope and name.
    pub(in super::super) fn of_scoped(name: &str) -> Option<Self> {
        INTRINSICS.iter().find(|(scoped, ..)| *scoped == name).map(|(.., found)| *found)
    }

    /// The intrinsic that may be named so without a scope.
    pub(in super::super) fn of_word(word: &str) -> Option<Self> {
        INTRINSICS.iter().find(|(_, alone, _)| *alone == word).map(|(.., found)| *found)
    }

    /// Its name: alone where it may stand so, else with its scope.
    pub fn name(self) -> &'static str {
        let found = INTRINSICS.iter().find(|(.., intrinsic)| *intrinsic == self);
        found.map_or("", |(scoped, alone, _)| if alone.is_empty() { scoped } else { alone })
    }

    /// All of them: name with scope (empty where there is none), name alone (likewise).
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str, Self)> {
        INTRINSICS.iter().copied()
    }
}
