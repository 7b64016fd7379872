//! What a text column's index says of a test.

use super::bits::Bits;
use super::text::{
    Found, GROUP_ROWS, Index, Perhaps, Text, is_word, longest_run, with_gaps_filled,
};
use crate::StoreError;
use crate::logs::RowSet;
use crate::logs::column::Plan;
use crate::logs::matching::{CompiledPattern, CompiledTest};

/// The rows that pass `test`, as far as the index knows; `None` when every row must be asked.
pub(super) fn plan(
    text: &Text,
    bits: &Bits,
    rows: usize,
    test: &CompiledTest,
) -> Result<Option<Plan>, StoreError> {
    let Some(index) = &text.index else { return Ok(None) };
    let asker = Asker { text, index, bits, rows };
    match test {
        CompiledTest::AllTokens(tokens) => {
            let all: Result<_, _> = tokens.iter().map(|token| asker.token(token, test)).collect();
            all.map(|all| Some(Plan::And(all)))
        }
        CompiledTest::AnyToken(tokens) => {
            let all: Result<_, _> = tokens.iter().map(|token| asker.token(token, test)).collect();
            all.map(|all| Some(Plan::Or(all)))
        }
        CompiledTest::Phrase { tokens, slop, last_is_prefix } => {
            asker.phrase(tokens, *slop, *last_is_prefix, test).map(Some)
        }
        CompiledTest::Contains(finder) => asker.holding(finder.needle(), true).map(Some),
        CompiledTest::Prefix(prefix) => asker.holding(prefix.as_bytes(), false).map(Some),
        CompiledTest::Regex { literal: Some(literal), .. } => {
            asker.holding(literal.as_bytes(), false).map(Some)
        }
        CompiledTest::Equals { texts, .. } => {
            let all: Result<_, _> =
                texts.iter().map(|text| asker.holding(text.as_bytes(), false)).collect();
            all.map(|all| Some(Plan::Or(all)))
        }
        CompiledTest::Token(pattern) => asker.pattern(pattern).map(Some),
        _ => Ok(None),
    }
}

struct Asker<'a> {
    text: &'a Text,
    index: &'a Index,
    bits: &'a Bits,
    rows: usize,
}

impl Asker<'_> {
    /// Rows that hold a token.
    fn token(&self, token: &str, _test: &CompiledTest) -> Result<Plan, StoreError> {
        // Letters may take more or fewer bytes in the other case, so that whether a token was
        // long enough to be a variable is not sure.
        if !token.is_ascii() && token.len() > 32 {
            return Ok(Plan::Ask);
        }
        if is_word(token.as_bytes()) {
            return Ok(self.found(&self.index.word(token.as_bytes())?));
        }
        Ok(match self.index.variable(token.as_bytes())? {
            Perhaps::Exactly(places) => Plan::Rows(self.row_set(places.iter())),
            perhaps => self.ask_among(perhaps),
        })
    }

    fn found(&self, found: &Found) -> Plan {
        let templates = self.templates(&found.templates);
        if found.places.is_empty() {
            return templates;
        }
        Plan::Or(vec![templates, Plan::Rows(self.row_set(found.places.iter().copied()))])
    }

    /// Rows of these templates.
    fn templates(&self, codes: &[u32]) -> Plan {
        if codes.is_empty() {
            return Plan::None;
        }
        let mut wanted = vec![false; self.text.template_count() + 1];
        for code in codes {
            if let Some(wanted) = wanted.get_mut(*code as usize) {
                *wanted = true;
            }
        }
        Plan::Templates(wanted)
    }

    fn row_set(&self, places: impl Iterator<Item = u32>) -> RowSet {
        let mut rows = RowSet::empty(self.rows as u32);
        places.filter_map(|at| self.bits.row(at as usize)).for_each(|row| rows.insert(row));
        rows
    }

    /// Rows of groups in which something may be.
    fn among(&self, perhaps: Perhaps) -> Plan {
        match perhaps {
            Perhaps::Any => Plan::All,
            Perhaps::Exactly(places) => Plan::Rows(self.row_set(places.iter())),
            Perhaps::Groups(groups) if groups.is_empty() => Plan::None,
            Perhaps::Groups(groups) => {
                let group = |group: u32| {
                    let start = group as usize * GROUP_ROWS;
                    (start..(start + GROUP_ROWS).min(self.bits.count())).map(|at| at as u32)
                };
                Plan::Rows(self.row_set(groups.into_iter().flat_map(group)))
            }
        }
    }

    fn ask_among(&self, perhaps: Perhaps) -> Plan {
        Plan::And(vec![self.among(perhaps), Plan::Ask])
    }

    fn phrase(
        &self,
        tokens: &[String],
        slop: u32,
        last_is_prefix: bool,
        test: &CompiledTest,
    ) -> Result<Plan, StoreError> {
        let whole = tokens.len() - usize::from(last_is_prefix && !tokens.is_empty());
        let whole = tokens.get(..whole).unwrap_or_default();
        let plain =
            |token: &String| is_word(token.as_bytes()) && (token.is_ascii() || token.len() <= 32);
        if last_is_prefix || tokens.is_empty() || !tokens.iter().all(plain) {
            let mut all = Vec::new();
            for token in whole {
                all.push(self.token(token, test)?);
            }
            all.push(Plan::Ask);
            return Ok(Plan::And(all));
        }
        let _ = slop;
        // Words stand in templates, so whether a template holds the phrase is so for all its texts.
        let mut found: Option<Found> = None;
        for token in tokens {
            let here = self.index.word(token.as_bytes())?;
            found = Some(match found {
                None => here,
                Some(mut found) => {
                    found.templates.retain(|code| here.templates.binary_search(code).is_ok());
                    found.places.retain(|at| here.places.binary_search(at).is_ok());
                    found
                }
            });
        }
        let mut found = found.unwrap_or_default();
        let mut holding = Vec::with_capacity(found.templates.len());
        for code in std::mem::take(&mut found.templates) {
            if test.text(&with_gaps_filled(self.text.template(code)?)) {
                holding.push(code);
            }
        }
        let wholes = Plan::Rows(self.row_set(found.places.into_iter()));
        Ok(Plan::Or(vec![self.templates(&holding), Plan::And(vec![wholes, Plan::Ask])]))
    }

    /// Rows that hold a piece of text. With `exactly`, those whose template holds it need not be
    /// asked.
    fn holding(&self, piece: &[u8], exactly: bool) -> Result<Plan, StoreError> {
        let mut sure = Vec::new();
        if exactly && !piece.is_empty() && memchr::memchr(super::text::GAP, piece).is_none() {
            let finder = memchr::memmem::Finder::new(piece);
            for code in 1..=self.text.template_count() as u32 {
                if finder.find(self.text.template(code)?).is_some() {
                    sure.push(code);
                }
            }
        }
        let run = longest_run(piece);
        let perhaps = match &run {
            None => Plan::Ask,
            Some(run) => {
                let found = self.index.words_holding(run)?;
                let in_variables = self.among(self.index.run(Some(run))?);
                Plan::And(vec![Plan::Or(vec![self.found(&found), in_variables]), Plan::Ask])
            }
        };
        if sure.is_empty() {
            return Ok(perhaps);
        }
        let sure = self.templates(&sure);
        let rest = Plan::And(vec![Plan::Not(Box::new(sure.clone())), perhaps]);
        Ok(Plan::Or(vec![sure, rest]))
    }

    /// Rows with a token that is as a pattern says.
    fn pattern(&self, pattern: &CompiledPattern) -> Result<Plan, StoreError> {
        let words = self.index.words(|word| pattern.matches(word))?;
        let run = match pattern {
            CompiledPattern::Prefix(text) | CompiledPattern::Contains(text) => {
                longest_run(text.as_bytes())
            }
            CompiledPattern::Regex { literal, .. } => {
                literal.as_ref().and_then(|literal| longest_run(literal.as_bytes()))
            }
            CompiledPattern::Fuzzy { .. } => None,
        };
        let variables = self.ask_among(self.index.run(run.as_deref())?);
        Ok(Plan::Or(vec![self.found(&words), variables]))
    }
}
