//! Highlights: the words of a query, marked in pieces of the text.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};
use vigie_language::search::{Node, Pattern, within_distance};
use vigie_store::logs::standard_tokens;

use super::SearchError;
use super::compile::tokens;
use super::dsl::{MatchKind, Query, QueryKind};
use super::json::{Options, scalar_text, strings};
use super::schema::{FieldKind, Schema};

/// Fields of one request.
const FIELDS_MAX: usize = 100;
/// Longer texts are looked through no further, `index.highlight.max_analyzed_offset`.
const TEXT_BYTES_MAX: usize = 1_000_000;

/// What is marked, how, and where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Highlight {
    fields: Vec<Wanted>,
    words: Vec<Mark>,
}

#[derive(Debug, Clone)]
struct Wanted {
    pattern: Pattern,
    /// `false`: words of the query are marked whatever field they were looked for in.
    same_field: bool,
    before: String,
    after: String,
    fragment_size: usize,
    fragments: usize,
    /// Text shown when nothing is marked.
    no_match_size: usize,
    /// Instead of the request's query.
    words: Option<Vec<Mark>>,
}

/// A thing to mark in one field (or all).
#[derive(Debug, Clone)]
struct Mark {
    field: Option<String>,
    word: Word,
}

#[derive(Debug, Clone)]
enum Word {
    Token(String),
    Phrase(Vec<String>),
    Prefix(String),
    Pattern(Regex),
    Fuzzy(String, u8),
    Whole(String),
}

impl Highlight {
    pub(crate) fn parse(value: &Value) -> Result<Self, SearchError> {
        let options = Options::of("highlight", value)?;
        let mut fields = Vec::new();
        let entries: Vec<(&String, &Value)> = match options.get("fields") {
            Some(Value::Object(map)) => map.iter().collect(),
            Some(Value::Array(items)) => {
                items.iter().filter_map(Value::as_object).flat_map(Map::iter).collect()
            }
            _ => return Err(SearchError::parsing("[highlight] needs [fields]").at("highlight")),
        };
        for (name, definition) in entries.into_iter().take(FIELDS_MAX) {
            let empty = Map::new();
            let field = Options::new("highlight_field", definition.as_object().unwrap_or(&empty));
            let text = |key: &str| field.get(key).or_else(|| options.get(key));
            let tag = |key: &str, default: &str| {
                text(key)
                    .and_then(|value| strings(value).into_iter().next())
                    .unwrap_or_else(|| default.to_owned())
            };
            let count = |key: &str, default: usize| -> Result<usize, SearchError> {
                Ok(field.count(key)?.or(options.count(key)?).unwrap_or(default))
            };
            let own = text("highlight_query").map(Query::parse).transpose()?;
            fields.push(Wanted {
                pattern: Pattern::parse_name(name),
                same_field: field
                    .flag("require_field_match")?
                    .or(options.flag("require_field_match")?)
                    .unwrap_or(true),
                before: tag("pre_tags", "<em>"),
                after: tag("post_tags", "</em>"),
                fragment_size: count("fragment_size", 100)?,
                fragments: count("number_of_fragments", 5)?,
                no_match_size: count("no_match_size", 0)?,
                words: own.map(|query| marks(&query)),
            });
        }
        Ok(Self { fields, words: Vec::new() })
    }

    /// Marks what `query` looks for.
    pub(crate) fn set_query(&mut self, query: &Query) {
        self.words = marks(query);
    }

    /// The marked pieces of a document, by field.
    pub(crate) fn apply(&self, json: &str, schema: &Schema) -> Map<String, Value> {
        let mut found = Map::new();
        let Ok(document) = serde_json::from_str::<Value>(json) else { return found };
        let mut texts = Vec::new();
        leaves("", &document, &mut texts);
        for wanted in &self.fields {
            let words = wanted.words.as_ref().unwrap_or(&self.words);
            let mut names: BTreeSet<String> = texts.iter().map(|(path, _)| path.clone()).collect();
            if let Some(name) = wanted.pattern.as_literal() {
                names.insert(name.to_owned());
            }
            for name in names.into_iter().filter(|name| wanted.pattern.matches(name)) {
                let field = schema.field(&name);
                let is_of_field = |pattern: &String| {
                    schema.field(pattern).name == name
                        || Pattern::parse_name(pattern).matches(&name)
                };
                let here: Vec<&Word> = words
                    .iter()
                    .filter(|mark| {
                        !wanted.same_field || mark.field.as_ref().is_none_or(is_of_field)
                    })
                    .map(|mark| &mark.word)
                    .collect();
                let mut pieces = Vec::new();
                for (_, text) in texts.iter().filter(|(path, _)| *path == field.path) {
                    pieces.extend(wanted.pieces(text, &here, field.kind == FieldKind::Text));
                }
                if pieces.is_empty() {
                    continue;
                }
                if wanted.fragments > 0 {
                    pieces.truncate(wanted.fragments);
                }
                found.insert(name, Value::from(pieces));
            }
        }
        found
    }
}

fn leaves(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(&path, inner, out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(path, item, out)),
        other => {
            if let Some(text) = scalar_text(other).filter(|text| text.len() <= TEXT_BYTES_MAX) {
                out.push((path.to_owned(), text));
            }
        }
    }
}

impl Wanted {
    fn pieces(&self, text: &str, words: &[&Word], is_text: bool) -> Vec<String> {
        let ranges = if is_text { word_ranges(text, words) } else { whole_range(text, words) };
        if ranges.is_empty() {
            if self.no_match_size == 0 {
                return Vec::new();
            }
            let end = boundary(text, self.no_match_size);
            return vec![text.get(..end).unwrap_or(text).to_owned()];
        }
        if self.fragments == 0 || !is_text || text.len() <= self.fragment_size {
            return vec![self.mark(text, 0, text.len(), &ranges)];
        }
        let mut pieces = Vec::new();
        let mut next = ranges.iter().peekable();
        while let Some(first) = next.peek() {
            let (start, end) = fragment(text, first.0, self.fragment_size);
            let end = end.max(first.1);
            pieces.push(self.mark(text, start, end, &ranges));
            while next.next_if(|range| range.0 < end).is_some() {}
        }
        pieces
    }

    fn mark(&self, text: &str, start: usize, end: usize, ranges: &[(usize, usize)]) -> String {
        let mut out = String::new();
        let mut at = start;
        for (from, to) in ranges.iter().filter(|(from, to)| *from >= start && *to <= end) {
            out.push_str(text.get(at..*from).unwrap_or_default());
            out.push_str(&self.before);
            out.push_str(text.get(*from..*to).unwrap_or_default());
            out.push_str(&self.after);
            at = *to;
        }
        out.push_str(text.get(at..end).unwrap_or_default());
        out.trim().to_owned()
    }
}

/// The nearest character boundary at or after `at`.
fn boundary(text: &str, at: usize) -> usize {
    (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The piece of about `size` bytes around `at`, cut at spaces.
fn fragment(text: &str, at: usize, size: usize) -> (usize, usize) {
    let mut start = at.saturating_sub(size / 3);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    if start > 0 {
        let cut = text.get(start..at).and_then(|before| before.find(char::is_whitespace));
        start = cut.map_or(at, |cut| start + cut);
    }
    let end = boundary(text, start + size);
    if end == text.len() {
        return (start, end);
    }
    let cut = text.get(at..end).and_then(|after| after.rfind(char::is_whitespace));
    (start, cut.filter(|cut| *cut > 0).map_or(end, |cut| at + cut))
}

fn whole_range(text: &str, words: &[&Word]) -> Vec<(usize, usize)> {
    let holds = words.iter().any(|word| match word {
        Word::Whole(wanted) => wanted == text,
        Word::Prefix(wanted) => text.starts_with(wanted.as_str()),
        Word::Pattern(pattern) => pattern.is_match(text),
        Word::Token(_) | Word::Phrase(_) => false,
        Word::Fuzzy(wanted, edits) => within_distance(wanted, text, *edits, 0, true),
    });
    if holds { vec![(0, text.len())] } else { Vec::new() }
}

fn word_ranges(text: &str, words: &[&Word]) -> Vec<(usize, usize)> {
    let mut found: Vec<(String, usize, usize)> = Vec::new();
    standard_tokens(text, |token| found.push((token.text.to_owned(), token.start, token.end)));
    let mut ranges = Vec::new();
    for (at, (token, start, end)) in found.iter().enumerate() {
        let holds = words.iter().any(|word| match word {
            Word::Token(wanted) => wanted == token,
            Word::Whole(wanted) => wanted == token || wanted == text,
            Word::Prefix(wanted) => token.starts_with(wanted.as_str()),
            Word::Pattern(pattern) => pattern.is_match(token),
            Word::Fuzzy(wanted, edits) => within_distance(wanted, token, *edits, 0, true),
            Word::Phrase(wanted) => (0..wanted.len()).any(|offset| {
                let from = at.checked_sub(offset);
                let window = from.and_then(|from| found.get(from..from + wanted.len()));
                window.is_some_and(|window| window.iter().map(|(token, _, _)| token).eq(wanted))
            }),
        });
        if holds {
            ranges.push((*start, *end));
        }
    }
    ranges
}

/// What a query looks for, where exclusions and ranges mark nothing.
fn marks(query: &Query) -> Vec<Mark> {
    let mut found = Vec::new();
    collect(query, &mut found);
    found.truncate(1_000);
    found
}

fn text_marks(field: Option<&str>, text: &str, kind: MatchKind, out: &mut Vec<Mark>) {
    let mark = |word| Mark { field: field.map(str::to_owned), word };
    out.push(mark(Word::Whole(text.to_owned())));
    let words = tokens(text);
    match kind {
        MatchKind::Phrase => out.push(mark(Word::Phrase(words))),
        MatchKind::PhrasePrefix | MatchKind::BoolPrefix => {
            let last = words.len().saturating_sub(1);
            for (at, word) in words.into_iter().enumerate() {
                out.push(mark(if at == last { Word::Prefix(word) } else { Word::Token(word) }));
            }
        }
        MatchKind::Words => out.extend(words.into_iter().map(|word| mark(Word::Token(word)))),
    }
}

fn pattern_mark(field: Option<&str>, expression: &str, out: &mut Vec<Mark>) {
    let regex =
        regex::RegexBuilder::new(&format!("^(?:{expression})$")).size_limit(1 << 20).build();
    if let Ok(regex) = regex {
        out.push(Mark { field: field.map(str::to_owned), word: Word::Pattern(regex) });
    }
}

fn collect(query: &Query, out: &mut Vec<Mark>) {
    match &query.kind {
        QueryKind::Bool(inner) => {
            inner
                .must
                .iter()
                .chain(&inner.filter)
                .chain(&inner.should)
                .for_each(|q| collect(q, out));
        }
        QueryKind::Match(inner) => text_marks(Some(&inner.field), &inner.text, inner.kind, out),
        QueryKind::MultiMatch(inner) => {
            if inner.fields.is_empty() {
                text_marks(None, &inner.text.text, inner.text.kind, out);
            }
            for field in &inner.fields {
                text_marks(Some(&field.field), &inner.text.text, inner.text.kind, out);
            }
        }
        QueryKind::Term { field, value, .. } => {
            let word = Word::Whole(scalar_text(value).unwrap_or_default());
            out.push(Mark { field: Some(field.clone()), word });
        }
        QueryKind::Terms { field, values } => {
            for text in values.iter().filter_map(scalar_text) {
                out.push(Mark { field: Some(field.clone()), word: Word::Whole(text) });
            }
        }
        QueryKind::Prefix { field, text, .. } => {
            out.push(Mark { field: Some(field.clone()), word: Word::Prefix(text.clone()) });
        }
        QueryKind::Wildcard { field, text, .. } => {
            pattern_mark(Some(field), &Pattern::parse(text).to_regex(), out);
        }
        QueryKind::Regexp { field, text, .. } => {
            if let Ok(expression) = vigie_language::search::translate_regexp(text) {
                pattern_mark(Some(field), &expression, out);
            }
        }
        QueryKind::Fuzzy { field, text, fuzziness, .. } => {
            let word = Word::Fuzzy(text.clone(), fuzziness.edits(text));
            out.push(Mark { field: Some(field.clone()), word });
        }
        QueryKind::QueryString(inner) => {
            let fields: Vec<&str> = inner.fields.iter().map(|field| field.field.as_str()).collect();
            node_marks(&inner.node, &fields, out);
        }
        QueryKind::Nested { query, .. } | QueryKind::ConstantScore(query) => collect(query, out),
        QueryKind::DisMax { queries, .. } => queries.iter().for_each(|query| collect(query, out)),
        QueryKind::Boosting { positive, .. } => collect(positive, out),
        QueryKind::MatchAll
        | QueryKind::MatchNone
        | QueryKind::Range(_)
        | QueryKind::Exists { .. }
        | QueryKind::Ids(_) => {}
    }
}

fn node_marks(node: &Node, defaults: &[&str], out: &mut Vec<Mark>) {
    let each = |field: &Option<String>, add: &mut dyn FnMut(Option<&str>)| match field {
        Some(field) => add(Some(field)),
        None if defaults.is_empty() => add(None),
        None => defaults.iter().for_each(|field| add(Some(field))),
    };
    match node {
        Node::Bool(clauses) => {
            let shown =
                clauses.iter().filter(|c| c.occur != vigie_language::search::Occur::MustNot);
            shown.for_each(|clause| node_marks(&clause.node, defaults, out));
        }
        Node::Boost { node, .. } => node_marks(node, defaults, out),
        Node::Term { field, text } => {
            each(field, &mut |name| text_marks(name, text, MatchKind::Words, out));
        }
        Node::Phrase { field, text, .. } => {
            each(field, &mut |name| text_marks(name, text, MatchKind::Phrase, out));
        }
        Node::Wildcard { field, pattern } => each(field, &mut |name| {
            pattern_mark(name, &pattern.to_lowercase().to_regex(), out);
            pattern_mark(name, &pattern.to_regex(), out);
        }),
        Node::Regexp { field, expression } => each(field, &mut |name| {
            if let Ok(expression) = vigie_language::search::translate_regexp(expression) {
                pattern_mark(name, &expression, out);
            }
        }),
        Node::Fuzzy { field, text, fuzziness } => each(field, &mut |name| {
            let edits = fuzziness.unwrap_or(vigie_language::search::Fuzziness::AUTO).edits(text);
            out.push(Mark {
                field: name.map(str::to_owned),
                word: Word::Fuzzy(text.to_lowercase(), edits),
            });
        }),
        Node::Range { .. } | Node::Exists { .. } | Node::MatchAll => {}
    }
}
