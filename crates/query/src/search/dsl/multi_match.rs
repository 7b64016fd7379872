//! `multi_match`

use super::{MatchKind, MatchQuery, QueryKind};
use crate::search::SearchError;
use crate::search::json::{Options, strings};

/// A field, or a pattern of fields, and the factor of its score.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldBoost {
    /// Which.
    pub field: String,
    /// Factor.
    pub boost: f32,
}

impl FieldBoost {
    /// Reads `field^2`.
    pub fn parse(text: &str) -> Self {
        let (field, boost) = text.rsplit_once('^').unwrap_or((text, "1"));
        match boost.parse::<f32>() {
            Ok(boost) if boost.is_finite() => Self { field: field.to_owned(), boost },
            _ => Self { field: text.to_owned(), boost: 1.0 },
        }
    }
}

/// How several fields make one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiMatchKind {
    /// The best field's.
    Best,
    /// The sum.
    Most,
    /// As if they were one field.
    Cross,
}

/// Analysed text in several fields.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiMatchQuery {
    /// Where; none means all.
    pub fields: Vec<FieldBoost>,
    /// What, with the options of a `match`; its field is not used.
    pub text: MatchQuery,
    /// How fields make a score.
    pub kind: MultiMatchKind,
    /// Part of the lesser scores that is added.
    pub tie_breaker: f32,
}

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&[
        "query",
        "fields",
        "type",
        "operator",
        "minimum_should_match",
        "fuzziness",
        "prefix_length",
        "max_expansions",
        "fuzzy_transpositions",
        "fuzzy_rewrite",
        "lenient",
        "zero_terms_query",
        "analyzer",
        "slop",
        "tie_breaker",
        "auto_generate_synonyms_phrase_query",
        "boost",
        "_name",
    ])?;
    let (kind, words) = match options.text("type")?.as_deref() {
        None | Some("best_fields") => (MultiMatchKind::Best, MatchKind::Words),
        Some("most_fields") => (MultiMatchKind::Most, MatchKind::Words),
        Some("cross_fields") => (MultiMatchKind::Cross, MatchKind::Words),
        Some("phrase") => (MultiMatchKind::Best, MatchKind::Phrase),
        Some("phrase_prefix") => (MultiMatchKind::Best, MatchKind::PhrasePrefix),
        Some("bool_prefix") => (MultiMatchKind::Most, MatchKind::BoolPrefix),
        Some(other) => {
            let reason =
                format!("failed to parse [multi_match] query type [{other}]. unknown type.");
            return Err(SearchError::parsing(reason).at("type"));
        }
    };
    if options.get("query").is_none() {
        return Err(
            SearchError::parsing("No text specified for multi_match query").at("multi_match")
        );
    }
    let mut text = MatchQuery::new(String::new(), options.need_text("query")?, words);
    text.read(options)?;
    let fields = options.get("fields").map(strings).unwrap_or_default();
    Ok(QueryKind::MultiMatch(MultiMatchQuery {
        fields: fields.iter().map(|field| FieldBoost::parse(field)).collect(),
        text,
        kind,
        tie_breaker: options.number("tie_breaker")?.unwrap_or(0.0) as f32,
    }))
}
