//! Tokens to a tree.

use super::lexer::{Kind, RangeText, Term, Token, tokens};
use super::{Clause, Node, Occur, Operator, QueryStringError};
use crate::search::Fuzziness;

/// How deep groups may be nested.
const DEPTH_MAX: usize = 64;
/// How many clauses a text may have, Elasticsearch's `indices.query.bool.max_clause_count`.
const CLAUSES_MAX: usize = 4_096;
/// Longest text.
const LENGTH_MAX: usize = 128 << 10;

/// Reads a query string. An empty text matches nothing, as in Elasticsearch.
pub fn parse(text: &str, default: Operator) -> Result<Node, QueryStringError> {
    let fail = |(at, detail): (usize, String)| error(text, at, &detail);
    if text.len() > LENGTH_MAX {
        return Err(fail((LENGTH_MAX, format!("it is longer than {LENGTH_MAX} bytes"))));
    }
    let tokens = tokens(text).map_err(fail)?;
    let mut parser =
        Parser { tokens: &tokens, next: 0, end: text.len(), default, clauses: 0, depth: 0 };
    let node = parser.query(None).map_err(fail)?;
    match parser.peek_token() {
        None => Ok(node),
        Some(token) => Err(fail((token.at, "Encountered \" \")\" \") \"\"".to_owned()))),
    }
}

fn error(text: &str, at: usize, detail: &str) -> QueryStringError {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    QueryStringError {
        text: text.chars().take(1_000).collect(),
        detail: format!("{detail} at line {line}, column {column}."),
    }
}

type Fault = (usize, String);

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    end: usize,
    default: Operator,
    clauses: usize,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Conjunction {
    None,
    And,
    Or,
}

impl Parser<'_> {
    fn peek_token(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn peek(&self) -> Option<&Kind> {
        self.peek_token().map(|token| &token.kind)
    }

    fn bump(&mut self) -> Option<Kind> {
        let kind = self.peek().cloned();
        self.next += 1;
        kind
    }

    fn fault(&self, detail: &str) -> Fault {
        (self.peek_token().map_or(self.end, |token| token.at), detail.to_owned())
    }

    fn eof(&self) -> Fault {
        match self.peek() {
            None => (self.end, "Encountered \"<EOF>\"".to_owned()),
            Some(kind) => self.fault(&format!("Encountered \"{}\"", name(kind))),
        }
    }

    /// Clauses until the end or a closing bracket.
    fn query(&mut self, field: Option<&str>) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(&format!("it is nested deeper than {DEPTH_MAX} groups")));
        }
        let mut clauses: Vec<Clause> = Vec::new();
        while !matches!(self.peek(), None | Some(Kind::Close)) {
            let conjunction = self.conjunction();
            if conjunction != Conjunction::None && clauses.is_empty() {
                self.next -= 1;
                return Err(self.eof());
            }
            let modifier = self.modifier();
            let node = self.clause(field)?;
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err(self.fault(&format!("maxClauseCount is set to {CLAUSES_MAX}")));
            }
            self.add(&mut clauses, conjunction, modifier, node);
        }
        self.depth -= 1;
        match clauses.as_slice() {
            [Clause { occur: Occur::Must | Occur::Should, .. }] => {
                Ok(clauses.pop().map_or(Node::Bool(Vec::new()), |clause| clause.node))
            }
            _ => Ok(Node::Bool(clauses)),
        }
    }

    fn conjunction(&mut self) -> Conjunction {
        let found = match self.peek() {
            Some(Kind::And) => Conjunction::And,
            Some(Kind::Or) => Conjunction::Or,
            _ => return Conjunction::None,
        };
        self.next += 1;
        found
    }

    fn modifier(&mut self) -> Option<Occur> {
        let found = match self.peek() {
            Some(Kind::Plus) => Occur::Must,
            Some(Kind::Minus | Kind::Not) => Occur::MustNot,
            _ => return None,
        };
        self.next += 1;
        Some(found)
    }

    /// Lucene's rule: `AND` makes the clause before and the one after needed, `OR` (when all are
    /// needed by default) makes both optional.
    fn add(
        &self,
        clauses: &mut Vec<Clause>,
        conjunction: Conjunction,
        modifier: Option<Occur>,
        node: Node,
    ) {
        if let Some(before) = clauses.last_mut().filter(|before| before.occur != Occur::MustNot) {
            match conjunction {
                Conjunction::And => before.occur = Occur::Must,
                Conjunction::Or if self.default == Operator::And => before.occur = Occur::Should,
                Conjunction::Or | Conjunction::None => {}
            }
        }
        let occur = match (modifier, self.default) {
            (Some(occur), _) => occur,
            (None, _) if conjunction == Conjunction::And => Occur::Must,
            (None, Operator::And) if conjunction != Conjunction::Or => Occur::Must,
            (None, _) => Occur::Should,
        };
        clauses.push(Clause { occur, node });
    }

    fn clause(&mut self, field: Option<&str>) -> Result<Node, Fault> {
        let named = match (self.peek(), self.tokens.get(self.next + 1).map(|t| &t.kind)) {
            (Some(Kind::Term(term)), Some(Kind::Colon)) => Some(term.text.clone()),
            _ => None,
        };
        if named.is_some() {
            self.next += 2;
        }
        let field = named.as_deref().or(field);
        let node = match self.bump() {
            Some(Kind::Open) => {
                let node = self.query(field)?;
                if self.bump() != Some(Kind::Close) {
                    self.next -= 1;
                    return Err(self.eof());
                }
                node
            }
            Some(Kind::Term(term)) => self.term(field, term)?,
            Some(Kind::Quoted(text)) => self.phrase(field, text),
            Some(Kind::Regexp(expression)) => {
                Node::Regexp { field: field.map(str::to_owned), expression }
            }
            Some(Kind::Range(range)) => range_node(field, range),
            Some(Kind::Compare(sign)) => self.compare(field, sign)?,
            _ => {
                self.next -= 1;
                return Err(self.eof());
            }
        };
        Ok(self.boosted(node))
    }

    fn boosted(&mut self, node: Node) -> Node {
        let Some(Kind::Boost(boost)) = self.peek() else { return node };
        let boost = *boost;
        self.next += 1;
        Node::Boost { node: Box::new(node), boost }
    }

    fn phrase(&mut self, field: Option<&str>, text: String) -> Node {
        let mut slop = 0;
        if let Some(Kind::Tilde(number)) = self.peek() {
            slop = number.parse::<f32>().map_or(0, |n| n as u32);
            self.next += 1;
        }
        if field == Some("_exists_") {
            return Node::Exists { field: text };
        }
        Node::Phrase { field: field.map(str::to_owned), text, slop }
    }

    fn term(&mut self, field: Option<&str>, term: Term) -> Result<Node, Fault> {
        if field == Some("_exists_") {
            return Ok(Node::Exists { field: term.text });
        }
        let owned = field.map(str::to_owned);
        if let Some(Kind::Tilde(number)) = self.peek() {
            let fuzziness = if number.is_empty() { None } else { Some(similarity(number)) };
            if fuzziness == Some(None) {
                return Err(self.fault("the fuzziness after \"~\" must be 0, 1 or 2"));
            }
            self.next += 1;
            return Ok(Node::Fuzzy {
                field: owned,
                text: term.text,
                fuzziness: fuzziness.flatten(),
            });
        }
        Ok(match field {
            _ if !term.is_pattern => Node::Term { field: owned, text: term.text },
            None | Some("*") if term.pattern.is_any() => Node::MatchAll,
            Some(field) if term.pattern.is_any() => Node::Exists { field: field.to_owned() },
            _ => Node::Wildcard { field: owned, pattern: term.pattern },
        })
    }

    fn compare(&mut self, field: Option<&str>, sign: &'static str) -> Result<Node, Fault> {
        let text = match self.bump() {
            Some(Kind::Term(term)) => term.text,
            Some(Kind::Quoted(text)) => text,
            Some(Kind::Minus) => match self.bump() {
                Some(Kind::Term(term)) => format!("-{}", term.text),
                _ => return Err(self.eof()),
            },
            _ => {
                self.next -= 1;
                return Err(self.eof());
            }
        };
        let (is_lower, includes) = (sign.starts_with('>'), sign.ends_with('='));
        let field = field.map(str::to_owned);
        let (lower, upper) = if is_lower { (Some(text), None) } else { (None, Some(text)) };
        Ok(Node::Range {
            field,
            lower,
            upper,
            includes_lower: !is_lower || includes,
            includes_upper: is_lower || includes,
        })
    }
}

/// Old queries give a similarity below 1 instead of edits; Lucene reads 0.5 as 2 edits.
fn similarity(number: &str) -> Option<Fuzziness> {
    let value: f32 = number.parse().ok()?;
    if value > 0.0 && value < 1.0 {
        return Some(Fuzziness::Edits(2));
    }
    Fuzziness::parse(number)
}

fn range_node(field: Option<&str>, range: RangeText) -> Node {
    let open = |text: String| (text != "*").then_some(text);
    Node::Range {
        field: field.map(str::to_owned),
        lower: open(range.lower),
        upper: open(range.upper),
        includes_lower: range.includes_lower,
        includes_upper: range.includes_upper,
    }
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::And => "AND",
        Kind::Or => "OR",
        Kind::Not => "NOT",
        Kind::Plus => "+",
        Kind::Minus => "-",
        Kind::Open => "(",
        Kind::Close => ")",
        Kind::Colon => ":",
        Kind::Boost(_) => "^",
        Kind::Tilde(_) => "~",
        Kind::Quoted(_) => "<QUOTED>",
        Kind::Term(_) => "<TERM>",
        Kind::Regexp(_) => "<REGEXPTERM>",
        Kind::Range(_) => "[",
        Kind::Compare(sign) => sign,
    }
}
