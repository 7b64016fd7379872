//! What policies must know of a trace, gathered span by span: no span is kept for it.

use regex::Regex;
use vigie_model::span::{AttributeValue, Span, SpanBatch, StatusCode};

use crate::span_metrics::bytes_of;

/// Tests of spans at most: the bits of [`Facts::found`].
pub(super) const TESTS_MAX: usize = 256;
/// The bit of W3C's trace flags that says sampled.
const SAMPLED: u32 = 1;

/// What is asked of single spans.
#[derive(Debug, Clone)]
pub(super) enum SpanTest {
    /// An attribute of the span or its resource is a number in a range.
    Number { key: String, least: f64, most: f64 },
    /// It is one of these texts.
    Text { key: String, values: Vec<String> },
    /// One of these is found in it.
    Pattern { key: String, patterns: Vec<Regex> },
    /// It is this boolean.
    Flag { key: String, value: bool },
    /// The span's status is one of these.
    Status(Vec<StatusCode>),
    /// A member of the trace state has one of these values.
    State { key: String, values: Vec<String> },
    /// The flag sampled is set.
    SampledFlag,
}

/// What is known of a trace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) spans: u64,
    /// About the bytes on the wire.
    pub(super) bytes: u64,
    /// A bit for each test that some span passed.
    found: [u64; TESTS_MAX / 64],
    /// The span without a parent came.
    pub(super) has_root: bool,
}

impl Facts {
    /// What a span tells.
    pub(super) fn of(batch: &SpanBatch, span: &Span, tests: &[SpanTest]) -> Self {
        let mut facts = Self {
            first_ns: span.start_ns,
            last_ns: span.start_ns.saturating_add(span.duration_ns),
            spans: 1,
            bytes: bytes_of(batch, span) as u64,
            found: [0; TESTS_MAX / 64],
            has_root: span.parent_span_id.is_none(),
        };
        for (at, test) in tests.iter().enumerate() {
            if test.holds(batch, span)
                && let Some(bits) = facts.found.get_mut(at / 64)
            {
                *bits |= 1 << (at % 64);
            }
        }
        facts
    }

    /// Adds what other spans of the trace told.
    pub(super) fn add(&mut self, other: &Self) {
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
        self.spans += other.spans;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.has_root |= other.has_root;
        self.found.iter_mut().zip(other.found).for_each(|(bits, more)| *bits |= more);
    }

    /// Whether some span passed a test.
    pub(super) fn has(&self, test: usize) -> bool {
        self.found.get(test / 64).is_some_and(|bits| bits & (1 << (test % 64)) != 0)
    }

    /// From the earliest start to the latest end.
    pub(super) const fn duration_ms(&self) -> u64 {
        self.last_ns.saturating_sub(self.first_ns) / 1_000_000
    }
}

impl SpanTest {
    fn holds(&self, batch: &SpanBatch, span: &Span) -> bool {
        match self {
            Self::Number { key, least, most } => any(batch, span, key, |value| match value {
                AttributeValue::Integer(number) => (*least..=*most).contains(&(number as f64)),
                AttributeValue::Float(number) => (*least..=*most).contains(&number),
                _ => false,
            }),
            Self::Text { key, values } => {
                any_text(batch, span, key, |text| values.iter().any(|value| value == text))
            }
            Self::Pattern { key, patterns } => any_text(batch, span, key, |text| {
                patterns.iter().any(|pattern| pattern.is_match(text))
            }),
            Self::Flag { key, value } => {
                any(batch, span, key, |found| found == AttributeValue::Bool(*value))
            }
            Self::Status(codes) => codes.contains(&span.status),
            Self::State { key, values } => batch.text(span.trace_state).split(',').any(|member| {
                member.trim().split_once('=').is_some_and(|(name, value)| {
                    name == key && values.iter().any(|known| known == value)
                })
            }),
            Self::SampledFlag => span.flags & SAMPLED != 0,
        }
    }
}

/// Whether an attribute of the span, or of its resource, is as asked.
fn any(
    batch: &SpanBatch,
    span: &Span,
    key: &str,
    mut is: impl FnMut(AttributeValue) -> bool,
) -> bool {
    let resource = batch.resources.get(span.resource as usize);
    let resource = resource.map(|resource| batch.attributes_of(&resource.attributes));
    batch
        .attributes_of(&span.attributes)
        .iter()
        .chain(resource.unwrap_or_default())
        .any(|attribute| batch.text(attribute.key) == key && is(attribute.value))
}

fn any_text(batch: &SpanBatch, span: &Span, key: &str, is: impl Fn(&str) -> bool) -> bool {
    let found = any(batch, span, key, |value| match value {
        AttributeValue::Text(text) => is(batch.text(text)),
        _ => false,
    });
    // Jaeger's and Zipkin's service is no attribute.
    found || (key == "service.name" && is(batch.service_of(span)))
}
