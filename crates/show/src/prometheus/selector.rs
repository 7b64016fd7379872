//! The only place here that knows PromQL: texts of queries and selectors.

use vigie_language::promql::{self, Expr, MatrixSelector, VectorSelector};
use vigie_model::Matcher;

/// Reads a query; the error is Prometheus' text.
pub(super) fn parse_expression(text: &str) -> Result<Expr, String> {
    promql::parse(text).map_err(|error| error.to_string())
}

/// Reads a selector as in `match[]`; the error is Prometheus' text.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
    promql::parse_selector(text).map_err(|error| {
        // Prometheus' API has words of its own for what its parser says within queries.
        if error.message == "vector selector must contain at least one non-empty matcher" {
            return "match[] must contain at least one non-empty matcher".to_owned();
        }
        error.to_string()
    })
}

/// The query as people would lay it out.
pub(super) fn pretty(expr: &Expr) -> String {
    promql::pretty(expr)
}

/// The conditions of every selector in a query, in the order of the text.
pub(super) fn selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    let mut found = Vec::new();
    collect(expr, &mut found);
    found
}

fn collect(expr: &Expr, found: &mut Vec<Vec<Matcher>>) {
    let mut take = |selector: &VectorSelector| found.push(selector.matchers.clone());
    match expr {
        Expr::Vector(selector) | Expr::Matrix(MatrixSelector { selector, .. }) => take(selector),
        Expr::Aggregate(e) => {
            if let Some(param) = &e.param {
                collect(param, found);
            }
            collect(&e.expr, found);
        }
        Expr::Binary(e) => {
            collect(&e.lhs, found);
            collect(&e.rhs, found);
        }
        Expr::Call(e) => e.args.iter().for_each(|argument| collect(argument, found)),
        Expr::Paren(e) => collect(&e.expr, found),
        Expr::Subquery(e) => collect(&e.expr, found),
        Expr::Unary(e) => collect(&e.expr, found),
        Expr::Number(_) | Expr::String(_) => {}
    }
}
