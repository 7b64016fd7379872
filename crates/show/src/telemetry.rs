//! What Vigie counts about itself, and its text form for `/metrics`.
//!
//! A part asks [`Telemetry`] once for a counter, gauge or histogram and keeps the handle, so that
//! counting is one atomic addition. Parts that keep their numbers in structs of their own hand in
//! a [`Collector`] instead, which is asked when somebody reads `/metrics`.

mod exposition;
mod instrument;
mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

pub use exposition::ExpositionText;
pub use instrument::{Counter, DURATION_BOUNDS_SECONDS, Gauge, Histogram};

use instrument::Instrument;

/// Writes numbers that are kept elsewhere.
pub type Collector = Box<dyn Fn(&mut ExpositionText) + Send + Sync>;

type LabelValues = Vec<(&'static str, String)>;

struct Family {
    help: &'static str,
    series: BTreeMap<LabelValues, Instrument>,
}

/// The registry of what is counted.
#[derive(Default)]
pub struct Telemetry {
    families: Mutex<BTreeMap<&'static str, Family>>,
    collectors: Mutex<Vec<Collector>>,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("families", &self.families.lock().len())
            .finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Nothing is counted yet, except what the operating system counts for the process.
    pub fn new() -> Arc<Self> {
        let telemetry = Self::default();
        telemetry.register(Box::new(process::collect));
        Arc::new(telemetry)
    }

    /// The counter of that name and labels; asked twice, it is the same one.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Counter {
        match self.instrument(name, help, labels, || Instrument::Counter(Counter::default())) {
            Instrument::Counter(counter) => counter,
            // Counted nowhere rather than a panic: one name was used for two kinds.
            Instrument::Gauge(_) | Instrument::Histogram(_) => Counter::default(),
        }
    }

    /// The gauge of that name and labels.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Gauge {
        match self.instrument(name, help, labels, || Instrument::Gauge(Gauge::default())) {
            Instrument::Gauge(gauge) => gauge,
            Instrument::Counter(_) | Instrument::Histogram(_) => Gauge::default(),
        }
    }

    /// The histogram of that name and labels; `bounds` ascend, `+Inf` is added.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
        labels: &[(&'static str, &str)],
    ) -> Histogram {
        let made =
            self.instrument(name, help, labels, || Instrument::Histogram(Histogram::new(bounds)));
        match made {
            Instrument::Histogram(histogram) => histogram,
            Instrument::Counter(_) | Instrument::Gauge(_) => Histogram::new(bounds),
        }
    }

    /// Has `collector` asked whenever the numbers are read.
    pub fn register(&self, collector: Collector) {
        self.collectors.lock().push(collector);
    }

    /// Everything in Prometheus' text format 0.0.4.
    pub fn render(&self) -> String {
        let mut text = ExpositionText::new();
        for (name, family) in &*self.families.lock() {
            let Some(first) = family.series.values().next() else { continue };
            text.family(name, first.kind(), family.help);
            for (labels, instrument) in &family.series {
                let labels: Vec<_> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
                instrument.write(&mut text, name, &labels);
            }
        }
        for collector in &*self.collectors.lock() {
            collector(&mut text);
        }
        text.finish()
    }

    fn instrument(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        make: impl FnOnce() -> Instrument,
    ) -> Instrument {
        let key: LabelValues = labels.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        let mut families = self.families.lock();
        let family =
            families.entry(name).or_insert_with(|| Family { help, series: BTreeMap::new() });
        family.series.entry(key).or_insert_with(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered() {
        let telemetry = Telemetry::default();
        telemetry.counter("a_total", "Counts a.", &[("part", "x\"y")]).add(2);
        telemetry.counter("a_total", "Counts a.", &[("part", "x\"y")]).add(1);
        telemetry.gauge("b", "Is b.", &[]).set(1.5);
        let histogram = telemetry.histogram("c_seconds", "Takes c.", &[0.1, 1.0], &[]);
        histogram.observe(0.05);
        histogram.observe(0.5);
        histogram.observe(5.0);
        assert_eq!(
            telemetry.render(),
            "# HELP a_total Counts a.\n# TYPE a_total counter\na_total{part=\"x\\\"y\"} 3\n\
             # HELP b Is b.\n# TYPE b gauge\nb 1.5\n\
             # HELP c_seconds Takes c.\n# TYPE c_seconds histogram\n\
             c_seconds_bucket{le=\"0.1\"} 1\nc_seconds_bucket{le=\"1\"} 2\n\
             c_seconds_bucket{le=\"+Inf\"} 3\nc_seconds_sum 5.55\nc_seconds_count 3\n"
        );
    }

    #[test]
    fn the_process_shows_its_memory() {
        assert!(Telemetry::new().render().contains("\nprocess_resident_memory_bytes "));
    }
}
