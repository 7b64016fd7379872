//! Walks expressions: what they select, and what is watched for absence.

use std::collections::BTreeSet;

use vigie_language::promql::{Call, Expr, VectorSelector};
use vigie_model::{METRIC_NAME, MatchOp};

use crate::GroupDefinition;

/// A selector with what is done to it.
pub(super) struct Selected<'a> {
    pub(super) selector: &'a VectorSelector,
    /// The function that it is the argument of.
    pub(super) call: Option<&'a Call>,
}

/// The metric's name, when one is asked for.
pub(super) fn name_of(selector: &VectorSelector) -> Option<&str> {
    selector
        .matchers
        .iter()
        .find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal)
        .map(|m| m.value.as_str())
}

/// All selectors of `expr`.
pub(super) fn selected(expr: &Expr) -> Vec<Selected<'_>> {
    let mut found = Vec::new();
    walk(expr, None, &mut found);
    found
}

fn walk<'a>(expr: &'a Expr, call: Option<&'a Call>, found: &mut Vec<Selected<'a>>) {
    match expr {
        Expr::Vector(selector) => found.push(Selected { selector, call }),
        Expr::Matrix(matrix) => found.push(Selected { selector: &matrix.selector, call }),
        Expr::Aggregate(e) => {
            e.param.iter().for_each(|param| walk(param, None, found));
            walk(&e.expr, None, found);
        }
        Expr::Binary(e) => {
            walk(&e.lhs, None, found);
            walk(&e.rhs, None, found);
        }
        Expr::Call(e) => e.args.iter().for_each(|arg| walk(arg, Some(e), found)),
        Expr::Paren(e) => walk(&e.expr, call, found),
        Expr::Subquery(e) => walk(&e.expr, None, found),
        Expr::Unary(e) => walk(&e.expr, None, found),
        Expr::Number(_) | Expr::String(_) => {}
    }
}

/// Names of the metrics that some rule asks `absent` or `absent_over_time` of.
pub(super) fn watched_for_absence(groups: &[GroupDefinition]) -> BTreeSet<String> {
    let rules = groups.iter().flat_map(|group| &group.rules);
    let selected = rules.flat_map(|rule| selected(&rule.expression.tree));
    selected
        .filter(|s| s.call.is_some_and(|call| call.function.name.starts_with("absent")))
        .filter_map(|s| name_of(s.selector).map(str::to_owned))
        .collect()
}

/// The expression within parentheses.
pub(super) fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expr {
        expr = &paren.expr;
    }
    expr
}
