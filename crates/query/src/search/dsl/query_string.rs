//! `query_string` and `simple_query_string`

use vigie_language::search::{
    Fuzziness, Node, Operator, SimpleFlags, parse_query_string, parse_simple_query_string,
};

use super::match_query::operator;
use super::{FieldBoost, MinimumShouldMatch, QueryKind, fuzziness};
use crate::search::SearchError;
use crate::search::json::{Options, strings};

/// Lucene's syntax, read.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryStringQuery {
    /// The tree.
    pub node: Node,
    /// Fields of what names none; none means all.
    pub fields: Vec<FieldBoost>,
    /// Whether all words of a term are needed.
    pub operator: Operator,
    /// How many of the outer clauses are needed.
    pub minimum: Option<MinimumShouldMatch>,
    /// How far `word~` may be off.
    pub fuzziness: Fuzziness,
    /// Whether a text that a field cannot hold matches nothing instead of being an error.
    pub is_lenient: bool,
    /// Where dates without an offset are at home.
    pub time_zone: Option<String>,
    /// Slop of phrases that say none.
    pub phrase_slop: u32,
}

pub(super) fn parse(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&[
        "query",
        "default_field",
        "fields",
        "default_operator",
        "analyzer",
        "quote_analyzer",
        "allow_leading_wildcard",
        "auto_generate_synonyms_phrase_query",
        "enable_position_increments",
        "escape",
        "fuzziness",
        "fuzzy_max_expansions",
        "fuzzy_prefix_length",
        "fuzzy_transpositions",
        "fuzzy_rewrite",
        "lenient",
        "max_determinized_states",
        "minimum_should_match",
        "phrase_slop",
        "quote_field_suffix",
        "rewrite",
        "tie_breaker",
        "time_zone",
        "type",
        "analyze_wildcard",
        "boost",
        "_name",
    ])?;
    if options.get("query").is_none() {
        let reason = "query_string must be provided with a [query]";
        return Err(SearchError::parsing(reason).at("query_string"));
    }
    let text = options.need_text("query")?;
    let default = operator(options, "default_operator")?.unwrap_or_default();
    let node = parse_query_string(&text, default).map_err(|error| {
        let cause = SearchError::new("parse_exception", error.to_string());
        let shown: String = text.chars().take(1_000).collect();
        SearchError::shard(format!("Failed to parse query [{shown}]")).because(cause)
    })?;
    if options.flag("allow_leading_wildcard")? == Some(false) && has_leading_wildcard(&node) {
        let reason = format!(
            "Failed to parse query [{text}]: '*' or '?' not allowed as first character in WildcardQuery"
        );
        return Err(SearchError::shard(reason));
    }
    let mut query = with_options(node, options, default)?;
    query.phrase_slop = options.count("phrase_slop")?.map_or(0, |slop| slop.min(1_000) as u32);
    query.time_zone = options.text("time_zone")?;
    if let Some(field) = options.text("default_field")?.filter(|field| field != "*") {
        query.fields.push(FieldBoost::parse(&field));
    }
    Ok(QueryKind::QueryString(query))
}

pub(super) fn parse_simple(options: Options<'_>) -> Result<QueryKind, SearchError> {
    let options = options.only(&[
        "query",
        "fields",
        "default_operator",
        "analyzer",
        "analyze_wildcard",
        "auto_generate_synonyms_phrase_query",
        "flags",
        "fuzzy_max_expansions",
        "fuzzy_prefix_length",
        "fuzzy_transpositions",
        "lenient",
        "minimum_should_match",
        "quote_field_suffix",
        "boost",
        "_name",
    ])?;
    if options.get("query").is_none() {
        let reason = "[simple_query_string] query text missing";
        return Err(SearchError::parsing(reason).at("simple_query_string"));
    }
    let text = options.need_text("query")?;
    let default = operator(options, "default_operator")?.unwrap_or_default();
    let flags = match options.get("flags") {
        None => SimpleFlags::all(),
        // A number is the sum of Lucene's bits, -1 for all.
        Some(value) if value.is_number() => SimpleFlags::all(),
        Some(_) => {
            let text = options.need_text("flags")?;
            SimpleFlags::parse(&text).ok_or_else(|| {
                SearchError::argument(format!("Unknown simple_query_string flag [{text}]"))
            })?
        }
    };
    let node = parse_simple_query_string(&text, default, &flags);
    let mut query = with_options(node, options, default)?;
    // The simple syntax is for people: what a field cannot hold is passed over.
    query.is_lenient = options.flag("lenient")?.unwrap_or(query.fields.is_empty());
    Ok(QueryKind::QueryString(query))
}

fn with_options(
    node: Node,
    options: Options<'_>,
    operator: Operator,
) -> Result<QueryStringQuery, SearchError> {
    let fields: Vec<String> = options.get("fields").map(strings).unwrap_or_default();
    let fields: Vec<FieldBoost> =
        fields.iter().filter(|field| *field != "*").map(|field| FieldBoost::parse(field)).collect();
    // On all fields most cannot hold most texts.
    let names_none =
        fields.is_empty() && options.text("default_field")?.is_none_or(|field| field == "*");
    Ok(QueryStringQuery {
        node,
        operator,
        minimum: MinimumShouldMatch::read(options)?,
        fuzziness: fuzziness(options)?.unwrap_or(Fuzziness::AUTO),
        is_lenient: options.flag("lenient")?.unwrap_or(names_none),
        time_zone: None,
        phrase_slop: 0,
        fields,
    })
}

fn has_leading_wildcard(node: &Node) -> bool {
    match node {
        Node::Bool(clauses) => clauses.iter().any(|clause| has_leading_wildcard(&clause.node)),
        Node::Boost { node, .. } => has_leading_wildcard(node),
        Node::Wildcard { pattern, .. } => !matches!(
            pattern.pieces().first(),
            Some(vigie_language::search::Piece::Literal(_)) | None
        ),
        _ => false,
    }
}
