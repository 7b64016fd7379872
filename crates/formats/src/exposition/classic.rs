//! Classic histograms as native ones with custom buckets, as `convert_classic_histograms_to_nhcb`
//! asks for it.
//!
//! The series of one classic histogram (`_bucket`, `_sum`, `_count` of one label set) stand
//! together in every format. They are collected until something else comes, and then make one
//! histogram. What does not add up to a histogram makes none, as in Prometheus; the classic series
//! are the caller's to keep or to leave out.

use std::sync::Arc;

use vigie_model::{
    CUSTOM_BUCKETS_SCHEMA, Exemplar, Histogram, Labels, LabelsBuilder, METRIC_NAME, MetricType,
    Span,
};

use super::{Entry, LabelPairs, MetadataLine, ParseError, Series};
use crate::float::parse_float;

/// More bounds than this are no histogram that anybody made on purpose.
const BUCKETS_MAX: usize = 10_000;

/// A native histogram made of classic series.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvertedHistogram {
    /// The family's name and the labels without `le`.
    pub labels: Labels,
    /// The histogram.
    pub histogram: Histogram,
    /// When it was taken, if the target says so.
    pub timestamp_ms: Option<i64>,
    /// When it began, 0 if unknown.
    pub start_timestamp_ms: i64,
    /// Exemplars of its buckets.
    pub exemplars: Vec<Exemplar>,
}

/// What one entry means for the collection.
#[derive(Debug, Default)]
pub struct Collected {
    /// A histogram that is complete, since this entry is not of it. It comes before the entry.
    pub finished: Option<ConvertedHistogram>,
    /// Whether the entry is a classic series that is being collected.
    pub is_part: bool,
}

/// Collects the classic series of a body, entry by entry.
#[derive(Debug, Default)]
pub struct ClassicCollector {
    family: String,
    is_histogram: bool,
    /// What is being collected.
    current: Option<Collecting>,
    /// A native histogram came with these labels: its classic series are not converted.
    inhibited: Option<Labels>,
}

#[derive(Debug)]
struct Collecting {
    converted: ConvertedHistogram,
    /// Upper bounds and cumulative counts, ascending.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    is_broken: bool,
}

/// Which series of a classic histogram a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Bucket,
    Sum,
    Count,
}

impl ClassicCollector {
    /// Looks at the next entry of a body.
    pub fn observe(&mut self, entry: &Entry<'_>) -> Result<Collected, ParseError> {
        match entry {
            Entry::Metadata(entry) => {
                if let MetadataLine::Type(kind) = entry.line {
                    entry.name.as_ref().clone_into(&mut self.family);
                    self.is_histogram = kind == MetricType::Histogram;
                }
                Ok(Collected { finished: self.finish(), is_part: false })
            }
            Entry::Histogram(entry) => {
                let mut pairs = LabelPairs::new();
                entry.labels(&mut pairs)?;
                let finished = self.finish();
                self.inhibited = Some(Labels::from_pairs(pairs));
                Ok(Collected { finished, is_part: false })
            }
            Entry::Series(series) => self.observe_series(series),
        }
    }

    fn observe_series(&mut self, series: &Series<'_>) -> Result<Collected, ParseError> {
        let mut pairs = LabelPairs::new();
        let part = if self.is_histogram { self.part_of(series, &mut pairs)? } else { None };
        let Some(part) = part else {
            return Ok(Collected { finished: self.finish(), is_part: false });
        };
        let bound = bound_of(&pairs);
        let base = self.base(&pairs);
        if self.inhibited.as_ref() == Some(&base) {
            return Ok(Collected { finished: self.finish(), is_part: false });
        }
        self.inhibited = None;
        let is_same = self.current.as_ref().is_some_and(|c| c.converted.labels == base);
        let finished = if is_same { None } else { self.finish() };
        if part == Part::Bucket && bound.is_none_or(f64::is_nan) {
            return Ok(Collected { finished, is_part: false });
        }
        let current = self.current.get_or_insert_with(|| Collecting::new(base, series));
        current.add(part, bound, series);
        Ok(Collected { finished, is_part: true })
    }

    /// Which part of the family's histogram the series is; reads its labels into `pairs`.
    fn part_of<'a>(
        &self,
        series: &Series<'a>,
        pairs: &mut LabelPairs<'a>,
    ) -> Result<Option<Part>, ParseError> {
        series.labels(pairs)?;
        let name = pairs.iter().find(|pair| pair.0 == METRIC_NAME).map(|pair| pair.1.as_ref());
        let suffix = name.and_then(|name| name.strip_prefix(self.family.as_str()));
        Ok(match suffix {
            Some("_bucket") => Some(Part::Bucket),
            Some("_sum") => Some(Part::Sum),
            Some("_count") => Some(Part::Count),
            _ => None,
        })
    }

    fn base(&self, pairs: &LabelPairs<'_>) -> Labels {
        let mut labels = LabelsBuilder::new();
        for (name, value) in pairs {
            if name != "le" {
                labels.set(name, value);
            }
        }
        labels.set(METRIC_NAME, &self.family);
        labels.build()
    }

    /// The histogram that is being collected, at the end of a body.
    pub fn finish(&mut self) -> Option<ConvertedHistogram> {
        self.current.take().and_then(Collecting::convert)
    }
}

fn bound_of(pairs: &LabelPairs<'_>) -> Option<f64> {
    pairs.iter().find(|pair| pair.0 == "le").and_then(|pair| parse_float(pair.1.as_bytes()))
}

impl Collecting {
    fn new(labels: Labels, first: &Series<'_>) -> Self {
        let converted = ConvertedHistogram {
            labels,
            histogram: Histogram { schema: CUSTOM_BUCKETS_SCHEMA, ..Histogram::default() },
            timestamp_ms: first.timestamp_ms,
            start_timestamp_ms: first.start_timestamp_ms,
            exemplars: Vec::new(),
        };
        Self { converted, buckets: Vec::new(), count: None, is_broken: false }
    }

    fn add(&mut self, part: Part, bound: Option<f64>, series: &Series<'_>) {
        self.converted.exemplars.extend(series.exemplar.clone());
        match part {
            Part::Sum => self.converted.histogram.sum = series.value,
            Part::Count => self.count = Some(series.value),
            Part::Bucket => self.add_bucket(bound.unwrap_or(f64::NAN), series.value),
        }
        self.is_broken |= part != Part::Sum && series.value < 0.0;
    }

    fn add_bucket(&mut self, bound: f64, count: f64) {
        let at = self.buckets.partition_point(|(other, _)| *other < bound);
        let is_known = self.buckets.get(at).is_some_and(|(other, _)| *other == bound);
        if is_known {
            return;
        }
        let before = at.checked_sub(1).and_then(|at| self.buckets.get(at));
        let falls = before.is_some_and(|(_, before)| count < *before)
            || self.buckets.get(at).is_some_and(|(_, after)| count > *after);
        self.is_broken |= falls || self.buckets.len() >= BUCKETS_MAX;
        if !self.is_broken {
            self.buckets.insert(at, (bound, count));
        }
    }

    fn convert(self) -> Option<ConvertedHistogram> {
        let Self { mut converted, mut buckets, count, is_broken } = self;
        let last = buckets.last().copied();
        let count = count.or(last.map(|(_, count)| count)).unwrap_or(0.0);
        if last.is_none_or(|(bound, _)| bound != f64::INFINITY) {
            buckets.push((f64::INFINITY, count));
        }
        if is_broken || buckets.last().is_none_or(|(_, all)| *all != count) {
            return None;
        }
        let histogram = &mut converted.histogram;
        histogram.count = count;
        histogram.positive_spans =
            vec![Span { offset: 0, length: u32::try_from(buckets.len()).ok()? }];
        let mut below = 0.0;
        for (_, cumulative) in &buckets {
            histogram.positive_buckets.push(cumulative - below);
            below = *cumulative;
        }
        buckets.pop();
        let bounds: Arc<[f64]> = buckets.into_iter().map(|(bound, _)| bound).collect();
        histogram.custom_values = Some(bounds);
        histogram.compact();
        histogram.validate().is_ok().then_some(converted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Format, ParseOptions, Parser};

    /// What a text gives: names of series that are not parts, and histograms.
    fn convert(text: &str) -> Vec<String> {
        let options = ParseOptions::default();
        let mut parser = Parser::new(Format::PrometheusText, text.as_bytes(), options).unwrap();
        let mut collector = ClassicCollector::default();
        let mut given = Vec::new();
        let show = |h: ConvertedHistogram| {
            let bounds = h.histogram.custom_values.as_deref().unwrap_or_default().to_vec();
            let (count, sum) = (h.histogram.count, h.histogram.sum);
            let buckets = &h.histogram.positive_buckets;
            format!("{} {count} {sum} {bounds:?} {buckets:?}", h.labels)
        };
        while let Some(entry) = parser.next().unwrap() {
            let collected = collector.observe(&entry).unwrap();
            given.extend(collected.finished.map(show));
            if let (Entry::Series(series), false) = (&entry, collected.is_part) {
                given.push(String::from_utf8_lossy(series.key()).into_owned());
            }
        }
        given.extend(collector.finish().map(show));
        given
    }

    #[test]
    fn classic_series_become_one_histogram_per_label_set() {
        let text = "# TYPE h histogram\n\
            h_bucket{a=\"1\",le=\"0.5\"} 1\nh_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"1\",le=\"+Inf\"} 4\n\
            h_sum{a=\"1\"} 9.5\nh_count{a=\"1\"} 4\n\
            h_count{a=\"2\"} 2\nh_sum{a=\"2\"} 3\nh_bucket{a=\"2\",le=\"2\"} 2\n\
            # TYPE g gauge\ng 1\ng_count 2\n";
        assert_eq!(
            convert(text),
            [
                "h{a=\"1\"} 4 9.5 [0.5, 1.0] [1.0, 3.0]",
                "h{a=\"2\"} 2 3 [2.0] [2.0]",
                "g",
                "g_count"
            ]
        );
    }

    #[test]
    fn what_does_not_add_up_is_no_histogram() {
        let falling = "# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 4\nh_count 5\n";
        assert!(convert(falling).is_empty());
        let mismatch = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 5\nh_count 6\n";
        assert!(convert(mismatch).is_empty());
        let negative = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} -1\nh_count -1\n";
        assert!(convert(negative).is_empty());
        let other = "# TYPE h histogram\nx_bucket{le=\"1\"} 5\nh_bucket 1\n";
        assert_eq!(convert(other), ["x_bucket{le=\"1\"}", "h_bucket"]);
    }
}
