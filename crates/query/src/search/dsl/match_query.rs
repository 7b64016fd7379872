//! `match`, `match_phrase`, `match_phrase_prefix`, `match_bool_prefix`

use vigie_language::search::{Fuzziness, Operator};

use super::{MinimumShouldMatch, QueryKind, field_text, fuzziness};
use crate::search::SearchError;
use crate::search::json::Options;

/// How the words of the text take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchKind {
    /// Any or all of them.
    Words,
    /// Next to each other.
    Phrase,
    /// Next to each other, the last one a beginning.
    PhrasePrefix,
    /// Any or all of them, the last one a beginning.
    BoolPrefix,
}

/// Analysed text in one field.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchQuery {
    /// Where.
    pub field: String,
    /// What.
    pub text: String,
    /// How.
    pub kind: MatchKind,
    /// Whether all words are needed.
    pub operator: Operator,
    /// How many words are needed.
    pub minimum: Option<MinimumShouldMatch>,
    /// How far words may be off.
    pub fuzziness: Option<Fuzziness>,
    /// How many characters of a word must be right when it may be off.
    pub prefix_length: usize,
    /// How far words of a phrase may be from their places.
    pub slop: u32,
    /// Whether a text without words matches everything.
    pub zero_terms_all: bool,
    /// Whether a text that the field cannot hold matches nothing instead of being an error.
    pub is_lenient: bool,
}

pub(super) fn parse(options: Options<'_>, kind: MatchKind) -> Result<QueryKind, SearchError> {
    const KNOWN: [&str; 14] = [
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
        "auto_generate_synonyms_phrase_query",
        "cutoff_frequency",
        "slop",
        "type",
    ];
    let (field, text, inner) = field_text(options, &["query"], &KNOWN)?;
    let mut query = MatchQuery::new(field, text, kind);
    if let Some(inner) = inner {
        query.read(inner)?;
    }
    Ok(QueryKind::Match(query))
}

impl MatchQuery {
    /// With every option at its default.
    pub fn new(field: String, text: String, kind: MatchKind) -> Self {
        Self {
            field,
            text,
            kind,
            operator: Operator::Or,
            minimum: None,
            fuzziness: None,
            prefix_length: 0,
            slop: 0,
            zero_terms_all: false,
            is_lenient: false,
        }
    }

    pub(super) fn read(&mut self, options: Options<'_>) -> Result<(), SearchError> {
        self.operator = operator(options, "operator")?.unwrap_or_default();
        self.minimum = MinimumShouldMatch::read(options)?;
        self.fuzziness = fuzziness(options)?;
        self.prefix_length = options.count("prefix_length")?.unwrap_or(0);
        self.slop = options.count("slop")?.map_or(0, |slop| slop.min(1_000) as u32);
        self.is_lenient = options.flag("lenient")?.unwrap_or(false);
        self.zero_terms_all = match options.text("zero_terms_query")?.as_deref() {
            Some("all") => true,
            None | Some("none" | "NONE") => false,
            Some(other) => {
                let reason = format!("Unsupported zero_terms_query value [{other}]");
                return Err(SearchError::parsing(reason).at("zero_terms_query"));
            }
        };
        Ok(())
    }
}

/// `and` or `or`.
pub(super) fn operator(options: Options<'_>, key: &str) -> Result<Option<Operator>, SearchError> {
    let Some(text) = options.text(key)? else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "and" => Ok(Some(Operator::And)),
        "or" => Ok(Some(Operator::Or)),
        _ => Err(SearchError::argument(format!(
            "No enum constant org.elasticsearch.index.query.Operator.{}",
            text.to_ascii_uppercase()
        ))
        .at(key)),
    }
}
