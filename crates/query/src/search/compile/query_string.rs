//! Lucene's syntax as a filter.

use serde_json::Value;
use vigie_language::search::{Clause, Node, Occur};
use vigie_store::logs::LogFilter;

use super::{Compiler, and, at_least, not};
use crate::search::SearchError;
use crate::search::dsl::{
    FieldBoost, MatchKind, MatchQuery, MinimumShouldMatch, QueryStringQuery, RangeQuery,
};
use crate::search::schema::FieldKind;

impl Compiler {
    /// What Lucene's syntax selects.
    pub(super) fn query_string(&self, query: &QueryStringQuery) -> Result<LogFilter, SearchError> {
        if let (Node::Bool(clauses), Some(minimum)) = (&query.node, &query.minimum) {
            return self.clauses(clauses, Some(minimum), query);
        }
        self.node(&query.node, query)
    }

    fn clauses(
        &self,
        clauses: &[Clause],
        minimum: Option<&MinimumShouldMatch>,
        query: &QueryStringQuery,
    ) -> Result<LogFilter, SearchError> {
        if clauses.is_empty() {
            return Ok(LogFilter::None);
        }
        let (mut all, mut optional, mut has_must) = (Vec::new(), Vec::new(), false);
        for clause in clauses {
            let filter = self.node(&clause.node, query)?;
            match clause.occur {
                Occur::Must => {
                    has_must = true;
                    all.push(filter);
                }
                Occur::MustNot => all.push(not(filter)),
                Occur::Should => optional.push(filter),
            }
        }
        let needed = match minimum {
            Some(minimum) => minimum.of(optional.len()),
            None => usize::from(!has_must && !optional.is_empty()),
        };
        if needed > 0 && !optional.is_empty() {
            all.push(at_least(needed, optional)?);
        }
        Ok(and(all))
    }

    fn node(&self, node: &Node, query: &QueryStringQuery) -> Result<LogFilter, SearchError> {
        let named = |field: &Option<String>| match field {
            None => self.fields(&query.fields),
            Some(field) => self.fields(&[FieldBoost { field: field.clone(), boost: 1.0 }]),
        };
        let lenient = |found: Result<LogFilter, SearchError>| match found {
            Err(_) if query.is_lenient => Ok(LogFilter::None),
            found => found,
        };
        let is_open = |field: &Option<String>| field.is_none() && query.fields.is_empty();
        match node {
            Node::Bool(clauses) => self.clauses(clauses, None, query),
            Node::Boost { node, .. } => self.node(node, query),
            Node::MatchAll => Ok(LogFilter::All),
            Node::Exists { field } => Ok(self.exists(field)),
            Node::Term { field, text } => Self::any_field(&named(field), |name| {
                lenient(
                    self.match_filter(name, &Self::match_query(text, MatchKind::Words, 0, query)),
                )
            }),
            Node::Phrase { field, text, slop } => {
                Self::any_field(&named(field), |name| {
                    let slop = if *slop == 0 { query.phrase_slop } else { *slop };
                    lenient(self.match_filter(
                        name,
                        &Self::match_query(text, MatchKind::Phrase, slop, query),
                    ))
                })
            }
            Node::Wildcard { field, pattern } => Self::any_field(&named(field), |name| {
                let schema_field = self.schema.field(name);
                // Lucene's analysis makes the pattern lowercase where words are.
                let pattern = match schema_field.kind {
                    FieldKind::Text => pattern.to_lowercase(),
                    FieldKind::Keyword => pattern.clone(),
                    _ if is_open(field) => return Ok(LogFilter::None),
                    _ => pattern.clone(),
                };
                self.pattern(
                    name,
                    &pattern,
                    schema_field.kind == FieldKind::Text && !schema_field.is_mapped,
                )
            }),
            Node::Regexp { field, expression } => {
                Self::any_field(&named(field), |name| lenient(self.regexp(name, expression, false)))
            }
            Node::Fuzzy { field, text, fuzziness } => {
                let edits = fuzziness.unwrap_or(query.fuzziness).edits(text);
                Self::any_field(&named(field), |name| Ok(self.fuzzy(name, text, edits, 0)))
            }
            Node::Range { field, lower, upper, includes_lower, includes_upper } => {
                Self::any_field(&named(field), |name| {
                    let end = |text: &Option<String>, is_in: &bool| {
                        text.as_ref().map(|text| (Value::from(text.as_str()), *is_in))
                    };
                    lenient(self.range(&RangeQuery {
                        field: name.to_owned(),
                        lower: end(lower, includes_lower),
                        upper: end(upper, includes_upper),
                        format: None,
                        time_zone: query.time_zone.clone(),
                    }))
                })
            }
        }
    }

    fn match_query(text: &str, kind: MatchKind, slop: u32, query: &QueryStringQuery) -> MatchQuery {
        let mut found = MatchQuery::new(String::new(), text.to_owned(), kind);
        found.operator = query.operator;
        found.slop = slop;
        found.is_lenient = query.is_lenient;
        found
    }
}
