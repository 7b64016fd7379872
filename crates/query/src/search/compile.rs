//! A query as a filter of the store.

mod addresses;
mod full_text;
mod query_string;

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;
use vigie_language::search::{
    DateContext, DateFormat, Pattern, Piece, resolve_date, time_zone, translate_regexp,
};
use vigie_store::logs::{LogFilter, LogTest, TokenPattern, standard_tokens};

use self::addresses::{address_range, network};
use super::SearchError;
use super::dsl::{BoolQuery, FieldBoost, Query, QueryKind, RangeQuery};
use super::json::scalar_text;
use super::schema::{Field, FieldKind, Schema};
use super::values::MS;

/// Fields that one query may be asked of, as in Elasticsearch.
const FIELDS_MAX: usize = 1_024;
/// Conditions that "at least k of n" may become.
const COMBINATIONS_MAX: usize = 5_000;

/// What queries are resolved against.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// The fields.
    pub schema: Arc<Schema>,
    /// What `now` means, milliseconds since the epoch.
    pub now_ms: i64,
    /// Names of the indices that are searched; what `_index` is compared with.
    pub indexes: Arc<Vec<String>>,
}

/// All of them hold.
pub(crate) fn and(mut filters: Vec<LogFilter>) -> LogFilter {
    filters.retain(|filter| *filter != LogFilter::All);
    if filters.contains(&LogFilter::None) {
        return LogFilter::None;
    }
    match filters.len() {
        0 => LogFilter::All,
        1 => filters.pop().unwrap_or(LogFilter::All),
        _ => LogFilter::And(filters),
    }
}

/// Any of them holds.
pub(crate) fn or(mut filters: Vec<LogFilter>) -> LogFilter {
    filters.retain(|filter| *filter != LogFilter::None);
    if filters.contains(&LogFilter::All) {
        return LogFilter::All;
    }
    match filters.len() {
        0 => LogFilter::None,
        1 => filters.pop().unwrap_or(LogFilter::None),
        _ => LogFilter::Or(filters),
    }
}

fn not(filter: LogFilter) -> LogFilter {
    match filter {
        LogFilter::All => LogFilter::None,
        LogFilter::None => LogFilter::All,
        other => LogFilter::Not(Box::new(other)),
    }
}

/// The words of a text, as the standard analyser cuts it.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    standard_tokens(text, |token| found.push(token.text.to_owned()));
    found
}

impl Compiler {
    /// The filter that selects what `query` does.
    pub fn filter(&self, query: &Query) -> Result<LogFilter, SearchError> {
        match &query.kind {
            QueryKind::MatchAll => Ok(LogFilter::All),
            QueryKind::MatchNone => Ok(LogFilter::None),
            QueryKind::Bool(query) => self.bool_filter(query),
            QueryKind::Match(query) => self.match_filter(&query.field, query),
            QueryKind::MultiMatch(query) => {
                let fields = self.fields(&query.fields);
                Self::any_field(&fields, |field| self.match_filter(field, &query.text))
            }
            QueryKind::Term { field, value, ignores_case } => {
                let text = scalar_text(value).unwrap_or_default();
                self.term(field, &text, *ignores_case)
            }
            QueryKind::Terms { field, values } => self.terms(field, values),
            QueryKind::Range(range) => self.range(range),
            QueryKind::Exists { field } => Ok(self.exists(field)),
            QueryKind::Prefix { field, text, ignores_case } => {
                let mut pattern = Pattern::default();
                text.chars().for_each(|c| pattern.push_literal(c));
                pattern.push_any_text();
                self.pattern(field, &pattern, *ignores_case)
            }
            QueryKind::Wildcard { field, text, ignores_case } => {
                self.pattern(field, &Pattern::parse(text), *ignores_case)
            }
            QueryKind::Regexp { field, text, ignores_case } => {
                self.regexp(field, text, *ignores_case)
            }
            QueryKind::Fuzzy { field, text, fuzziness, prefix_length, .. } => {
                Ok(self.fuzzy(field, text, fuzziness.edits(text), *prefix_length))
            }
            QueryKind::Ids(ids) => Ok(LogFilter::Ids(ids.clone())),
            QueryKind::QueryString(query) => self.query_string(query),
            QueryKind::Nested { path, query, ignores_unmapped } => {
                let field = self.schema.field(path);
                if !field.is_known && !ignores_unmapped {
                    let reason = format!(
                        "failed to create query: [nested] failed to find nested object under path [{path}]"
                    );
                    return Err(SearchError::shard(reason).at(path));
                }
                self.filter(query)
            }
            QueryKind::ConstantScore(query) => self.filter(query),
            QueryKind::DisMax { queries, .. } => Ok(or(self.filters(queries)?)),
            QueryKind::Boosting { positive, .. } => self.filter(positive),
        }
    }

    fn filters(&self, queries: &[Query]) -> Result<Vec<LogFilter>, SearchError> {
        queries.iter().map(|query| self.filter(query)).collect()
    }

    fn bool_filter(&self, query: &BoolQuery) -> Result<LogFilter, SearchError> {
        let mut all = self.filters(&query.must)?;
        all.extend(self.filters(&query.filter)?);
        for excluded in self.filters(&query.must_not)? {
            all.push(not(excluded));
        }
        let needed = query.should_needed();
        if needed > 0 {
            all.push(at_least(needed, self.filters(&query.should)?)?);
        }
        Ok(and(all))
    }

    /// Names of fields and patterns as fields; none means all.
    pub(crate) fn fields(&self, fields: &[FieldBoost]) -> Vec<FieldBoost> {
        let mut expanded = Vec::new();
        if fields.is_empty() {
            let plain = |field| FieldBoost { field, boost: 1.0 };
            expanded.extend(self.schema.searched().into_iter().map(plain));
        }
        for FieldBoost { field, boost } in fields {
            let named = |field| FieldBoost { field, boost: *boost };
            expanded.extend(self.schema.expand(field).into_iter().map(named));
        }
        // More than Elasticsearch takes: the first ones are better than an error on every search
        // box once documents have many fields.
        expanded.truncate(FIELDS_MAX);
        expanded
    }

    fn any_field(
        fields: &[FieldBoost],
        mut each: impl FnMut(&str) -> Result<LogFilter, SearchError>,
    ) -> Result<LogFilter, SearchError> {
        let filters = fields.iter().map(|field| each(&field.field));
        Ok(or(filters.collect::<Result<_, _>>()?))
    }

    /// A value of a field that is not cut into words.
    fn exact(&self, field: &Field, text: &str, is_lenient: bool) -> Result<LogFilter, SearchError> {
        match field.name.as_str() {
            "_id" => return Ok(LogFilter::Ids(vec![text.to_owned()])),
            "_index" => return self.index_filter(&Pattern::parse_name(text)),
            _ => {}
        }
        let equals =
            || LogFilter::field(field.path.clone(), LogTest::Equals(vec![text.to_owned()]));
        match field.kind {
            FieldKind::Date => {
                let found = self
                    .moment(field, text, None, None, false)
                    .and_then(|start| Ok((start, self.moment(field, text, None, None, true)?)));
                match found {
                    Ok((start, end)) => Ok(times(field, start, end)),
                    Err(_) if is_lenient => Ok(LogFilter::None),
                    Err(error) => Err(error),
                }
            }
            FieldKind::Integer | FieldKind::Float if text.trim().parse::<f64>().is_err() => {
                if is_lenient {
                    // Values that did not fit the field's type are kept as they came.
                    return Ok(equals());
                }
                let cause = SearchError::new(
                    "number_format_exception",
                    format!("For input string: \"{text}\""),
                );
                let reason = format!("failed to create query: For input string: \"{text}\"");
                Err(SearchError::shard(reason).because(cause))
            }
            FieldKind::Ip => Ok(network(field, text).unwrap_or_else(equals)),
            FieldKind::Object | FieldKind::Nested => Ok(LogFilter::None),
            _ => Ok(equals()),
        }
    }

    fn term(&self, name: &str, text: &str, ignores_case: bool) -> Result<LogFilter, SearchError> {
        let field = self.schema.field(name);
        if !matches!(field.kind, FieldKind::Text | FieldKind::Keyword) || name.starts_with('_') {
            return self.exact(&field, text, !field.is_mapped);
        }
        let value = vec![text.to_owned()];
        let test = |test| LogFilter::field(field.path.clone(), test);
        let whole =
            if ignores_case { LogTest::EqualsAnyCase(value) } else { LogTest::Equals(value) };
        if field.kind == FieldKind::Keyword {
            return Ok(test(whole));
        }
        // The exact value of a text is found as well: Elasticsearch finds only words, and whoever
        // asks for `ERROR` there gets nothing.
        let word = if ignores_case { text.to_lowercase() } else { text.to_owned() };
        Ok(or(vec![test(LogTest::AnyToken(vec![word])), test(whole)]))
    }

    fn terms(&self, name: &str, values: &[Value]) -> Result<LogFilter, SearchError> {
        let field = self.schema.field(name);
        let texts: Vec<String> = values.iter().filter_map(scalar_text).collect();
        if field.kind == FieldKind::Keyword && !name.starts_with('_') {
            return Ok(LogFilter::field(field.path, LogTest::Equals(texts)));
        }
        if name == "_id" {
            return Ok(LogFilter::Ids(texts));
        }
        if field.kind == FieldKind::Text {
            let words = LogFilter::field(field.path.clone(), LogTest::AnyToken(texts.clone()));
            return Ok(or(vec![words, LogFilter::field(field.path, LogTest::Equals(texts))]));
        }
        let each = texts.iter().map(|text| self.exact(&field, text, !field.is_mapped));
        Ok(or(each.collect::<Result<_, _>>()?))
    }

    fn index_filter(&self, pattern: &Pattern) -> Result<LogFilter, SearchError> {
        let matching = self.indexes.iter().filter(|name| pattern.matches(name)).count();
        match matching {
            0 => Ok(LogFilter::None),
            some if some == self.indexes.len() => Ok(LogFilter::All),
            // The store asks for indices of a whole search only; nothing would be found silently.
            _ => Err(SearchError::not_served("[_index] of some of the indices that are searched")),
        }
    }

    /// Has a value of a field, of a field in an object, or of a field that a pattern names.
    pub(crate) fn exists(&self, name: &str) -> LogFilter {
        if matches!(name, "_id" | "_index" | "_source" | "_seq_no") {
            return LogFilter::All;
        }
        let mut paths = Vec::new();
        for name in self.schema.expand(name) {
            let field = self.schema.field(&name);
            if matches!(field.kind, FieldKind::Object | FieldKind::Nested) {
                paths.extend(self.schema.expand(&format!("{name}.*")));
            }
            paths.push(field.path);
        }
        paths.sort();
        paths.dedup();
        or(paths
            .into_iter()
            .take(FIELDS_MAX)
            .map(|path| LogFilter::field(path, LogTest::Exists))
            .collect())
    }

    fn moment(
        &self,
        field: &Field,
        text: &str,
        format: Option<&str>,
        zone: Option<&str>,
        rounds_up: bool,
    ) -> Result<i64, SearchError> {
        let refuse = |reason: String| SearchError::new("parse_exception", reason);
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => time_zone(name)
                .ok_or_else(|| refuse(format!("failed to parse [time_zone] value [{name}]")))?,
        };
        let given = format.map(DateFormat::parse).transpose().map_err(SearchError::argument)?;
        let format = given.as_ref().unwrap_or(&field.format);
        let context = DateContext { now_ms: self.now_ms, zone: &zone, format };
        resolve_date(text, rounds_up, &context).map_err(|error| refuse(error.to_string()))
    }

    fn range(&self, range: &RangeQuery) -> Result<LogFilter, SearchError> {
        let field = self.schema.field(&range.field);
        let text = |end: &Option<(Value, bool)>| {
            end.as_ref().map(|(value, is_in)| (scalar_text(value).unwrap_or_default(), *is_in))
        };
        let (from, to) = (text(&range.lower), text(&range.upper));
        if from.is_none() && to.is_none() {
            return Ok(self.exists(&range.field));
        }
        let looks_like_dates = range.format.is_some()
            || [&from, &to]
                .into_iter()
                .flatten()
                .any(|(text, _)| text.starts_with("now") || text.contains("||"));
        let kind = match field.kind {
            FieldKind::Text | FieldKind::Keyword if looks_like_dates && !field.is_mapped => {
                FieldKind::Date
            }
            kind => kind,
        };
        let test = |test| LogFilter::field(field.path.clone(), test);
        match kind {
            FieldKind::Date => {
                let (format, zone) = (range.format.as_deref(), range.time_zone.as_deref());
                let start = match &from {
                    None => i64::MIN,
                    Some((text, true)) => {
                        self.moment(&field, text, format, zone, false)?.saturating_mul(MS)
                    }
                    Some((text, false)) => self
                        .moment(&field, text, format, zone, true)?
                        .saturating_add(1)
                        .saturating_mul(MS),
                };
                let end = match &to {
                    None => i64::MAX,
                    Some((text, true)) => self
                        .moment(&field, text, format, zone, true)?
                        .saturating_add(1)
                        .saturating_mul(MS)
                        .saturating_sub(1),
                    Some((text, false)) => self
                        .moment(&field, text, format, zone, false)?
                        .saturating_mul(MS)
                        .saturating_sub(1),
                };
                Ok(test(LogTest::Times { start_ns: start, end_ns: end }))
            }
            FieldKind::Integer | FieldKind::Float => {
                let bad = [&from, &to]
                    .into_iter()
                    .flatten()
                    .find(|(text, _)| text.trim().parse::<f64>().is_err());
                if let Some((text, _)) = bad {
                    if !field.is_mapped {
                        return Ok(test(LogTest::Texts { from, to }));
                    }
                    let reason = format!("failed to create query: For input string: \"{text}\"");
                    return Err(SearchError::shard(reason));
                }
                Ok(test(LogTest::Numbers { from, to }))
            }
            FieldKind::Ip => Ok(address_range(&field, from.as_ref(), to.as_ref())),
            FieldKind::Object | FieldKind::Nested => Ok(LogFilter::None),
            _ => Ok(test(LogTest::Texts { from, to })),
        }
    }

    fn pattern(
        &self,
        name: &str,
        pattern: &Pattern,
        ignores_case: bool,
    ) -> Result<LogFilter, SearchError> {
        let field = self.schema.field(name);
        if name == "_index" {
            return self.index_filter(pattern);
        }
        if pattern.is_any() {
            return Ok(self.exists(name));
        }
        let test = |test| LogFilter::field(field.path.clone(), test);
        let any_case = if ignores_case { "(?i)" } else { "" };
        let whole = match pattern.pieces() {
            _ if ignores_case => LogTest::Matches(format!("{any_case}{}", pattern.to_regex())),
            [Piece::Literal(text)] => LogTest::Equals(vec![text.clone()]),
            [Piece::Literal(text), Piece::AnyText] => LogTest::Prefix(text.clone()),
            [Piece::AnyText, Piece::Literal(text), Piece::AnyText] => {
                LogTest::Contains(text.clone())
            }
            _ => LogTest::Matches(pattern.to_regex()),
        };
        if field.kind != FieldKind::Text {
            return Ok(test(whole));
        }
        let pattern = if ignores_case { pattern.to_lowercase() } else { pattern.clone() };
        let word = match pattern.pieces() {
            [Piece::Literal(text)] => LogTest::AnyToken(vec![text.clone()]),
            [Piece::Literal(text), Piece::AnyText] => {
                LogTest::Token(TokenPattern::Prefix(text.clone()))
            }
            [Piece::AnyText, Piece::Literal(text), Piece::AnyText] => {
                LogTest::Token(TokenPattern::Contains(text.clone()))
            }
            _ => LogTest::Token(TokenPattern::Matches(pattern.to_regex())),
        };
        if field.is_mapped {
            return Ok(test(word));
        }
        Ok(or(vec![test(word), test(whole)]))
    }

    fn regexp(&self, name: &str, text: &str, ignores_case: bool) -> Result<LogFilter, SearchError> {
        let field = self.schema.field(name);
        let expression = translate_regexp(text)
            .map_err(|error| SearchError::argument(error.to_string()).at(name))?;
        let expression = if ignores_case { format!("(?i:{expression})") } else { expression };
        let test = |test| LogFilter::field(field.path.clone(), test);
        let whole = test(LogTest::Matches(expression.clone()));
        if field.kind != FieldKind::Text {
            return Ok(whole);
        }
        let word = test(LogTest::Token(TokenPattern::Matches(expression)));
        Ok(if field.is_mapped { word } else { or(vec![word, whole]) })
    }

    fn fuzzy(&self, name: &str, text: &str, edits: u8, prefix: usize) -> LogFilter {
        let field = self.schema.field(name);
        let (token, test) = match field.kind {
            FieldKind::Text | FieldKind::Keyword if edits > 0 => {
                (text.to_lowercase(), |token| LogTest::Token(token))
            }
            _ => return LogFilter::field(field.path, LogTest::Equals(vec![text.to_owned()])),
        };
        LogFilter::field(field.path, test(TokenPattern::Fuzzy { token, edits, prefix }))
    }
}

fn times(field: &Field, start_ms: i64, end_ms: i64) -> LogFilter {
    let start_ns = start_ms.saturating_mul(MS);
    let end_ns = end_ms.saturating_add(1).saturating_mul(MS).saturating_sub(1);
    LogFilter::field(field.path.clone(), LogTest::Times { start_ns, end_ns })
}

/// At least `needed` of the filters hold.
fn at_least(needed: usize, filters: Vec<LogFilter>) -> Result<LogFilter, SearchError> {
    match needed {
        0 => return Ok(LogFilter::All),
        1 => return Ok(or(filters)),
        needed if needed > filters.len() => return Ok(LogFilter::None),
        needed if needed == filters.len() => return Ok(and(filters)),
        _ => {}
    }
    let mut budget = COMBINATIONS_MAX;
    combine(needed, &filters, &mut budget).ok_or_else(|| {
        let count = filters.len();
        SearchError::not_served(&format!(
            "[minimum_should_match] of {needed} among {count} clauses"
        ))
    })
}

/// Either the first and one fewer of the rest, or so many of the rest.
fn combine(needed: usize, filters: &[LogFilter], budget: &mut usize) -> Option<LogFilter> {
    *budget = budget.checked_sub(1)?;
    if needed == 1 {
        return Some(or(filters.to_vec()));
    }
    if needed == filters.len() {
        return Some(and(filters.to_vec()));
    }
    let (first, rest) = filters.split_first()?;
    let with = and(vec![first.clone(), combine(needed - 1, rest, budget)?]);
    Some(or(vec![with, combine(needed, rest, budget)?]))
}
