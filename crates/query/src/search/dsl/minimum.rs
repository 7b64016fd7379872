//! `minimum_should_match`: `2`, `-1`, `75%`, `-25%`, `2<75%`.

use crate::search::SearchError;
use crate::search::json::Options;

/// How many of several clauses must match.
#[derive(Debug, Clone, PartialEq)]
pub struct MinimumShouldMatch(Vec<Rule>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule {
    /// Holds for more clauses than this.
    above: usize,
    amount: Amount,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Count(i64),
    Percent(f64),
}

impl MinimumShouldMatch {
    pub(super) fn read(options: Options<'_>) -> Result<Option<Self>, SearchError> {
        let Some(text) = options.text("minimum_should_match")? else { return Ok(None) };
        Self::parse(&text).map(Some).ok_or_else(|| {
            SearchError::argument(format!("For input string: \"{text}\""))
                .at("minimum_should_match")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut rules = Vec::new();
        for part in text.split_whitespace() {
            let (above, amount) = match part.split_once('<') {
                Some((above, amount)) => (above.parse().ok()?, amount),
                None => (0, part),
            };
            let amount = match amount.strip_suffix('%') {
                Some(percent) => Amount::Percent(percent.parse().ok()?),
                None => Amount::Count(amount.parse().ok()?),
            };
            rules.push(Rule { above, amount });
        }
        let is_conditional = text.contains('<');
        if rules.is_empty() || (!is_conditional && rules.len() > 1) {
            return None;
        }
        if is_conditional && rules.iter().any(|rule| rule.above > 0) {
            // Up to the first limit all clauses must match.
            rules.insert(0, Rule { above: 0, amount: Amount::Percent(100.0) });
        }
        Some(Self(rules))
    }

    /// How many of `clauses`.
    pub fn of(&self, clauses: usize) -> usize {
        let rule = self.0.iter().rfind(|rule| clauses > rule.above || rule.above == 0);
        let total = clauses as i64;
        let needed = match rule.map(|rule| rule.amount) {
            None => 1,
            Some(Amount::Count(count)) if count < 0 => total + count,
            Some(Amount::Count(count)) => count,
            Some(Amount::Percent(percent)) if percent < 0.0 => {
                total - (-percent * clauses as f64 / 100.0) as i64
            }
            Some(Amount::Percent(percent)) => (percent * clauses as f64 / 100.0) as i64,
        };
        usize::try_from(needed).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, clauses, expected) in [
            ("2", 3, 2),
            ("-1", 3, 2),
            ("75%", 4, 3),
            ("75%", 3, 2),
            ("-25%", 4, 3),
            ("2<75%", 2, 2),
            ("2<75%", 4, 3),
            ("2<-25% 9<-3", 10, 7),
            ("5", 3, 5),
        ] {
            assert_eq!(MinimumShouldMatch::parse(text).unwrap().of(clauses), expected, "{text}");
        }
        assert!(MinimumShouldMatch::parse("many").is_none());
    }
}
