//! `bool`

use super::{MinimumShouldMatch, Query, QueryKind, Reader};
use crate::search::SearchError;
use crate::search::json::Options;

/// Combined clauses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoolQuery {
    /// All of them, adding to the score.
    pub must: Vec<Query>,
    /// All of them, without score.
    pub filter: Vec<Query>,
    /// Better when they match; how many must is in `minimum`.
    pub should: Vec<Query>,
    /// None of them.
    pub must_not: Vec<Query>,
    /// How many of `should` must match. `None`: one if there is nothing else, else none.
    pub minimum: Option<MinimumShouldMatch>,
}

impl BoolQuery {
    /// How many of `should` must match.
    pub fn should_needed(&self) -> usize {
        match &self.minimum {
            Some(minimum) => minimum.of(self.should.len()),
            None => usize::from(self.must.is_empty() && self.filter.is_empty()),
        }
        .min(if self.should.is_empty() { 0 } else { usize::MAX })
    }
}

pub(super) fn parse(reader: Reader<'_>, options: Options<'_>) -> Result<QueryKind, SearchError> {
    let mut query = BoolQuery::default();
    for (key, value) in options.map() {
        let clauses = match key.as_str() {
            "must" => &mut query.must,
            "filter" => &mut query.filter,
            "should" => &mut query.should,
            "must_not" | "mustNot" => &mut query.must_not,
            "minimum_should_match" => {
                query.minimum = MinimumShouldMatch::read(options)?;
                continue;
            }
            "boost" | "_name" | "adjust_pure_negative" => continue,
            _ => {
                let reason = format!("[bool] unknown field [{key}]");
                return Err(SearchError::new("x_content_parse_exception", reason).at(key));
            }
        };
        if !value.is_null() {
            clauses.extend(reader.queries(value)?);
        }
    }
    Ok(QueryKind::Bool(Box::new(query)))
}
