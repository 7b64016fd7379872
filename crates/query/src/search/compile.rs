//! A query as a filter of the store.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;
use vigie_language::search::{
    Clause, DateContext, DateFormat, Node, Occur, Operator, Pattern, Piece, resolve_date,
    time_zone, translate_regexp,
};
use vigie_store::logs::{LogFilter, LogTest, TokenPattern, standard_tokens};

use super::SearchError;
use super::dsl::{
    BoolQuery, FieldBoost, MatchKind, MatchQuery, MinimumShouldMatch, Query, QueryKind,
    QueryStringQuery, RangeQuery,
};
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
                let fields = self.fields(&query.fields)?;
                self.any_field(&fields, |field| self.match_filter(field, &query.text))
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
    pub(crate) fn fields(&self, fields: &[FieldBoost]) -> Result<Vec<FieldBoost>, SearchError> {
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
        Ok(expanded)
    }

    fn any_field(
        &self,
        fields: &[FieldBoost],
        mut each: impl FnMut(&str) -> Result<LogFilter, SearchError>,
    ) -> Result<LogFilter, SearchError> {
        let filters = fields.iter().map(|field| each(&field.field));
        Ok(or(filters.collect::<Result<_, _>>()?))
    }

    /// Analysed text in one field.
    pub(crate) fn match_filter(
        &self,
        name: &str,
        query: &MatchQuery,
    ) -> Result<LogFilter, SearchError> {
        let field = self.schema.field(name);
        if field.kind != FieldKind::Text {
            return self.exact(&field, &query.text, query.is_lenient || !field.is_mapped);
        }
        let words = tokens(&query.text);
        let test = |test| LogFilter::field(field.path.clone(), test);
        let Some(last) = words.last() else {
            return Ok(if query.zero_terms_all { LogFilter::All } else { LogFilter::None });
        };
        let edits = |word: &str| query.fuzziness.map_or(0, |fuzziness| fuzziness.edits(word));
        Ok(match query.kind {
            MatchKind::Phrase | MatchKind::PhrasePrefix => test(LogTest::Phrase {
                last_is_prefix: query.kind == MatchKind::PhrasePrefix,
                slop: query.slop,
                tokens: words,
            }),
            MatchKind::Words if words.iter().all(|word| edits(word) == 0) => {
                let needed = match (&query.minimum, query.operator) {
                    (Some(minimum), Operator::Or) => minimum.of(words.len()).max(1),
                    (_, Operator::And) => words.len(),
                    (None, Operator::Or) => 1,
                };
                if needed == 1 {
                    test(LogTest::AnyToken(words))
                } else if needed >= words.len() {
                    test(LogTest::AllTokens(words))
                } else {
                    at_least(
                        needed,
                        words.into_iter().map(|word| test(LogTest::AnyToken(vec![word]))).collect(),
                    )?
                }
            }
            MatchKind::Words | MatchKind::BoolPrefix => {
                let is_prefix = query.kind == MatchKind::BoolPrefix;
                let each = words.iter().enumerate().map(|(at, word)| {
                    if is_prefix && at + 1 == words.len() {
                        return test(LogTest::Token(TokenPattern::Prefix(last.clone())));
                    }
                    match edits(word) {
                        0 => test(LogTest::AnyToken(vec![word.clone()])),
                        edits => test(LogTest::Token(TokenPattern::Fuzzy {
                            token: word.clone(),
                            edits,
                            prefix: query.prefix_length,
                        })),
                    }
                });
                let each: Vec<LogFilter> = each.collect();
                match (&query.minimum, query.operator) {
                    (Some(minimum), Operator::Or) => at_least(minimum.of(each.len()).max(1), each)?,
                    (_, Operator::And) => and(each),
                    (None, Operator::Or) => or(each),
                }
            }
        })
    }

    /// A value of a field that is not cut into words.
    fn exact(&self, field: &Field, text: &str, is_lenient: bool) -> Result<LogFilter, SearchError> {
        match field.name.as_str() {
            "_id" => return Ok(LogFilter::Ids(vec![text.to_owned()])),
            "_index" => return Ok(self.index_filter(&Pattern::parse_name(text))),
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

    fn index_filter(&self, pattern: &Pattern) -> LogFilter {
        let matching = self.indexes.iter().filter(|name| pattern.matches(name)).count();
        match matching {
            0 => LogFilter::None,
            some if some == self.indexes.len() => LogFilter::All,
            // The names are a field of the store under this path.
            _ => LogFilter::field("_index", LogTest::Matches(pattern.to_regex())),
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
            FieldKind::Ip => Ok(address_range(&field, from, to)),
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
            return Ok(self.index_filter(pattern));
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

    fn query_string(&self, query: &QueryStringQuery) -> Result<LogFilter, SearchError> {
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
            Node::Term { field, text } => self.any_field(&named(field)?, |name| {
                lenient(
                    self.match_filter(name, &self.match_query(text, MatchKind::Words, 0, query)),
                )
            }),
            Node::Phrase { field, text, slop } => {
                self.any_field(&named(field)?, |name| {
                    let slop = if *slop == 0 { query.phrase_slop } else { *slop };
                    lenient(self.match_filter(
                        name,
                        &self.match_query(text, MatchKind::Phrase, slop, query),
                    ))
                })
            }
            Node::Wildcard { field, pattern } => self.any_field(&named(field)?, |name| {
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
                self.any_field(&named(field)?, |name| lenient(self.regexp(name, expression, false)))
            }
            Node::Fuzzy { field, text, fuzziness } => {
                let edits = fuzziness.unwrap_or(query.fuzziness).edits(text);
                self.any_field(&named(field)?, |name| Ok(self.fuzzy(name, text, edits, 0)))
            }
            Node::Range { field, lower, upper, includes_lower, includes_upper } => {
                self.any_field(&named(field)?, |name| {
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

    fn match_query(
        &self,
        text: &str,
        kind: MatchKind,
        slop: u32,
        query: &QueryStringQuery,
    ) -> MatchQuery {
        let mut found = MatchQuery::new(String::new(), text.to_owned(), kind);
        found.operator = query.operator;
        found.slop = slop;
        found.is_lenient = query.is_lenient;
        found
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

/// `10.1.0.0/16` as an expression on addresses as they are written.
fn network(field: &Field, text: &str) -> Option<LogFilter> {
    let (base, bits) = text.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let base = u32::from(base.parse::<std::net::Ipv4Addr>().ok()?);
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some(addresses(field, base & mask, base | !mask))
}

fn address_range(
    field: &Field,
    from: Option<(String, bool)>,
    to: Option<(String, bool)>,
) -> LogFilter {
    let read = |end: &Option<(String, bool)>| {
        end.as_ref().and_then(|(text, _)| text.parse::<std::net::Ipv4Addr>().ok()).map(u32::from)
    };
    let open = |end: &Option<(String, bool)>| end.as_ref().is_some_and(|(_, is_in)| !is_in);
    let low = read(&from).map_or(0, |n| n.saturating_add(u32::from(open(&from))));
    let high = read(&to).map_or(u32::MAX, |n| n.saturating_sub(u32::from(open(&to))));
    addresses(field, low, high)
}

/// All addresses between two, as an expression over their four numbers.
fn addresses(field: &Field, low: u32, high: u32) -> LogFilter {
    if low > high {
        return LogFilter::None;
    }
    let expression = address_expression(&low.to_be_bytes(), &high.to_be_bytes());
    LogFilter::field(field.path.clone(), LogTest::Matches(expression))
}

fn address_expression(low: &[u8], high: &[u8]) -> String {
    let (Some((first, low_rest)), Some((last, high_rest))) =
        (low.split_first(), high.split_first())
    else {
        return String::new();
    };
    let dot = if low_rest.is_empty() { "" } else { "\\." };
    if first == last {
        return format!("{first}{dot}{}", address_expression(low_rest, high_rest));
    }
    let (least, most) = (vec![0; low_rest.len()], vec![255; low_rest.len()]);
    let mut choices = Vec::new();
    let is_whole = low_rest.iter().all(|n| *n == 0) && high_rest.iter().all(|n| *n == 255);
    let (mut from, mut to) = (*first, *last);
    if !is_whole {
        choices.push(format!("{first}{dot}{}", address_expression(low_rest, &most)));
        choices.push(format!("{last}{dot}{}", address_expression(&least, high_rest)));
        (from, to) = (first.saturating_add(1), last.saturating_sub(1));
    }
    if from <= to {
        let between: Vec<String> = (from..=to).map(|n| n.to_string()).collect();
        let between = if (from, to) == (0, 255) {
            "[0-9]+".to_owned()
        } else {
            format!("(?:{})", between.join("|"))
        };
        let rest =
            if low_rest.is_empty() { String::new() } else { "\\.[0-9]+".repeat(low_rest.len()) };
        choices.push(format!("{between}{rest}"));
    }
    format!("(?:{})", choices.join("|"))
}
