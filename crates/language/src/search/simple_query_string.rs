//! `simple_query_string`: never an error, what cannot be read is dropped.
//!
//! Source: the documentation of Elasticsearch's query and of Lucene's `SimpleQueryParser`.

use super::query_string::{Clause, Node, Occur, Operator};
use super::{Fuzziness, Pattern};

const DEPTH_MAX: usize = 64;
const CLAUSES_MAX: usize = 1_024;

/// Which operators are read; the rest is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimpleFlags {
    and: bool,
    or: bool,
    not: bool,
    prefix: bool,
    phrase: bool,
    precedence: bool,
    escape: bool,
    fuzzy: bool,
    near: bool,
    whitespace: bool,
}

impl SimpleFlags {
    /// `ALL`
    pub const fn all() -> Self {
        Self::every(true)
    }

    const fn every(on: bool) -> Self {
        Self {
            and: on,
            or: on,
            not: on,
            prefix: on,
            phrase: on,
            precedence: on,
            escape: on,
            fuzzy: on,
            near: on,
            whitespace: on,
        }
    }

    /// Reads `OR|AND|PREFIX`. `None`: one of them is not known.
    pub fn parse(text: &str) -> Option<Self> {
        let mut flags = Self::every(false);
        for name in text.split('|').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "ALL" => flags = Self::all(),
                "NONE" => flags = Self::every(false),
                "AND" => flags.and = true,
                "OR" => flags.or = true,
                "NOT" => flags.not = true,
                "PREFIX" => flags.prefix = true,
                "PHRASE" => flags.phrase = true,
                "PRECEDENCE" => flags.precedence = true,
                "ESCAPE" => flags.escape = true,
                "FUZZY" => flags.fuzzy = true,
                "NEAR" | "SLOP" => flags.near = true,
                "WHITESPACE" => flags.whitespace = true,
                _ => return None,
            }
        }
        Some(flags)
    }
}

/// Reads a query; every text is one.
pub fn parse(text: &str, default: Operator, flags: &SimpleFlags) -> Node {
    let mut parser = Parser { rest: text, default, flags, clauses: 0 };
    parser.group(0)
}

struct Parser<'a> {
    rest: &'a str,
    default: Operator,
    flags: &'a SimpleFlags,
    clauses: usize,
}

impl Parser<'_> {
    fn group(&mut self, depth: usize) -> Node {
        let mut clauses: Vec<Clause> = Vec::new();
        // `None`: nothing was written between two clauses.
        let mut operator: Option<Operator> = None;
        let mut is_negated = false;
        while let Some(c) = self.rest.chars().next() {
            let flags = self.flags;
            match c {
                ')' if flags.precedence => {
                    self.skip(c);
                    if depth > 0 {
                        break;
                    }
                }
                '(' if flags.precedence => {
                    self.skip(c);
                    if depth >= DEPTH_MAX {
                        self.rest = "";
                        break;
                    }
                    let node = self.group(depth + 1);
                    self.add(&mut clauses, operator.take(), std::mem::take(&mut is_negated), node);
                }
                '+' if flags.and => {
                    self.skip(c);
                    operator = Some(Operator::And);
                }
                '|' if flags.or => {
                    self.skip(c);
                    operator = Some(Operator::Or);
                }
                '-' if flags.not => {
                    self.skip(c);
                    is_negated = !is_negated;
                }
                c if c.is_whitespace() => self.skip(c),
                _ => {
                    if let Some(node) = self.leaf(c) {
                        self.add(&mut clauses, operator.take(), is_negated, node);
                    }
                    is_negated = false;
                }
            }
            if self.clauses > CLAUSES_MAX {
                self.rest = "";
            }
        }
        match clauses.as_slice() {
            [Clause { occur: Occur::Must | Occur::Should, .. }] => {
                clauses.pop().map_or(Node::Bool(Vec::new()), |clause| clause.node)
            }
            _ => Node::Bool(clauses),
        }
    }

    fn skip(&mut self, c: char) {
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
    }

    /// A change of operator wraps what came before, so that each group has one kind of clause.
    fn add(
        &mut self,
        clauses: &mut Vec<Clause>,
        operator: Option<Operator>,
        negated: bool,
        node: Node,
    ) {
        self.clauses += 1;
        let node = if negated {
            // A lone exclusion matches all the rest.
            Node::Bool(vec![
                Clause { occur: Occur::MustNot, node },
                Clause { occur: Occur::Must, node: Node::MatchAll },
            ])
        } else {
            node
        };
        let occur = match operator.unwrap_or(self.default) {
            Operator::And => Occur::Must,
            Operator::Or => Occur::Should,
        };
        match clauses.as_mut_slice() {
            [only] => only.occur = occur,
            [first, ..] if first.occur != occur => {
                let before = std::mem::take(clauses);
                clauses.push(Clause { occur, node: Node::Bool(before) });
            }
            _ => {}
        }
        clauses.push(Clause { occur, node });
    }

    fn leaf(&mut self, first: char) -> Option<Node> {
        if first == '"' && self.flags.phrase {
            self.skip(first);
            let text = self.until(|c| c == '"').0;
            self.skip('"');
            let slop = if self.flags.near { self.tilde() } else { None };
            let slop = slop.and_then(|number| number.parse().ok()).unwrap_or(0);
            return (!text.is_empty()).then_some(Node::Phrase { field: None, text, slop });
        }
        let flags = *self.flags;
        let (text, ends_in_star) = self.until(|c| {
            c.is_whitespace()
                || (c == '"' && flags.phrase)
                || (matches!(c, '(' | ')') && flags.precedence)
                || (c == '+' && flags.and)
                || (c == '|' && flags.or)
                || (c == '~' && flags.fuzzy)
        });
        if text.is_empty() {
            // Nothing readable: one character is dropped, so that reading goes on.
            self.skip(first);
            return None;
        }
        if self.flags.fuzzy
            && let Some(number) = self.tilde()
        {
            let fuzziness = Fuzziness::parse(&number);
            return Some(Node::Fuzzy { field: None, text, fuzziness });
        }
        if text == "*" {
            return Some(Node::MatchAll);
        }
        match text.strip_suffix('*') {
            Some(prefix) if ends_in_star && self.flags.prefix => {
                let mut pattern = Pattern::default();
                prefix.chars().for_each(|c| pattern.push_literal(c));
                pattern.push_any_text();
                Some(Node::Wildcard { field: None, pattern })
            }
            _ => Some(Node::Term { field: None, text }),
        }
    }

    /// Text up to a character that ends it, and whether it ends in an unescaped star.
    fn until(&mut self, ends: impl Fn(char) -> bool) -> (String, bool) {
        let (mut out, mut star) = (String::new(), false);
        while let Some(c) = self.rest.chars().next() {
            if ends(c) {
                break;
            }
            self.skip(c);
            star = c == '*';
            if c == '\\' && self.flags.escape {
                let Some(next) = self.rest.chars().next() else { break };
                self.skip(next);
                out.push(next);
                star = false;
            } else {
                out.push(c);
            }
        }
        (out, star)
    }

    fn tilde(&mut self) -> Option<String> {
        let after = self.rest.strip_prefix('~')?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        self.rest = after.get(digits.len()..).unwrap_or_default();
        Some(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(text: &str) -> Node {
        Node::Term { field: None, text: text.to_owned() }
    }

    fn occurs(node: &Node) -> Vec<Occur> {
        match node {
            Node::Bool(clauses) => clauses.iter().map(|clause| clause.occur).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn operators_are_read() {
        let all = SimpleFlags::all();
        assert_eq!(parse("a", Operator::Or, &all), term("a"));
        assert_eq!(occurs(&parse("a b", Operator::Or, &all)), [Occur::Should, Occur::Should]);
        assert_eq!(occurs(&parse("a b", Operator::And, &all)), [Occur::Must, Occur::Must]);
        assert_eq!(occurs(&parse("a + b", Operator::Or, &all)), [Occur::Must, Occur::Must]);
        assert_eq!(occurs(&parse("a + (b | c)", Operator::Or, &all)), [Occur::Must, Occur::Must]);
        let phrase = Node::Phrase { field: None, text: "a b".into(), slop: 2 };
        assert_eq!(parse("\"a b\"~2", Operator::Or, &all), phrase);
        assert!(matches!(parse("a*", Operator::Or, &all), Node::Wildcard { .. }));
        assert_eq!(parse("a*", Operator::Or, &SimpleFlags::parse("OR").unwrap()), term("a*"));
        assert!(matches!(parse("-a", Operator::Or, &all), Node::Bool(_)));
        assert_eq!(parse(r"\-a", Operator::Or, &all), term("-a"));
    }

    #[test]
    fn nothing_is_an_error() {
        for text in ["(", ")", "\"", "~", "((((", "+|-", "\\", "a~~~", "\"a", "^[{"] {
            parse(text, Operator::Or, &SimpleFlags::all());
        }
        parse(&"(a ".repeat(100_000), Operator::Or, &SimpleFlags::all());
    }
}
