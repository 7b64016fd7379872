//! Conditions: comparisons of metrics, numbers with units, percentages; `AND`, `OR`, `NOT` and
//! parentheses; queries in quotes; `manual_approval_required`.

use std::fmt;

use super::operand;

/// How deep conditions may be nested.
const DEPTH_MAX: usize = 64;
/// Bytes that a condition may have.
const BYTES_MAX: usize = 16 << 10;

/// A query in one of the two languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// PromQL.
    Promql(String),
    /// SQL.
    Sql(String),
}

impl Query {
    /// The query of a text: SQL begins with `SELECT` or `WITH`. PromQL is checked.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let first = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if first.eq_ignore_ascii_case("select") || first.eq_ignore_ascii_case("with") {
            return Ok(Self::Sql(text.to_owned()));
        }
        match crate::promql::parse(text) {
            Ok(_) => Ok(Self::Promql(text.to_owned())),
            Err(error) => Err(format!("{text:?} is no query: {error}")),
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Self::Promql(text) | Self::Sql(text) => text,
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Compare {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether it holds between two numbers; never with what is not a number.
    pub fn holds(self, left: f64, right: f64) -> bool {
        if left.is_nan() || right.is_nan() {
            return false;
        }
        match self {
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A number; units are in it already: seconds and bytes.
    Number(f64),
    /// `70%` with nothing that it is a part of.
    Percent(f64),
    /// `80% of max_connections`
    PercentOf(f64, Box<Self>),
    /// A query, or a metric, which is one.
    Query(Query),
    /// `$name`: a variable of the runbook.
    Variable(String),
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::PercentOf(percent, of) => write!(f, "{percent}% of {of}"),
            Self::Query(query) => {
                let text = query.text();
                if operand::is_plain(text) { f.write_str(text) } else { write!(f, "{text:?}") }
            }
            Self::Variable(name) => write!(f, "${name}"),
        }
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Two values are compared.
    Compare {
        /// Left.
        left: Operand,
        /// How.
        compare: Compare,
        /// Right.
        right: Operand,
    },
    /// A query has an answer.
    Holds(Query),
    /// Somebody has said yes.
    Approval,
    /// All hold.
    And(Vec<Self>),
    /// One holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

impl Condition {
    /// Calls `see` with every query in it.
    pub fn queries<'a>(&'a self, see: &mut dyn FnMut(&'a Query)) {
        match self {
            Self::Compare { left, right, .. } => {
                left.queries(see);
                right.queries(see);
            }
            Self::Holds(query) => see(query),
            Self::Approval => {}
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.queries(see)),
            Self::Not(inner) => inner.queries(see),
        }
    }

    /// Whether an approval is part of it.
    pub fn asks_approval(&self) -> bool {
        match self {
            Self::Approval => true,
            Self::Compare { .. } | Self::Holds(_) => false,
            Self::And(all) | Self::Or(all) => all.iter().any(Self::asks_approval),
            Self::Not(inner) => inner.asks_approval(),
        }
    }
}

impl Operand {
    fn queries<'a>(&'a self, see: &mut dyn FnMut(&'a Query)) {
        match self {
            Self::Query(query) => see(query),
            Self::PercentOf(_, of) => of.queries(see),
            Self::Number(_) | Self::Percent(_) | Self::Variable(_) => {}
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            f.write_str("(")?;
            for (at, one) in all.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{one}")?;
            }
            f.write_str(")")
        };
        match self {
            Self::Compare { left, compare, right } => {
                write!(f, "{left} {} {right}", compare.as_str())
            }
            Self::Holds(query) => write!(f, "{:?}", query.text()),
            Self::Approval => f.write_str("manual_approval_required"),
            Self::And(all) => joined(f, all, "AND"),
            Self::Or(all) => joined(f, all, "OR"),
            Self::Not(inner) => write!(f, "NOT {inner}"),
        }
    }
}

/// Reads a condition; the error says at which character.
pub(super) fn parse(text: &str) -> Result<Condition, String> {
    if text.len() > BYTES_MAX {
        return Err(format!("a condition of more than {BYTES_MAX} bytes"));
    }
    let mut reader = Reader { text, at: 0, depth: 0 };
    let condition = reader.any()?;
    reader.skip();
    if reader.at < text.len() {
        return Err(reader.error("AND, OR or the end was expected"));
    }
    Ok(condition)
}

/// Reads from left to right.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn skip(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes `word` when it comes next and is not the beginning of a longer one.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip();
        let rest = self.rest();
        let is_next = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let is_whole = rest.get(word.len()..).is_some_and(|after| {
            !after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
        });
        if is_next && is_whole {
            self.at += word.len();
        }
        is_next && is_whole
    }

    /// Takes `sign` when it comes next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        self.skip();
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    pub(super) fn error(&self, what: &str) -> String {
        let column = self.text.get(..self.at).unwrap_or("").chars().count() + 1;
        let found: String = self.rest().chars().take(20).collect();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("{found:?}") };
        format!("{what} at character {column} of the condition, not {found}")
    }

    fn any(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("a condition that is nested less deeply was expected"));
        }
        let mut all = vec![self.every()?];
        while self.keyword("OR") || self.sign("||") {
            all.push(self.every()?);
        }
        self.depth -= 1;
        Ok(one_or(all, Condition::Or))
    }

    fn every(&mut self) -> Result<Condition, String> {
        let mut all = vec![self.one()?];
        while self.keyword("AND") || self.sign("&&") {
            all.push(self.one()?);
        }
        Ok(one_or(all, Condition::And))
    }

    fn one(&mut self) -> Result<Condition, String> {
        let mut is_negated = false;
        while self.keyword("NOT") || (!self.rest().trim_start().starts_with("!=") && self.sign("!"))
        {
            is_negated = !is_negated;
        }
        let condition = if self.sign("(") {
            let inner = self.any()?;
            if !self.sign(")") {
                return Err(self.error("`)` was expected"));
            }
            inner
        } else if self.keyword("manual_approval_required") {
            Condition::Approval
        } else {
            self.comparison()?
        };
        Ok(if is_negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        let left = operand::read(self)?;
        let Some(compare) = self.compare() else {
            return match left {
                Operand::Query(query) => Ok(Condition::Holds(query)),
                _ => Err(self.error("a comparison was expected (>, >=, <, <=, ==, !=)")),
            };
        };
        let right = operand::read(self)?;
        Ok(Condition::Compare { left, compare, right })
    }

    fn compare(&mut self) -> Option<Compare> {
        // The longer ones first.
        let signs = [
            (">=", Compare::GreaterEqual),
            ("<=", Compare::LessEqual),
            ("==", Compare::Equal),
            ("!=", Compare::NotEqual),
            ("=", Compare::Equal),
            (">", Compare::Greater),
            ("<", Compare::Less),
        ];
        signs.into_iter().find(|(sign, _)| self.sign(sign)).map(|(_, compare)| compare)
    }
}

fn one_or(mut all: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match all.len() {
        1 => all.remove(0),
        _ => join(all),
    }
}
