//! Matchers made ready to be asked many times.

use std::collections::HashMap;

use parking_lot::RwLock;
use regex::Regex;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind, Look};
use vigie_model::pattern::{self, PatternError};
use vigie_model::{Labels, MatchOp, Matcher};

use crate::StoreError;

/// Alternatives up to which a regular expression is taken as a set of words.
const LITERALS_MAX: usize = 1024;

/// The values for which the comparison without its negation can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidates {
    /// Exactly these, ascending.
    Literals(Vec<String>),
    /// Only some that begin like this.
    Prefix(String),
    /// Any.
    Any,
}

/// How a value is tested when it has to be.
#[derive(Debug, Clone)]
enum Test {
    Literals,
    /// `.*`
    Always,
    /// `.+`
    NotEmpty,
    Regex(Regex),
}

/// A matcher whose regular expression is compiled, and understood where it is a mere list of
/// words or has a prefix.
#[derive(Debug, Clone)]
pub struct CompiledMatcher {
    name: String,
    negative: bool,
    candidates: Candidates,
    test: Test,
}

impl CompiledMatcher {
    /// Compiles `matcher`; regular expressions are anchored, and `.` matches newlines, as in
    /// Prometheus.
    pub fn new(matcher: &Matcher) -> Result<Self, StoreError> {
        let negative = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex);
        let (candidates, test) = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => {
                (Candidates::Literals(vec![matcher.value.clone()]), Test::Literals)
            }
            MatchOp::Regex | MatchOp::NotRegex => compile(&matcher.value)?,
        };
        Ok(Self { name: matcher.name.clone(), negative, candidates, test })
    }

    /// The label asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is `!=` or `!~`.
    pub const fn is_negative(&self) -> bool {
        self.negative
    }

    /// Whether every series satisfies it.
    pub const fn is_always(&self) -> bool {
        matches!(self.test, Test::Always) && !self.negative
    }

    /// The values for which the comparison without its negation can hold.
    pub const fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// Whether `value` (empty for an absent label) satisfies the matcher.
    pub fn matches_value(&self, value: &str) -> bool {
        let positive = match &self.test {
            Test::Literals => match &self.candidates {
                Candidates::Literals(literals) if literals.len() == 1 => literals[0] == value,
                Candidates::Literals(literals) => {
                    literals.binary_search_by(|literal| literal.as_str().cmp(value)).is_ok()
                }
                Candidates::Prefix(_) | Candidates::Any => false,
            },
            Test::Always => true,
            Test::NotEmpty => !value.is_empty(),
            Test::Regex(regex) => regex.is_match(value),
        };
        positive != self.negative
    }

    /// Whether `labels` satisfy the matcher.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.name).unwrap_or(""))
    }
}

/// Regular expressions that were compiled before: rules and dashboards ask the same again and
/// again, and compiling costs more than a small query.
static COMPILED: RwLock<Option<HashMap<String, (Candidates, Test)>>> = RwLock::new(None);
const COMPILED_MAX: usize = 4096;
/// Longer ones are not kept: they may stand for much memory.
const COMPILED_TEXT_BYTES_MAX: usize = 256;

fn compile(text: &str) -> Result<(Candidates, Test), StoreError> {
    if let Some(known) = COMPILED.read().as_ref().and_then(|known| known.get(text)) {
        return Ok(known.clone());
    }
    let compiled = compile_anew(text)?;
    if text.len() <= COMPILED_TEXT_BYTES_MAX {
        let mut known = COMPILED.write();
        let known = known.get_or_insert_default();
        if known.len() >= COMPILED_MAX {
            known.clear();
        }
        known.insert(text.to_owned(), compiled.clone());
    }
    Ok(compiled)
}

fn compile_anew(text: &str) -> Result<(Candidates, Test), StoreError> {
    let invalid = |error: PatternError| StoreError::Invalid(error.to_string());
    match text {
        ".*" => return Ok((Candidates::Any, Test::Always)),
        ".+" => return Ok((Candidates::Any, Test::NotEmpty)),
        _ => {}
    }
    let translated = pattern::translate(&pattern::anchored(text)).map_err(invalid)?;
    let candidates = understand(&translated);
    if let Some(literals @ Candidates::Literals(_)) = candidates {
        return Ok((literals, Test::Literals));
    }
    let regex = pattern::compile_anchored(text).map_err(invalid)?;
    Ok((candidates.unwrap_or(Candidates::Any), Test::Regex(regex)))
}

/// The words or the prefix that an anchored regular expression stands for, when it does.
fn understand(translated: &str) -> Option<Candidates> {
    let expression = without_anchors(&regex_syntax::parse(translated).ok()?)?;
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_total(LITERALS_MAX);
    let sequence = extractor.extract(&expression);
    let literals = sequence.literals()?;
    // An assertion is no text, so words around one need not be all that has to match.
    if sequence.is_exact() && expression.properties().look_set().is_empty() {
        let words = literals.iter().map(|l| String::from_utf8(l.as_bytes().to_vec()).ok());
        let mut words = words.collect::<Option<Vec<String>>>()?;
        words.sort_unstable();
        words.dedup();
        return Some(Candidates::Literals(words));
    }
    let prefix = std::str::from_utf8(sequence.longest_common_prefix()?).ok()?;
    (!prefix.is_empty()).then(|| Candidates::Prefix(prefix.to_owned()))
}

/// What stands between the anchors, which may be written twice (`^(?s:^a$)$`); `None` when they
/// do not hold the whole, as in `^(?s:a)|(b)$`, which `a)|(b` becomes.
fn without_anchors(expression: &Hir) -> Option<Hir> {
    let HirKind::Concat(parts) = expression.kind() else { return None };
    let is = |part: &Hir, look| *part.kind() == HirKind::Look(look);
    let from = parts.iter().take_while(|part| is(part, Look::Start)).count();
    let to = parts.len() - parts.iter().rev().take_while(|part| is(part, Look::End)).count();
    let is_anchored = from > 0 && to < parts.len();
    is_anchored.then(|| Hir::concat(parts.get(from..to).unwrap_or_default().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(pattern: &str) -> Candidates {
        let matcher = Matcher::new("l", MatchOp::Regex, pattern);
        CompiledMatcher::new(&matcher).unwrap().candidates().clone()
    }

    #[test]
    fn lists_of_words_and_prefixes_are_understood() {
        let words = |list: &[&str]| {
            Candidates::Literals(list.iter().map(|&word| word.to_owned()).collect())
        };
        assert_eq!(understood("a|b|cd"), words(&["a", "b", "cd"]));
        assert_eq!(understood("^(node|prom)$"), words(&["node", "prom"]));
        assert_eq!(understood("node-0(1|2)?"), words(&["node-0", "node-01", "node-02"]));
        assert_eq!(understood("(?i:ab)"), words(&["AB", "Ab", "aB", "ab"]));
        assert_eq!(understood("[0-2]"), words(&["0", "1", "2"]));
        assert_eq!(understood(""), words(&[""]));
        assert_eq!(understood("a.b"), Candidates::Prefix("a".to_owned()));
        assert_eq!(understood("node-.*|node_.+"), Candidates::Prefix("node".to_owned()));
        assert_eq!(understood(".*x"), Candidates::Any);
        assert_eq!(understood(".+"), Candidates::Any);
    }

    #[test]
    fn what_is_understood_matches_as_the_expression_does() {
        let patterns = [
            "a|b|cd",
            "^(a|b)$",
            "a?",
            "",
            ".*",
            ".+",
            "a.*",
            "(?i:ab)",
            "a\\b",
            "(a|b)c$|d",
            "a^b",
            "(^a|b$)",
            "x*",
            "a{2,3}",
            "[^a]",
            "\\d+",
            "a|",
            "(?-s:a.b)",
            "é|e",
            "a$",
            "(?m)^a$",
            "a)|(b",
            "^a|b$",
        ];
        let values =
            ["", "a", "b", "c", "cd", "ab", "AB", "bc", "d", "aa", "aaa", "a\nb", "é", "1"];
        for pattern in patterns {
            let plain = Regex::new(&format!("^(?s:{pattern})$")).unwrap();
            for op in [MatchOp::Regex, MatchOp::NotRegex] {
                let matcher = Matcher::new("l", op, pattern);
                let matcher = CompiledMatcher::new(&matcher).unwrap();
                let prefix = match matcher.candidates() {
                    Candidates::Prefix(prefix) => prefix,
                    Candidates::Literals(_) | Candidates::Any => "",
                };
                for value in values {
                    let expected = plain.is_match(value) == (op == MatchOp::Regex);
                    assert_eq!(matcher.matches_value(value), expected, "{pattern:?} {value:?}");
                    assert!(!plain.is_match(value) || value.starts_with(prefix));
                }
            }
        }
    }

    #[test]
    fn what_does_not_compile_is_an_error() {
        let matcher = Matcher::new("l", MatchOp::Regex, "a(");
        assert!(CompiledMatcher::new(&matcher).is_err());
    }
}
