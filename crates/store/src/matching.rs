//! Matchers made ready to be asked many times.

use regex::Regex;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind, Look};
use vigie_model::{Labels, MatchOp, Matcher};

use crate::StoreError;

/// Alternatives up to which a regular expression is taken as a set of words.
const LITERALS_MAX: usize = 1024;
/// A compiled regular expression takes no more memory than this.
const REGEX_BYTES_MAX: usize = 4 << 20;

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

fn compile(pattern: &str) -> Result<(Candidates, Test), StoreError> {
    match pattern {
        ".*" => return Ok((Candidates::Any, Test::Always)),
        ".+" => return Ok((Candidates::Any, Test::NotEmpty)),
        _ => {}
    }
    let candidates = understand(pattern);
    if let Some(literals @ Candidates::Literals(_)) = candidates {
        return Ok((literals, Test::Literals));
    }
    let regex = regex::RegexBuilder::new(&format!("^(?s:{pattern})$"))
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| StoreError::Invalid(error.to_string()))?;
    Ok((candidates.unwrap_or(Candidates::Any), Test::Regex(regex)))
}

/// The words or the prefix that a regular expression stands for, when it does.
fn understand(pattern: &str) -> Option<Candidates> {
    let mut parser = regex_syntax::ParserBuilder::new().dot_matches_new_line(true).build();
    let expression = without_anchors(parser.parse(pattern).ok()?);
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

/// `^a$` is `a`, as the whole is anchored anyway.
fn without_anchors(expression: Hir) -> Hir {
    let HirKind::Concat(parts) = expression.kind() else { return expression };
    let is = |part: Option<&Hir>, look| part.is_some_and(|p| *p.kind() == HirKind::Look(look));
    let from = usize::from(is(parts.first(), Look::Start));
    let to = parts.len() - usize::from(is(parts.last(), Look::End));
    Hir::concat(parts.get(from..to).unwrap_or_default().to_vec())
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
        ];
        let values =
            ["", "a", "b", "c", "cd", "ab", "AB", "bc", "d", "aa", "aaa", "a\nb", "é", "1"];
        for pattern in patterns {
            let plain = Regex::new(&format!("^(?s:{pattern})$")).unwrap();
            for op in [MatchOp::Regex, MatchOp::NotRegex] {
                let matcher = CompiledMatcher::new(&Matcher::new("l", op, pattern)).unwrap();
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
