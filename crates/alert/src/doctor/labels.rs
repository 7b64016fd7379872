//! Which labels the result of an expression can have.

use std::collections::BTreeSet;

use vigie_language::promql::{Aggregate, AggregateOp, Binary, Call, Expr, GroupSide};
use vigie_model::{METRIC_NAME, MatchOp};

/// Labels of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResultLabels {
    /// Any but these.
    AllBut(BTreeSet<String>),
    /// No others than these.
    Only(BTreeSet<String>),
}

impl ResultLabels {
    fn any() -> Self {
        Self::AllBut(BTreeSet::new())
    }

    fn none() -> Self {
        Self::Only(BTreeSet::new())
    }

    /// Whether label `name` can be there.
    pub(super) fn may_have(&self, name: &str) -> bool {
        match self {
            Self::AllBut(gone) => !gone.contains(name),
            Self::Only(kept) => kept.contains(name),
        }
    }

    fn keep(self, names: &[String]) -> Self {
        let kept = names.iter().filter(|name| self.may_have(name)).cloned();
        Self::Only(kept.collect())
    }

    fn remove(mut self, names: &[String]) -> Self {
        match &mut self {
            Self::AllBut(gone) => gone.extend(names.iter().cloned()),
            Self::Only(kept) => kept.retain(|name| !names.contains(name)),
        }
        self
    }

    fn with(mut self, name: &str) -> Self {
        match &mut self {
            Self::AllBut(gone) => {
                gone.remove(name);
            }
            Self::Only(kept) => {
                kept.insert(name.to_owned());
            }
        }
        self
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut one), Self::Only(two)) => {
                one.extend(two);
                Self::Only(one)
            }
            (Self::AllBut(gone), Self::Only(kept)) | (Self::Only(kept), Self::AllBut(gone)) => {
                Self::AllBut(gone.difference(&kept).cloned().collect())
            }
            (Self::AllBut(one), Self::AllBut(two)) => {
                Self::AllBut(one.intersection(&two).cloned().collect())
            }
        }
    }
}

/// The labels of `expr`'s result.
pub(super) fn of(expr: &Expr) -> ResultLabels {
    match expr {
        Expr::Vector(_) | Expr::Matrix(_) => ResultLabels::any(),
        Expr::Number(_) | Expr::String(_) => ResultLabels::none(),
        Expr::Paren(e) => of(&e.expr),
        Expr::Unary(e) => of(&e.expr),
        Expr::Subquery(e) => of(&e.expr),
        Expr::Aggregate(aggregate) => of_aggregate(aggregate),
        Expr::Call(call) => of_call(call),
        Expr::Binary(binary) => of_binary(binary),
    }
}

fn of_aggregate(aggregate: &Aggregate) -> ResultLabels {
    let inner = of(&aggregate.expr);
    // These choose among series and leave them as they are.
    let chooses = matches!(
        aggregate.op,
        AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio
    );
    let grouped = match () {
        () if chooses => inner,
        () if aggregate.without => inner.remove(&aggregate.grouping),
        () => inner.keep(&aggregate.grouping),
    };
    match aggregate.param.as_deref() {
        Some(Expr::String(label)) if aggregate.op == AggregateOp::CountValues => {
            grouped.with(label.value.as_str())
        }
        _ => grouped,
    }
}

fn of_call(call: &Call) -> ResultLabels {
    match call.function.name {
        "absent" | "absent_over_time" => {
            let selector = match call.args.first() {
                Some(Expr::Vector(selector)) => Some(selector),
                Some(Expr::Matrix(matrix)) => Some(&matrix.selector),
                _ => None,
            };
            let equal = selector
                .iter()
                .flat_map(|s| &s.matchers)
                .filter(|matcher| matcher.op == MatchOp::Equal && matcher.name != METRIC_NAME);
            ResultLabels::Only(equal.map(|matcher| matcher.name.clone()).collect())
        }
        "label_replace" | "label_join" => {
            let inner = call.args.first().map_or_else(ResultLabels::any, of);
            match call.args.get(1) {
                Some(Expr::String(target)) => inner.with(target.value.as_str()),
                _ => inner,
            }
        }
        "vector" | "time" | "pi" | "scalar" => ResultLabels::none(),
        "info" => ResultLabels::any(),
        "histogram_quantile" | "histogram_fraction" | "histogram_quantiles" => {
            let vector = call.args.iter().map(of).find(|labels| *labels != ResultLabels::none());
            let labels = vector.unwrap_or_else(ResultLabels::any);
            labels.remove(&["le".to_owned()])
        }
        _ => {
            let inner = call.args.iter().map(of);
            inner.fold(ResultLabels::none(), ResultLabels::or)
        }
    }
}

fn of_binary(binary: &Binary) -> ResultLabels {
    let (lhs, rhs) = (of(&binary.lhs), of(&binary.rhs));
    let Some(matching) = &binary.matching else {
        // A vector and a scalar, which has none.
        return lhs.or(rhs);
    };
    if binary.op.is_set() {
        let is_union = binary.op == vigie_language::promql::BinaryOp::Or;
        return if is_union { lhs.or(rhs) } else { lhs };
    }
    let include = |labels: ResultLabels| {
        matching.include.iter().fold(labels, |labels, name| labels.with(name))
    };
    match matching.group {
        GroupSide::Left => include(lhs),
        GroupSide::Right => include(rhs),
        GroupSide::None if matching.on => lhs.keep(&matching.labels),
        GroupSide::None => lhs.remove(&matching.labels),
    }
}
