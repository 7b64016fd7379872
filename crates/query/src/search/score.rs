//! Scores: BM25 with Lucene's parameters, worked out only when they are asked for.
//!
//! Source: the documentation of Elasticsearch's similarity module and of `_explain`: k1 1.2, b
//! 0.75, a weight of boost * 2.2 * idf. The mean length of a text is that of a sample.

use std::sync::Arc;

use vigie_language::search::Operator;
use vigie_store::logs::{LogFilter, LogQuery, LogSnapshot, LogTest, RowSet};

use super::SearchError;
use super::compile::{Compiler, tokens};
use super::dsl::{MatchKind, MultiMatchKind, Query, QueryKind};
use super::hits::{RowRef, row_values};
use super::schema::FieldKind;

const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Texts whose length is looked at for the mean.
const SAMPLE: usize = 200;
/// Conditions of one query; what is beyond them counts as constant.
const LEAVES_MAX: usize = 300;

/// How a query scores documents.
#[derive(Debug)]
pub(crate) struct Scorer<'a> {
    snapshot: &'a LogSnapshot,
    compiler: &'a Compiler,
    root: Node,
}

#[derive(Debug)]
enum Node {
    Sum(Vec<Self>),
    Max(Vec<Self>, f32),
    /// The same for all that match.
    Constant(Rows, f32),
    /// By how often words are in a text.
    Text(Box<Text>),
    /// Scores of the first, times a factor where the second matches.
    Lessened(Box<Self>, Rows, f32),
}

#[derive(Debug)]
struct Text {
    rows: Rows,
    field: String,
    words: Vec<String>,
    weight: f32,
    /// `None`: lengths do not count.
    mean_length: Option<f32>,
}

/// The rows of each part.
type Rows = Vec<RowSet>;

impl<'a> Scorer<'a> {
    /// `scope`: the indices and times that are searched.
    pub(crate) fn new(
        query: &Query,
        compiler: &'a Compiler,
        snapshot: &'a Arc<LogSnapshot>,
        scope: &LogQuery,
    ) -> Result<Self, SearchError> {
        let mut builder = Builder { compiler, snapshot, scope, leaves: 0 };
        let root = builder.node(query, 1.0)?;
        Ok(Self { snapshot, compiler, root })
    }

    /// The score of a document that the query selects.
    pub(crate) fn score(&self, at: RowRef) -> Result<f32, SearchError> {
        Ok(self.of(&self.root, at)?.unwrap_or(0.0))
    }

    fn of(&self, node: &Node, at: RowRef) -> Result<Option<f32>, SearchError> {
        let holds =
            |rows: &Rows| rows.get(at.part as usize).is_some_and(|rows| rows.contains(at.row));
        match node {
            Node::Sum(nodes) => {
                let mut sum = None;
                for node in nodes {
                    if let Some(score) = self.of(node, at)? {
                        sum = Some(sum.unwrap_or(0.0) + score);
                    }
                }
                Ok(sum)
            }
            Node::Max(nodes, tie) => {
                let mut scores = Vec::new();
                for node in nodes {
                    scores.extend(self.of(node, at)?);
                }
                let best = scores.iter().copied().reduce(f32::max);
                let sum: f32 = scores.iter().sum();
                Ok(best.map(|best| best + tie * (sum - best)))
            }
            Node::Constant(rows, value) => Ok(holds(rows).then_some(*value)),
            Node::Lessened(inner, rows, factor) => {
                let score = self.of(inner, at)?;
                Ok(score.map(|score| if holds(rows) { score * factor } else { score }))
            }
            Node::Text(text) if holds(&text.rows) => Ok(Some(self.text(text, at)?)),
            Node::Text(_) => Ok(None),
        }
    }

    fn text(&self, text: &Text, at: RowRef) -> Result<f32, SearchError> {
        let Some(mean) = text.mean_length else { return Ok(text.weight / (1.0 + K1)) };
        let values = row_values(self.snapshot, &self.compiler.schema, at, &text.field, None)?;
        let mut words = Vec::new();
        for value in &values {
            words.extend(tokens(value.as_str().unwrap_or_default()));
        }
        let frequency = occurrences(&words, &text.words).max(1) as f32;
        let length = words.len().max(1) as f32;
        Ok(text.weight * frequency / (frequency + K1 * (1.0 - B + B * length / mean)))
    }
}

fn occurrences(words: &[String], wanted: &[String]) -> usize {
    words.windows(wanted.len().max(1)).filter(|window| *window == wanted).count()
}

struct Builder<'a> {
    compiler: &'a Compiler,
    snapshot: &'a Arc<LogSnapshot>,
    scope: &'a LogQuery,
    leaves: usize,
}

impl Builder<'_> {
    fn rows(&mut self, filter: LogFilter) -> Result<Rows, SearchError> {
        let query = LogQuery { filter, ..self.scope.clone() };
        self.snapshot.parts().iter().map(|part| Ok(part.matching(&query)?)).collect()
    }

    fn constant(&mut self, query: &Query, value: f32) -> Result<Node, SearchError> {
        let filter = self.compiler.filter(query)?;
        Ok(Node::Constant(self.rows(filter)?, value))
    }

    fn nodes(&mut self, queries: &[Query], boost: f32) -> Result<Vec<Node>, SearchError> {
        queries.iter().map(|query| self.node(query, boost)).collect()
    }

    fn node(&mut self, query: &Query, outer: f32) -> Result<Node, SearchError> {
        let boost = outer * query.boost;
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            return Ok(Node::Sum(Vec::new()));
        }
        match &query.kind {
            QueryKind::Bool(inner) => {
                let mut nodes = self.nodes(&inner.must, boost)?;
                nodes.extend(self.nodes(&inner.should, boost)?);
                Ok(Node::Sum(nodes))
            }
            QueryKind::DisMax { queries, tie_breaker } => {
                Ok(Node::Max(self.nodes(queries, boost)?, *tie_breaker))
            }
            QueryKind::Boosting { positive, negative, negative_boost } => {
                let filter = self.compiler.filter(negative)?;
                let lessened = self.rows(filter)?;
                Ok(Node::Lessened(Box::new(self.node(positive, boost)?), lessened, *negative_boost))
            }
            QueryKind::Nested { query, .. } => self.node(query, boost),
            QueryKind::Match(inner) => {
                let words = self.words(&inner.field, &inner.text, inner.kind, boost)?;
                // Words that are off, or beginnings, count the same.
                match words {
                    Some(words) if inner.fuzziness.is_none() => Ok(words),
                    _ => self.constant(query, boost),
                }
            }
            QueryKind::MultiMatch(inner) => {
                let mut nodes = Vec::new();
                for field in self.compiler.fields(&inner.fields).into_iter().take(20) {
                    let factor = boost * field.boost;
                    nodes.extend(self.words(
                        &field.field,
                        &inner.text.text,
                        inner.text.kind,
                        factor,
                    )?);
                }
                if nodes.is_empty() {
                    return self.constant(query, boost);
                }
                Ok(match inner.kind {
                    MultiMatchKind::Best => Node::Max(nodes, inner.tie_breaker),
                    MultiMatchKind::Most | MultiMatchKind::Cross => Node::Sum(nodes),
                })
            }
            QueryKind::Term { field, value, .. } => {
                let known = self.compiler.schema.field(field);
                let text = super::json::scalar_text(value).unwrap_or_default();
                match known.kind {
                    FieldKind::Keyword => {
                        let test = LogTest::Equals(vec![text]);
                        self.term(LogFilter::field(known.path, test), field, Vec::new(), boost)
                    }
                    FieldKind::Text => Ok(self
                        .words(field, &text, MatchKind::Words, boost)?
                        .unwrap_or(Node::Sum(Vec::new()))),
                    _ => self.constant(query, boost),
                }
            }
            QueryKind::QueryString(inner) => {
                let mut found = Vec::new();
                self.query_string(&inner.node, inner, boost, &mut found)?;
                if found.is_empty() { self.constant(query, boost) } else { Ok(Node::Sum(found)) }
            }
            _ => self.constant(query, boost),
        }
    }

    fn query_string(
        &mut self,
        node: &vigie_language::search::Node,
        query: &super::dsl::QueryStringQuery,
        boost: f32,
        out: &mut Vec<Node>,
    ) -> Result<(), SearchError> {
        use vigie_language::search::{Node as Syntax, Occur};
        let (field, text, kind) = match node {
            Syntax::Bool(clauses) => {
                for clause in clauses.iter().filter(|clause| clause.occur != Occur::MustNot) {
                    self.query_string(&clause.node, query, boost, out)?;
                }
                return Ok(());
            }
            Syntax::Boost { node, boost: factor } => {
                return self.query_string(node, query, boost * factor, out);
            }
            Syntax::Term { field, text } => (field, text, MatchKind::Words),
            Syntax::Phrase { field, text, .. } => (field, text, MatchKind::Phrase),
            _ => return Ok(()),
        };
        let fields = match field {
            Some(field) => vec![super::dsl::FieldBoost { field: field.clone(), boost: 1.0 }],
            None => self.compiler.fields(&query.fields),
        };
        let mut nodes = Vec::new();
        for field in fields.into_iter().take(20) {
            nodes.extend(self.words(&field.field, text, kind, boost * field.boost)?);
        }
        out.push(Node::Max(nodes, 0.0));
        Ok(())
    }

    /// Words of a text field; `None` when they are scored as a constant.
    fn words(
        &mut self,
        name: &str,
        text: &str,
        kind: MatchKind,
        boost: f32,
    ) -> Result<Option<Node>, SearchError> {
        let field = self.compiler.schema.field(name);
        if field.kind == FieldKind::Keyword {
            let test = LogTest::Equals(vec![text.to_owned()]);
            return Ok(Some(self.term(
                LogFilter::field(field.path, test),
                name,
                Vec::new(),
                boost,
            )?));
        }
        if field.kind != FieldKind::Text {
            return Ok(None);
        }
        let words = tokens(text);
        match kind {
            MatchKind::Words => {
                let mut nodes = Vec::new();
                for word in words {
                    self.leaves += 1;
                    let test = LogTest::AnyToken(vec![word.clone()]);
                    nodes.push(self.term(
                        LogFilter::field(field.path.clone(), test),
                        name,
                        vec![word],
                        boost,
                    )?);
                }
                Ok(Some(Node::Sum(nodes)))
            }
            MatchKind::Phrase => {
                let test =
                    LogTest::Phrase { tokens: words.clone(), slop: 0, last_is_prefix: false };
                Ok(Some(self.term(LogFilter::field(field.path, test), name, words, boost)?))
            }
            MatchKind::PhrasePrefix | MatchKind::BoolPrefix => Ok(None),
        }
    }

    fn term(
        &mut self,
        filter: LogFilter,
        name: &str,
        words: Vec<String>,
        boost: f32,
    ) -> Result<Node, SearchError> {
        let rows = self.rows(filter)?;
        let found: u64 = rows.iter().map(RowSet::count).sum();
        let exists = LogQuery { filter: self.compiler.exists(name), ..self.scope.clone() };
        let total = self.snapshot.count(&exists)?.max(found);
        let idf = (1.0 + (total as f32 - found as f32 + 0.5) / (found as f32 + 0.5)).ln();
        let mean_length =
            if words.is_empty() { None } else { Some(self.mean_length(&rows, name)?) };
        let weight = boost * (K1 + 1.0) * idf;
        Ok(Node::Text(Box::new(Text { rows, field: name.to_owned(), words, weight, mean_length })))
    }

    fn mean_length(&self, rows: &Rows, name: &str) -> Result<f32, SearchError> {
        let (mut count, mut sum) = (0_usize, 0_usize);
        for (part, rows) in rows.iter().enumerate() {
            for row in rows.iter() {
                if count >= SAMPLE {
                    break;
                }
                let at = RowRef { part: part as u32, row };
                for value in row_values(self.snapshot, &self.compiler.schema, at, name, None)? {
                    sum += tokens(value.as_str().unwrap_or_default()).len();
                }
                count += 1;
            }
        }
        Ok((sum as f32 / count.max(1) as f32).max(1.0))
    }
}

/// Whether a query gives documents different scores, so that hits are ordered by them.
pub(crate) fn has_scores(query: &Query) -> bool {
    match &query.kind {
        QueryKind::Match(_)
        | QueryKind::MultiMatch(_)
        | QueryKind::Term { .. }
        | QueryKind::DisMax { .. }
        | QueryKind::Boosting { .. } => true,
        QueryKind::QueryString(inner) => inner.operator == Operator::And || has_words(&inner.node),
        QueryKind::Bool(inner) => {
            inner.must.iter().chain(&inner.should).any(has_scores)
                || inner.should.len() > 1
                || (!inner.should.is_empty() && !inner.must.is_empty())
        }
        QueryKind::Nested { query, .. } => has_scores(query),
        _ => false,
    }
}

fn has_words(node: &vigie_language::search::Node) -> bool {
    use vigie_language::search::Node as Syntax;
    match node {
        Syntax::Bool(clauses) => clauses.iter().any(|clause| has_words(&clause.node)),
        Syntax::Boost { .. } | Syntax::Term { .. } | Syntax::Phrase { .. } => true,
        _ => false,
    }
}
