//! Which traces: by service, operation, tags, duration and time.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use vigie_model::span::{SpanKind, TraceId};
use vigie_store::StoreError;
use vigie_store::logs::{
    BLOCK_ROWS, LogColumnKind, LogFilter, LogOrder, LogPart, LogQuery, LogSnapshot, LogTest,
};
use vigie_store::spans;

use super::read::{kind, read_span};
use super::span::TraceSpan;

/// Spans of one trace that are read; a larger one is cut.
const TRACE_SPANS_MAX: usize = 500_000;

/// A tag that a span must have, wherever it is: on the span, its resource or one of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMatch {
    /// Its name.
    pub key: String,
    /// Its value, as text.
    pub value: String,
}

/// A search: all conditions hold for one span of each trace that is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSearch {
    /// The service; any when it is `None`.
    pub service: Option<String>,
    /// What the span did; anything when it is `None`.
    pub operation: Option<String>,
    /// Its tags.
    pub tags: Vec<TagMatch>,
    /// Earliest start, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Latest start, included.
    pub end_ns: i64,
    /// Shortest duration.
    pub duration_min_ns: Option<u64>,
    /// Longest duration.
    pub duration_max_ns: Option<u64>,
    /// Traces that are wanted.
    pub limit: usize,
}

impl TraceSearch {
    fn query(&self) -> LogQuery {
        let mut all = Vec::new();
        if let Some(operation) = &self.operation {
            all.push(equals(spans::NAME, operation));
        }
        all.extend(self.tags.iter().map(tag_filter));
        if self.duration_min_ns.is_some() || self.duration_max_ns.is_some() {
            let bound = |bound: Option<u64>| bound.map(|value| (value.to_string(), true));
            let range = LogTest::Numbers {
                from: bound(self.duration_min_ns),
                to: bound(self.duration_max_ns),
            };
            all.push(LogFilter::field(spans::DURATION_NS, range));
        }
        LogQuery {
            indexes: self.service.clone().map(|service| vec![service]),
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            filter: if all.is_empty() { LogFilter::All } else { LogFilter::And(all) },
        }
    }
}

fn equals(path: impl Into<String>, value: &str) -> LogFilter {
    LogFilter::field(path, LogTest::Equals(vec![value.to_owned()]))
}

/// What OpenTelemetry keeps as a field is found under Jaeger's tag for it as well.
fn tag_filter(tag: &TagMatch) -> LogFilter {
    let TagMatch { key, value } = tag;
    let mut any = vec![
        equals(format!("{}.{key}", spans::ATTRIBUTES), value),
        equals(format!("{}.{key}", spans::RESOURCE), value),
        equals(format!("{}.{key}", spans::EVENT_ATTRIBUTES), value),
    ];
    match key.as_str() {
        "error" => match value.as_str() {
            "true" => any.push(equals(spans::STATUS, "error")),
            // A span without the tag is none that says `error=false`; one that ended well is.
            "false" => any.push(equals(spans::STATUS, "ok")),
            _ => {}
        },
        "span.kind" => any.push(equals(spans::KIND, value)),
        "otel.status_code" => any.push(equals(spans::STATUS, &value.to_ascii_lowercase())),
        "otel.status_description" => any.push(equals(spans::STATUS_MESSAGE, value)),
        "otel.scope.name" | "otel.library.name" => any.push(equals(spans::SCOPE_NAME, value)),
        "otel.scope.version" | "otel.library.version" => {
            any.push(equals(spans::SCOPE_VERSION, value));
        }
        "w3c.tracestate" => any.push(equals(spans::TRACE_STATE, value)),
        "event" => any.push(equals(spans::EVENT_NAME, value)),
        _ => {}
    }
    LogFilter::Or(any)
}

/// The ids of traces that match, those first whose matching span started last.
pub fn search(snapshot: &LogSnapshot, search: &TraceSearch) -> Result<Vec<TraceId>, StoreError> {
    let query = search.query();
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut after = None;
    // Most traces have few spans that match; the first reading is nearly always enough.
    let mut chunk = search.limit.saturating_mul(4).clamp(64, 65_536);
    let mut bytes = Vec::new();
    while found.len() < search.limit {
        let hits = snapshot.hits(&query, LogOrder::Newest, chunk, after)?;
        for hit in &hits {
            let Some(part) = snapshot.parts().get(hit.part as usize) else { continue };
            let Some(id) = trace_id_of(part, hit.row, &mut bytes)? else { continue };
            if seen.insert(id) {
                found.push(id);
                if found.len() == search.limit {
                    break;
                }
            }
        }
        match hits.last() {
            Some(last) if hits.len() == chunk => after = Some((last.time_ns, last.sequence)),
            _ => break,
        }
        chunk = chunk.saturating_mul(2).min(262_144);
    }
    Ok(found)
}

/// The id of the trace that the span in `row` belongs to.
pub(crate) fn trace_id_of(
    part: &LogPart,
    row: u32,
    bytes: &mut Vec<u8>,
) -> Result<Option<TraceId>, StoreError> {
    bytes.clear();
    let Some(column) = part.column(spans::TRACE_ID, LogColumnKind::Text)? else { return Ok(None) };
    if !column.value(row, bytes)? {
        return Ok(None);
    }
    Ok(std::str::from_utf8(bytes).ok().and_then(TraceId::parse))
}

/// All spans of a trace, by start; one that was sent twice is there once.
pub fn trace(snapshot: &LogSnapshot, id: TraceId) -> Result<Vec<TraceSpan>, StoreError> {
    let query = LogQuery::new(equals(spans::TRACE_ID, &id.to_string()));
    let (mut found, mut buffer) = (Vec::new(), Vec::new());
    for part in snapshot.parts() {
        let matcher = part.matcher(&query)?;
        if matcher.is_empty() {
            continue;
        }
        for row in matcher.rows()?.iter() {
            found.push(read_span(part, row, &mut buffer)?);
            if found.len() == TRACE_SPANS_MAX {
                return Ok(found);
            }
        }
    }
    found.sort_by_key(|span| (span.start_ns, span.span_id));
    // A sender that heard no answer sends again. Client and server of Zipkin may share an id.
    found.dedup_by(|a, b| a == b);
    Ok(found)
}

/// The services, by name.
pub fn services(snapshot: &LogSnapshot) -> Result<Vec<String>, StoreError> {
    Ok(snapshot.indexes()?.into_iter().map(|index| index.name).collect())
}

/// What a service does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Name of the spans.
    pub name: String,
    /// Their role.
    pub kind: SpanKind,
}

/// The operations of `service` (of all when it is `None`) with spans of `kind` (of all when it is
/// `None`), by name.
pub fn operations(
    snapshot: &LogSnapshot,
    service: Option<&str>,
    kind: Option<SpanKind>,
) -> Result<Vec<Operation>, StoreError> {
    let mut found = BTreeSet::new();
    for part in snapshot.parts() {
        if service.is_some_and(|service| part.indexes().iter().all(|name| name != service)) {
            continue;
        }
        // What is deleted later stays in the list until the part is gone, or written anew.
        let known = part.kept(|| part_operations(part))?;
        let wanted =
            known.iter().filter(|(name, _)| service.is_none_or(|service| service == *name));
        for (_, operations) in wanted {
            let of_kind = operations.iter().filter(|one| kind.is_none_or(|kind| one.kind == kind));
            found.extend(of_kind.cloned());
        }
    }
    Ok(found.into_iter().collect())
}

/// The operations of a part, by service.
type PartOperations = BTreeMap<String, BTreeSet<Operation>>;

fn part_operations(part: &LogPart) -> Result<PartOperations, StoreError> {
    let mut found = PartOperations::new();
    let Some(names) = part.column(spans::NAME, LogColumnKind::Text)? else { return Ok(found) };
    let kinds = part.column(spans::KIND, LogColumnKind::Text)?;
    let services = part.indexes();
    let query = LogQuery::new(LogFilter::All);
    let matcher = part.matcher(&query)?;
    let mut add = |service: u32, name: &[u8], kind: SpanKind| {
        let Some(service) = services.get(service as usize) else { return };
        let name = String::from_utf8_lossy(name).into_owned();
        found.entry(service.clone()).or_default().insert(Operation { name, kind });
    };
    let by_code = names.dictionary_len().is_some();
    let mut known: HashSet<(u32, u32, u32)> = HashSet::new();
    let (mut service_codes, mut name_codes) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
    let (mut kind_codes, mut last) = ([0; BLOCK_ROWS], None);
    let mut bytes = Vec::new();
    for block in matcher.blocks() {
        let mask = matcher.block(block)?;
        if mask.iter().all(|word| *word == 0) {
            continue;
        }
        part.index_codes(block, &mut service_codes)?;
        if by_code {
            names.codes(block, &mut name_codes)?;
        }
        let with_kind = match kinds {
            Some(kinds) if kinds.dictionary_len().is_some() => {
                kinds.codes(block, &mut kind_codes)?;
                kinds.present(block)?
            }
            _ => [0; BLOCK_ROWS / 64],
        };
        for row in 0..BLOCK_ROWS {
            let is_set = |mask: &[u64; BLOCK_ROWS / 64]| mask[row / 64] >> (row % 64) & 1 == 1;
            if !is_set(&mask) {
                continue;
            }
            let kind_code = if is_set(&with_kind) { kind_codes[row] } else { u32::MAX };
            let service = service_codes[row];
            if by_code {
                let key = (service, name_codes[row], kind_code);
                // Rows that follow each other are often alike.
                if last != Some(key) {
                    known.insert(key);
                    last = Some(key);
                }
                continue;
            }
            bytes.clear();
            names.value((block * BLOCK_ROWS + row) as u32, &mut bytes)?;
            add(service, &bytes, kind_of(kinds, kind_code)?);
        }
    }
    for (service, name, kind_code) in known {
        add(service, names.dictionary_value(name)?, kind_of(kinds, kind_code)?);
    }
    Ok(found)
}

fn kind_of(
    kinds: Option<&dyn vigie_store::logs::LogColumn>,
    code: u32,
) -> Result<SpanKind, StoreError> {
    match kinds {
        Some(kinds) if code != u32::MAX => {
            let name = String::from_utf8_lossy(kinds.dictionary_value(code)?);
            Ok(kind(&name))
        }
        _ => Ok(SpanKind::Unspecified),
    }
}
