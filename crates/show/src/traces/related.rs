//! From an id, wherever it was found, to everything that has it: the trace, lines of logs,
//! exemplars of metrics.
//!
//! Nobody says which field of a log holds the id: all fields whose names say so are asked
//! (`vigie_process::id_of_field`), and the words of the line itself.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use vigie_model::span::{SpanId, StatusCode, TraceId};
use vigie_model::{MatchOp, Matcher, TenantId, TimeRange};
use vigie_process::{id_of_field, trace_context};
use vigie_query::traces::{self, TraceSpan, TraceTree};
use vigie_store::logs::{LogFilter, LogOrder, LogQuery, LogSnapshot, LogTest, standard_tokens};

use super::{Answered, Pairs, Refusal, TracesState, answered, number, parameter};
use crate::Identity;

/// Lines and exemplars unless the question says otherwise, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;
/// Fields that are asked at most.
const FIELDS_MAX: usize = 64;
/// Ids of requests of a trace that are looked for.
const REQUESTS_MAX: usize = 20;
/// Clocks of hosts differ, and lines come late: so much before and after a trace is looked at.
const AROUND_NS: i64 = 3_600_000_000_000;
/// Where the words of a line are.
const LINES: [&str; 6] = ["message", "log", "msg", "body", "event.original", "line"];

pub(super) async fn related(
    State(state): State<TracesState>,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let question = match Question::read(&pairs) {
        Ok(question) => question,
        Err(refusal) => return answered(move || Err(refusal)).await,
    };
    let (spans, logs) =
        (state.store.span_snapshot(&identity.tenant), state.store.log_snapshot(&identity.tenant));
    let found = match find_spans(spans, question.trace).await {
        Ok(found) => found,
        Err(refusal) => return answered(move || Err(refusal)).await,
    };
    let exemplars = match exemplars(&state, &identity.tenant, &question, &found).await {
        Ok(exemplars) => exemplars,
        Err(refusal) => return answered(move || Err(refusal)).await,
    };
    answered(move || {
        let lines = lines(&logs, &question, &found)?;
        Ok(json!({
            "traceID": question.trace.to_string(),
            "spanID": question.span.map(|span| span.to_string()),
            "trace": summary(&found),
            "logs": lines,
            "exemplars": exemplars,
        }))
    })
    .await
}

/// What is asked.
struct Question {
    trace: TraceId,
    span: Option<SpanId>,
    limit: usize,
}

impl Question {
    fn read(pairs: &Pairs) -> Result<Self, Refusal> {
        let Some(text) = parameter(pairs, "id") else {
            return Err(Refusal::bad("`id` is needed: a trace's id, or a header that holds it"));
        };
        let wrong = || Refusal::bad(format!("{text:?} is no id of a trace"));
        let context = trace_context(text).ok_or_else(wrong)?;
        let trace = TraceId::parse(&context.trace).ok_or_else(wrong)?;
        let span = match parameter(pairs, "span") {
            None => context.span.as_deref().and_then(SpanId::parse),
            Some(span) => Some(
                SpanId::parse(span)
                    .ok_or_else(|| Refusal::bad(format!("{span:?} is no id of a span")))?,
            ),
        };
        let limit = number(pairs, "limit")?.unwrap_or(LIMIT).min(LIMIT_MAX);
        Ok(Self { trace, span, limit })
    }

    /// The trace's id in the forms that logs have.
    fn forms(&self) -> Vec<String> {
        let full = self.trace.to_string();
        let mut forms = Vec::with_capacity(3);
        if let Some(short) = full.strip_prefix("0000000000000000") {
            forms.push(short.to_owned());
        }
        let cuts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        let parts: Vec<&str> = cuts.iter().filter_map(|(from, to)| full.get(*from..*to)).collect();
        forms.push(parts.join("-"));
        forms.push(full);
        forms
    }
}

async fn find_spans(spans: LogSnapshot, id: TraceId) -> Result<Vec<TraceSpan>, Refusal> {
    let work = move || traces::trace(&spans, id);
    match tokio::task::spawn_blocking(work).await {
        Ok(found) => Ok(found?),
        Err(error) => Err(vigie_store::StoreError::Unavailable(error.to_string()).into()),
    }
}

/// What the trace is; null when it is not there.
fn summary(spans: &[TraceSpan]) -> Value {
    let Some(root) = TraceTree::new(spans).root().and_then(|root| spans.get(root)) else {
        return Value::Null;
    };
    let mut services: BTreeMap<&str, u64> = BTreeMap::new();
    for span in spans {
        *services.entry(&span.service).or_default() += 1;
    }
    let errors = spans.iter().filter(|span| span.status == StatusCode::Error).count();
    json!({
        "root": {"spanID": root.span_id.to_string(), "service": root.service, "operation": root.name},
        "start_ns": root.start_ns.to_string(),
        "duration_ns": root.duration_ns,
        "spans": spans.len(),
        "errors": errors,
        "services": services,
    })
}

/// When the trace was, and some time around it; always when it is not known.
fn around(spans: &[TraceSpan]) -> (i64, i64) {
    let start = spans.iter().map(|span| span.start_ns).min();
    let end = spans.iter().map(|span| {
        span.start_ns.saturating_add(i64::try_from(span.duration_ns).unwrap_or(i64::MAX))
    });
    match (start, end.max()) {
        (Some(start), Some(end)) => {
            (start.saturating_sub(AROUND_NS), end.saturating_add(AROUND_NS))
        }
        _ => (i64::MIN, i64::MAX),
    }
}

/// Lines of logs, oldest first.
fn lines(
    logs: &LogSnapshot,
    question: &Question,
    spans: &[TraceSpan],
) -> Result<Vec<Value>, Refusal> {
    let forms = question.forms();
    let fields = logs.fields()?;
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    paths.extend(fields.iter().map(|field| field.path.as_str()));
    let of = |id: &str| -> Vec<&str> {
        let named = paths.iter().copied().filter(|path| id_of_field(path) == Some(id));
        named.take(FIELDS_MAX).collect()
    };
    let equals = |path: &str, values: &[String]| {
        LogFilter::field(path, LogTest::EqualsAnyCase(values.to_vec()))
    };
    let mut any: Vec<LogFilter> = Vec::new();
    for path in of("trace_id") {
        any.push(equals(path, &forms));
        // Headers hold more than the id.
        any.extend(forms.iter().map(|form| says(path, form)));
    }
    for path in LINES.iter().filter(|path| paths.contains(*path)) {
        any.extend(forms.iter().map(|form| says(path, form)));
    }
    let mut filter = LogFilter::Or(any);
    if let Some(span) = question.span {
        let span = [span.to_string()];
        let mut of_span: Vec<LogFilter> =
            of("span_id").into_iter().map(|path| equals(path, &span)).collect();
        for path in LINES.iter().copied().chain(of("trace_id")).filter(|path| paths.contains(path))
        {
            of_span.push(LogFilter::field(path, LogTest::AllTokens(span.to_vec())));
        }
        filter = LogFilter::And(vec![filter, LogFilter::Or(of_span)]);
    }
    let requests = requests(spans, question.span);
    if !requests.is_empty() {
        let same = of("request_id").into_iter().map(|path| equals(path, &requests));
        filter = LogFilter::Or(std::iter::once(filter).chain(same).collect());
    }
    let (start_ns, end_ns) = around(spans);
    let query = LogQuery { indexes: None, start_ns, end_ns, filter };
    let hits = logs.hits(&query, LogOrder::Oldest, question.limit, None)?;
    let mut out = Vec::with_capacity(hits.len());
    for hit in &hits {
        let mut source = Vec::new();
        logs.source(hit, &mut source)?;
        let source: Box<RawValue> = serde_json::from_slice(&source).unwrap_or_default();
        out.push(json!({
            "index": logs.index(hit)?,
            "id": logs.id(hit)?,
            "time_ns": hit.time_ns.to_string(),
            "source": source,
        }));
    }
    Ok(out)
}

/// A field's text has an id among its words.
fn says(path: &str, id: &str) -> LogFilter {
    let tokens = words(id);
    LogFilter::field(path, LogTest::Phrase { tokens, slop: 0, last_is_prefix: false })
}

/// The words of an id, as the index has them.
fn words(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    standard_tokens(text, |token| tokens.push(token.text.to_owned()));
    tokens
}

/// Ids of requests that spans tell (Istio's `guid:x-request-id`, headers).
fn requests(spans: &[TraceSpan], only: Option<SpanId>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for span in spans.iter().filter(|span| only.is_none_or(|only| only == span.span_id)) {
        for (key, value) in &span.attributes {
            if id_of_field(key) == Some("request_id")
                && let Some(text) = first_text(value)
                && found.len() < REQUESTS_MAX
            {
                found.insert(text.to_owned());
            }
        }
    }
    found.into_iter().collect()
}

/// OpenTelemetry has headers as lists.
fn first_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get(0)?.as_str()).filter(|text| !text.is_empty())
}

/// Exemplars that name the trace, by their series.
async fn exemplars(
    state: &TracesState,
    tenant: &TenantId,
    question: &Question,
    spans: &[TraceSpan],
) -> Answered {
    let (start_ns, end_ns) = around(spans);
    let range = TimeRange::new(start_ns / 1_000_000, end_ns / 1_000_000);
    let all = Matcher::new("__name__", MatchOp::NotEqual, "");
    let forms = question.forms();
    let span = question.span.map(|span| span.to_string());
    let mut out = Vec::new();
    for series in state.store.snapshot(tenant).exemplars(&[vec![all]], range).await? {
        for exemplar in &series.exemplars {
            let of = |id: &str| {
                let mut pairs = exemplar.labels.iter();
                pairs.find(|(name, _)| id_of_field(name) == Some(id)).map(|(_, value)| value)
            };
            let names = of("trace_id").is_some_and(|value| forms.iter().any(|f| f == value));
            if !names || span.as_deref().is_some_and(|span| of("span_id") != Some(span)) {
                continue;
            }
            if out.len() == question.limit {
                return Ok(Value::Array(out));
            }
            let labels: BTreeMap<&str, &str> = series.labels.iter().collect();
            out.push(json!({
                "series": labels,
                "value": exemplar.value,
                "time_ms": exemplar.timestamp_ms,
            }));
        }
    }
    Ok(Value::Array(out))
}
