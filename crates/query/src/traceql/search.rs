//! Searches: traces for which a pipeline leaves something.

use std::collections::BTreeMap;

use vigie_language::traceql::{Expression, Field, Intrinsic, Query};
use vigie_model::span::{SpanId, StatusCode, TraceId};
use vigie_store::logs::LogSnapshot;

use super::Budget;
use super::evaluate::{Fields as _, is_true, prepare};
use super::pushdown::of_pipeline;
use super::scan::{each_field, each_trace, log_query};
use super::spansets::{ReadyPipeline, Spanset, prepare_pipeline};
use super::value::FieldValue;
use super::whole::Whole;
use crate::QueryError;
use crate::traces::{self, TraceSpan};

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What is looked for.
    pub query: Query,
    /// Earliest start of a span that is found, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Latest start, included.
    pub end_ns: i64,
    /// Traces that are wanted.
    pub limit: usize,
    /// Spans of each set that are wanted; 0 for all.
    pub spans_per_set: usize,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchAnswer {
    /// The traces, the latest first.
    pub traces: Vec<FoundTrace>,
    /// Traces that were looked at.
    pub inspected_traces: usize,
    /// Spans that were looked at.
    pub inspected_spans: usize,
    /// Whether the budget ended before the data.
    pub is_cut: bool,
}

/// A trace that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundTrace {
    /// Its id.
    pub id: TraceId,
    /// Service and name of its root, if that is there.
    pub root: Option<(String, String)>,
    /// When it started, nanoseconds since the epoch.
    pub start_ns: i64,
    /// From its first start to its last end.
    pub duration_ns: u64,
    /// The sets that are left.
    pub spansets: Vec<FoundSpanset>,
    /// Spans and failed spans of each service.
    pub services: BTreeMap<String, (usize, usize)>,
}

/// Spans that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSpanset {
    /// As many as were asked for.
    pub spans: Vec<FoundSpan>,
    /// How many there are.
    pub matched: usize,
    /// What it was grouped by, and numbers that were made of it.
    pub attributes: Vec<(String, FieldValue)>,
}

/// A span that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSpan {
    /// Its id.
    pub id: SpanId,
    /// What it did.
    pub name: String,
    /// When, nanoseconds since the epoch.
    pub start_ns: i64,
    /// How long it took.
    pub duration_ns: u64,
    /// Fields that the query names.
    pub attributes: Vec<(String, FieldValue)>,
}

/// Finds traces.
pub fn search(
    snapshot: &LogSnapshot,
    search: &Search,
    budget: Budget,
) -> Result<SearchAnswer, QueryError> {
    if search.query.metrics.is_some() {
        return Err(QueryError::BadData("a search takes no metrics function".into()));
    }
    let pushed = of_pipeline(&search.query.pipeline, snapshot)?;
    let pipeline = prepare_pipeline(&search.query.pipeline)?;
    let told = told_fields(&search.query);
    let query = log_query(pushed, search.start_ns, search.end_ns);
    let mut answer = SearchAnswer::default();
    if search.limit == 0 {
        return Ok(answer);
    }
    each_trace(snapshot, &query, search.limit.saturating_mul(4), |id| {
        let spans = traces::trace(snapshot, id)?;
        answer.inspected_traces += 1;
        answer.inspected_spans += spans.len();
        if let Some(found) = look(&spans, &pipeline, &told, search)? {
            answer.traces.push(found);
        }
        answer.is_cut = answer.inspected_spans >= budget.spans_max;
        Ok(answer.traces.len() < search.limit && !answer.is_cut)
    })?;
    answer.traces.sort_by_key(|found| std::cmp::Reverse((found.start_ns, found.id)));
    Ok(answer)
}

/// Fields that are told of each span: those that the query names, but for what is told anyway.
fn told_fields(query: &Query) -> Vec<Field> {
    let mut fields = Vec::new();
    each_field(query, &mut |field| {
        let is_told = matches!(
            field,
            Field::Intrinsic(
                Intrinsic::Duration
                    | Intrinsic::Name
                    | Intrinsic::TraceDuration
                    | Intrinsic::TraceRootName
                    | Intrinsic::TraceRootService
                    | Intrinsic::TraceId
                    | Intrinsic::Id
            )
        );
        if !is_told && !fields.contains(field) {
            fields.push(field.clone());
        }
    });
    fields
}

fn look(
    spans: &[TraceSpan],
    pipeline: &ReadyPipeline,
    told: &[Field],
    search: &Search,
) -> Result<Option<FoundTrace>, QueryError> {
    let Some(first) = spans.first() else { return Ok(None) };
    let whole = Whole::new(spans);
    let sets = pipeline.run(&whole)?;
    if sets.is_empty() {
        return Ok(None);
    }
    let mut services: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for span in spans {
        let count = services.entry(span.service.clone()).or_default();
        count.0 += 1;
        count.1 += usize::from(span.status == StatusCode::Error);
    }
    let spansets = sets
        .iter()
        .map(|set| found_set(set, &whole, told, search.spans_per_set))
        .collect::<Result<_, _>>()?;
    Ok(Some(FoundTrace {
        id: first.trace_id,
        root: whole.root_span().map(|root| (root.service.clone(), root.name.clone())),
        start_ns: whole.start_ns,
        duration_ns: whole.end_ns.saturating_sub(whole.start_ns).max(0).unsigned_abs(),
        spansets,
        services,
    }))
}

fn found_set(
    set: &Spanset,
    whole: &Whole<'_>,
    told: &[Field],
    spans_max: usize,
) -> Result<FoundSpanset, QueryError> {
    let spans_max = if spans_max == 0 { usize::MAX } else { spans_max };
    let mut spans = Vec::new();
    for at in set.spans.iter().take(spans_max) {
        let Some(span) = whole.spans.get(*at) else { continue };
        let mut attributes = Vec::new();
        for field in told {
            let value = whole.at(*at).value(field)?;
            if value != FieldValue::Nil {
                attributes.push((told_name(field), value));
            }
        }
        spans.push(FoundSpan {
            id: span.span_id,
            name: span.name.clone(),
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
            attributes,
        });
    }
    Ok(FoundSpanset { spans, matched: set.spans.len(), attributes: set.attributes.clone() })
}

/// The name under which a field is told: attributes without their scope.
fn told_name(field: &Field) -> String {
    match field {
        Field::Attribute { name, .. } => name.clone(),
        Field::Intrinsic(intrinsic) => intrinsic.name().to_owned(),
    }
}

/// The spans of a trace for which `filter` is true; with those above them when `with_ancestors`.
pub fn filter_trace(
    spans: Vec<TraceSpan>,
    filter: &Expression,
    with_ancestors: bool,
) -> Result<Vec<TraceSpan>, QueryError> {
    let ready = prepare(filter)?;
    let mut is_kept = vec![false; spans.len()];
    {
        let whole = Whole::new(&spans);
        for at in whole.order.iter().rev() {
            let above = whole.parents.get(*at).copied().flatten();
            let matches = is_true(&ready, &whole.at(*at))?;
            let Some(kept) = is_kept.get_mut(*at) else { continue };
            *kept |= matches;
            if *kept
                && with_ancestors
                && let Some(above) = above.and_then(|above| is_kept.get_mut(above))
            {
                *above = true;
            }
        }
    }
    Ok(spans.into_iter().zip(is_kept).filter_map(|(span, kept)| kept.then_some(span)).collect())
}
