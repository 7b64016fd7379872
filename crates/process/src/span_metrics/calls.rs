//! Calls, durations and sizes by service, operation, kind and status.

use std::collections::HashMap;
use std::sync::Arc;

use vigie_model::span::{Span, SpanBatch, SpanId, SpanKind, StatusCode, TraceId};
use vigie_model::{Exemplar, Labels, Metadata, MetricType};

use super::histogram::{Bounds, Histogram, HistogramNames, Moment, Writer};
use super::{Batches, IDLE_MS, SpanMetricsOptions, weight};

/// What operations and services past the limits are called.
const OTHER: &str = "_other";
/// Keys past the limit that hold `_other`, one for each service, kind and status.
const OVERFLOW_KEYS_MAX: usize = 1_000;
/// Names are cut here.
const NAME_BYTES_MAX: usize = 512;

/// Tempo's default buckets, in seconds.
static SECONDS: Bounds = Bounds {
    upper: &[0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096],
    le: &[
        "0.002", "0.004", "0.008", "0.016", "0.032", "0.064", "0.128", "0.256", "0.512", "1.024",
        "2.048", "4.096", "+Inf",
    ],
};
/// The connector's default buckets, in milliseconds.
static MILLISECONDS: Bounds = Bounds {
    upper: &[
        2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_000.0, 1_400.0, 2_000.0,
        5_000.0, 10_000.0, 15_000.0,
    ],
    le: &[
        "2", "4", "6", "8", "10", "50", "100", "200", "400", "800", "1000", "1400", "2000", "5000",
        "10000", "15000", "+Inf",
    ],
};

static TEMPO_LATENCY: HistogramNames = HistogramNames {
    family: "traces_spanmetrics_latency",
    bucket: "traces_spanmetrics_latency_bucket",
    sum: "traces_spanmetrics_latency_sum",
    count: "traces_spanmetrics_latency_count",
};
static COLLECTOR_DURATION: HistogramNames = HistogramNames {
    family: "traces_span_metrics_duration_milliseconds",
    bucket: "traces_span_metrics_duration_milliseconds_bucket",
    sum: "traces_span_metrics_duration_milliseconds_sum",
    count: "traces_span_metrics_duration_milliseconds_count",
};
const TEMPO_CALLS: &str = "traces_spanmetrics_calls_total";
const TEMPO_SIZE: &str = "traces_spanmetrics_size_total";
const COLLECTOR_CALLS: &str = "traces_span_metrics_calls_total";

#[derive(Debug)]
struct Slot {
    service: Arc<str>,
    name: Arc<str>,
    kind: SpanKind,
    status: StatusCode,
    calls: f64,
    size: f64,
    seconds: Histogram,
    milliseconds: Histogram,
    /// When the first call was counted; written as a zero with the first value.
    began_ms: Option<i64>,
    is_written: bool,
    last_ms: i64,
    /// The slowest since the last write.
    slowest: Option<Exemplified>,
}

#[derive(Debug, Clone, Copy)]
struct Exemplified {
    seconds: f64,
    trace_id: TraceId,
    span_id: SpanId,
    ended_ms: i64,
}

/// One call that is to be counted.
#[derive(Debug)]
pub(super) struct Observation {
    slot: usize,
    generation: u32,
    service: Arc<str>,
    weight: f64,
    size: f64,
    exemplified: Exemplified,
}

impl Observation {
    pub(super) const fn service(&self) -> &Arc<str> {
        &self.service
    }

    pub(super) const fn weight(&self) -> f64 {
        self.weight
    }
}

/// Kind, status, and where the slot is.
type Variants = Vec<(SpanKind, StatusCode, usize)>;

/// The counters of one tenant.
#[derive(Debug)]
pub(super) struct CallTable {
    keys_max: usize,
    services: HashMap<Arc<str>, HashMap<Arc<str>, Variants>>,
    /// With a number that changes whenever a slot gets another key.
    slots: Vec<(u32, Option<Slot>)>,
    free: Vec<usize>,
    overflowed: u64,
}

impl CallTable {
    pub(super) fn new(keys_max: usize) -> Self {
        Self {
            keys_max,
            services: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            overflowed: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) const fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// What `span` will count, once it is taken.
    pub(super) fn observe(&mut self, batch: &SpanBatch, span: &Span, now_ms: i64) -> Observation {
        let (service, name) = (cut(batch.service_of(span)), cut(batch.text(span.name)));
        let slot = self.slot(service, name, (span.kind, span.status), now_ms);
        let (generation, known) = match self.slots.get_mut(slot) {
            Some((generation, Some(known))) => {
                known.last_ms = now_ms;
                (*generation, Arc::clone(&known.service))
            }
            _ => (u32::MAX, Arc::from(service)),
        };
        let ended_ns = span.start_ns.saturating_add(span.duration_ns);
        Observation {
            slot,
            generation,
            service: known,
            weight: weight::of_trace_state(batch.text(span.trace_state)),
            size: weight::bytes_of(batch, span),
            exemplified: Exemplified {
                seconds: span.duration_ns as f64 / 1e9,
                trace_id: span.trace_id,
                span_id: span.span_id,
                ended_ms: i64::try_from(ended_ns / 1_000_000).unwrap_or(i64::MAX),
            },
        }
    }

    /// Counts it.
    pub(super) fn commit(&mut self, call: &Observation, now_ms: i64) {
        let Some((generation, Some(slot))) = self.slots.get_mut(call.slot) else { return };
        if *generation != call.generation {
            return;
        }
        let seconds = call.exemplified.seconds;
        slot.calls += call.weight;
        slot.size += call.size * call.weight;
        slot.seconds.observe(seconds, call.weight);
        slot.milliseconds.observe(seconds * 1e3, call.weight);
        slot.last_ms = now_ms;
        slot.began_ms.get_or_insert(now_ms);
        if slot.slowest.is_none_or(|slowest| slowest.seconds < seconds) {
            slot.slowest = Some(call.exemplified);
        }
    }

    fn slot(
        &mut self,
        service: &str,
        name: &str,
        variant: (SpanKind, StatusCode),
        now_ms: i64,
    ) -> usize {
        if let Some(known) = self.known(service, name, variant) {
            return known;
        }
        if self.len() < self.keys_max {
            return self.add(service, name, variant, now_ms);
        }
        self.overflowed += 1;
        if let Some(known) = self.known(service, OTHER, variant) {
            return known;
        }
        if self.len() < self.keys_max.saturating_add(OVERFLOW_KEYS_MAX) {
            return self.add(service, OTHER, variant, now_ms);
        }
        // At most one for each kind and status more.
        match self.known(OTHER, OTHER, variant) {
            Some(known) => known,
            None => self.add(OTHER, OTHER, variant, now_ms),
        }
    }

    fn known(&self, service: &str, name: &str, variant: (SpanKind, StatusCode)) -> Option<usize> {
        let variants = self.services.get(service)?.get(name)?;
        let found = variants.iter().find(|(kind, status, _)| (*kind, *status) == variant);
        found.map(|(_, _, slot)| *slot)
    }

    fn add(
        &mut self,
        service: &str,
        name: &str,
        (kind, status): (SpanKind, StatusCode),
        now_ms: i64,
    ) -> usize {
        let service = match self.services.get_key_value(service) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(service),
        };
        let names = self.services.entry(Arc::clone(&service)).or_default();
        let name = match names.get_key_value(name) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::from(name),
        };
        let slot = Slot {
            service,
            name: Arc::clone(&name),
            kind,
            status,
            calls: 0.0,
            size: 0.0,
            seconds: Histogram::new(&SECONDS),
            milliseconds: Histogram::new(&MILLISECONDS),
            began_ms: None,
            is_written: false,
            last_ms: now_ms,
            slowest: None,
        };
        let at = if let Some(at) = self.free.pop() {
            if let Some(place) = self.slots.get_mut(at) {
                *place = (place.0.wrapping_add(1), Some(slot));
            }
            at
        } else {
            self.slots.push((0, Some(slot)));
            self.slots.len() - 1
        };
        names.entry(name).or_default().push((kind, status, at));
        at
    }

    /// Writes every counter, and forgets those that nothing was added to for long.
    pub(super) fn write(&mut self, options: &SpanMetricsOptions, now_ms: i64, out: &mut Batches) {
        let mut ended = Vec::new();
        for (at, (_, place)) in self.slots.iter_mut().enumerate() {
            let Some(slot) = place else { continue };
            let ends = now_ms.saturating_sub(slot.last_ms) >= IDLE_MS;
            if let Some(began_ms) = slot.began_ms {
                let began_ms = Some(began_ms).filter(|_| !slot.is_written);
                slot.write(options, Moment { now_ms, began_ms, ends }, out);
                slot.is_written = true;
            }
            if ends {
                ended.push(at);
            }
        }
        for at in ended {
            self.forget(at);
        }
        if self.len() > 0 {
            describe(options, out);
        }
    }

    fn forget(&mut self, at: usize) {
        let Some(slot) = self.slots.get_mut(at).and_then(|(_, place)| place.take()) else { return };
        self.free.push(at);
        let Some(names) = self.services.get_mut(&slot.service) else { return };
        if let Some(variants) = names.get_mut(&slot.name) {
            variants.retain(|(_, _, slot)| *slot != at);
            if variants.is_empty() {
                names.remove(&slot.name);
            }
        }
        if names.is_empty() {
            self.services.remove(&slot.service);
        }
    }
}

impl Slot {
    fn write(&mut self, options: &SpanMetricsOptions, moment: Moment, out: &mut Batches) {
        let (kind, status) = (kind_name(self.kind), status_name(self.status));
        let exemplar = self.slowest.take().map(Exemplified::exemplar);
        let rest = [("span_name", &*self.name), ("span_kind", kind), ("status_code", status)];
        let [name, kind, status] = rest;
        if options.tempo_names {
            let labels = [("service", &*self.service), name, kind, status];
            let mut writer = Writer { out, labels: &labels, moment };
            writer.counter(TEMPO_CALLS, self.calls);
            writer.counter(TEMPO_SIZE, self.size);
            writer.histogram(&TEMPO_LATENCY, &self.seconds, exemplar.as_ref());
        }
        if options.collector_names {
            let labels = [("service_name", &*self.service), name, kind, status];
            let mut writer = Writer { out, labels: &labels, moment };
            writer.counter(COLLECTOR_CALLS, self.calls);
            let exemplar = exemplar.map(|one| Exemplar { value: one.value * 1e3, ..one });
            writer.histogram(&COLLECTOR_DURATION, &self.milliseconds, exemplar.as_ref());
        }
    }
}

impl Exemplified {
    fn exemplar(self) -> Exemplar {
        let (trace, span) = (self.trace_id.to_string(), self.span_id.to_string());
        Exemplar {
            labels: Labels::from_pairs([("trace_id", trace.as_str()), ("span_id", span.as_str())]),
            value: self.seconds,
            timestamp_ms: self.ended_ms,
        }
    }
}

/// What the families say of themselves.
fn describe(options: &SpanMetricsOptions, out: &mut Batches) {
    let mut say = |name: &str, kind: MetricType, help: &str, unit: &str| {
        let metadata = Metadata { kind, help: help.into(), unit: unit.into() };
        out.next().metadata.push((name.into(), metadata));
    };
    let calls = "Spans of the operation, those that sampling left out included.";
    if options.tempo_names {
        say(TEMPO_CALLS, MetricType::Counter, calls, "");
        say(TEMPO_SIZE, MetricType::Counter, "About the bytes of the operation's spans.", "");
        let help = "How long the operation's spans took, in seconds.";
        say(TEMPO_LATENCY.family, MetricType::Histogram, help, "");
    }
    if options.collector_names {
        say(COLLECTOR_CALLS, MetricType::Counter, calls, "");
        let help = "How long the operation's spans took, in milliseconds.";
        say(COLLECTOR_DURATION.family, MetricType::Histogram, help, "milliseconds");
    }
}

/// Control characters of a name are the sender's affair; its length is ours.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

const fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

const fn status_name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unset => "STATUS_CODE_UNSET",
        StatusCode::Ok => "STATUS_CODE_OK",
        StatusCode::Error => "STATUS_CODE_ERROR",
    }
}
