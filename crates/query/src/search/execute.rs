//! A search over a snapshot.

mod best;
mod found;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering as Atomic};

use serde_json::{Map, Value};
use vigie_store::logs::{BLOCK_ROWS, LogFilter, LogOrder, LogQuery, LogSnapshot, LogTest, Mask};

use self::best::{Best, Found, Order};
use super::aggregation::{Children, Context, Pairs, collectors};
use super::compile::{Compiler, and};
use super::hits::{Fetcher, Hit, RowRef};
use super::request::SearchRequest;
use super::score::{Scorer, has_scores};
use super::sort::{By, SortField, SortValue};
use super::values::{Block, MS};
use super::{Query, SearchError};

pub use self::found::add_found_fields;

/// What searches run over.
#[derive(Debug, Clone)]
pub struct Searcher {
    /// The documents.
    pub snapshot: Arc<LogSnapshot>,
    /// The fields, the moment, the names of indices.
    pub compiler: Compiler,
    /// Names of the indices that are searched; `None` for all.
    pub indexes: Option<Vec<String>>,
    /// Set when nobody waits for the answer any more.
    pub stop: Arc<AtomicBool>,
}

/// How many documents were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// So many, or at least so many.
    pub value: u64,
    /// Whether it is the exact number.
    pub is_exact: bool,
}

/// Where the next page begins.
#[derive(Debug, Clone)]
pub struct Cursor(After);

#[derive(Debug, Clone)]
enum After {
    Time(i64, u64),
    Keys(Vec<SortValue>, Option<RowRef>),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct SearchResponse {
    /// How many were found; `None` when it was not asked for.
    pub total: Option<Total>,
    /// The best score.
    pub max_score: Option<f32>,
    /// The page.
    pub hits: Vec<Hit>,
    /// What the aggregations tell.
    pub aggregations: Option<Value>,
    /// Where the next page begins; `None` when this one is empty.
    pub cursor: Option<Cursor>,
}

/// Takes the chosen rows of a block; false ends the walk.
type EachBlock<'a> = dyn FnMut(Block<'_>, &[u16]) -> Result<bool, SearchError> + 'a;

impl SearchResponse {
    /// Nothing was found.
    pub fn empty() -> Self {
        Self { total: None, max_score: None, hits: Vec::new(), aggregations: None, cursor: None }
    }
}

impl Searcher {
    /// How many documents a query selects.
    pub fn count(&self, query: &Query) -> Result<u64, SearchError> {
        Ok(self.snapshot.count(&self.scope(self.compiler.filter(query)?))?)
    }

    /// All documents that a query selects, up to `limit`, in the order in which they are stored.
    pub fn rows(&self, query: &Query, limit: usize) -> Result<Vec<RowRef>, SearchError> {
        let scope = self.scope(self.compiler.filter(query)?);
        let mut found = Vec::new();
        self.blocks(&scope, &mut |block, rows| {
            found.extend(
                rows.iter().map(|row| RowRef { part: block.part_at as u32, row: block.row(*row) }),
            );
            Ok(found.len() < limit)
        })?;
        found.truncate(limit);
        Ok(found)
    }

    /// A document as it is told, with the part of its source that `source` keeps.
    pub fn hit(&self, at: RowRef, source: &super::SourceFilter) -> Result<Hit, SearchError> {
        let fetch = super::hits::Fetch { source: source.clone(), ..super::hits::Fetch::default() };
        let (snapshot, schema) = (&self.snapshot, &self.compiler.schema);
        Fetcher { snapshot, schema, fetch: &fetch }.hit(at, None)
    }

    /// The score of a document; `None` when the query does not select it.
    pub fn score(&self, query: &Query, at: RowRef) -> Result<Option<f32>, SearchError> {
        let scope = self.scope(self.compiler.filter(query)?);
        let Some(part) = self.snapshot.parts().get(at.part as usize) else { return Ok(None) };
        if !part.matching(&scope)?.contains(at.row) {
            return Ok(None);
        }
        Scorer::new(query, &self.compiler, &self.snapshot, &scope)?.score(at).map(Some)
    }

    /// Answers a request. `cursor` is where an earlier page ended.
    pub fn search(
        &self,
        request: &SearchRequest,
        cursor: Option<&Cursor>,
    ) -> Result<SearchResponse, SearchError> {
        let scope = self.scope(self.compiler.filter(&request.query)?);
        let (aggregations, counted) = self.aggregate(request, &scope)?;
        let mut hit_scope = scope;
        if let Some(post) = &request.post_filter {
            hit_scope = self.scope(and(vec![hit_scope.filter, self.compiler.filter(post)?]));
        }
        let mut page = if request.size == 0 && request.collapse.is_none() {
            Page::default()
        } else {
            self.page(request, &hit_scope, cursor)?
        };
        let total = match (request.tracked, request.post_filter.as_ref(), counted) {
            (Some(0), _, _) => None,
            _ if page.total.is_some() => page.total,
            (_, None, Some(count)) => Some(count),
            _ => Some(self.snapshot.count(&hit_scope)?),
        };
        let total = total.map(|count| match request.tracked {
            Some(most) if count > most => Total { value: most, is_exact: false },
            _ => Total { value: count, is_exact: true },
        });
        let max_score = page.hits.iter().filter_map(|hit| hit.score).reduce(f32::max);
        Ok(SearchResponse {
            total,
            max_score,
            hits: std::mem::take(&mut page.hits),
            aggregations,
            cursor: page.cursor,
        })
    }

    /// The indices, the times that the filter allows, and the filter.
    fn scope(&self, filter: LogFilter) -> LogQuery {
        let mut query = LogQuery::new(filter);
        query.indexes.clone_from(&self.indexes);
        let (mut start, mut end) = (i64::MIN, i64::MAX);
        let parts = match &query.filter {
            LogFilter::And(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        for part in parts {
            if let LogFilter::Field(path, LogTest::Times { start_ns, end_ns }) = part
                && self.compiler.schema.is_time(path)
            {
                start = start.max(*start_ns);
                end = end.min(*end_ns);
            }
        }
        query.start_ns = start;
        query.end_ns = end;
        query
    }

    /// Hands `each` the rows of `query`, block by block, until it gives `false`.
    fn blocks(&self, query: &LogQuery, each: &mut EachBlock<'_>) -> Result<(), SearchError> {
        let mut rows = Vec::with_capacity(BLOCK_ROWS);
        for (part_at, part) in self.snapshot.parts().iter().enumerate() {
            let matcher = part.matcher(query)?;
            for block in matcher.blocks() {
                if self.stop.load(Atomic::Relaxed) {
                    return Err(SearchError::new(
                        "search_timeout_exception",
                        "the search was stopped: it took too long or nobody waits for it",
                    )
                    .with_status(504));
                }
                rows.clear();
                push_rows(&matcher.block(block)?, &mut rows);
                if !rows.is_empty() && !each(Block { part, part_at, block }, &rows)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn aggregate(
        &self,
        request: &SearchRequest,
        scope: &LogQuery,
    ) -> Result<(Option<Value>, Option<u64>), SearchError> {
        if request.aggregations.is_empty() {
            return Ok((None, None));
        }
        let context = Context {
            compiler: self.compiler.clone(),
            snapshot: Arc::clone(&self.snapshot),
            scope: LogQuery { filter: LogFilter::All, ..scope.clone() },
            budget: Rc::default(),
        };
        let everything =
            LogQuery { indexes: self.indexes.clone(), ..LogQuery::new(LogFilter::All) };
        let (global, usual): (Vec<_>, Vec<_>) = request
            .aggregations
            .iter()
            .cloned()
            .partition(super::aggregation::Aggregation::is_global);
        let mut told = Map::new();
        let mut count = 0;
        let global_context = Context { scope: everything.clone(), ..context.clone() };
        for (aggregations, query, context) in
            [(global, &everything, &global_context), (usual, scope, &context)]
        {
            count = 0;
            let mut children = collectors(&aggregations, context)?;
            if !children.is_empty() {
                self.collect(&mut children, query, &mut count)?;
            } else if aggregations.is_empty() {
                count = u64::MAX;
            }
            children.finish(0, &mut told)?;
        }
        Ok((Some(Value::Object(told)), Some(count).filter(|count| *count != u64::MAX)))
    }

    fn collect(
        &self,
        children: &mut Children,
        query: &LogQuery,
        count: &mut u64,
    ) -> Result<(), SearchError> {
        let mut pairs = Pairs::default();
        self.blocks(query, &mut |block, rows| {
            *count += rows.len() as u64;
            pairs.clear();
            pairs.rows.extend_from_slice(rows);
            pairs.owners.resize(rows.len(), 0);
            children.collect(block, &pairs)?;
            Ok(true)
        })
    }

    fn page(
        &self,
        request: &SearchRequest,
        scope: &LogQuery,
        cursor: Option<&Cursor>,
    ) -> Result<Page, SearchError> {
        let schema = &self.compiler.schema;
        let given = request.sort.as_ref().map(|sort| SortField::parse(sort, schema)).transpose()?;
        let given = given.filter(|fields| !fields.is_empty());
        let is_given = given.is_some();
        let mut sort = given.unwrap_or_else(|| {
            if has_scores(&request.query) || request.score_min.is_some() {
                vec![SortField::score()]
            } else {
                Vec::new()
            }
        });
        let is_by_score = matches!(sort.as_slice(), [SortField { by: By::Score, .. }]);
        if request.needs_tie_breaker()
            && is_given
            && !sort.iter().any(|field| matches!(field.by, By::Doc))
        {
            sort.push(SortField::doc());
        }
        let plain =
            request.collapse.is_none() && request.slice.is_none() && request.score_min.is_none();
        let after = match (cursor, &request.search_after) {
            (Some(cursor), _) => Some(cursor.0.clone()),
            (None, Some(values)) => Some(After::Keys(read_after(&sort, values)?, None)),
            (None, None) => None,
        };
        let fetch = Fetcher { snapshot: &self.snapshot, schema, fetch: &request.fetch };
        if plain
            && !matches!(after, Some(After::Keys(_, Some(_))))
            && let [SortField { by: By::Field(field), ascending, .. }] = sort.as_slice()
            && schema.is_only_time(&field.path)
        {
            return self.by_time(request, scope, &sort, (*ascending, after), &fetch);
        }
        self.by_keys(request, scope, &Order { sort, is_given, is_by_score, after }, &fetch)
    }

    /// Hits in the order of time, which the store finds without looking at all.
    fn by_time(
        &self,
        request: &SearchRequest,
        scope: &LogQuery,
        sort: &[SortField],
        (ascending, after): (bool, Option<After>),
        fetch: &Fetcher<'_>,
    ) -> Result<Page, SearchError> {
        let order = if ascending { LogOrder::Oldest } else { LogOrder::Newest };
        let mut query = scope.clone();
        let mut position = None;
        match after {
            Some(After::Time(time_ns, sequence)) => position = Some((time_ns, sequence)),
            Some(After::Keys(keys, _)) => match keys.first() {
                Some(SortValue::Number(ms)) if ascending => {
                    query.start_ns =
                        query.start_ns.max((*ms as i64).saturating_add(1).saturating_mul(MS));
                }
                Some(SortValue::Number(ms)) => {
                    query.end_ns =
                        query.end_ns.min((*ms as i64).saturating_mul(MS).saturating_sub(1));
                }
                _ => return Ok(Page::default()),
            },
            None => {}
        }
        let found = self.snapshot.hits(&query, order, request.from + request.size, position)?;
        let cursor = found.last().map(|hit| Cursor(After::Time(hit.time_ns, hit.sequence)));
        let mut page = Page { cursor, ..Page::default() };
        for hit in found.iter().skip(request.from) {
            let mut told = fetch.hit(RowRef { part: hit.part, row: hit.row }, None)?;
            let value = SortValue::Number(hit.time_ns.div_euclid(MS) as f64);
            let values: Vec<Value> = sort.iter().map(|field| field.tell(&value)).collect();
            told.rest.insert("sort".into(), values.into());
            page.hits.push(told);
        }
        Ok(page)
    }

    fn by_keys(
        &self,
        request: &SearchRequest,
        scope: &LogQuery,
        order: &Order,
        fetch: &Fetcher<'_>,
    ) -> Result<Page, SearchError> {
        let needs_scores = order.sort.iter().any(|field| matches!(field.by, By::Score))
            || request.score_min.is_some()
            || (request.tracks_scores && has_scores(&request.query));
        let scorer = needs_scores
            .then(|| Scorer::new(&request.query, &self.compiler, &self.snapshot, scope))
            .transpose()?;
        let mut best = Best::new(request, order)?;
        let collapse = request.collapse.as_ref().map(|name| self.compiler.schema.field(name));
        let mut sequences = [0_u64; BLOCK_ROWS];
        self.blocks(scope, &mut |block, rows| {
            if request.slice.is_some() {
                block.part.sequences(block.block, &mut sequences)?;
            }
            let columns = order.sort.iter().map(|field| field.values(block, rows));
            let columns: Vec<Vec<SortValue>> = columns.collect::<Result<_, _>>()?;
            let mut groups = match &collapse {
                Some(field) => groups(block, field, rows)?.into_iter(),
                None => Vec::new().into_iter(),
            };
            for (index, row) in rows.iter().enumerate() {
                let group = groups.next().flatten();
                let sequence = sequences.get(usize::from(*row)).copied().unwrap_or(0);
                if request.slice.is_some_and(|slice| !is_of_slice(slice, sequence)) {
                    continue;
                }
                let at = RowRef { part: block.part_at as u32, row: block.row(*row) };
                let score = scorer.as_ref().map(|scorer| scorer.score(at)).transpose()?;
                if request.score_min.is_some_and(|least| score.unwrap_or(0.0) < least) {
                    continue;
                }
                let keys = order.keys(&columns, index, at, score);
                best.take(keys, at, score, collapse.is_some().then_some(group))?;
            }
            Ok(!best.is_done())
        })?;
        let total = best.counted();
        let mut page = self.page_of(request, best.finish(), order, fetch)?;
        page.total = total;
        Ok(page)
    }

    /// The hits of what was found by keys, from the first that is asked for.
    fn page_of(
        &self,
        request: &SearchRequest,
        found: Vec<Found>,
        order: &Order,
        fetch: &Fetcher<'_>,
    ) -> Result<Page, SearchError> {
        let collapse = request.collapse.as_ref().map(|name| self.compiler.schema.field(name));
        let cursor =
            found.last().map(|found| Cursor(After::Keys(found.keys.clone(), Some(found.at))));
        let mut page = Page { cursor, ..Page::default() };
        for found in found.into_iter().skip(request.from) {
            // Without an order and without scores every document scores the same.
            let score = match (order.is_given && !order.is_by_score, found.score) {
                (false, None) => Some(constant_score(&request.query)),
                (true, score) if !request.tracks_scores => {
                    score.filter(|_| order.sort.iter().any(|f| matches!(f.by, By::Score)))
                }
                (_, score) => score,
            };
            let mut told = fetch.hit(found.at, score)?;
            if order.is_given {
                let values: Vec<Value> = order
                    .sort
                    .iter()
                    .zip(&found.keys)
                    .map(|(field, key)| field.tell(key))
                    .collect();
                told.rest.insert("sort".into(), values.into());
            }
            if let Some(field) = &collapse {
                let values = super::hits::row_values(
                    &self.snapshot,
                    &self.compiler.schema,
                    found.at,
                    &field.name,
                    None,
                )?;
                let mut fields = told
                    .rest
                    .remove("fields")
                    .and_then(|fields| fields.as_object().cloned())
                    .unwrap_or_default();
                fields.insert(field.name.clone(), values.into());
                told.rest.insert("fields".into(), fields.into());
            }
            page.hits.push(told);
        }
        Ok(page)
    }
}

/// What `collapse` tells the rows apart by: the first value of `field` of each.
fn groups(
    block: Block<'_>,
    field: &super::schema::Field,
    rows: &[u16],
) -> Result<Vec<Option<String>>, SearchError> {
    let mut groups = vec![None; rows.len()];
    block.values(field, rows, &mut |index, value| {
        if let Some(slot @ None) = groups.get_mut(index) {
            *slot = Some(format!("{value:?}"));
        }
    })?;
    Ok(groups)
}

/// Whether a document with `sequence` belongs to slice `id` of `max`.
fn is_of_slice((id, max): (u64, u64), sequence: u64) -> bool {
    sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) % max == id
}

/// A filter's documents all score 0, everything else the same as its boost.
fn constant_score(query: &Query) -> f32 {
    match &query.kind {
        super::QueryKind::Bool(inner) => {
            let inner = inner.must.iter().chain(&inner.should);
            inner.map(constant_score).sum::<f32>() * query.boost
        }
        _ => query.boost,
    }
}

fn push_rows(mask: &Mask, rows: &mut Vec<u16>) {
    for (at, word) in mask.iter().enumerate() {
        let mut word = *word;
        while word != 0 {
            rows.push((at * 64) as u16 + word.trailing_zeros() as u16);
            word &= word - 1;
        }
    }
}

fn read_after(sort: &[SortField], values: &[Value]) -> Result<Vec<SortValue>, SearchError> {
    if sort.is_empty() {
        let reason = "Sort must contain at least one field.";
        return Err(SearchError::argument(reason).at("search_after"));
    }
    if sort.len() != values.len() {
        let reason =
            format!("search_after has {} value(s) but sort has {}.", values.len(), sort.len());
        return Err(SearchError::argument(reason).at("search_after"));
    }
    sort.iter().zip(values).map(|(field, value)| field.read(value)).collect()
}

#[derive(Debug, Default)]
struct Page {
    hits: Vec<Hit>,
    cursor: Option<Cursor>,
    total: Option<u64>,
}
