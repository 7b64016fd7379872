//! Which rules of a group use what others before them give.

use std::collections::{BTreeSet, HashMap};

use vigie_language::promql::{Expr, VectorSelector};
use vigie_model::{METRIC_NAME, MatchOp, Matcher};
use vigie_store::CompiledMatcher;

use crate::Rule;
use crate::instance::{ALERT_NAME, ALERTS, ALERTS_FOR_STATE};

/// For each rule the earlier rules whose series it reads.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    needs: Vec<BTreeSet<usize>>,
    needed: Vec<bool>,
    /// Some rule selects series without a name, so that nothing can be told.
    is_unknown: bool,
}

impl Dependencies {
    pub(super) fn of(rules: &[Rule]) -> Self {
        let mut found = Self {
            needs: vec![BTreeSet::new(); rules.len()],
            needed: vec![false; rules.len()],
            is_unknown: false,
        };
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, rule) in rules.iter().enumerate() {
            let mut selectors = Vec::new();
            collect_selectors(&rule.expression.tree, &mut selectors);
            for selector in selectors {
                found.add(at, selector, rules, &by_name);
            }
            // A template may ask for anything.
            let asks = |text: &String| text.contains("query");
            found.is_unknown |= rule.annotations.values().any(asks);
            by_name.entry(&rule.name).or_default().push(at);
        }
        found
    }

    fn add(
        &mut self,
        at: usize,
        selector: &VectorSelector,
        rules: &[Rule],
        by_name: &HashMap<&str, Vec<usize>>,
    ) {
        let Some(name) = selector.matchers.iter().find(|m| m.name == METRIC_NAME) else {
            self.is_unknown = true;
            return;
        };
        let Ok(matches) = CompiledMatcher::new(name) else { return };
        let mut earlier: Vec<usize> = if name.op == MatchOp::Equal {
            by_name.get(name.value.as_str()).cloned().unwrap_or_default()
        } else {
            let named = by_name.iter().filter(|(name, _)| matches.matches_value(name));
            named.flat_map(|(_, all)| all.iter().copied()).collect()
        };
        if matches.matches_value(ALERTS) || matches.matches_value(ALERTS_FOR_STATE) {
            let of_name = selector.matchers.iter().find(|m| m.name == ALERT_NAME);
            let of_name = of_name.and_then(|m: &Matcher| CompiledMatcher::new(m).ok());
            let alerts = rules.iter().take(at).enumerate().filter(|(_, rule)| {
                rule.is_alerting() && of_name.as_ref().is_none_or(|m| m.matches_value(&rule.name))
            });
            earlier.extend(alerts.map(|(at, _)| at));
        }
        for other in earlier {
            self.needs[at].insert(other);
            self.needed[other] = true;
        }
    }

    /// Whether rule `at` reads what one of `others` gives, as far as can be told.
    pub(super) fn reads_any(&self, at: usize, others: &[usize]) -> bool {
        self.is_unknown
            || self.needs.get(at).is_some_and(|needs| others.iter().any(|o| needs.contains(o)))
    }

    /// Batches of rules that may be evaluated beside each other: those that need none, then those
    /// in between one by one, then those that none needs. Empty when nothing can be told.
    pub(super) fn batches(&self) -> Vec<Vec<usize>> {
        if self.is_unknown {
            return Vec::new();
        }
        let all = || self.needs.iter().zip(&self.needed).enumerate();
        let pick = |keep: &dyn Fn(bool, bool) -> bool| -> Vec<usize> {
            let kept = all().filter(|(_, (needs, needed))| keep(!needs.is_empty(), **needed));
            kept.map(|(at, _)| at).collect()
        };
        let mut batches = vec![pick(&|needs, _| !needs)];
        batches.extend(pick(&|needs, needed| needs && needed).into_iter().map(|at| vec![at]));
        batches.push(pick(&|needs, needed| needs && !needed));
        batches.retain(|batch| !batch.is_empty());
        batches
    }
}

/// All selectors in `expr`.
fn collect_selectors<'a>(expr: &'a Expr, found: &mut Vec<&'a VectorSelector>) {
    match expr {
        Expr::Vector(selector) => found.push(selector),
        Expr::Matrix(matrix) => found.push(&matrix.selector),
        Expr::Aggregate(e) => {
            e.param.iter().for_each(|param| collect_selectors(param, found));
            collect_selectors(&e.expr, found);
        }
        Expr::Binary(e) => {
            collect_selectors(&e.lhs, found);
            collect_selectors(&e.rhs, found);
        }
        Expr::Call(e) => e.args.iter().for_each(|arg| collect_selectors(arg, found)),
        Expr::Paren(e) => collect_selectors(&e.expr, found),
        Expr::Subquery(e) => collect_selectors(&e.expr, found),
        Expr::Unary(e) => collect_selectors(&e.expr, found),
        Expr::Number(_) | Expr::String(_) => {}
    }
}
