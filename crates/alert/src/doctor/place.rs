//! Where a part of an expression stands in its file.

use crate::{Place, Rule};

/// The place of byte `offset` of the rule's expression. YAML may fold lines and quote, so the
/// characters that are no spaces are followed from where the expression begins.
pub(super) fn of(rule: &Rule, text: Option<&str>, offset: usize) -> Place {
    follow(rule, text.unwrap_or_default(), offset).unwrap_or(rule.expression_place)
}

fn follow(rule: &Rule, text: &str, offset: usize) -> Option<Place> {
    let start = rule.expression_place;
    let before = rule.expression.written.get(..offset)?;
    let mut wanted = before.chars().filter(|c| !c.is_whitespace());
    let first_line = usize::try_from(start.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(start.column).ok()?.checked_sub(1)?;
    let mut awaited = wanted.next();
    for (at, line) in text.lines().enumerate().skip(first_line) {
        let skip = if at == first_line { column } else { 0 };
        for (column, c) in line.chars().enumerate().skip(skip) {
            if c.is_whitespace() {
                continue;
            }
            let Some(next) = awaited else {
                // A quote before the expression's first character is not part of it.
                let quote = before.is_empty() && matches!(c, '"' | '\'');
                let shift = u32::from(quote);
                let column = u32::try_from(column).ok()? + 1 + shift;
                return Some(Place { line: u32::try_from(at).ok()? + 1, column });
            };
            if c == next {
                awaited = wanted.next();
            }
        }
    }
    None
}
