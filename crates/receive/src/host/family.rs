//! Metric families as a collector fills them, and their text form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use vigie_formats::exposition::write::TextWriter;
use vigie_model::MetricType;

/// What a family's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until it starts again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Nobody said.
    Untyped,
    /// Buckets, a sum and a count (from text files only).
    Histogram,
    /// Quantiles, a sum and a count (from text files only).
    Summary,
}

impl Kind {
    fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Untyped => MetricType::Unknown,
            Self::Histogram => MetricType::Histogram,
            Self::Summary => MetricType::Summary,
        }
    }
}

/// One value of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What follows the family's name: empty, `_bucket`, `_sum` or `_count`.
    pub suffix: &'static str,
    /// Labels, sorted by name.
    pub labels: Vec<(Cow<'static, str>, String)>,
    /// The value.
    pub value: f64,
}

/// Samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The metric's name.
    pub name: Cow<'static, str>,
    /// What it means, for people.
    pub help: Cow<'static, str>,
    /// What its samples are.
    pub kind: Kind,
    /// The samples.
    pub samples: Vec<Sample>,
}

/// What one collection gave, by name.
#[derive(Debug, Clone, Default)]
pub struct Families {
    by_name: BTreeMap<Cow<'static, str>, Family>,
}

impl Families {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Families, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Family> {
        self.by_name.values()
    }

    /// The family of that name.
    pub fn get(&self, name: &str) -> Option<&Family> {
        self.by_name.get(name)
    }

    /// How many families there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The family of that name, made when it is not there. The first help and kind stay.
    pub(super) fn family(
        &mut self,
        kind: Kind,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
    ) -> &mut Family {
        let name = name.into();
        self.by_name.entry(name.clone()).or_insert_with(|| Family {
            name,
            help: help.into(),
            kind,
            samples: Vec::new(),
        })
    }

    /// Adds a sample.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        let mut labels: Vec<(Cow<'static, str>, String)> = labels
            .iter()
            .map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned()))
            .collect();
        labels.sort_by(|left, right| left.0.cmp(&right.0));
        self.family(kind, name, help).samples.push(Sample { suffix: "", labels, value });
    }

    /// Adds a gauge's sample.
    pub(super) fn gauge(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        self.add(Kind::Gauge, name, help, labels, value);
    }

    /// Adds a counter's sample.
    pub(super) fn counter(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        self.add(Kind::Counter, name, help, labels, value);
    }

    /// Puts samples in the original's order (by label values) and drops repeated ones, so that a
    /// reader never finds one series twice.
    pub(super) fn finish(&mut self) {
        for family in self.by_name.values_mut() {
            if matches!(family.kind, Kind::Histogram | Kind::Summary) {
                continue;
            }
            family.samples.sort_by(|left, right| {
                let values = |sample: &Sample| sample.labels.len();
                values(left).cmp(&values(right)).then_with(|| {
                    let left = left.labels.iter().map(|(_, value)| value);
                    left.cmp(right.labels.iter().map(|(_, value)| value))
                })
            });
            family.samples.dedup_by(|later, first| later.labels == first.labels);
        }
    }

    /// The Prometheus text form, version 0.0.4.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.by_name.len() * 256);
        let mut writer = TextWriter::prometheus(&mut text);
        let mut sample_name = String::new();
        for family in self.by_name.values().filter(|family| !family.samples.is_empty()) {
            writer.family(&family.name, family.kind.metric_type(), &family.help, "");
            for sample in &family.samples {
                sample_name.clear();
                sample_name.push_str(&family.name);
                sample_name.push_str(sample.suffix);
                let labels = sample.labels.iter().map(|(name, value)| (&**name, value.as_str()));
                writer.sample(&sample_name, labels, sample.value, None);
            }
        }
        writer.finish();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_sorted_and_no_series_is_told_twice() {
        let mut families = Families::new();
        families.gauge("b", "B \\ \n.", &[("z", "2"), ("a", "x\"y")], 1.0);
        families.gauge("b", "B", &[("a", "x\"y"), ("z", "1")], 2.0);
        families.gauge("b", "B", &[("a", "x\"y"), ("z", "1")], 3.0);
        families.counter("a_total", "A", &[], 4.0);
        families.finish();
        assert_eq!(
            String::from_utf8(families.to_text()).unwrap(),
            "# HELP a_total A\n# TYPE a_total counter\na_total 4\n\
             # HELP b B \\\\ \\n.\n# TYPE b gauge\nb{a=\"x\\\"y\",z=\"1\"} 2\n\
             b{a=\"x\\\"y\",z=\"2\"} 1\n"
        );
    }
}
