//! Classic histograms with fixed bounds, and how a family of series is written.

use vigie_model::{Exemplar, MetricBatch, stale_nan};

use super::Batches;

/// Upper bounds of buckets, and their texts for the label `le`, which ends with `+Inf`.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) upper: &'static [f64],
    pub(super) le: &'static [&'static str],
}

/// Observations that may each stand for several.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static Bounds,
    counts: Box<[f64]>,
    sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static Bounds) -> Self {
        Self { bounds, counts: vec![0.0; bounds.le.len()].into(), sum: 0.0 }
    }

    pub(super) fn observe(&mut self, value: f64, weight: f64) {
        let at = self.bounds.upper.partition_point(|upper| *upper < value);
        if let Some(count) = self.counts.get_mut(at) {
            *count += weight;
        }
        self.sum += value * weight;
    }
}

/// When a family's counters are written, and whether they began or ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now_ms: i64,
    /// When they began, when this is the first write: a zero is written there.
    pub(super) began_ms: Option<i64>,
    /// This is the last write: they are marked as ended.
    pub(super) ends: bool,
}

/// Writes series of one set of labels.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Batches,
    /// Names and values, in any order, empty values allowed.
    pub(super) labels: &'a [(&'a str, &'a str)],
    pub(super) moment: Moment,
}

impl Writer<'_> {
    pub(super) fn counter(&mut self, name: &str, value: f64) {
        self.series(name, None, value, None);
    }

    /// The series of `histogram`; the exemplar goes to the bucket that its value falls into.
    pub(super) fn histogram(
        &mut self,
        names: &HistogramNames,
        histogram: &Histogram,
        exemplar: Option<&Exemplar>,
    ) {
        let bounds = histogram.bounds;
        let bucket_of_exemplar =
            exemplar.map(|exemplar| bounds.upper.partition_point(|upper| *upper < exemplar.value));
        let mut total = 0.0;
        for (at, (count, le)) in histogram.counts.iter().zip(bounds.le).enumerate() {
            total += count;
            let here = exemplar.filter(|_| bucket_of_exemplar == Some(at));
            self.series(names.bucket, Some(le), total, here);
        }
        self.series(names.sum, None, histogram.sum, None);
        self.series(names.count, None, total, None);
    }

    fn series(&mut self, name: &str, le: Option<&str>, value: f64, exemplar: Option<&Exemplar>) {
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(self.labels.len() + 2);
        pairs.push(("__name__", name));
        pairs.extend(le.map(|le| ("le", le)));
        pairs.extend(self.labels.iter().filter(|(_, value)| !value.is_empty()));
        pairs.sort_unstable_by_key(|(name, _)| *name);
        let batch: &mut MetricBatch = self.out.next();
        let mut series = batch.push_series_sorted(pairs);
        if let Some(began_ms) = self.moment.began_ms {
            series.sample(began_ms.min(self.moment.now_ms - 1), 0.0);
        }
        series.sample(self.moment.now_ms, if self.moment.ends { stale_nan() } else { value });
        if let Some(exemplar) = exemplar {
            series.exemplar(exemplar.clone());
        }
    }
}

/// The names of a histogram's series.
#[derive(Debug)]
pub(super) struct HistogramNames {
    pub(super) family: &'static str,
    pub(super) bucket: &'static str,
    pub(super) sum: &'static str,
    pub(super) count: &'static str,
}
