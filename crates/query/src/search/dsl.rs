//! The query DSL: JSON to a tree, one file for each query.

mod bool_query;
mod boosting;
mod constant_score;
mod dis_max;
mod exists;
mod fuzzy;
mod ids;
mod match_query;
mod minimum;
mod multi_match;
mod nested;
mod prefix;
mod query_string;
mod range;
mod regexp;
mod term;
mod terms;
mod wildcard;

use serde_json::{Map, Value};
use vigie_language::search::Fuzziness;

use super::SearchError;
use super::json::Options;

pub use bool_query::BoolQuery;
pub use match_query::{MatchKind, MatchQuery};
pub use minimum::MinimumShouldMatch;
pub use multi_match::{FieldBoost, MultiMatchKind, MultiMatchQuery};
pub use query_string::QueryStringQuery;
pub use range::RangeQuery;

/// How deep queries may be nested, `indices.query.bool.max_nested_depth`.
const DEPTH_MAX: usize = 30;
/// How many queries a request may have.
const CLAUSES_MAX: usize = 4_096;

/// A query and what it adds to the score.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What it selects.
    pub kind: QueryKind,
    /// Factor of its score.
    pub boost: f32,
    /// `_name`: told with every hit that it matches.
    pub name: Option<String>,
}

/// What a query selects.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryKind {
    /// Everything.
    MatchAll,
    /// Nothing.
    MatchNone,
    /// Combined clauses.
    Bool(Box<BoolQuery>),
    /// Analysed text in one field.
    Match(MatchQuery),
    /// Analysed text in several fields.
    MultiMatch(MultiMatchQuery),
    /// One exact term.
    Term {
        /// Where.
        field: String,
        /// What.
        value: Value,
        /// Whether case is ignored.
        ignores_case: bool,
    },
    /// One of several exact terms.
    Terms {
        /// Where.
        field: String,
        /// What.
        values: Vec<Value>,
    },
    /// Between two ends.
    Range(RangeQuery),
    /// Has the field.
    Exists {
        /// Which; may be a pattern.
        field: String,
    },
    /// Begins with.
    Prefix {
        /// Where.
        field: String,
        /// What.
        text: String,
        /// Whether case is ignored.
        ignores_case: bool,
    },
    /// A pattern of `*` and `?`.
    Wildcard {
        /// Where.
        field: String,
        /// What.
        text: String,
        /// Whether case is ignored.
        ignores_case: bool,
    },
    /// A regular expression of Lucene.
    Regexp {
        /// Where.
        field: String,
        /// What.
        text: String,
        /// Whether case is ignored.
        ignores_case: bool,
    },
    /// Nearly this term.
    Fuzzy {
        /// Where.
        field: String,
        /// What.
        text: String,
        /// How far.
        fuzziness: Fuzziness,
        /// How many characters at the beginning must be equal.
        prefix_length: usize,
        /// Whether neighbours may be swapped in one edit.
        transpositions: bool,
    },
    /// Documents by id.
    Ids(Vec<String>),
    /// Lucene's syntax, or the simple one.
    QueryString(QueryStringQuery),
    /// A query on objects in a list.
    Nested {
        /// Where the objects are.
        path: String,
        /// What one of them must be.
        query: Box<Query>,
        /// Whether a path that no index has matches nothing instead of being an error.
        ignores_unmapped: bool,
    },
    /// Selects like `query`, all with the same score.
    ConstantScore(Box<Query>),
    /// Any of these; the best one gives the score.
    DisMax {
        /// The queries.
        queries: Vec<Query>,
        /// Part of the other scores that is added.
        tie_breaker: f32,
    },
    /// Selects like `positive`; what also matches `negative` scores less.
    Boosting {
        /// What is selected.
        positive: Box<Query>,
        /// What scores less.
        negative: Box<Query>,
        /// Factor of the lesser scores.
        negative_boost: f32,
    },
}

impl Query {
    /// Selects everything.
    pub fn match_all() -> Self {
        QueryKind::MatchAll.into()
    }

    /// Reads `{"name": {...}}`.
    pub fn parse(value: &Value) -> Result<Self, SearchError> {
        Reader { depth: 0, clauses: &std::cell::Cell::new(0) }.query(value)
    }
}

impl From<QueryKind> for Query {
    fn from(kind: QueryKind) -> Self {
        Self { kind, boost: 1.0, name: None }
    }
}

/// Where in the tree reading is.
#[derive(Debug, Clone, Copy)]
struct Reader<'a> {
    depth: usize,
    clauses: &'a std::cell::Cell<usize>,
}

impl Reader<'_> {
    fn query(self, value: &Value) -> Result<Query, SearchError> {
        let Value::Object(map) = value else {
            return Err(SearchError::parsing(
                "[_na] query malformed, must start with start_object",
            ));
        };
        let mut entries = map.iter();
        let Some((name, body)) = entries.next() else {
            return Err(SearchError::argument("query malformed, empty clause found"));
        };
        if entries.next().is_some() {
            let reason =
                format!("[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]");
            return Err(SearchError::parsing(reason).at(name));
        }
        self.clauses.set(self.clauses.get() + 1);
        if self.clauses.get() > CLAUSES_MAX {
            let reason = format!(
                "Query contains too many nested clauses; maxClauseCount is set to {CLAUSES_MAX}"
            );
            return Err(SearchError::new("too_many_nested_clauses", reason));
        }
        if self.depth > DEPTH_MAX {
            let reason = format!(
                "The nested depth of the query exceeds the maximum nested depth for queries set \
                 in [indices.query.bool.max_nested_depth]: {DEPTH_MAX}"
            );
            return Err(SearchError::argument(reason));
        }
        let reader = Self { depth: self.depth + 1, ..self };
        let kind = reader.kind(name, Options::of(name, body)?)?;
        let (boost, label) = common(name, body)?;
        Ok(Query { kind, boost, name: label })
    }

    fn kind(self, name: &str, options: Options<'_>) -> Result<QueryKind, SearchError> {
        match name {
            "match_all" => options.only(&["boost", "_name"]).map(|_| QueryKind::MatchAll),
            "match_none" => options.only(&["boost", "_name"]).map(|_| QueryKind::MatchNone),
            "bool" => bool_query::parse(self, options),
            "match" => match_query::parse(options, MatchKind::Words),
            "match_phrase" => match_query::parse(options, MatchKind::Phrase),
            "match_phrase_prefix" => match_query::parse(options, MatchKind::PhrasePrefix),
            "match_bool_prefix" => match_query::parse(options, MatchKind::BoolPrefix),
            "multi_match" => multi_match::parse(options),
            "term" => term::parse(options),
            "terms" => terms::parse(options),
            "range" => range::parse(options),
            "exists" => exists::parse(options),
            "prefix" => prefix::parse(options),
            "wildcard" => wildcard::parse(options),
            "regexp" => regexp::parse(options),
            "fuzzy" => fuzzy::parse(options),
            "ids" => ids::parse(options),
            "query_string" => query_string::parse(options),
            "simple_query_string" => query_string::parse_simple(options),
            "nested" => nested::parse(self, options),
            "constant_score" => constant_score::parse(self, options),
            "dis_max" => dis_max::parse(self, options),
            "boosting" => boosting::parse(self, options),
            "function_score" | "script_score" | "script" | "terms_set" | "more_like_this"
            | "geo_distance" | "geo_bounding_box" | "geo_shape" | "geo_polygon" | "percolate"
            | "has_child" | "has_parent" | "parent_id" | "intervals" | "combined_fields"
            | "distance_feature" | "rank_feature" | "pinned" | "wrapper" | "span_term"
            | "span_near" | "span_or" | "span_not" | "span_first" | "span_multi"
            | "span_containing" | "span_within" | "knn" => {
                Err(SearchError::not_served(&format!("the query [{name}]")).at(name))
            }
            _ => Err(unknown(name)),
        }
    }

    /// One query, or an array of them.
    fn queries(self, value: &Value) -> Result<Vec<Query>, SearchError> {
        match value {
            Value::Array(items) => items.iter().map(|item| self.query(item)).collect(),
            other => Ok(vec![self.query(other)?]),
        }
    }
}

fn unknown(name: &str) -> SearchError {
    let cause =
        SearchError::new("named_object_not_found_exception", format!("unknown field [{name}]"));
    SearchError::parsing(format!("unknown query [{name}]")).at(name).because(cause.at(name))
}

/// `boost` and `_name`, which stand at the query or at its field.
fn common(name: &str, body: &Value) -> Result<(f32, Option<String>), SearchError> {
    let Value::Object(map) = body else { return Ok((1.0, None)) };
    let inner = map.iter().filter(|(key, _)| !matches!(key.as_str(), "boost" | "_name"));
    let mut inner = inner.filter_map(|(_, value)| value.as_object());
    let inner = match (has_field(name), inner.next()) {
        (true, Some(inner)) => inner,
        _ => map,
    };
    let read = |map: &Map<String, Value>| -> Result<(Option<f64>, Option<String>), SearchError> {
        let options = Options::new(name, map);
        Ok((options.number("boost")?, options.text("_name")?))
    };
    let ((outer_boost, outer_name), (inner_boost, inner_name)) = (read(map)?, read(inner)?);
    let boost = inner_boost.or(outer_boost).unwrap_or(1.0) as f32;
    if boost < 0.0 {
        let reason = format!(
            "negative [boost] are not allowed in [{name}], use a value between 0 and 1 to deboost"
        );
        return Err(SearchError::argument(reason).at("boost"));
    }
    Ok((boost, inner_name.or(outer_name)))
}

/// Whether a query's body is `{"field": ...}`.
fn has_field(name: &str) -> bool {
    matches!(
        name,
        "match"
            | "match_phrase"
            | "match_phrase_prefix"
            | "match_bool_prefix"
            | "term"
            | "range"
            | "prefix"
            | "wildcard"
            | "regexp"
            | "fuzzy"
    )
}

/// The one field of `{"field": ...}` and its value.
fn one_field(options: Options<'_>) -> Result<(&str, &Value), SearchError> {
    let name = options.name();
    let mut fields =
        options.map().iter().filter(|(key, _)| !matches!(key.as_str(), "boost" | "_name"));
    let Some((field, value)) = fields.next() else {
        return Err(SearchError::argument(format!("[{name}] requires a field")).at(name));
    };
    if let Some((second, _)) = fields.next() {
        return Err(SearchError::parsing(format!(
            "[{name}] query doesn't support multiple fields, found [{field}] and [{second}]"
        ))
        .at(second));
    }
    if value.is_array() {
        return Err(SearchError::parsing(format!(
            "[{name}] unknown token [START_ARRAY] after [{field}]"
        ))
        .at(field));
    }
    Ok((field, value))
}

/// A field whose value is `text` or `{"<key>": text, ...}`: field, text, the options if written.
fn field_text<'a>(
    options: Options<'a>,
    keys: &[&str],
    known: &[&str],
) -> Result<(String, String, Option<Options<'a>>), SearchError> {
    let (field, value) = one_field(options)?;
    let name = options.name();
    let Value::Object(map) = value else {
        let text = super::json::scalar_text(value);
        let missing = || SearchError::argument(format!("[{name}] value cannot be null")).at(field);
        return Ok((field.to_owned(), text.ok_or_else(missing)?, None));
    };
    let inner = Options::new(name, map);
    let all: Vec<&str> = keys.iter().chain(known).copied().chain(["boost", "_name"]).collect();
    let inner = inner.only(&all)?;
    let key = keys.iter().find(|key| inner.get(key).is_some());
    let key = key.or(keys.first()).copied().unwrap_or("value");
    let text = inner.text(key)?.ok_or_else(|| {
        SearchError::argument(format!("No text specified for text query [{name}]")).at(field)
    })?;
    Ok((field.to_owned(), text, Some(inner)))
}

fn ignores_case(options: Option<Options<'_>>) -> Result<bool, SearchError> {
    Ok(options.map(|o| o.flag("case_insensitive")).transpose()?.flatten().unwrap_or(false))
}

fn fuzziness(options: Options<'_>) -> Result<Option<Fuzziness>, SearchError> {
    let Some(text) = options.text("fuzziness")? else { return Ok(None) };
    Fuzziness::parse(&text).map(Some).ok_or_else(|| {
        SearchError::argument(format!(
            "failed to parse [fuzziness] value [{text}]: valid values are AUTO, 0, 1 and 2"
        ))
        .at("fuzziness")
    })
}

#[cfg(test)]
mod tests;
